/** The Kubernetes source against a real API server, with exactly the roles that are shipped. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostnameHashes } from '../../src/confd/source/kubernetes/hostname-hash.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { type Cluster, manifestsIn, startCluster, writeKubeconfig } from './harness/cluster.ts';
import { type Followed, follow, type Overrides, writeToken } from './harness/follow.ts';
import { calico, definitions, type Manifest, node, secret, service, slice } from './harness/manifests.ts';

const CRD = 'crd.projectcalico.org/v1';
const V3 = 'projectcalico.org/v3';

const state: { cluster?: Cluster; token?: string } = {};
const cluster = (): Cluster => {
  if (state.cluster === undefined) throw new Error('no cluster');
  return state.cluster;
};
const open: Followed[] = [];
const started = (overrides: Overrides = {}): Followed => {
  const followed = follow(cluster(), state.token, overrides);
  open.push(followed);
  return followed;
};

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  state.cluster = await startCluster();
  const { admin } = cluster();
  await admin.create(...definitions(V3), ...manifestsIn('deploy/rbac/linnet.yaml'));
  state.token = await writeToken(cluster(), 'linnet', await cluster().token('kube-system/linnet', 'token-linnet'));
}, 180_000);

afterEach(async () => {
  for (const followed of open.splice(0)) await followed.stop();
});

afterAll(async () => {
  await state.cluster?.stop();
});

describe.skipIf(serversFolder() === undefined)(clusterTitle('Kubernetes source'), () => {
  it('takes projectcalico.org/v3 where the older group is absent, and says nothing is wrong', async () => {
    const { admin } = cluster();
    await admin.create(
      node('node-a', '192.0.2.1/24'),
      node('node-b', '192.0.2.2/24', { 'projectcalico.org/ASNumber': '64555', 'projectcalico.org/RouteReflectorClusterID': '10.0.0.9' }),
      calico(V3, 'BGPConfiguration', 'default', { asNumber: '64600', nodeToNodeMeshEnabled: false }),
      calico(V3, 'BGPPeer', 'tor', { peerIP: '192.0.2.254', asNumber: 64700, filters: ['none-v4'] }),
      calico(V3, 'BGPFilter', 'none-v4', { exportV4: [{ action: 'Reject' }] }),
      calico(V3, 'IPPool', 'pool', { cidr: '10.42.0.0/16', ipipMode: 'Never', vxlanMode: 'Never' }),
      calico(V3, 'BlockAffinity', 'node-a-10-42-0-0-26', {
        cidr: '10.42.0.0/26',
        node: 'node-a',
        state: 'confirmed',
        type: 'host',
        deleted: false,
      }),
      calico(V3, 'BlockAffinity', 'node-a-10-42-1-0-26', { cidr: '10.42.1.0/26', node: 'node-a', state: 'confirmed', deleted: true }),
    );
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    const { snapshot } = followed.store;
    expect([...snapshot.nodes.keys()]).toEqual(['node-a', 'node-b']);
    expect(snapshot.nodes.get('node-b')?.bgp).toMatchObject({ asNumber: 64555, routeReflectorClusterID: '10.0.0.9' });
    expect(snapshot.configurations.get('default')).toMatchObject({ asNumber: 64600, nodeToNodeMeshEnabled: false });
    expect(snapshot.peers.get('tor')?.ref.apiVersion).toBe(V3);
    expect(snapshot.filters.has('none-v4') && snapshot.pools.has('pool')).toBe(true);
    expect([...snapshot.affinities.keys()]).toEqual(['node-a-10-42-0-0-26']);
    expect(followed.issues()).toEqual([]);
  });

  it('tells changes and removals, and nothing of a heartbeat', async () => {
    const { admin } = cluster();
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    const before = followed.changes.length;
    for (let beat = 0; beat < 20; beat += 1) {
      const condition = {
        type: 'Ready',
        status: 'True',
        lastHeartbeatTime: `2026-01-01T00:00:${String(beat + 10)}Z`,
        reason: 'a',
        message: 'b',
      };
      await admin.patch(node('node-b', ''), { status: { conditions: [condition] } }, '/status');
    }
    await admin.patch(node('node-a', ''), { metadata: { labels: { rack: 'one' } } });
    await followed.until('the label', ({ snapshot }) => snapshot.nodes.get('node-a')?.labels.get('rack') === 'one');
    // One for the first Ready condition of node-b, one for the label of node-a.
    const told = followed.changes.slice(before).flatMap(({ upsert }) => upsert.map(({ ref }) => ref.name));
    expect(told).toEqual(['node-b', 'node-a']);
    await admin.create(calico(V3, 'BGPPeer', 'second', { peerIP: '192.0.2.253', asNumber: 64701 }));
    await followed.until('the peer', ({ snapshot }) => snapshot.peers.has('second'));
    await admin.patch(calico(V3, 'BGPPeer', 'second', {}), { spec: { asNumber: 64702 } });
    await followed.until('its AS', ({ snapshot }) => snapshot.peers.get('second')?.asNumber === 64702);
    await admin.remove(calico(V3, 'BGPPeer', 'second', {}));
    await followed.until('its end', ({ snapshot }) => !snapshot.peers.has('second'));
  });

  it('keeps the last good form of an object that the API server let pass but that is wrong', async () => {
    const { admin } = cluster();
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    const tor = calico(V3, 'BGPPeer', 'tor', {});
    await admin.patch(tor, { spec: { peerIP: 'not an address' } });
    await followed.until('the issue', () => followed.issues().length === 1);
    expect(followed.issues()[0]).toMatch(/^BGPPeer\/tor spec\.peerIP: "not an address"/);
    expect(followed.store.snapshot.peers.get('tor')?.asNumber).toBe(64700);
    await admin.patch(tor, { spec: { peerIP: '192.0.2.254' } });
    await followed.until('no issue', () => followed.issues().length === 0);
  });

  it('watches Services and slices only while a service CIDR is configured', async () => {
    const { admin } = cluster();
    await admin.create(service('web', ['198.51.100.1'], 'Local'), slice('web', ['node-a']));
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    expect(followed.store.snapshot.services.size).toBe(0);
    const configuration = calico(V3, 'BGPConfiguration', 'default', {});
    await admin.patch(configuration, { spec: { serviceExternalIPs: [{ cidr: '198.51.100.0/24' }] } });
    await followed.until('the service', ({ snapshot }) => snapshot.services.has('default/web') && snapshot.slices.has('default/web-1'));
    // The range is acted upon together with what is in it.
    const last = followed.changes.at(-1)?.upsert.map(({ kind }) => kind) ?? [];
    expect(last).toEqual(expect.arrayContaining(['BGPConfiguration', 'Service', 'EndpointSlice']));
    expect(followed.issues()).toEqual([]);
    await admin.patch(configuration, { spec: { serviceExternalIPs: null } });
    await followed.until('no services', ({ snapshot }) => snapshot.services.size === 0 && snapshot.slices.size === 0);
  });

  it('watches the Secrets that are named, one by one, and no others', async () => {
    const { admin } = cluster();
    await admin.create(secret('kube-system', 'bgp-one', 'password', 'hunter2'), secret('kube-system', 'bgp-other', 'password', 'hunter3'));
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    expect(followed.store.snapshot.secrets.size).toBe(0);
    const tor = calico(V3, 'BGPPeer', 'tor', {});
    await admin.patch(tor, { spec: { password: { secretKeyRef: { name: 'bgp-one', key: 'password' } } } });
    await followed.until('the secret', ({ snapshot }) => snapshot.secrets.has('kube-system/bgp-one'));
    const password = (): string | undefined => followed.store.snapshot.secrets.get('kube-system/bgp-one')?.data.get('password')?.reveal();
    expect(password()).toBe('hunter2');
    // The peer and its password come in one change: the session is never configured without it.
    expect(followed.changes.at(-1)?.upsert.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['BGPPeer', 'Secret']));
    await admin.patch(secret('kube-system', 'bgp-one', '', ''), { data: { password: Buffer.from('changed').toString('base64') } });
    await followed.until('the new password', () => password() === 'changed');
    expect([...followed.store.snapshot.secrets.keys()]).toEqual(['kube-system/bgp-one']);
    await admin.patch(tor, { spec: { password: null } });
    await followed.until('no secret', ({ snapshot }) => snapshot.secrets.size === 0);
  });

  it('reads a Secret also where its role names that one only', async () => {
    const { admin } = cluster();
    const role = manifestsIn('deploy/rbac/linnet.yaml').find(({ kind }) => kind === 'Role');
    if (role === undefined) throw new Error('no role');
    const tor = calico(V3, 'BGPPeer', 'tor', {});
    await admin.patch(role, { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'], resourceNames: ['bgp-one'] }] });
    try {
      await admin.patch(tor, { spec: { password: { secretKeyRef: { name: 'bgp-other', key: 'password' } } } });
      const followed = started();
      await followed.until('in sync', (store) => store.inSync);
      expect(followed.issues()).toEqual([
        expect.stringMatching(
          /^Secret\/kube-system\/bgp-other: must not be read by our account \(status 403: secrets "bgp-other" is forbidden/,
        ),
      ]);
      await admin.patch(tor, { spec: { password: { secretKeyRef: { name: 'bgp-one', key: 'password' } } } });
      await followed.until('the secret', ({ snapshot }) => snapshot.secrets.has('kube-system/bgp-one') && snapshot.issues.length === 0);
    } finally {
      await admin.patch(role, { rules: role['rules'] });
      await admin.patch(tor, { spec: { password: null } });
    }
  });

  it('leaves affinities of other nodes with the server where they carry the label, and drops others', async () => {
    const { admin } = cluster();
    const label = (name: string) => ({ 'projectcalico.org/hostname-hash': hostnameHashes(name)[0] ?? '' });
    const affinity = (name: string, cidr: string, labels?: Record<string, string>): Manifest =>
      calico(
        V3,
        'BlockAffinity',
        `${name}-${cidr.replaceAll(/[./]/g, '-')}`,
        { cidr, node: name, state: 'confirmed', deleted: false },
        labels,
      );
    await admin.create(
      affinity('node-a', '10.42.8.0/26', label('node-a')),
      affinity('node-b', '10.42.9.0/26', label('node-b')),
      affinity('node-b', '10.42.10.0/26'),
    );
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    const cidrs = (): string[] => [...followed.store.snapshot.affinities.keys()].sort();
    expect(cidrs()).toEqual(['node-a-10-42-0-0-26', 'node-a-10-42-8-0-26']);
    // An upgrade labels what had no label: our own stays without a gap, whichever watch tells of it first.
    const old = Array.from({ length: 20 }, (_, index) => affinity('node-a', `10.42.${20 + index}.0/26`));
    await admin.create(...old);
    await followed.until('those without the label', () => cidrs().length === 22);
    for (const one of old) await admin.patch(one, { metadata: { labels: label('node-a') } });
    await admin.patch(affinity('node-a', '10.42.0.0/26'), { metadata: { labels: label('node-a') } });
    await admin.patch(affinity('node-b', '10.42.10.0/26'), { metadata: { labels: label('node-b') } });
    await admin.create(affinity('node-a', '10.42.11.0/26', label('node-a')));
    await followed.until('what came after', () => cidrs().includes('node-a-10-42-11-0-26'));
    expect(cidrs().filter((name) => !/-42-[23]\d-0/.test(name))).toEqual([
      'node-a-10-42-0-0-26',
      'node-a-10-42-11-0-26',
      'node-a-10-42-8-0-26',
    ]);
    expect(cidrs()).toHaveLength(23);
    // One without the label that is released goes after all, and by then what was labelled before it would have gone as well.
    const last = affinity('node-a', '10.42.12.0/26');
    await admin.create(last);
    await followed.until('the last one', () => cidrs().length === 24);
    await admin.remove(last);
    await followed.until('its end', () => cidrs().length === 23);
    expect(followed.changes.flatMap(({ remove }) => remove.map(({ name }) => name))).toEqual(['node-a-10-42-12-0-26']);
    for (const one of old) await admin.remove(one);
  });

  it('says which kind its account may not read, and works with the others', async () => {
    const { admin } = cluster();
    const role = manifestsIn('deploy/rbac/linnet.yaml').find(({ kind }) => kind === 'ClusterRole');
    if (role === undefined || !Array.isArray(role['rules'])) throw new Error('no role');
    const rules: unknown[] = role['rules'];
    const without = rules.map((rule) =>
      JSON.stringify(rule).includes('bgpfilters') ? JSON.parse(JSON.stringify(rule).replace('"bgpfilters",', '')) : rule,
    );
    await admin.patch(role, { rules: without });
    try {
      const followed = started();
      await followed.until('in sync', (store) => store.inSync);
      expect(followed.issues()).toEqual([
        expect.stringMatching(/^BGPFilter\/\*: must not be read by our account \(status 403: bgpfilters\..* is forbidden/),
      ]);
      expect(followed.store.snapshot.peers.has('tor')).toBe(true);
      await admin.patch(role, { rules });
      await followed.until('the filter', ({ snapshot }) => snapshot.filters.has('none-v4') && snapshot.issues.length === 0, 60);
    } finally {
      await admin.patch(role, { rules });
    }
  });

  it('takes a kubeconfig with its certificates, and names a context that is not there', async () => {
    const path = join(cluster().folder, 'kubeconfig');
    await writeKubeconfig(cluster(), path);
    const plain = { endpoint: undefined, caFile: undefined, tokenFile: undefined, kubeconfig: path };
    const followed = started({ access: plain });
    await followed.until('in sync', (store) => store.inSync);
    const lost = started({ access: { ...plain, context: 'nowhere' } });
    await lost.until('an issue', () => lost.issues().length === 1);
    expect(lost.issues()[0]).toBe(`Datastore/kubernetes: cannot be asked (kubeconfig ${path} has no context nowhere)`);
    expect(lost.store.inSync).toBe(false);
  });

  it('prefers crd.projectcalico.org/v1 where it is there, unless told otherwise, and reads its hidden labels', async () => {
    const { admin } = cluster();
    await admin.create(...definitions(CRD));
    const stored = calico(CRD, 'BGPPeer', 'stored', { peerIP: '192.0.2.250', asNumber: 64703 });
    const hidden = JSON.stringify({ labels: { real: 'yes' }, annotations: {} });
    await expect(
      (async () => {
        await new Promise((resolve) => setImmediate(resolve));
        for (;;) {
          try {
            await admin.create({ ...stored, metadata: { name: 'stored', annotations: { 'projectcalico.org/metadata': hidden } } });
            return true;
          } catch (error) {
            if (!(error instanceof Error && error.message.includes('404'))) throw error;
          }
        }
      })(),
    ).resolves.toBe(true);
    const followed = started();
    await followed.until('in sync', (store) => store.inSync);
    expect([...followed.store.snapshot.peers.keys()]).toEqual(['stored']);
    expect(followed.store.snapshot.peers.get('stored')?.labels.get('real')).toBe('yes');
    const told = started({ apiGroup: V3 });
    await told.until('in sync', (store) => store.inSync);
    expect([...told.store.snapshot.peers.keys()]).toEqual(['tor']);
  });
});
