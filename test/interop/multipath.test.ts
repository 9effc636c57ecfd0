/**
 * (e) ECMP for one address through a route reflector to a ToR of another AS (bgp-speaker 4.13, decision 0011): by add-path, by
 * sessions of diverse paths where the ToR has none (RFC 6774). The ToR's kernel has both next hops, and packets reach both nodes.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './harness/exec.ts';
import type { Lab, Stoppable } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { OwnBird } from './harness/own-bird.ts';
import { birdSession, makeOwnBird } from './harness/own-bird.ts';
import { CLUSTER_AS, LOCAL, SESSION_SECONDS, TOR_AS } from './harness/scenario.ts';
import { makeSpeaker } from './harness/speaker.ts';
import { inOrder } from './harness/steps.ts';
import { until } from './harness/wait.ts';

const VIP = LOCAL.ipv4;
/** The reflector's second address, for the session of the second best paths. */
const SECOND = '10.97.0.109';
/** Sources on the ToR: the kernel spreads by source and destination. */
const SOURCES = Array.from({ length: 24 }, (_, i) => `10.98.0.${i + 1}`);

type Way = 'add-path' | 'diverse paths';

interface Hosts {
  readonly one: Host;
  readonly two: Host;
  readonly rr: Host;
  readonly tor: Host;
}

interface Tor extends Stoppable {
  start(): Promise<void>;
}

const inside = (host: Host, ...command: readonly string[]): Promise<string> => run('ip', ['netns', 'exec', host.namespace, ...command]);

async function makeHosts(lab: Lab): Promise<Hosts> {
  const hosts = {
    one: await lab.lan.host('node-1', 1),
    two: await lab.lan.host('node-2', 2),
    rr: await lab.lan.host('rr', 9),
    tor: await lab.lan.host('tor', 254),
  };
  await inside(hosts.rr, 'ip', 'addr', 'add', `${SECOND}/24`, 'dev', 'eth0');
  for (const source of SOURCES) await inside(hosts.tor, 'ip', 'addr', 'add', `${source}/32`, 'dev', 'lo');
  for (const host of [hosts.one, hosts.two]) {
    await inside(host, 'ip', 'addr', 'add', `${VIP}/32`, 'dev', 'lo');
    await inside(host, 'ip', 'route', 'add', '10.98.0.0/24', 'via', hosts.tor.ipv4);
  }
  return hosts;
}

/** The ToR: FRR has ECMP by itself, BIRD where its kernel protocol merges paths. */
function makeTor(lab: Lab, kind: string, host: Host, remotes: readonly string[], addPath: boolean): Tor {
  if (kind === 'frr') {
    const neighbors = remotes.map((address, at) => ({ name: `rr${at}`, address, as: CLUSTER_AS, ...(addPath && { allPaths: true }) }));
    return lab.daemon('frr', host, { as: TOR_AS, routerId: host.ipv4, announce: [], neighbors });
  }
  const sessions = remotes.map((remote, at) =>
    birdSession(
      `up${at}`,
      { local: host.ipv4, as: TOR_AS, remote, remoteAs: CLUSTER_AS },
      `export none; ${addPath ? 'add paths rx;' : ''}`,
    ),
  );
  const kernel = 'protocol kernel { merge paths on limit 8; ipv4 { import none; export where source = RTS_BGP; }; }';
  return lab.adopt(makeOwnBird(host, join(lab.directory, 'tor'), [kernel, ...sessions]));
}

/** Next hops of the VIP in a host's kernel, sorted. */
async function kernelNextHops(host: Host): Promise<string[]> {
  const shown = await inside(host, 'ip', 'route', 'show', VIP);
  return [...shown.matchAll(/via (\S+)/g)].map((match) => match[1] ?? '').sort();
}

async function nextHopsBecome(host: Host, wanted: readonly Host[], seconds: number): Promise<void> {
  await until(`next hops of ${VIP} in the kernel of ${host.name}`, seconds, async () => {
    expect(await kernelNextHops(host)).toEqual(wanted.map(({ ipv4 }) => ipv4).sort());
  });
}

/** Datagrams for a port that nobody has: the node answers each with an ICMP error. */
async function datagramsSeen(host: Host): Promise<number> {
  const counters = (await inside(host, 'cat', '/proc/net/snmp')).split('\n').filter((line) => line.startsWith('Udp:'));
  const [names, values] = counters.map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('NoPorts') ?? -1]);
}

/** Run by Node on the ToR: one datagram from every source, and the error that says that it arrived. */
const SEND = `
const [target, ...sources] = process.argv.slice(1);
for (const source of sources) {
  const socket = require('dgram').createSocket('udp4');
  socket.on('error', (error) => { if (error.code !== 'ECONNREFUSED') throw error; clearTimeout(deadline); socket.close(); });
  const deadline = setTimeout(() => { process.stderr.write('no answer to ' + source); process.exit(1); }, 5000);
  socket.bind(0, source, () => socket.connect(33434, target, () => socket.send('?')));
}`;

/** A datagram from every source; all must be answered. How many each node saw. */
async function probeAll({ tor, one, two }: Hosts): Promise<{ readonly one: number; readonly two: number }> {
  const before = [await datagramsSeen(one), await datagramsSeen(two)];
  await inside(tor, process.execPath, '-e', SEND, VIP, ...SOURCES);
  return { one: (await datagramsSeen(one)) - (before[0] ?? 0), two: (await datagramsSeen(two)) - (before[1] ?? 0) };
}

const KINDS_WITH_KERNEL = KINDS.filter((kind) => kind === 'bird2' || kind === 'frr');
const CASES = KINDS_WITH_KERNEL.flatMap((kind) => (['add-path', 'diverse paths'] as const).map((way: Way) => ({ kind, way })));

describe.skipIf(!CAN_RUN).each(CASES)('$kind as ToR, $way', ({ kind, way }) => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: Hosts;
  let second: { start(): Promise<void>; stop(): Promise<void> };

  /** A bare reflector in front of BIRDs that announce the VIP. */
  async function startSpeaker(): Promise<void> {
    const nodes = [hosts.one, hosts.two].map(
      (host): OwnBird =>
        lab.adopt(
          makeOwnBird(host, join(lab.directory, host.name), [
            `protocol static { ipv4; route ${VIP}/32 blackhole; }`,
            birdSession(
              'up',
              { local: host.ipv4, as: CLUSTER_AS, remote: hosts.rr.ipv4, remoteAs: CLUSTER_AS },
              'export where source = RTS_STATIC; next hop self;',
            ),
          ]),
        ),
    );
    const tor = { as: TOR_AS, address: hosts.tor.ipv4, nextHop: 'keep' };
    const toTor =
      way === 'add-path'
        ? [{ ...tor, name: 'tor', addPath: 'send' }]
        : [
            { ...tor, name: 'tor', localAddress: hosts.rr.ipv4 },
            { ...tor, name: 'tor, second best', localAddress: SECOND, diversePath: 2 },
          ];
    const speaker = makeSpeaker(hosts.rr, join(lab.directory, 'speaker'), {
      localAs: CLUSTER_AS,
      routerId: hosts.rr.ipv4,
      listen: [{ address: hosts.rr.ipv4 }, { address: SECOND }],
      families: ['ipv4-unicast'],
      neighbors: [
        ...[hosts.one, hosts.two].map((host) => ({ name: host.name, address: host.ipv4, as: CLUSTER_AS, rrClient: true })),
        ...toTor,
      ],
    });
    await lab.adopt(speaker).start();
    for (const node of nodes) await node.start();
    const [, last] = nodes;
    if (last === undefined) throw new Error('no node');
    second = { start: () => last.start(), stop: () => last.stop('SIGTERM') };
  }

  beforeAll(async () => {
    lab = await makeLab(`multipath ${kind} ${way}`);
    hosts = await makeHosts(lab);
    await startSpeaker();
    await makeTor(lab, kind, hosts.tor, way === 'diverse paths' ? [hosts.rr.ipv4, SECOND] : [hosts.rr.ipv4], way === 'add-path').start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('the kernel has both nodes as next hops, and packets reach both', async () => {
    await nextHopsBecome(hosts.tor, [hosts.one, hosts.two], SESSION_SECONDS);
    const seen = await probeAll(hosts);
    expect(seen.one + seen.two).toBe(SOURCES.length);
    expect(Math.min(seen.one, seen.two)).toBeGreaterThan(0);
  });

  it('a node that leaves is left out, and comes back', async () => {
    await second.stop();
    await nextHopsBecome(hosts.tor, [hosts.one], SESSION_SECONDS);
    expect(await probeAll(hosts)).toEqual({ one: SOURCES.length, two: 0 });
    await second.start();
    await nextHopsBecome(hosts.tor, [hosts.one, hosts.two], SESSION_SECONDS);
    expect((await probeAll(hosts)).two).toBeGreaterThan(0);
  });
});
