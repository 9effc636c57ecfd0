/**
 * The built daemon on Debian's etcd, three members that want client certificates: a real BGP session counts what is withdrawn while members
 * go and come, and while the daemon starts without them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningDaemon } from '../cli/program.ts';
import { until } from '../interop/harness/wait.ts';
import { type BgpPeer, startPeer } from './harness/bgp-peer.ts';
import { type Etcd, hasEtcd, putWhenLed, startEtcd } from './harness/etcd.ts';

const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;
const title = hasEtcd() ? 'the daemon on etcd' : 'the daemon on etcd (skipped: no etcd)';

interface World {
  readonly folder: string;
  readonly etcd: Etcd;
  readonly tor: BgpPeer;
  readonly start: () => RunningDaemon;
}
let world: World;
let daemon: RunningDaemon;
/** Bodies of the UPDATEs in hexadecimal, in order. */
const updates: string[] = [];

const resource = (plural: string, name: string, spec: unknown): readonly [string, unknown] => [
  `/calico/resources/v3/projectcalico.org/${plural}/${name}`,
  { apiVersion: 'projectcalico.org/v3', metadata: { name }, spec },
];
/** The nth block of this node: 10.65.N.0/26. */
const block = (n: number): readonly [string, unknown] => [`/calico/ipam/v2/host/node-1/ipv4/block/10.65.${n}.0-26`, { state: 'confirmed' }];
const octets = (n: number): string => `1a0a41${n.toString(16).padStart(2, '0')}00`;
const announced = (n: number, since = 0): Promise<void> =>
  until(`block ${n} at the peer`, 60, () => expect(updates.slice(since).some((body) => body.includes(octets(n)))).toBe(true));
const issues = async (): Promise<string> => JSON.stringify(await daemon.json('desired'));
/** Withdrawn routes stand first in an UPDATE. */
const withdrawals = (): number => updates.filter((body) => !body.startsWith('0000')).length;

beforeAll(async () => {
  if (!hasEtcd()) return;
  // Loaded here, because it insists on a built program also where the suite is skipped.
  const { startDaemon } = await import('../cli/program.ts');
  const etcd = await startEtcd(3, true);
  const folder = await mkdtemp(join(tmpdir(), 'linnet-etcd-daemon-'));
  const onUpdate = (_at: number, body: string): void => void updates.push(body);
  const tor = await startPeer({ host: `${NETWORK}.254`, port: 1790, as: 64700, bgpId: 0xc00002fe, onUpdate });
  const { ca, adminCert, adminKey } = etcd.certificates;
  const flags = [
    ...['--datastore', 'etcdv3', '--etcd-endpoints', etcd.members.map(({ url }) => url).join(',')],
    ...['--etcd-ca-file', ca, '--etcd-cert-file', adminCert, '--etcd-key-file', adminKey],
    ...['--transport-map', [1, 254].map((host) => `192.0.2.${host}=${NETWORK}.${host}:1790`).join(',')],
  ];
  world = { folder, etcd, tor, start: () => startDaemon(folder, 'node-1', flags) };
  for (const [key, value] of [
    resource('bgpconfigurations', 'default', { asNumber: 64512, nodeToNodeMeshEnabled: false }),
    resource('nodes', 'node-1', { bgp: { ipv4Address: '192.0.2.1/24' } }),
    resource('bgppeers', 'tor', { peerIP: '192.0.2.254', asNumber: 64700 }),
    resource('ippools', 'pods', { cidr: '10.64.0.0/10', ipipMode: 'Never', vxlanMode: 'Never' }),
    block(1),
  ])
    await etcd.put(key, value);
  daemon = world.start();
}, 120_000);

afterAll(async () => {
  await daemon?.stop();
  await world?.tor.stop();
  await world?.etcd.stop();
  if (world !== undefined) await rm(world.folder, { recursive: true, force: true });
}, 60_000);

describe.skipIf(!hasEtcd())(title, () => {
  it('announces the block that is in it', async () => {
    await announced(1).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${daemon.log().slice(-2000)}`);
    });
  });

  it('follows it through the other members when one is lost', async () => {
    await world.etcd.members[0]?.stop();
    await putWhenLed(world.etcd, ...block(2));
    await announced(2);
    expect([withdrawals(), world.tor.connections()]).toEqual([0, 1]);
  });

  it('keeps every route without a majority, and says so', async () => {
    await world.etcd.members[1]?.stop();
    await until('the issue', 60, async () => expect(await issues()).toMatch(/DATASTORE_(UNREACHABLE|ERROR)/));
    expect([withdrawals(), world.tor.connections()]).toEqual([0, 1]);
  });

  it('starts from its last good state while all members are gone, says so, and is ready', async () => {
    await world.etcd.members[2]?.stop();
    expect((await daemon.stop()).code).toBe(0);
    const before = updates.length;
    daemon = world.start();
    for (const n of [1, 2]) await announced(n, before);
    expect(await issues()).toContain('DATASTORE_SAVED_STATE');
    await until('readiness', 30, async () => expect((await daemon.ask('health', '--live', '--ready')).code).toBe(0));
  });

  it('goes on with what is new when they are back, and has lost nothing', async () => {
    for (const member of world.etcd.members) member.start();
    await putWhenLed(world.etcd, ...block(3));
    await announced(3);
    await until('nothing is said any more', 60, async () => expect(await issues()).not.toContain('DATASTORE_'));
    expect([withdrawals(), world.tor.connections()]).toEqual([0, 2]);
    await world.etcd.remove(block(3)[0]);
    await until('the withdrawal of what is released', 60, () => expect(withdrawals()).toBe(1));
  });
});
