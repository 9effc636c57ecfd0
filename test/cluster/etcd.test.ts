/** The etcd source against Debian's etcd-server: what it reads, and what it survives. */
import { secretText } from 'bgp-ts/net';
import { afterEach, describe, expect, it } from 'vitest';
import { createEtcdSource, type EtcdAccess, type EtcdSourceOptions } from '../../src/confd/source/etcd/index.ts';
import { joinSources } from '../../src/confd/source/joined.ts';
import { createNoServices } from '../../src/confd/source/no-services.ts';
import { createDemand } from '../../src/confd/source/wanted.ts';
import { REAL_CLOCK } from '../../src/main/clock.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { manifestsIn, startCluster } from './harness/cluster.ts';
import { type Etcd, hasEtcd, putWhenLed, startEtcd } from './harness/etcd.ts';
import { type Followed, followSource, kubernetesSource, writeToken } from './harness/follow.ts';
import { service } from './harness/manifests.ts';
import { startWire } from './harness/wire.ts';

const title = hasEtcd() ? 'etcd source' : 'etcd source (skipped: no etcd)';
const cleanup: (() => Promise<void>)[] = [];
const lines: string[] = [];
const note = (_fields: unknown, message: string): void => void lines.push(message);
const log = { debug: note, info: note, warn: note, error: note };

afterEach(async () => {
  lines.length = 0;
  for (const task of cleanup.splice(0).reverse()) await task();
}, 60_000);

async function cluster(size: 1 | 3 = 1, tls = false): Promise<Etcd> {
  const etcd = await startEtcd(size, tls);
  cleanup.push(() => etcd.stop());
  return etcd;
}

type Overrides = Partial<Omit<EtcdSourceOptions, 'access'>> & { readonly access?: Partial<EtcdAccess> };

function source(etcd: Etcd, { access, ...rest }: Overrides = {}): ReturnType<typeof createEtcdSource> {
  return createEtcdSource({
    access: {
      endpoints: etcd.members.map(({ url }) => url),
      discoverySrv: undefined,
      username: undefined,
      password: undefined,
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      insecure: false,
      ...access,
    },
    node: 'node-a',
    usePodCIDR: false,
    clock: REAL_CLOCK,
    random: () => 0,
    log,
    ...rest,
  });
}

function started(etcd: Etcd, overrides: Overrides = {}): Followed {
  const followed = followSource(source(etcd, overrides));
  cleanup.push(() => followed.stop());
  return followed;
}

const key = (plural: string, name: string): string => `/calico/resources/v3/projectcalico.org/${plural}/${name}`;
const peer = (name: string, spec: unknown): readonly [string, unknown] => [
  key('bgppeers', name),
  { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name }, spec },
];
const tor = peer('tor', { peerIP: '192.0.2.254', asNumber: 64700 });
const block = '/calico/ipam/v2/host/node-a/ipv4/block/10.65.0.64-26';

describe.skipIf(!hasEtcd())(title, () => {
  it('reads every kind and follows changes, deletes and broken values', async () => {
    const etcd = await cluster();
    await etcd.put(...tor);
    await etcd.put(block, '');
    await etcd.put('/calico/ipam/v2/host/node-a/ipv6/block/fd00:65::-122', { state: 'confirmed', deleted: false });
    await etcd.put('/calico/ipam/v2/host/node-ab/ipv4/block/10.65.9.0-26', '');
    await etcd.put(key('ippools', 'pods'), { metadata: { name: 'pods' }, spec: { cidr: '10.64.0.0/10' } });
    await etcd.put(key('bgpconfigurations', 'default'), { spec: { asNumber: 64512, serviceClusterIPs: [{ cidr: '10.96.0.0/16' }] } });
    await etcd.put(key('bgpfilters', 'none'), { spec: { exportV4: [{ action: 'Reject' }] } });
    await etcd.put(key('nodes', 'node-a'), {
      metadata: { name: 'node-a', labels: { rack: 'r1' } },
      spec: { bgp: { ipv4Address: '192.0.2.1/24' } },
    });
    const followed = started(etcd);
    await followed.until('in sync', (store) => store.inSync);
    const { snapshot } = followed.store;
    expect([...snapshot.peers.keys()]).toEqual(['tor']);
    expect([...snapshot.affinities.values()].map(({ node }) => node)).toEqual(['node-a', 'node-a']);
    expect(snapshot.nodes.get('node-a')?.labels.get('rack')).toBe('r1');
    expect([snapshot.pools.size, snapshot.configurations.size, snapshot.filters.size]).toEqual([1, 1, 1]);
    expect(followed.issues()).toEqual([]);

    await etcd.put(...peer('spine', { peerIP: '192.0.2.253', asNumber: 64701 }));
    await followed.until('a new peer', (store) => store.snapshot.peers.has('spine'));
    await etcd.remove(block);
    await followed.until('a block goes', (store) => store.snapshot.affinities.size === 1);
    await etcd.put(key('bgppeers', 'spine'), '{"spec": {"peerIP"');
    await followed.until('an issue', (store) => store.snapshot.issues.length > 0);
    expect(followed.issues()).toEqual([expect.stringMatching(/^BGPPeer\/spine spec: "\{\\"spec\\"/)]);
    expect(followed.store.snapshot.peers.get('spine')?.asNumber).toBe(64701);
    await etcd.remove(key('bgppeers', 'spine'));
    await followed.until('it goes with its issue', (store) => !store.snapshot.peers.has('spine') && store.snapshot.issues.length === 0);
  });

  it('reads for encapsulation FelixConfiguration and the blocks of every node, and follows them', async () => {
    const etcd = await cluster();
    await etcd.put(...tor);
    await etcd.put(block, '');
    await etcd.put('/calico/ipam/v2/host/node-b/ipv4/block/10.65.9.0-26', { state: 'confirmed' });
    await etcd.put(key('felixconfigurations', 'default'), { spec: { vxlanVNI: 5000 } });
    await etcd.put(key('nodes', 'node-b'), { spec: { bgp: { ipv4Address: '192.0.2.2/24' }, ipv4VXLANTunnelAddr: '10.65.9.0' } });
    const followed = started(etcd, { readFor: 'encapsulation' });
    await followed.until('in sync', (store) => store.inSync);
    const { snapshot } = followed.store;
    expect([...snapshot.affinities.values()].map(({ node }) => node).sort()).toEqual(['node-a', 'node-b']);
    expect(snapshot.nodes.get('node-b')?.tunnels?.vxlanV4?.family).toBe('ipv4');
    expect([snapshot.felix.get('default')?.vxlanVNI, snapshot.peers.size]).toEqual([5000, 0]);
    await etcd.put(key('felixconfigurations', 'default'), { spec: { vxlanVNI: 6000 } });
    await followed.until('the change', (store) => store.snapshot.felix.get('default')?.vxlanVNI === 6000);
    await etcd.remove('/calico/ipam/v2/host/node-b/ipv4/block/10.65.9.0-26');
    await followed.until('a block goes', (store) => store.snapshot.affinities.size === 1);
    expect(followed.issues()).toEqual([]);
  });

  it('lists in pages of one revision', async () => {
    const etcd = await cluster();
    for (let index = 0; index < 1201; index += 1) await etcd.put(...peer(`peer-${index}`, { peerIP: '192.0.2.254', asNumber: index + 1 }));
    const followed = started(etcd);
    await followed.until('in sync', (store) => store.inSync);
    expect(followed.store.snapshot.peers.size).toBe(1201);
    expect(followed.changes.length).toBe(1);
  });

  it('goes on where it was when a watch ends or breaks, and lists again when what it knows was compacted away', async () => {
    const etcd = await cluster();
    await etcd.put(...tor);
    const wire = await startWire(Number(new URL(etcd.members[0]?.url ?? '').port));
    cleanup.push(() => wire.stop());
    const followed = started(etcd, { watchMs: 300, access: { endpoints: [`http://127.0.0.1:${wire.port}`] } });
    await followed.until('in sync', (store) => store.inSync);
    wire.refuse(true);
    wire.cut();
    await etcd.put(...peer('spine', { peerIP: '192.0.2.253', asNumber: 64701 }));
    await etcd.remove(tor[0]);
    wire.refuse(false);
    await followed.until('what happened meanwhile', ({ snapshot }) => snapshot.peers.has('spine') && !snapshot.peers.has('tor'));
    expect(lines.filter((line) => line.startsWith('revisions are too old'))).toEqual([]);

    wire.refuse(true);
    wire.cut();
    await etcd.remove(key('bgppeers', 'spine'));
    await etcd.put(...tor);
    await etcd.compact();
    wire.refuse(false);
    await followed.until('the list', ({ snapshot }) => snapshot.peers.has('tor') && !snapshot.peers.has('spine'));
    expect(lines.filter((line) => line.startsWith('revisions are too old')).length).toBeGreaterThan(0);
  });

  it('finds a connection dead on which nothing comes any more', async () => {
    const etcd = await cluster();
    const wire = await startWire(Number(new URL(etcd.members[0]?.url ?? '').port));
    cleanup.push(() => wire.stop());
    const followed = started(etcd, { watchMs: 1000, access: { endpoints: [`http://127.0.0.1:${wire.port}`] } });
    await followed.until('in sync', (store) => store.inSync);
    wire.freeze();
    await etcd.put(...tor);
    await followed.until('the peer', ({ snapshot }) => snapshot.peers.has('tor'));
    expect(followed.store.inSync).toBe(true);
  });

  it('goes to another member when one is lost, keeps everything without a majority, and is back with it', async () => {
    const etcd = await cluster(3);
    await etcd.put(...tor);
    const followed = started(etcd, { timing: { connectMs: 1000, answerMs: 2000 } });
    await followed.until('in sync', (store) => store.inSync);
    await etcd.members[0]?.stop();
    await putWhenLed(etcd, ...peer('spine', { peerIP: '192.0.2.253', asNumber: 64701 }));
    await followed.until('a new peer through another member', ({ snapshot }) => snapshot.peers.has('spine'));
    await etcd.members[1]?.stop();
    await followed.until('sync lost', (store) => !store.inSync, 60);
    expect([...followed.store.snapshot.peers.keys()].sort()).toEqual(['spine', 'tor']);
    expect(followed.issues()).toEqual([expect.stringMatching(/^Datastore\/etcdv3: cannot be (read|reached) \(/)]);
    for (const member of etcd.members.slice(0, 2)) member.start();
    await followed.until('in sync again', (store) => store.inSync && store.snapshot.issues.length === 0, 60);
  });

  it('takes an account, whose token may become void, and says when it is refused', async () => {
    const etcd = await cluster();
    await etcd.put(...tor);
    await etcd.call('/v3/auth/user/add', { name: 'root', password: 'planted-root' });
    await etcd.call('/v3/auth/user/grant', { user: 'root', role: 'root' }).catch(async () => {
      await etcd.call('/v3/auth/role/add', { name: 'root' });
      await etcd.call('/v3/auth/user/grant', { user: 'root', role: 'root' });
    });
    await etcd.call('/v3/auth/enable', {});
    const none = started(etcd);
    await none.until('refused without an account', (store) => store.snapshot.issues.length > 0);
    expect(none.issues()).toEqual(['Datastore/etcdv3: does not accept our account (etcdserver: user name is empty)']);
    const wrong = started(etcd, { access: { username: 'root', password: secretText('planted-wrong') } });
    await wrong.until('refused with a wrong password', (store) => store.snapshot.issues.length > 0);
    expect(wrong.issues()).toEqual([
      expect.stringMatching(/^Datastore\/etcdv3: does not accept our account \(etcdserver: authentication failed/),
    ]);
    const right = started(etcd, { watchMs: 300, access: { username: 'root', password: secretText('planted-root') } });
    await right.until('in sync', (store) => store.inSync);
    expect([...right.store.snapshot.peers.keys()]).toEqual(['tor']);
    // A member that restarts knows the tokens no more.
    await etcd.members[0]?.stop();
    etcd.members[0]?.start();
    const failures = (): number => lines.filter((line) => line.startsWith('list or watch failed')).length;
    await right.until('in sync with a new token', (store) => store.inSync && store.snapshot.issues.length === 0 && failures() > 0, 60);
    expect(JSON.stringify([right.issues(), wrong.issues(), lines])).not.toContain('planted');
  });

  it('shows a client certificate where members want one', async () => {
    const etcd = await cluster(1, true);
    await etcd.put(...tor);
    const { ca, adminCert, adminKey } = etcd.certificates;
    const without = started(etcd, { access: { caFile: ca } });
    await without.until('refused without one', (store) => store.snapshot.issues.length > 0);
    expect(without.issues()).toEqual([expect.stringMatching(/^Datastore\/etcdv3: cannot be reached \(/)]);
    const followed = started(etcd, { access: { caFile: ca, certFile: adminCert, keyFile: adminKey } });
    await followed.until('in sync', (store) => store.inSync);
    expect([...followed.store.snapshot.peers.keys()]).toEqual(['tor']);
  });

  it('says what is missing without an API server', async () => {
    const etcd = await cluster();
    const demand = createDemand(false);
    const followed = followSource(joinSources(source(etcd), createNoServices(demand), demand));
    cleanup.push(() => followed.stop());
    await followed.until('in sync', (store) => store.inSync);
    expect(followed.issues()).toEqual([]);
    await etcd.put(...peer('tor', { peerIP: '192.0.2.254', asNumber: 64700, password: { secretKeyRef: { name: 'bgp', key: 'tor' } } }));
    await followed.until('the peer', ({ snapshot }) => snapshot.peers.has('tor'));
    expect(followed.issues()).toEqual(['Datastore/kubernetes: cannot be asked (no API server is named: without Secret bgp)']);
  });
});

describe.skipIf(serversFolder() === undefined || !hasEtcd())(clusterTitle('etcd with an API server beside it'), () => {
  it('takes Services and Secrets from the API server, and those of a peer before the peer', async () => {
    const etcd = await cluster();
    const api = await startCluster();
    cleanup.push(() => api.stop());
    await api.admin.create(...manifestsIn('deploy/rbac/linnet.yaml'));
    await api.admin.create(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp', namespace: 'kube-system' }, stringData: { tor: 'planted-md5' } },
      service('web', ['198.51.100.7']),
    );
    const token = await writeToken(api, 'linnet', await api.token('kube-system/linnet', 'token-linnet'));
    const demand = createDemand(false);
    const followed = followSource(joinSources(source(etcd), kubernetesSource(api, token, { demand }), demand));
    cleanup.push(() => followed.stop());
    await followed.until('in sync', (store) => store.inSync);
    expect(followed.store.snapshot.services.size).toBe(0);
    await etcd.put(key('bgpconfigurations', 'default'), { spec: { serviceExternalIPs: [{ cidr: '198.51.100.0/24' }] } });
    await followed.until('the Service', ({ snapshot }) => snapshot.services.has('default/web') && snapshot.configurations.size === 1);
    const seen: boolean[] = [];
    await etcd.put(...peer('tor', { peerIP: '192.0.2.254', asNumber: 64700, password: { secretKeyRef: { name: 'bgp', key: 'tor' } } }));
    await followed.until('the peer', ({ snapshot }) => {
      if (snapshot.peers.has('tor')) seen.push(snapshot.secrets.size > 0);
      return snapshot.peers.has('tor');
    });
    expect(seen[0]).toBe(true);
  });
});
