/**
 * Two ToRs a rack as docs/recipes/two-tors.md has it, its manifests and configurations taken from there: FRR and BIRD 2 in one AS, ECMP
 * up and down, the default route from both; one dies, comes back, each is drained. Packets go between a pod and a client behind the spine.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './harness/exec.ts';
import type { Fabric } from './harness/fabric.ts';
import { makeFabric, writeManifests } from './harness/fabric.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import type { Router } from './harness/routers.ts';
import { makeRouter } from './harness/routers.ts';
import { inOrder } from './harness/steps.ts';
import type { Stream } from './harness/stream.ts';
import { startStream } from './harness/stream.ts';
import { until } from './harness/wait.ts';

const RECIPE = readFileSync(fileURLToPath(new URL('../../docs/recipes/two-tors.md', import.meta.url)), 'utf8');
const SECONDS = 60;
const POD = '10.244.1.5';
const BLOCK = '10.244.1.0/26';
const CLIENT = '198.51.100.2';
/** Connections that are tried; that all of them take one of two links is as likely as nothing. */
const FLOWS = 64;

/** Code blocks of the recipe in one language, as they stand there. */
function blocks(language: string): string[] {
  return [...RECIPE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');
}

const [FRR = ''] = blocks('frr');
const [BIRD = ''] = blocks('bird');

/** The fabric above the rack: originates the default route, takes GRACEFUL_SHUTDOWN for what it is (RFC 8326 section 4.2). */
const SPINE = `router id 172.31.0.1;
log stderr all;
debug protocols { states };
protocol device {}
protocol static { ipv4; route 0.0.0.0/0 unreachable; }
protocol kernel { ipv4 { export where source = RTS_BGP; }; merge paths on; }
filter from_tor { if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }
template bgp tor {
  local as 65000; hold time 9;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import filter from_tor; export where source = RTS_STATIC; };
}
protocol bgp tor_a from tor { neighbor 172.31.0.2 as 65001; }
protocol bgp tor_b from tor { neighbor 172.31.0.6 as 65001; }
`;

describe.skipIf(!CAN_RUN)('two ToRs a rack', () => {
  let lab: Lab;
  let fabric: Fabric;
  const steps = inOrder();
  let node: Host;
  let spineHost: Host;
  let client: Host;
  let torA: Router;
  let torB: Router;
  let linnet: LinnetNode;
  let pod: string;

  const route = (host: Host, prefix: string): Promise<string> => fabric.ip(host.namespace, 'route', 'show', prefix);
  /** Gateways of a route, sorted. */
  const gateways = async (host: Host, prefix: string): Promise<string[]> =>
    [...(await route(host, prefix)).matchAll(/via (\S+)/g)].map((match) => match[1] ?? '').sort();
  const up = ['172.31.11.1', '172.31.12.1'];
  const down = ['172.31.0.2', '172.31.0.6'];
  /** The ways out of the node and the ways to its block, by router. */
  const ways = (wanted: readonly (0 | 1)[]): Promise<void> =>
    until('ways', SECONDS, async () => {
      linnet.alive();
      expect(await gateways(node, 'default')).toEqual(wanted.map((at) => up[at]));
      expect(await gateways(spineHost, BLOCK)).toEqual(wanted.map((at) => down[at]));
    });
  const packets = (count: number): Promise<Stream> =>
    startStream(
      lab,
      [
        { namespace: pod, address: POD },
        { namespace: client.namespace, address: CLIENT },
      ],
      count,
      100,
    );
  const reaches = (): Promise<void> =>
    until('pod and client reach each other', SECONDS, async () => {
      for (const { sent, answered } of await (await packets(1)).done) expect(answered).toBe(sent);
    });
  const sentOver = async (host: Host, device: string): Promise<number> =>
    Number(await run('ip', ['netns', 'exec', host.namespace, 'cat', `/sys/class/net/${device}/statistics/tx_packets`]));

  /** Runs `act` with packets on their way; none may be lost. */
  async function withoutLoss(act: () => Promise<void>): Promise<void> {
    const stream = await packets(100_000);
    await act();
    for (const { sent, answered, lost } of await stream.end()) expect([answered, lost]).toEqual([sent, []]);
  }

  beforeAll(async () => {
    lab = await makeLab('two tors');
    fabric = makeFabric(lab);
    node = await fabric.host('node-1');
    const [a, b] = [await fabric.host('tor-a'), await fabric.host('tor-b')];
    spineHost = await fabric.host('spine');
    client = await fabric.host('client');
    await fabric.ip(node.namespace, 'addr', 'add', '172.31.255.1/32', 'dev', 'lo');
    await fabric.link({ host: node, device: 'eth0', address: '172.31.11.2/30' }, { host: a, device: 'rack', address: '172.31.11.1/30' });
    await fabric.link({ host: node, device: 'eth1', address: '172.31.12.2/30' }, { host: b, device: 'rack', address: '172.31.12.1/30' });
    await fabric.link(
      { host: spineHost, device: 'tor-a', address: '172.31.0.1/30' },
      { host: a, device: 'spine', address: '172.31.0.2/30' },
    );
    await fabric.link(
      { host: spineHost, device: 'tor-b', address: '172.31.0.5/30' },
      { host: b, device: 'spine', address: '172.31.0.6/30' },
    );
    await fabric.link(
      { host: spineHost, device: 'clients', address: '198.51.100.1/24' },
      { host: client, device: 'eth0', address: `${CLIENT}/24` },
    );
    await fabric.ip(client.namespace, 'route', 'add', 'default', 'via', '198.51.100.1');
    pod = await fabric.pod(node, POD);
    const affinity = { apiVersion: 'projectcalico.org/v3', kind: 'BlockAffinity', metadata: { name: 'node-1-block' } };
    const spec = { node: 'node-1', type: 'host', cidr: BLOCK, state: 'confirmed', deleted: false };
    writeManifests(lab, { 'recipe.yaml': blocks('yaml').join('---\n'), 'block.yaml': JSON.stringify({ ...affinity, spec }) });
    torA = makeRouter(lab, 'frr', a, FRR);
    torB = makeRouter(lab, 'bird2', b, BIRD);
    const spine = makeRouter(lab, 'bird2', spineHost, SPINE);
    linnet = lab.adopt(makeLinnet(node, join(lab.directory, 'linnet'), lab.datastore.path, { more: ['--hold-time', '9'] }));
    await Promise.all([torA.start(), torB.start(), spine.start()]);
    linnet.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('has the default route from both, and the block and the node’s address through both', async () => {
    await ways([0, 1]);
    expect(await gateways(spineHost, '172.31.255.1')).toEqual(down);
    await reaches();
  });

  it('spreads connections over both links, up and down', async () => {
    const knock = (namespace: string, to: string): Promise<string> =>
      run('ip', ['netns', 'exec', namespace, 'bash', '-c', `for p in $(seq ${FLOWS}); do echo > /dev/udp/${to}/$((9000 + p)); done`]);
    const links = [
      [node, 'eth0'],
      [node, 'eth1'],
      [spineHost, 'tor-a'],
      [spineHost, 'tor-b'],
    ] as const;
    const before = await Promise.all(links.map(([host, device]) => sentOver(host, device)));
    await knock(pod, CLIENT);
    await knock(client.namespace, POD);
    const after = await Promise.all(links.map(([host, device]) => sentOver(host, device)));
    // Keepalives of a few seconds are among them; a sixth of the connections is more than those.
    for (const [at, count] of after.entries()) expect(count - (before[at] ?? 0)).toBeGreaterThan(FLOWS / 6);
  });

  it.each([
    ['FRR', 0],
    ['BIRD', 1],
  ] as const)(
    'goes on over the other one when %s dies with its links, and over both when it is back',
    { timeout: 240_000 },
    async (_, at) => {
      const [tor, other] = at === 0 ? ([torA, 1] as const) : ([torB, 0] as const);
      const links = ['rack', 'spine'];
      for (const link of links) await fabric.ip(tor.host.namespace, 'link', 'set', link, 'down');
      await tor.stop('SIGKILL');
      await ways([other]);
      await reaches();
      await withoutLoss(async () => {
        for (const link of links) await fabric.ip(tor.host.namespace, 'link', 'set', link, 'up');
        await tor.start();
        await ways([0, 1]);
      });
    },
  );

  it.each([
    ['FRR', 0],
    ['BIRD', 1],
  ] as const)('loses no packet while %s is drained, stopped and started again', { timeout: 240_000 }, async (_, at) => {
    const [tor, other] = at === 0 ? ([torA, 1] as const) : ([torB, 0] as const);
    await withoutLoss(async () => {
      await tor.reconfigure(at === 0 ? 'router bgp 65001\n bgp graceful-shutdown\n' : BIRD.replace('draining = false', 'draining = true'));
      await ways([other]);
      await tor.stop('SIGTERM');
      await ways([other]);
    });
    await withoutLoss(async () => {
      await tor.start(at === 0 ? FRR : BIRD);
      await ways([0, 1]);
    });
  });
});
