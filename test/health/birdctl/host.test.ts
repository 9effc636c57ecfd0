/** Commands beside sessions and routes, compared with what Debian's BIRD 1.6.8 answered on a machine like the one described here. */
import { describe, expect, it } from 'vitest';
import { answerLine, type World } from '../../../src/health/birdctl/conversation.ts';
import { readInterfaces } from '../../../src/health/server/interfaces.ts';
import type { RouteJson } from '../../../src/health/status.ts';
import { peer } from '../fixtures.ts';

const route = (prefix: string, change: Partial<RouteJson>): RouteJson => ({
  prefix,
  from: 'local',
  best: true,
  accepted: true,
  stale: false,
  nextHop: null,
  origin: 'igp',
  asPath: '',
  at: new Date(2026, 10, 22, 18, 51, 4).getTime(),
  reasons: [],
  protocol: 'static',
  ...change,
});

const ROUTES: readonly RouteJson[] = [
  route('10.244.1.0/26', { reasons: [{ object: 'BlockAffinity/node-1', rule: 'block' }] }),
  route('198.51.100.0/24', { reasons: [{ object: 'BGPConfiguration/default', rule: 'serviceLoadBalancerIPs' }] }),
  route('10.7.0.0/24', { from: 'Mesh_192_0_2_2', nextHop: '192.0.2.2', localPref: 100 }),
  route('10.9.0.0/24', { protocol: 'kernel', nextHop: '192.0.2.2', interface: 'ea' }),
  route('192.0.2.0/24', { protocol: 'device', interface: 'ea' }),
];

const world: World = {
  now: () => new Date(2026, 10, 22, 18, 51, 8).getTime(),
  ways: () => (nextHop) => ({ gateway: nextHop, interface: 'ea' }),
  stalled: () => undefined,
  interfaces: () => [
    { name: 'lo', index: 1, mtu: 65_536, flags: 0x9, carrier: true, addresses: ['127.0.0.1/8', '::1/128'] },
    { name: 'eb', index: 2, mtu: 1500, flags: 0x1003, carrier: true, addresses: [] },
    { name: 'ea', index: 3, mtu: 1500, flags: 0x1003, carrier: true, addresses: ['192.0.2.1/24', 'fe80::1/64'] },
  ],
  residentOctets: () => 86 * 1024,
  snapshot: () => ({
    now: 0,
    routerId: '192.0.2.1',
    startedAt: 0,
    lastAppliedAt: 0,
    configured: true,
    peers: [peer('Mesh_192_0_2_2')],
    held: [],
    locals: undefined,
  }),
  page: async ({ view }) => ({ ok: true, routes: ROUTES.filter(({ best }) => view === 'all' || best), next: null }),
};

async function ask(line: string, family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<string> {
  let text = '';
  for await (const piece of answerLine(line, family, world)) text += piece;
  return text;
}

/** As BIRD 1.6.8 answered, octet by octet. */
const RECORDED: readonly (readonly [command: string, lines: readonly string[]])[] = [
  [
    'show interfaces',
    [
      '1001-lo up (index=1)',
      '1004-\tMultiAccess AdminUp LinkUp Loopback Ignored MTU=65536',
      '1003-\t127.0.0.1/8 (Primary, scope host)',
      '1001-eb DOWN (index=2)',
      '1004-\tMultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500',
      '1001-ea up (index=3)',
      '1004-\tMultiAccess Broadcast Multicast AdminUp LinkUp MTU=1500',
      '1003-\t192.0.2.1/24 (Primary, scope univ)',
      '0000 ',
    ],
  ],
  [
    'show interfaces summary',
    ['2005-interface state address', '1005-lo        up    127.0.0.1/8', ' eb        DOWN  ', ' ea        up    192.0.2.1/24', '0000 '],
  ],
  ['show symbols table', ['1010-master  \trouting table', '0000 ']],
  [
    'show symbols protocol',
    ['1010-static1 \tprotocol', ' kernel1 \tprotocol', ' device1 \tprotocol', ' direct1 \tprotocol', ' Mesh_192_0_2_2\tprotocol', '0000 '],
  ],
  ['show symbols Mesh_192_0_2_2', ['1010 Mesh_192_0_2_2\tprotocol']],
  ['show symbols nosuch', ['1010 nosuch  \tundefined']],
  ['show static nosuch', ['9001 nosuch: Not a protocol']],
  ['show route export static1', ['0000 ']],
  ['show route noexport device1', ['0000 ']],
  ['show ospf', ['9001 There is no OSPF protocol running']],
  ['show bfd sessions', ['9001 There is no BFD protocol running']],
  ['show roa', ['9001 No ROA table defined']],
  ['show interfaces foo', ['9001 syntax error']],
  ['show memory foo', ['9001 syntax error']],
  ['show rip', ['9001 syntax error']],
];

describe('answers like those of BIRD 1.6.8', () => {
  it.each(RECORDED)('%s', async (command, lines) => expect(await ask(command)).toBe(`${lines.join('\n')}\n`));

  it('show static: blackholes, as all of them are here', async () => {
    expect(await ask('show static')).toBe('1009-10.244.1.0/26 blackhole\n 198.51.100.0/24 blackhole\n0000 \n');
    expect(await ask('show static static1')).toBe(await ask('show static'));
  });

  it('show route export kernel1: what is in the kernel, no range of Services, nothing that is from there', async () => {
    const prefixes = async (command: string): Promise<string[]> =>
      (await ask(command)).split('\n').flatMap((line) => /^(?:1007-| )(\d\S+)/.exec(line)?.[1] ?? []);
    expect(await prefixes('show route export kernel1')).toEqual(['10.244.1.0/26', '10.7.0.0/24']);
    expect(await prefixes('show route noexport kernel1')).toEqual(['198.51.100.0/24']);
    expect(await prefixes('show route preexport kernel1')).toEqual(['10.244.1.0/26', '198.51.100.0/24', '10.7.0.0/24']);
    expect(await ask('show route export kernel1 count')).toBe('0014 2 of 5 routes for 5 networks\n');
  });

  it("show memory: the whole, in BIRD's columns", async () => {
    expect(await ask('show memory')).toBe('1018-BIRD memory usage\n Total:              86 kB\n0000 \n');
  });

  it('show interfaces speaks of its own IP version', async () => {
    expect(await ask('show interfaces summary', 'ipv6')).toContain(' ea        up    fe80::1/64\n');
    expect(await ask('show interfaces', 'ipv6')).toContain('1003-\tfe80::1/64 (Primary, scope link)\n');
  });
});

describe('the interfaces of this machine', () => {
  it('have the loopback among them', () => {
    const lo = readInterfaces().find(({ name }) => name === 'lo');
    expect(lo).toMatchObject({ index: 1, addresses: expect.arrayContaining(['127.0.0.1/8']) });
    expect(lo?.mtu).toBeGreaterThan(1000);
  });
});
