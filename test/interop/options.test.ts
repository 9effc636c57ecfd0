/**
 * Options of a neighbour that no other suite shows at a real peer, with FRR at the other end on loopback: its own AS and our AS in a path,
 * who dials and who speaks first, RFC 8212, what reflection tells whom (RFC 4456), best N of several paths (RFC 7911), and the words of a
 * shutdown (RFC 9003).
 */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Speaker, SpeakerEvent } from '../../src/bgp/index.ts';
import { createSpeaker, parseSpeakerConfig } from '../../src/bgp/index.ts';
import type { SpeakerHost } from '../../src/bgp/io/index.ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from '../../src/bgp/io/index.ts';
import { type Running, run, start } from './harness/exec.ts';
import { entries, list, member, text } from './harness/json.ts';
import { CAN_RUN, KINDS } from './harness/lab.ts';
import { until } from './harness/wait.ts';
import { ordinary, WirePeer } from './harness/wire-peer.ts';

const [OURS, THEIRS] = ['127.0.12.1', '127.0.12.2'];
const [OUR_PORT, THEIR_PORT] = [1995, 1996];
const AS = 64512;
const SECONDS = 40;
const OWN = '10.120.1.0/24';
/** FRR announces the first one as it is, the second with our AS in its path. */
const [PLAIN, LOOPED] = ['10.121.1.0/24', '10.121.2.0/24'];
const SHARED = '10.122.1.0/24';

interface FrrSetup {
  readonly as?: number;
  /** The AS it expects of us. */
  readonly remoteAs?: number;
  /** Who waits: FRR by default. */
  readonly dials?: boolean;
  readonly family?: readonly string[];
}

const frrConfig = ({ as = AS, remoteAs = AS, dials = false, family = [] }: FrrSetup): string =>
  [
    'frr defaults traditional',
    'route-map looped permit 10',
    ` set as-path prepend ${AS}`,
    'exit',
    `router bgp ${as}`,
    ' bgp router-id 10.0.12.2',
    ' no bgp default ipv4-unicast',
    ' no bgp network import-check',
    ' no bgp ebgp-requires-policy',
    ` neighbor ${OURS} remote-as ${remoteAs}`,
    ` neighbor ${OURS} port ${OUR_PORT}`,
    ...(dials ? [` neighbor ${OURS} timers connect 1`, ` neighbor ${OURS} update-source ${THEIRS}`] : [` neighbor ${OURS} passive`]),
    ` neighbor ${OURS} disable-connected-check`,
    ' address-family ipv4 unicast',
    `  network ${PLAIN}`,
    `  network ${LOOPED} route-map looped`,
    `  neighbor ${OURS} activate`,
    ...family,
    ' exit-address-family',
    '',
  ].join('\n');

describe.skipIf(!CAN_RUN || !KINDS.includes('frr'))('options of a neighbour with frr', () => {
  let directory = '';
  let bgpd: Running | undefined;
  let host: SpeakerHost | undefined;
  let speaker: Speaker;
  let events: SpeakerEvent[] = [];
  const sources: WirePeer[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-options-'));
    events = [];
  });

  afterEach(async () => {
    for (const source of sources.splice(0)) source.stop();
    await host?.stop(false);
    await bgpd?.stop('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  function startFrr(setup: FrrSetup = {}): void {
    const { uid, gid } = statSync('/etc/frr');
    chownSync(directory, uid, gid);
    const file = join(directory, 'bgpd.conf');
    writeFileSync(file, frrConfig(setup));
    chownSync(file, uid, gid);
    const options = ['-Z', '-n', '-f', file, '-p', String(THEIR_PORT), '-l', THEIRS, '-P', '0'];
    bgpd = start('/usr/lib/frr/bgpd', [...options, '--vty_socket', directory, '-i', join(directory, 'bgpd.pid')], join(directory, 'log'));
  }
  const document = (options: object, more: object = {}): string =>
    JSON.stringify({
      localAs: AS,
      routerId: '10.0.12.1',
      listen: { address: OURS, port: OUR_PORT },
      families: ['ipv4-unicast'],
      connectRetryTime: 1,
      routes: [{ prefix: OWN, nextHop: '192.0.2.1' }],
      // FRR ends a session over a next hop of loopback from an external peer.
      neighbors: [{ name: 'frr', address: THEIRS, localAddress: OURS, port: THEIR_PORT, as: AS, nextHop: 'keep', ...options }],
      ...more,
    });
  async function configure(options: object, more: object = {}): Promise<void> {
    const parsed = parseSpeakerConfig(document(options, more));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    await host?.configure(parsed.value);
  }
  async function startLinnet(options: object, more: object = {}): Promise<void> {
    speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf });
    host = createSpeakerHost({
      speaker,
      now: monotonicNow,
      onEvent: (event) => void events.push(event),
      onListenError: () => undefined,
    });
    await configure(options, more);
  }
  const status = () => speaker.status().peers.find(({ id }) => id === 'frr');
  const up = (): Promise<void> => until('the session is up', SECONDS, () => expect(status()?.state).toBe('established'));
  /** So many routes of FRR's have come, and so many of them are used; over eBGP it sends ours back, with our AS in its path. */
  const counted = (received: number, accepted: number): Promise<void> =>
    until(`${accepted} of ${received} accepted`, SECONDS, () => expect(status()?.families[0]).toMatchObject({ received, accepted }));
  const ask = async (question: string): Promise<unknown> =>
    JSON.parse(await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-c', `${question} json`]));
  const paths = async (prefix: string): Promise<readonly unknown[]> =>
    entries(await ask('show bgp ipv4 unicast'), 'routes').some(([one]) => one === prefix)
      ? list(await ask(`show bgp ipv4 unicast ${prefix}`), 'paths')
      : [];
  const asPaths = async (prefix: string): Promise<string[]> => (await paths(prefix)).map((path) => text(path, 'aspath', 'string'));

  /** Clients of ours at 127.0.12.11 and on, each with its own path of one prefix, the first the best; their neighbour entries. */
  const clients = (count: number): object[] =>
    Array.from({ length: count }, (_, at) => ({ address: `127.0.12.${11 + at}`, as: AS, passive: true, rrClient: true }));
  async function announceFrom(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      const source = new WirePeer({ address: `127.0.12.${11 + at}`, as: AS, bgpId: 0x0a000c0b + at });
      sources.push(source);
      await until('a source is up', SECONDS, () => source.connect({ host: OURS, port: OUR_PORT }));
      const nextHop = { family: 'ipv4', words: [0x0a000c0b + at, 0, 0, 0] } as const;
      source.announce([SHARED], { ...ordinary(), nextHop, localPref: 200 - at });
    }
  }
  const nextHops = async (): Promise<string[]> => (await paths(SHARED)).map((path) => text(list(path, 'nexthops')[0], 'ip')).sort();

  it('localAs: the session has an AS of its own, in OPEN and in paths', async () => {
    startFrr({ as: 65001, remoteAs: 64999 });
    await startLinnet({ as: 65001, localAs: 64999 });
    await up();
    await until('our route', SECONDS, async () => expect(await asPaths(OWN)).toEqual(['64999']));
  });

  it('allowLocalAs: a path with our AS in it is used only so', async () => {
    startFrr({ as: 65001 });
    await startLinnet({ as: 65001 });
    await counted(3, 1);
    await configure({ as: 65001, allowLocalAs: 1 });
    await counted(3, 3);
  });

  it('passive: it is FRR that dials', async () => {
    startFrr({ dials: true });
    await startLinnet({ passive: true });
    await up();
    expect(events.filter((event) => event.kind === 'session-state' && event.to === 'connect')).toEqual([]);
  });

  it('delayOpenTime: FRR speaks first', async () => {
    startFrr();
    await startLinnet({ delayOpenTime: 30 });
    await up();
    // Without a first word of FRR's there would be OpenSent, half a minute later (RFC 4271 section 8.2.2, event 20).
    const states = events.flatMap((event) => (event.kind === 'session-state' && event.peer === 'frr' ? [event.to] : []));
    expect(states.slice(-2)).toEqual(['open-confirm', 'established']);
    expect(states).not.toContain('open-sent');
  });

  it('ebgpRequiresPolicy: an external peer is told nothing and believed nothing without a policy (RFC 8212)', async () => {
    const demand = { ebgpRequiresPolicy: true, policies: [{ name: 'all', terms: [], otherwise: 'accept' }] };
    startFrr({ as: 65001 });
    await startLinnet({ as: 65001, allowLocalAs: 1 }, demand);
    await counted(2, 0);
    expect(await paths(OWN)).toEqual([]);
    await configure({ as: 65001, allowLocalAs: 1, importPolicy: 'all', exportPolicy: 'all' }, demand);
    await counted(3, 3);
    await until('our route', SECONDS, async () => expect(await asPaths(OWN)).toEqual([String(AS)]));
  });

  it('clientToClientReflection, clusterId: what one client says is not told another, and the cluster is the neighbour’s own', async () => {
    const frr = { name: 'frr', address: THEIRS, localAddress: OURS, port: THEIR_PORT, as: AS, rrClient: true };
    const neighbors = (options: object): object => ({ neighbors: [{ ...frr, ...options }, ...clients(1)] });
    startFrr();
    await startLinnet({}, { clusterId: '10.9.9.9', clientToClientReflection: false, ...neighbors({}) });
    await up();
    await announceFrom(1);
    await until('our own route', SECONDS, async () => expect(await paths(OWN)).toHaveLength(1));
    await until('ours has the client’s', SECONDS, () =>
      expect(speaker.routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10).routes.map(({ prefix }) => prefix.length)).toContain(24),
    );
    expect(await paths(SHARED)).toEqual([]);
    // In a cluster of its own it is none of those who have sessions with each other.
    await configure({}, { clusterId: '10.9.9.9', clientToClientReflection: false, ...neighbors({ clusterId: '10.9.9.8' }) });
    await until('the client’s route', SECONDS, async () =>
      expect((await paths(SHARED)).map((path) => member(path, 'clusterList', 'list'))).toEqual([['10.9.9.8']]),
    );
  });

  it('addPathLimit: the best two of three paths, and all without it', async () => {
    const session = { name: 'frr', address: THEIRS, localAddress: OURS, port: THEIR_PORT, as: AS, rrClient: true, addPath: 'send' };
    startFrr();
    await startLinnet({}, { neighbors: [{ ...session, addPathLimit: 2 }, ...clients(3)] });
    await up();
    await announceFrom(3);
    await until('the best two', SECONDS, async () => expect(await nextHops()).toEqual(['10.0.12.11', '10.0.12.12']));
    await configure({}, { neighbors: [session, ...clients(3)] });
    await until('all three', SECONDS, async () => expect(await nextHops()).toEqual(['10.0.12.11', '10.0.12.12', '10.0.12.13']));
  });

  it('the words of a shutdown reach the operator of the other side (RFC 9003)', async () => {
    const words = 'maintenance until 18:00, ticket 4711';
    startFrr();
    await startLinnet({});
    await up();
    host?.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'shutdown', text: words } });
    await until('FRR has them', SECONDS, async () =>
      expect(text(member(await ask(`show bgp neighbors ${OURS}`), OURS), 'lastShutdownDescription')).toBe(words),
    );
    host?.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'enable' } });
    await up();
  });
});
