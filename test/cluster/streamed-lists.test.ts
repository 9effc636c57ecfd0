/** How lists come from a real API server: streamed where it can do that, in pages where it cannot, and alike in what comes of them. */
import { afterEach, describe, expect, it } from 'vitest';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { type Cluster, manifestsIn, startCluster } from './harness/cluster.ts';
import { follow, writeToken } from './harness/follow.ts';
import { calico, definitions } from './harness/manifests.ts';

const CRD = 'crd.projectcalico.org/v1';
/** More than a page. */
const PEERS = 160;

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

/** Lists of BGPPeers that the server has answered as such, not as watches. */
async function listsAnswered({ admin }: Cluster): Promise<number> {
  const metrics = String(await admin.call('GET', '/metrics'));
  const lines = metrics
    .split('\n')
    .filter((line) => line.startsWith('apiserver_request_total{') && line.includes('resource="bgppeers"') && line.includes('verb="LIST"'));
  return lines.filter((line) => line.includes('code="200"')).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

const peer = (index: number, asNumber = 64700): ReturnType<typeof calico> =>
  calico(CRD, 'BGPPeer', `peer-${index}`, { peerIP: `192.0.2.${1 + index}`, asNumber });

describe.skipIf(serversFolder() === undefined)(clusterTitle('lists of the API server'), () => {
  it.each([
    ['streamed', [], 0],
    ['in pages where streams are turned off', ['--feature-gates=WatchList=false'], 2],
  ])('come %s', { timeout: 180_000 }, async (_how, flags, lists) => {
    const cluster = await startCluster(flags);
    cleanup.push(() => cluster.stop());
    const { admin } = cluster;
    await admin.create(...definitions(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'));
    const token = await writeToken(cluster, 'linnet', await cluster.token('kube-system/linnet', 'token-linnet'));
    await expect.poll(() => admin.call('GET', `/apis/${CRD}/bgppeers`).catch(() => undefined), { timeout: 60_000 }).toBeDefined();
    await admin.create(...Array.from({ length: PEERS }, (_, index) => peer(index)));
    const before = await listsAnswered(cluster);
    const followed = follow(cluster, token);
    cleanup.push(() => followed.stop());
    await followed.until('in sync', (store) => store.inSync);
    const { snapshot } = followed.store;
    expect(snapshot.peers.size).toBe(PEERS);
    expect(followed.issues()).toEqual([]);
    expect((await listsAnswered(cluster)) - before).toBe(lists);
    await admin.patch(peer(7), { spec: { asNumber: 64701 } });
    await admin.remove(peer(8));
    await followed.until('a change and a removal', () => snapshot.peers.get('peer-7')?.asNumber === 64701 && !snapshot.peers.has('peer-8'));
    // The version that the watch would go on from is compacted away meanwhile: everything is listed again.
    await cluster.stopApiServer();
    await cluster.compact();
    await cluster.startApiServer();
    await admin.create(peer(8));
    await followed.until('what came after the outage', () => snapshot.peers.get('peer-8') !== undefined, 60);
    expect(snapshot.peers.size).toBe(PEERS);
  });
});
