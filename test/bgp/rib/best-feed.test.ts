/** The feed of best paths for whoever installs routes: what a reader holds after any interleaving is what the RIB chose. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { Rib } from 'bgp-ts/rib';
import { beforeEach, describe, expect, it } from 'vitest';
import { Harness, prefix } from './harness.ts';
import { World } from './world.ts';
import { type Random, randomFrom } from './world-policies.ts';

/** What a reader knows: next hops and LOCAL_PREF by prefix, or `local`. */
class Reader {
  readonly view = new Map<string, string>();
  told = 0;
  private readonly rib: Rib;

  constructor(rib: Rib) {
    this.rib = rib;
  }

  read(limit: number): number {
    const changes = this.rib.bestChanges(limit);
    for (const { prefix: to, best, local } of changes) {
      const key = formatPrefix(to);
      if (best !== undefined) this.view.set(key, `${best.nextHops.map(formatAddress).join(',')} ${best.localPref}`);
      else if (local === true) this.view.set(key, 'local');
      else this.view.delete(key);
    }
    this.told += changes.length;
    return changes.length;
  }
}

describe('equal paths', () => {
  let harness: Harness;
  let reader: Reader;
  beforeEach(() => {
    harness = new Harness();
    reader = new Reader(harness.rib);
  });
  const shown = (): Record<string, string> => {
    harness.settle();
    while (reader.read(100) > 0);
    return Object.fromEntries(reader.view);
  };

  it('of internal peers come together, and leave one by one, although the best path stays', () => {
    const [one, two, three] = [harness.peer(), harness.peer(), harness.peer()];
    for (const peer of [one, two, three]) harness.announce(peer, ['10.1.0.0/26']);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1,10.1.0.3,10.1.0.2 100' });
    harness.withdraw(two, ['10.1.0.0/26']);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1,10.1.0.3 100' });
    harness.withdraw(three, ['10.1.0.0/26']);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1 100' });
  });

  it.each([
    ['LOCAL_PREF', { localPref: 99 }],
    ['MED', { med: 5 }],
    ['ORIGIN', { origin: 'incomplete' }],
    ['AS_PATH', { asPath: [{ type: 'sequence', asns: [65001] }] }],
  ] as const)('are not those that differ in %s', (_what, worse) => {
    harness.announce(harness.peer(), ['10.1.0.0/26']);
    harness.announce(harness.peer(), ['10.1.0.0/26'], worse);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1 100' });
  });

  it('with one next hop, as two reflectors tell it, are one', () => {
    const nextHop = { family: 'ipv4', words: [0x0a636363, 0, 0, 0] } as const;
    for (const peer of [harness.peer(), harness.peer()]) harness.announce(peer, ['10.1.0.0/26'], { nextHop });
    expect(shown()).toEqual({ '10.1.0.0/26': '10.99.99.99 100' });
  });

  it('are none beside a route of this speaker', () => {
    harness.announce(harness.peer(), ['10.1.0.0/26', '10.2.0.0/26']);
    harness.local('10.1.0.0/26');
    expect(shown()).toEqual({ '10.1.0.0/26': 'local', '10.2.0.0/26': '10.1.0.1 100' });
    harness.rib.setLocalRoutes([], [prefix('10.1.0.0/26')]);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1 100', '10.2.0.0/26': '10.1.0.1 100' });
  });

  it.each([
    ['an ordinary peer', 100, 'local'],
    ['a peer of the same metric', 2_147_482_623, 'local'],
    ['a peer of a lower metric, which the import raised', 2_147_483_135, '10.1.0.1 2147483135'],
  ])('choose between a route of the kernel and that of %s as the kernel does', (_what, localPref, chosen) => {
    const raised = { kind: 'localPref', op: 'gt', value: 2_147_482_623 } as const;
    const importPolicy: Policy = {
      name: 'calico',
      terms: [{ name: 'raised', when: [raised], then: [{ kind: 'setPreference', value: 200 }], reasons: [] }],
      otherwise: 'accept',
    };
    harness.announce(harness.peer({ importPolicy }), ['10.1.0.5/32'], { localPref });
    harness.local('10.1.0.5/32', { protocol: 'kernel', metric: 1024, rank: { preference: 100, localPref: 2_147_482_623 } });
    expect(shown()).toEqual({ '10.1.0.5/32': chosen });
    // Without a rank it is BIRD's order: whatever a peer says wins over the kernel.
    harness.local('10.1.0.5/32', { protocol: 'kernel', metric: 1024 });
    expect(shown()).toEqual({ '10.1.0.5/32': `10.1.0.1 ${localPref}` });
  });

  it('are told late to a slow reader, once and as they are then', () => {
    const peer = harness.peer();
    expect(reader.read(10)).toBe(0);
    for (let round = 0; round < 5; round++) {
      harness.announce(peer, ['10.1.0.0/26'], { localPref: 100 + round });
      harness.settle();
    }
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1 104' });
    expect(reader.told).toBe(1);
  });

  it('keep the id of a prefix that is gone until its end is told', () => {
    const peer = harness.peer();
    harness.announce(peer, ['10.1.0.0/26']);
    expect(shown()).toEqual({ '10.1.0.0/26': '10.1.0.1 100' });
    harness.withdraw(peer, ['10.1.0.0/26']);
    harness.settle();
    harness.announce(peer, ['10.9.0.0/26', '10.8.0.0/26']);
    expect(shown()).toEqual({ '10.8.0.0/26': '10.1.0.1 100', '10.9.0.0/26': '10.1.0.1 100' });
    harness.settle();
    expect(harness.rib.stats().prefixes['ipv4-unicast']).toBe(2);
  });
});

function happen(world: World, random: Random): void {
  const peer = world.model.peers[random(world.model.peers.length)];
  if (peer === undefined) return;
  const event = random(10);
  if (event < 4) world.announce(peer);
  else if (event < 5) world.withdraw(peer);
  else if (event < 6) world.up(peer);
  else if (event < 7) world.reconfigure(peer);
  else if (event < 8) world.local();
  else if (event < 9) world.work();
  else world.down(peer);
}

describe('a reader', () => {
  it('holds what was chosen, in 300 random worlds', { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      const world = new World(random, { peers: 2 + random(4), maxLogOctets: 1 << 20 });
      const reader = new Reader(world.rib);
      for (const peer of world.model.peers) world.up(peer);
      for (let n = 10 + random(40); n > 0; n--) {
        happen(world, random);
        if (random(4) === 0) reader.read(1 + random(5));
      }
      world.settle();
      while (reader.read(3) > 0);
      const expected = new Map<string, string>();
      for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
        for (const route of world.rib.routes({ view: 'best', family }, 0, 10_000).routes) {
          const text = route.from === 'local' ? 'local' : `${formatAddress(route.attributes.nextHop)} ${route.attributes.localPref ?? 100}`;
          expected.set(formatPrefix(route.prefix), text);
        }
      }
      const first = new Map([...reader.view].map(([key, text]) => [key, text.replace(/,\S+/, '')]));
      expect(Object.fromEntries(first), `seed ${seed}`).toEqual(Object.fromEntries(expected));
    }
  });
});
