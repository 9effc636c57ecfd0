/** What goes wrong between a source and its API server: restarts, compaction, cut and dead connections, tokens and CAs. */
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LogFields } from '../../src/confd/log.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { type Cluster, manifestsIn, startCluster, writeKubeconfig } from './harness/cluster.ts';
import { type Followed, follow, type Overrides, writeToken } from './harness/follow.ts';
import { calico, definitions, node } from './harness/manifests.ts';
import { startWire, type Wire } from './harness/wire.ts';

const CRD = 'crd.projectcalico.org/v1';

const state: { cluster?: Cluster; token?: string } = {};
const cluster = (): Cluster => {
  if (state.cluster === undefined) throw new Error('no cluster');
  return state.cluster;
};
const cleanup: (() => Promise<void>)[] = [];
const lines: string[] = [];
const note = (_fields: LogFields, message: string): void => void lines.push(message);
const log = { debug: note, info: note, warn: note, error: note };

const started = (overrides: Overrides = {}, token = state.token): Followed => {
  lines.length = 0;
  const followed = follow(cluster(), token, { log, ...overrides });
  cleanup.push(() => followed.stop());
  return followed;
};
const wired = async (): Promise<Wire> => {
  const wire = await startWire(cluster().port);
  cleanup.push(() => wire.stop());
  return wire;
};
const through = (wire: Wire): Overrides => ({ access: { endpoint: `https://127.0.0.1:${wire.port}` } });
const peer = (name: string, asNumber: number) => calico(CRD, 'BGPPeer', name, { peerIP: '192.0.2.254', asNumber });
const removals = (followed: Followed): number => followed.changes.flatMap(({ remove }) => remove).length;
const relists = (): number => lines.filter((line) => line.startsWith('versions are too old')).length;

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  state.cluster = await startCluster();
  const { admin } = cluster();
  await admin.create(...definitions(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'), node('node-a', '192.0.2.1/24'));
  state.token = await writeToken(cluster(), 'linnet', await cluster().token('kube-system/linnet', 'token-linnet'));
  const first = started();
  await first.until('the kinds are served', (store) => store.inSync && store.snapshot.issues.length === 0, 60);
  await admin.create(peer('tor', 64700));
  await first.until('the first peer', ({ snapshot }) => snapshot.peers.has('tor'));
  await cleanup.pop()?.();
}, 180_000);

afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

afterAll(async () => {
  await state.cluster?.stop();
});

describe.skipIf(serversFolder() === undefined)(clusterTitle('Kubernetes source in trouble'), () => {
  it('keeps everything while the API server is away, says so, and goes on when it is back', async () => {
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    await cluster().stopApiServer();
    await followed.until('sync lost', (store) => !store.inSync);
    expect(followed.issues()).toEqual([expect.stringMatching(/^Datastore\/kubernetes: cannot be reached \(ECONNREFUSED\)/)]);
    expect(followed.store.snapshot.peers.get('tor')?.asNumber).toBe(64700);
    await cluster().startApiServer();
    await followed.until('in sync again', (store) => store.inSync && store.snapshot.issues.length === 0, 60);
    await cluster().admin.patch(peer('tor', 0), { spec: { asNumber: 64701 } });
    await followed.until('a change', ({ snapshot }) => snapshot.peers.get('tor')?.asNumber === 64701);
    expect(removals(followed)).toBe(0);
  });

  it('lists again where the versions it knows were compacted away', async () => {
    const { admin } = cluster();
    await admin.create(peer('leaving', 64710));
    const wire = await wired();
    const followed = started(through(wire));
    await followed.until('in sync', (store) => store.inSync);
    wire.refuse(true);
    wire.cut();
    await admin.remove(peer('leaving', 0));
    await admin.create(peer('coming', 64711));
    await cluster().compact();
    // A new server begins its memory of events with the present version.
    await cluster().stopApiServer();
    await cluster().startApiServer();
    for (let change = 0; change < 5; change += 1)
      await admin.patch(peer('coming', 0), { metadata: { labels: { change: String(change) } } });
    wire.refuse(false);
    await followed.until('both', ({ snapshot, inSync }) => inSync && snapshot.peers.has('coming') && !snapshot.peers.has('leaving'), 60);
    expect(relists()).toBeGreaterThan(0);
    expect(followed.changes.flatMap(({ remove }) => remove.map(({ name }) => name))).toEqual(['leaving']);
    await admin.remove(peer('coming', 0));
    await followed.until('its end', ({ snapshot }) => !snapshot.peers.has('coming'));
  });

  it('resumes a cut watch where it was, without a list', async () => {
    const wire = await wired();
    const followed = started(through(wire));
    await followed.until('in sync', (store) => store.inSync);
    for (const asNumber of [64720, 64721, 64722]) {
      wire.cut();
      await cluster().admin.patch(peer('tor', 0), { spec: { asNumber } });
      await followed.until('the change', ({ snapshot }) => snapshot.peers.get('tor')?.asNumber === asNumber);
    }
    expect(relists()).toBe(0);
    expect(followed.store.inSync).toBe(true);
    expect(followed.changes.every(({ inSync }, index) => inSync || index < 3)).toBe(true);
  });

  it('gives up a connection on which nothing comes any more', async () => {
    const wire = await wired();
    const followed = started({ ...through(wire), timing: { connectMs: 2000, answerMs: 2000, idleMs: 2000 } });
    await followed.until('in sync', (store) => store.inSync);
    await cluster().admin.patch(peer('tor', 0), { spec: { asNumber: 64729 } });
    await followed.until('an event', ({ snapshot }) => snapshot.peers.get('tor')?.asNumber === 64729);
    wire.freeze();
    await cluster().admin.patch(peer('tor', 0), { spec: { asNumber: 64730 } });
    await followed.until('the change', ({ snapshot }) => snapshot.peers.get('tor')?.asNumber === 64730);
    expect(removals(followed)).toBe(0);
  });

  it('goes on with the new token when the old one is void', async () => {
    const { admin } = cluster();
    const account = 'kube-system/linnet';
    const old = await cluster().token(account, 'token-old');
    const path = await writeToken(cluster(), 'rotated', old);
    const wire = await wired();
    const followed = started(through(wire), path);
    await followed.until('in sync', (store) => store.inSync);
    await admin.call('DELETE', '/api/v1/namespaces/kube-system/secrets/token-old');
    await expect.poll(async () => statusWith(old), { timeout: 30_000, interval: 500 }).toBe(401);
    wire.cut();
    await followed.until('the issue', () => followed.issues().length === 1);
    expect(followed.issues()[0]).toMatch(/^Datastore\/kubernetes: does not accept our account \(status 401/);
    await writeFile(path, await cluster().token(account, 'token-new'));
    await followed.until('in sync again', (store) => store.inSync && store.snapshot.issues.length === 0, 60);
    await admin.patch(peer('tor', 0), { spec: { asNumber: 64740 } });
    await followed.until('a change', ({ snapshot }) => snapshot.peers.get('tor')?.asNumber === 64740);
    expect(JSON.stringify([followed.changes.map(({ issues }) => issues), lines])).not.toContain(old);
  });

  it('trusts a server only by the CA file, also when that is replaced', async () => {
    const caFile = join(cluster().folder, 'other-ca.crt');
    await copyFile(cluster().certificates.adminCert, caFile);
    const followed = started({ access: { caFile } });
    await followed.until('the issue', () => followed.issues().length === 1);
    expect(followed.issues()[0]).toMatch(/^Datastore\/kubernetes: cannot be reached \(.*(CERT|SIGNATURE|ISSUER|CA)/);
    await copyFile(cluster().certificates.ca, caFile);
    await followed.until('in sync', (store) => store.inSync && store.snapshot.issues.length === 0);
  });

  it('asks through the proxy of its kubeconfig', async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', (asked, socket, head) => {
      tunnels.push(asked.url ?? '');
      const [host, port] = (asked.url ?? '').split(':');
      const server = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        server.write(head);
        server.pipe(socket);
        socket.pipe(server);
      });
      const end = (): void => {
        server.destroy();
        socket.destroy();
      };
      server.on('error', end).on('close', end);
      socket.on('error', end).on('close', end);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => new Promise<void>((resolve) => proxy.close(() => resolve())));
    const address = proxy.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    const path = join(cluster().folder, 'kubeconfig');
    await writeKubeconfig(cluster(), path, `http://127.0.0.1:${address.port}`);
    const followed = started({ access: { kubeconfig: path, endpoint: undefined, caFile: undefined } });
    await followed.until('in sync', (store) => store.inSync);
    expect(new Set(tunnels)).toEqual(new Set([`127.0.0.1:${cluster().port}`]));
  });
});

/** Status of an ordinary question with a token. */
async function statusWith(token: string): Promise<number> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  const { statusCode, body } = await request(`https://127.0.0.1:${cluster().port}/api/v1/nodes`, {
    dispatcher,
    headers: { authorization: `Bearer ${token}` },
  });
  await body.dump();
  await dispatcher.close();
  return statusCode;
}
