/**
 * The control sockets' answers compared with a recorded dialogue (bird16.json, taken from Debian's BIRD 1.6.8 with calico-node's protocols):
 * the same world, the same commands, the same octets, but for what this speaker does not count.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerLine, type World } from '../../../src/health/birdctl/conversation.ts';
import type { PeerView, RouteJson } from '../../../src/health/status.ts';
import { CHANGES, peer } from '../fixtures.ts';

interface Exchange {
  readonly commands: readonly string[];
  readonly replies: readonly string[];
}

const RECORDED: readonly Exchange[] = JSON.parse(readFileSync(new URL('bird16.json', import.meta.url), 'utf8'));
const at = (clock: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return new Date(2026, 10, 22, hours, minutes, seconds).getTime();
};
const START = at('17:24:00');

const changes: typeof CHANGES = { ...CHANGES, ...Object.fromEntries(Object.keys(CHANGES).map((name) => [name, 0])) };
const counts = { received: 0, accepted: 0, advertised: 0, preferred: 0, changes };
const family = (change: Partial<typeof counts>): PeerView['families'] =>
  peer('x').families.map((one) => ({ ...one, ...counts, ...change }));
const CAPABILITIES = [2918, 7313, 4724, 9494, 6793].map((rfc) => `(RFC ${rfc})`);
const session = (id: string, address: string, change: Partial<PeerView>): PeerView =>
  peer(id, { remote: { address, port: 179 }, families: family({}), state: 'active', since: START, ...change });

const PEERS: readonly PeerView[] = [
  session('Mesh_192_0_2_2', '192.0.2.2', {
    since: at('17:24:04'),
    families: family({
      received: 2,
      accepted: 2,
      preferred: 2,
      changes: { ...changes, importAccepted: 2, exportRejected: 2, exportFiltered: 3, exportAccepted: 3 },
    }),
    diagnosis: 'Connection closed',
  }),
  session('Node_192_0_2_3', '192.0.2.3', {
    state: 'established',
    since: at('17:24:13'),
    families: family({
      received: 2,
      accepted: 2,
      advertised: 5,
      changes: { ...changes, importAccepted: 2, exportRejected: 2, exportFiltered: 3, exportAccepted: 5 },
    }),
    type: 'ebgp',
    remoteAs: 65001,
    remoteId: '192.0.2.2',
    local: { address: '192.0.2.1', port: 179 },
    capabilities: [...CAPABILITIES, 'add-path receive (RFC 7911)', 'add-path send (RFC 7911)'],
    holdTime: 90,
    keepaliveTime: 30,
  }),
  session('Global_192_0_2_9', '192.0.2.9', { remoteAs: 65002, state: 'connect', diagnosis: 'No route to host' }),
  session('Global_192_0_2_10', '192.0.2.10', { remoteAs: 65002, passive: true }),
  session('Global_192_0_2_11', '192.0.2.2', { remoteAs: 65002, diagnosis: 'Connection refused' }),
];

const route = (prefix: string, from: string, clock: string, change: Partial<RouteJson>): RouteJson => ({
  prefix,
  from,
  best: true,
  accepted: true,
  stale: false,
  nextHop: null,
  origin: 'igp',
  asPath: '',
  at: at(clock),
  reasons: [],
  ...change,
});
const own = (prefix: string, protocol: 'static' | 'kernel' | 'device', change: Partial<RouteJson>): RouteJson =>
  route(prefix, 'local', '17:24:00', { protocol, ...change });
const FROM_MESH = { nextHop: '192.0.2.2', localPref: 2_147_482_623, communities: ['64512:100'], largeCommunities: ['64512:1:2'] };
const FROM_NODE = {
  best: false,
  nextHop: '192.0.2.3',
  asPath: '65009 65001',
  med: 50,
  localPref: 100,
  communities: ['1:2', '3:4'],
  extendedCommunities: ['0002fc000000000a'],
};
const twoPaths = (prefix: string): RouteJson[] => [
  route(prefix, 'Node_192_0_2_3', '17:24:13', FROM_NODE),
  route(prefix, 'Mesh_192_0_2_2', '17:24:02', FROM_MESH),
];

/** In the order of BIRD's table. */
const ROUTES: readonly RouteJson[] = [
  own('10.9.0.0/24', 'kernel', { nextHop: '192.0.2.2', interface: 'ea', metric: 0 }),
  own('10.78.0.0/24', 'static', {}),
  own('198.51.100.0/24', 'static', {}),
  own('192.0.2.0/24', 'device', { interface: 'ea' }),
  ...twoPaths('10.50.0.0/24'),
  own('10.244.1.5/32', 'kernel', { interface: 'dummy0', metric: 1024 }),
  ...twoPaths('10.244.2.0/26'),
  own('10.244.1.0/26', 'static', {}),
];

/** A page ends after every third route at the earliest, never inside a prefix. */
const PAGE = 3;

const EXPORTED = new Set(['10.78.0.0/24', '198.51.100.0/24', '10.50.0.0/24', '10.244.2.0/26', '10.244.1.0/26']);

const world = (now: number): World => ({
  now: () => now,
  ways: () => (nextHop) => ({ gateway: nextHop, interface: 'ea' }),
  stalled: () => undefined,
  interfaces: () => [],
  residentOctets: () => 0,
  snapshot: () => ({
    now,
    routerId: '192.0.2.1',
    startedAt: START,
    lastAppliedAt: START,
    configured: true,
    peers: PEERS,
    held: [],
    locals: { ipv4: { static: 3, kernel: 2, device: 1 }, ipv6: { static: 0, kernel: 0, device: 0 } },
  }),
  page: async ({ view, peer: from, prefix, cursor }) => {
    const told = view === 'advertised';
    const all = ROUTES.filter((one) => (view !== 'best' || one.best) && (prefix === null || one.prefix === prefix))
      .filter((one) => (told ? one.best && EXPORTED.has(one.prefix) : from === null || one.from === from))
      .map((one) => (told && one.from !== 'local' ? { ...one, asPath: '64512', nextHop: '192.0.2.1' } : one));
    let end = Math.min(all.length, cursor + PAGE);
    while (end < all.length && all[end]?.prefix === all[end - 1]?.prefix) end += 1;
    return { ok: true, routes: all.slice(cursor, end), next: end < all.length ? end : null };
  },
});

async function ask(line: string, now = at('17:24:16')): Promise<string> {
  let text = '';
  for await (const piece of answerLine(line, 'ipv4', world(now))) text += piece;
  return text;
}

/**
 * What BIRD has and this speaker does not say, made equal: what its kernel protocol is told and prefers, running timers, names of
 * filters, and unreachable statics (ours are blackholes). BIRD's own routes over a session to another IP are under `export` below.
 */
function comparable(text: string): string {
  return text
    .replaceAll(/^(1002-kernel1[\s\S]*?Routes: +\d+ imported, )\d+ exported.*$([\s\S]*? Export updates: ).*$/gm, '$1N exported$2 counters')
    .replaceAll(/^(.*timer: +)[\d-]+\/(\d+)$/gm, '$1-/$2')
    .replaceAll(/^ {5}(?:Neighbor graceful restart active|Restart timer: .*|Connect delay: .*)\n/gm, '')
    .replaceAll(/^( {3}(?:Input|Output) filter: +).*$/gm, '$1filter')
    .replaceAll('unreachable [static1', 'blackhole [static1')
    .replaceAll(/^ \tKernel.metric: 0$|^1012-\tKernel.source: \d+\n/gm, '')
    .replaceAll(/^ (\tKernel.metric)/gm, '1012-$1')
    .replaceAll(/^1012-\tKernel.metric: 0\n|^\n/gm, '')
    .replaceAll(/Socket: .*$/gm, 'Socket: error');
}

/** The second time of a reply is the recording's own clock. */
const clockOf = (reply: string): number => at(/server time is \S+ (\S+)/.exec(reply)?.[1] ?? '17:24:16');

describe('answers like those of BIRD 1.6.8', () => {
  const different = new Set(['show route export Node_192_0_2_3 all']);
  const cases = RECORDED.flatMap(({ commands, replies }) =>
    commands.length > 1 ? [] : [[commands[0] ?? '', replies[0] ?? ''] as const],
  ).filter(([command]) => !different.has(command));
  it.each(cases)('%j', async (command, reply) => {
    expect(comparable(await ask(command, clockOf(reply)))).toBe(comparable(reply));
  });

  it('show route export: the attributes are those that the peer was told', async () => {
    const text = await ask('show route export Node_192_0_2_3 all');
    const prefixes = text.split('\n').flatMap((line) => /^(?:1007-| )(\d\S+)/.exec(line)?.[1] ?? []);
    expect(new Set(prefixes)).toEqual(EXPORTED);
    expect(text).toContain('[AS64512i]');
    expect(text.endsWith('0000 \n')).toBe(true);
  });
});

describe('what BIRD has no record of', () => {
  it.each([
    ['show route noexport Node_192_0_2_3 primary count', /^0014 3 of 8 routes/],
    ['show route preexport Node_192_0_2_3 count', /^0014 8 of 8 routes/],
    ['show route where source = RTS_BGP', /^9001 this speaker has no filter language/],
    ['configure', /^8007 Access denied\n$/],
  ])('%s', async (command, expected) => {
    expect(await ask(command)).toMatch(expected);
  });

  it('a thread that stands still is named instead of an old answer', async () => {
    const still = { ...world(START), stalled: () => 'the speaker thread is stalled: no sign of life for 7.0 s' };
    let text = '';
    for await (const piece of answerLine('show status', 'ipv4', still)) text += piece;
    expect(text).toBe('9001 the speaker thread is stalled: no sign of life for 7.0 s\n');
  });

  it('before the first complete snapshot the line that probes look for is there', async () => {
    const base = world(START);
    const young = { ...base, snapshot: () => ({ ...base.snapshot(), configured: false }) };
    let text = '';
    for await (const piece of answerLine('show status', 'ipv4', young)) text += piece;
    expect(text).toMatch(/^0024-Graceful restart recovery in progress$/m);
    expect(text).toMatch(/^0013 Reconfiguration in progress$/m);
  });
});
