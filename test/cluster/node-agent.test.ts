/** What the node agent reads of a real API server, with exactly the role that is shipped for it. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { felixFields } from '../../src/confd/resources/felix-configuration.ts';
import { run } from '../interop/harness/exec.ts';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { type Cluster, manifestsIn, startCluster } from './harness/cluster.ts';
import { type Followed, follow, writeToken } from './harness/follow.ts';
import { calico, node, secret } from './harness/manifests.ts';

const CRD = 'crd.projectcalico.org/v1';
const PREFIX = 'projectcalico.org/';

const state: { cluster?: Cluster; token?: string } = {};
const cluster = (): Cluster => {
  if (state.cluster === undefined) throw new Error('no cluster');
  return state.cluster;
};
const open: Followed[] = [];

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  state.cluster = await startCluster();
  const { admin } = cluster();
  await admin.create(...manifestsIn('deploy/crds/calico.yaml'), ...manifestsIn('deploy/rbac/node-agent.yaml'));
  state.token = await writeToken(cluster(), 'agent', await cluster().token('kube-system/linnet-node-agent', 'token-agent'));
  await until('the kinds are served', 30, () => admin.call('GET', `/apis/${CRD}/felixconfigurations`));
  const tunnels = (last: number) => ({
    [`${PREFIX}IPv4VXLANTunnelAddr`]: `10.42.${last}.1`,
    [`${PREFIX}VXLANTunnelMACAddr`]: `66:00:00:00:04:0${last}`,
  });
  await admin.create(
    node('node-a', '192.0.2.1/24', tunnels(1)),
    node('node-b', '192.0.2.2/24', tunnels(2)),
    calico(CRD, 'IPPool', 'pool', { cidr: '10.42.0.0/16', ipipMode: 'Never', vxlanMode: 'Always' }),
    calico(CRD, 'BlockAffinity', 'node-b-10-42-2-0-26', { cidr: '10.42.2.0/26', node: 'node-b', state: 'confirmed', deleted: 'false' }),
    calico(CRD, 'FelixConfiguration', 'default', { vxlanVNI: 5000, routeRefreshInterval: '30s', bpfEnabled: false }),
    calico(CRD, 'FelixConfiguration', 'node.node-a', { vxlanMTU: 1400 }),
    // Nothing of it is asked for: the role would not allow it.
    calico(CRD, 'BGPPeer', 'tor', { peerIP: '192.0.2.254', asNumber: 64700, password: { secretKeyRef: { name: 'tor', key: 'p' } } }),
    secret('kube-system', 'tor', 'p', 'hunter2'),
  );
}, 180_000);

afterEach(async () => {
  for (const followed of open.splice(0)) await followed.stop();
});
afterAll(async () => state.cluster?.stop(), 60_000);

describe.skipIf(serversFolder() === undefined)(clusterTitle('the node agent'), () => {
  it('reads FelixConfiguration, tunnels and the blocks of every node, and follows them', async () => {
    const followed = follow(cluster(), state.token, { readFor: 'encapsulation' });
    open.push(followed);
    await followed.until('in sync', (store) => store.inSync);
    const { snapshot } = followed.store;
    expect(followed.issues()).toEqual([]);
    expect(felixFields(snapshot.felix, 'node-a')).toEqual({ vxlanVNI: 5000, routeRefreshInterval: 30, vxlanMTU: 1400 });
    expect(snapshot.nodes.get('node-b')?.tunnels).toMatchObject({ vxlanV4MAC: '66:00:00:00:04:02' });
    expect([...snapshot.affinities.values()].map((one) => one.node)).toEqual(['node-b']);
    expect([snapshot.peers.size, snapshot.secrets.size]).toEqual([0, 0]);
    await cluster().admin.call('PATCH', `/apis/${CRD}/felixconfigurations/default`, { spec: { vxlanVNI: 6000 } });
    await followed.until('the change', (store) => felixFields(store.snapshot.felix, 'node-a').vxlanVNI === 6000);
    await cluster().admin.call('PATCH', `/apis/${CRD}/felixconfigurations/default`, { spec: { vxlanPort: 0 } });
    await followed.until('the issue', () => followed.issues().some((text) => text.includes('spec.vxlanPort: 0 is not 1-65535')));
    expect(felixFields(followed.store.snapshot.felix, 'node-a').vxlanVNI).toBe(6000);
  });

  it('and its program says what follows from them', async () => {
    const server = [
      '--api-endpoint',
      `https://127.0.0.1:${cluster().port}`,
      '--api-ca-file',
      cluster().certificates.ca,
      '--api-token-file',
      state.token ?? '',
    ];
    const text = await run('node', [resolve('bin/node-agent.js'), 'why', '10.42.2.9', '--node', 'node-a', ...server], 30_000);
    expect(text).toContain('10.42.2.0/26 via 10.42.2.1 on vxlan-v4 to node-b: vxlan-tunnel, chosen');
    expect(readFileSync('deploy/rbac/node-agent.yaml', 'utf8')).not.toMatch(/create|update|patch|delete/);
  });
});
