/** What work is done, proved by counters; what is left when everything is gone; slow peers, refresh, limits, stale routes. */

import { formatPrefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import type { LocalRoute } from '../../../src/bgp/speaker-types.ts';
import { ALL, counter, Harness, NONE, prefix, type TestPeer } from './harness.ts';

const P = '203.0.113.0/24';
const CLIENT = { reflectorClient: true } as const;

function clients(harness: Harness, count: number): TestPeer[] {
  const peers = Array.from({ length: count }, () => harness.peer(CLIENT));
  harness.settle();
  return peers;
}

/** Counters that grew since. */
function since(harness: Harness, before: Readonly<Record<string, number>>): Record<string, number> {
  const grown: Record<string, number> = {};
  for (const [name, value] of Object.entries(harness.counters)) if (value !== before[name]) grown[name] = value - (before[name] ?? 0);
  return grown;
}

/** `10.x.y.0/24`, different for each number. */
const net = (number: number): string => `10.${(number >> 8) & 255}.${number & 255}.0/24`;

describe('growth', () => {
  it.each([2, 50, 500])('one change to %i clients is decided, exported and encoded once', (count) => {
    const harness = new Harness();
    const [source, ...others] = clients(harness, count);
    if (source === undefined) throw new Error('no client');
    const before = harness.counters;
    harness.announce(source, [P]);
    harness.settle();
    expect(since(harness, before)).toEqual({
      decisions: 1,
      bestChanges: 1,
      encodes: 1,
      encodedRoutes: 1,
      exportEvaluations: 1,
      importEvaluations: 1,
      policyEvaluations: 1,
      logEntries: 1,
    });
    expect(others.every((peer) => peer.view.has(P))).toBe(true);
  });

  it('a join wave shares one image', () => {
    const harness = new Harness();
    const [source] = clients(harness, 1);
    if (source === undefined) throw new Error('no client');
    // Changed sources make the image of the first session useless to later ones.
    harness.announce(source, [P]);
    harness.settle();
    harness.local(P);
    harness.settle();
    const before = harness.counters;
    const joiners = Array.from({ length: 200 }, () => harness.peer(CLIENT));
    harness.settle();
    expect(since(harness, before)).toEqual({ images: 1, encodedRoutes: 1 });
    expect(joiners.every((peer) => peer.view.has(P) && peer.heard.at(-1) === 'end-of-rib')).toBe(true);
  });

  it('a join wave that finds a recent image and a short log needs no new one', () => {
    const harness = new Harness();
    const [source] = clients(harness, 1);
    if (source === undefined) throw new Error('no client');
    harness.announce(source, [P]);
    harness.settle();
    const before = harness.counters;
    const joiners = Array.from({ length: 20 }, () => harness.peer(CLIENT));
    harness.settle();
    expect(since(harness, before)).toEqual({});
    expect(joiners.every((peer) => peer.view.has(P))).toBe(true);
  });

  it('packs routes with equal attributes into as few messages as fit', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    target.messages = 0;
    for (let i = 0; i < 3000; i++) harness.announce(source, [net(i)], { med: i % 3 });
    harness.settle();
    // 1000 prefixes of 4 octets per set, some 4,010 octets left per message: one message each.
    expect([target.view.size, target.messages]).toEqual([3000, 3]);
  });

  it.each([
    [4096, '10.0.0.0/24', 6],
    [65535, '10.0.0.0/24', 1],
    [4096, '2001:db8::/64', 12],
    [65535, '2001:db8::/64', 1],
  ])('never exceeds %i octets (%s)', (maxMessage, first, messages) => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer({ ...CLIENT, maxMessage });
    harness.settle();
    target.messages = 0;
    const all = Array.from({ length: 5000 }, (_, i) => (first.includes(':') ? `2001:db8:0:${i.toString(16)}::/64` : net(i)));
    harness.announce(source, all);
    harness.settle();
    expect(target.view.size).toBe(5000);
    // One flush of 4,096 prefixes and one of the rest each begin their own messages.
    expect(target.messages).toBeLessThanOrEqual(messages + 1);
    expect(target.messages).toBeGreaterThanOrEqual(messages);
  });
});

describe('reconfiguring with sessions up', () => {
  const relabelled: Policy = {
    name: 'again',
    terms: [{ name: 'new label', when: [], then: [{ kind: 'accept' }], reasons: [{ object: 'o', rule: 'r' }] }],
    otherwise: 'reject',
  };

  function loaded(): { readonly harness: Harness; readonly source: TestPeer; readonly targets: readonly TestPeer[] } {
    const harness = new Harness();
    const [source, ...targets] = clients(harness, 4);
    if (source === undefined) throw new Error('no client');
    harness.announce(source, [P, '10.0.0.0/26']);
    harness.settle();
    for (const peer of harness.peers) peer.heard.length = 0;
    return { harness, source, targets };
  }

  it('the same configuration again does nothing at all', () => {
    const { harness, source } = loaded();
    const before = harness.counters;
    for (const peer of harness.peers) harness.reconfigure(peer, {});
    harness.rib.setRouterId(0x0a630001);
    harness.settle();
    expect(since(harness, before)).toEqual({});
    expect(source.heard).toEqual([]);
  });

  it('a policy that differs only in its labels sends no UPDATE, for one peer or for all', () => {
    for (const all of [true, false]) {
      const { harness, targets } = loaded();
      for (const peer of all ? harness.peers : targets.slice(0, 1))
        harness.reconfigure(peer, { exportPolicy: relabelled, importPolicy: relabelled });
      harness.settle();
      expect(harness.peers.flatMap((peer) => peer.heard)).toEqual([]);
      expect(targets.every((peer) => peer.view.size === 2)).toBe(true);
    }
  });

  it('a policy for all members is encoded once, in place', () => {
    const { harness, targets } = loaded();
    const before = harness.counters;
    const only: Policy = {
      name: 'only',
      terms: [
        {
          name: 't',
          when: [{ kind: 'prefix', any: [{ prefix: prefix(P), match: { kind: 'exact' } }] }],
          then: [{ kind: 'accept' }],
          reasons: [],
        },
      ],
      otherwise: 'reject',
    };
    for (const peer of harness.peers) harness.reconfigure(peer, { exportPolicy: only });
    harness.settle();
    expect(since(harness, before)).toMatchObject({ encodes: 1, encodedRoutes: 1 });
    expect(since(harness, before)['moves']).toBeUndefined();
    expect(targets.map((peer) => peer.heard)).toEqual(targets.map(() => ['withdraw 10.0.0.0/26']));
  });

  it('turning a mesh peer into a client sends it, and others, only what changes', () => {
    const harness = new Harness();
    const a = harness.peer();
    const b = harness.peer();
    const client = harness.peer(CLIENT);
    harness.announce(a, [P]);
    harness.announce(b, ['10.0.0.0/26']);
    harness.announce(client, ['10.9.0.0/26']);
    harness.settle();
    expect([...b.view.keys()]).toEqual(['10.9.0.0/26']);
    for (const peer of harness.peers) peer.heard.length = 0;
    harness.reconfigure(b, { reflectorClient: true });
    harness.settle();
    expect([a.heard, b.heard, client.heard]).toEqual([['announce 10.0.0.0/26'], [`announce ${P}`], []]);
    harness.reconfigure(b, { reflectorClient: false });
    harness.settle();
    expect([a.heard.at(-1), b.heard.at(-1)]).toEqual(['withdraw 10.0.0.0/26', `withdraw ${P}`]);
  });

  it('a next hop mode sends the routes whose next hop changes', () => {
    const { harness, targets } = loaded();
    const [first, second] = targets;
    if (first === undefined || second === undefined) throw new Error('no targets');
    harness.reconfigure(first, { nextHop: 'self' });
    harness.settle();
    expect([...first.heard].sort()).toEqual(['announce 10.0.0.0/26', `announce ${P}`]);
    expect(second.heard).toEqual([]);
  });

  it('local routes: the same set again does nothing, a removed one is withdrawn', () => {
    const harness = new Harness();
    const [peer] = clients(harness, 1);
    const route = { prefix: prefix(P), protocol: 'static', reasons: [] } as const;
    const other = { prefix: prefix('10.0.0.0/26'), protocol: 'static', reasons: [] } as const;
    harness.rib.replaceLocalRoutes([route, other]);
    harness.settle();
    harness.rib.replaceLocalRoutes([route, other]);
    expect(harness.rib.hasWork()).toBe(false);
    harness.rib.replaceLocalRoutes([other]);
    harness.settle();
    expect([...(peer?.view.keys() ?? [])]).toEqual(['10.0.0.0/26']);
  });
});

describe('when everything is gone', () => {
  const empty = { 'ipv4-unicast': 0, 'ipv6-unicast': 0 };

  it('no prefix, path or attribute set is left', () => {
    const harness = new Harness();
    const raising: Policy = {
      name: 'raise',
      terms: [{ name: 't', when: [], then: [{ kind: 'setLocalPref', value: 7 }, { kind: 'accept' }], reasons: [] }],
      otherwise: 'accept',
    };
    const peers = [
      harness.peer({ ...CLIENT, importPolicy: raising }),
      harness.peer(CLIENT),
      harness.peer({ remoteAs: 65001, importPolicy: NONE }),
    ];
    for (let i = 0; i < 300; i++) {
      for (const peer of peers)
        harness.announce(peer, [net(i), `2001:db8:${i.toString(16)}::/48`.replace('2001:db8:0::', '2001:db8:ffff::')].slice(0, 1), {
          med: i % 7,
        });
      harness.announce(peers[i % 3] ?? harness.peer(), [`2001:db8:${(i + 1).toString(16)}::/48`], { med: i % 5 });
    }
    harness.local(P);
    harness.settle();
    expect(harness.rib.stats().attributeSets).toBeGreaterThan(10);
    harness.rib.sessionDown(peers[0]?.index ?? -1, 'flush');
    harness.rib.removePeer(peers[2]?.index ?? -1);
    for (let i = 0; i < 300; i++) harness.withdraw(peers[1] ?? harness.peer(), [net(i)]);
    for (let i = 0; i < 300; i++) harness.withdraw(peers[1] ?? harness.peer(), [`2001:db8:${(i + 1).toString(16)}::/48`]);
    harness.rib.replaceLocalRoutes([]);
    harness.settle();
    const stats = harness.rib.stats();
    expect([stats.prefixes, stats.paths, stats.attributeSets]).toEqual([empty, empty, 0]);
    expect(stats.groups.map((group) => group.logOctets)).toEqual([0, 0]);
    expect(peers[1]?.view.size).toBe(0);
  });

  it('groups go with their last member', () => {
    const harness = new Harness();
    const peers = clients(harness, 3);
    expect(harness.rib.stats().groups.map((group) => group.members)).toEqual([3, 3]);
    for (const peer of peers) harness.rib.sessionDown(peer.index, 'flush');
    harness.settle();
    expect(harness.rib.stats().groups).toEqual([]);
  });

  it('a removed peer gives its index back once nothing names it', () => {
    const harness = new Harness();
    const [first, second] = clients(harness, 2);
    if (first === undefined || second === undefined) throw new Error('no clients');
    harness.announce(first, [P]);
    harness.settle();
    harness.rib.removePeer(first.index);
    harness.settle();
    expect(second.view.size).toBe(0);
    expect(harness.peer(CLIENT).index).toBe(first.index);
  });
});

describe('a peer that does not read', () => {
  it('walks the table once it falls behind the log, and ends with the current state', () => {
    const harness = new Harness({ maxLogOctets: 20_000 });
    const [source, slow, fast] = clients(harness, 3);
    if (source === undefined || slow === undefined || fast === undefined) throw new Error('no clients');
    harness.announce(source, ['10.255.0.0/24', '10.255.1.0/24']);
    harness.settle();
    slow.heard.length = 0;
    harness.withdraw(source, ['10.255.0.0/24']);
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 50; i++) harness.announce(source, [net(i)], { med: round });
      harness.announce(source, [net(1000 + round)]);
      harness.settle([slow]);
      harness.withdraw(source, [net(1000 + round)]);
      harness.settle([slow]);
    }
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: true, advertised: 51 });
    for (const group of harness.rib.stats().groups) expect(group.logOctets).toBeLessThan(40_000);
    harness.settle();
    expect(slow.view).toEqual(fast.view);
    // Intermediate states collapse, and what came and went meanwhile is not mentioned.
    expect(slow.heard.filter((what) => what.startsWith('announce')).length).toBe(50);
    expect(slow.heard.filter((what) => what.startsWith('withdraw'))).toEqual(['withdraw 10.255.0.0/24']);
    expect(counter(harness, 'walks')).toBeGreaterThan(0);
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false, lag: 0 });
  });

  it('is flagged slow after 30 s behind more than half of the log', () => {
    const harness = new Harness({ maxLogOctets: 100_000 });
    const [source, slow] = clients(harness, 2);
    if (source === undefined || slow === undefined) throw new Error('no clients');
    for (let i = 0; i < 180; i++) {
      harness.announce(source, [net(i)], { med: i });
      harness.settle([slow]);
    }
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false });
    harness.wallClock += 31_000;
    harness.announce(source, [net(500)]);
    harness.settle([slow]);
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: true });
    harness.settle();
    expect(harness.rib.familyStatus(slow.index, 'ipv4-unicast')).toMatchObject({ slow: false, lag: 0 });
  });
});

describe('refresh, limits, stale routes', () => {
  it.each([
    [true, ['refresh 1', `announce ${P}`, 'refresh 2']],
    [false, [`announce ${P}`]],
  ])('sends the whole view again, enhanced %s (RFC 7313)', (enhanced, expected) => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P]);
    harness.settle();
    target.heard.length = 0;
    harness.rib.refresh(target.index, 'ipv4-unicast', enhanced);
    harness.settle();
    expect(target.heard).toEqual(expected);
    expect(source.heard.filter((what) => what !== 'end-of-rib')).toEqual([]);
  });

  it('reports the limit once and ignores more announcements until the session ends', () => {
    const harness = new Harness();
    const target = harness.peer(CLIENT);
    const source = harness.peer({ ...CLIENT, maxPrefix: 2 });
    harness.announce(source, [net(1), net(2)]);
    harness.announce(source, [net(3), net(4)]);
    harness.announce(source, [net(5)]);
    harness.settle();
    expect(harness.events).toEqual(['max-prefix 1 ipv4-unicast 2']);
    expect(harness.rib.familyStatus(source.index, 'ipv4-unicast').received).toBe(3);
    harness.rib.sessionDown(source.index, 'flush');
    harness.settle();
    expect(target.view.size).toBe(0);
  });

  it('keeps stale routes until they are announced again or swept (RFC 4724)', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [net(1), net(2)]);
    harness.settle();
    target.heard.length = 0;
    harness.rib.sessionDown(source.index, 'stale');
    harness.settle();
    expect(harness.rib.explain(prefix(net(1))).candidates[0]).toMatchObject({ stale: true, best: true });
    harness.up(source);
    harness.announce(source, [net(1)]);
    harness.settle();
    expect(target.heard).toEqual([]);
    harness.rib.sweepStale(source.index, 'ipv4-unicast');
    harness.settle();
    expect(target.heard).toEqual([`withdraw ${net(2)}`]);
    expect(harness.rib.explain(prefix(net(1))).candidates[0]).toMatchObject({ stale: false });
  });

  it('deletes stale routes when the session fails again, keeps the newer ones', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [net(1), net(2)]);
    harness.rib.sessionDown(source.index, 'stale');
    harness.up(source);
    harness.announce(source, [net(1)]);
    harness.rib.sessionDown(source.index, 'stale');
    harness.settle();
    expect([...target.view.keys()]).toEqual([net(1)]);
  });

  it('a malformed set withdraws its routes and is reported (RFC 7606)', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P]);
    harness.settle();
    // ORIGIN of value 9.
    const bad = [0x40, 1, 1, 9, 0x40, 2, 0, 0x40, 3, 4, 10, 0, 0, 9, 0x40, 5, 4, 0, 0, 0, 100];
    const body = [0, 0, 0, bad.length, ...bad, 24, 203, 0, 113];
    harness.send(source, [Uint8Array.from([...new Uint8Array(16).fill(255), 0, body.length + 19, 2, ...body])]);
    harness.settle();
    expect(target.view.size).toBe(0);
    expect(harness.events).toEqual(['fault 0 treat-as-withdraw']);
  });
});

describe('dumps', () => {
  it('list every view with a cursor', () => {
    const harness = new Harness();
    const source = harness.peer({
      ...CLIENT,
      importPolicy: { ...ALL, name: 'i', terms: [{ name: 't', when: [], then: [{ kind: 'setLocalPref', value: 9 }], reasons: [] }] },
    });
    const target = harness.peer(CLIENT);
    harness.announce(
      source,
      Array.from({ length: 25 }, (_, i) => net(i)),
    );
    harness.local(P);
    harness.settle();
    const dump = (query: Omit<Parameters<typeof harness.rib.routes>[0], 'family'>): readonly string[] => {
      const found: string[] = [];
      let cursor: number | undefined = 0;
      while (cursor !== undefined) {
        const page: ReturnType<typeof harness.rib.routes> = harness.rib.routes({ ...query, family: 'ipv4-unicast' }, cursor, 10);
        expect(page.routes.length).toBeLessThanOrEqual(10);
        found.push(...page.routes.map((route) => `${route.from} ${route.attributes.localPref ?? '-'}`));
        cursor = page.next;
      }
      return found;
    };
    expect(dump({ view: 'best' }).length).toBe(26);
    expect(dump({ view: 'all' }).filter((text) => text === 'p0 9').length).toBe(25);
    expect(dump({ view: 'received', peer: source.index }).filter((text) => text === 'p0 100').length).toBe(25);
    expect(dump({ view: 'advertised', peer: target.index }).length).toBe(26);
    expect(dump({ view: 'advertised', peer: source.index })).toEqual(['local 100']);
    expect(dump({ view: 'best', prefix: prefix(P) })).toEqual(['local -']);
  });

  it('the UPDATE of explain decodes to the peer’s route', () => {
    const harness = new Harness();
    const [source, target] = clients(harness, 2);
    if (source === undefined || target === undefined) throw new Error('no clients');
    harness.announce(source, [P], { med: 3 });
    harness.settle();
    const held = target.view.get(P);
    target.view.clear();
    const sent = harness.rib.explain(prefix(P)).peers[1]?.lastSent;
    const replay = new Harness();
    const reader = replay.peer(CLIENT);
    replay.send(reader, [Uint8Array.from(Buffer.from(sent?.updateHex ?? '', 'hex'))]);
    replay.work();
    const read = replay.rib.routes({ view: 'received', family: 'ipv4-unicast', peer: reader.index }, 0, 10).routes[0];
    expect(read?.attributes).toEqual(held);
    expect(sent?.at).toBe(harness.wallClock);
  });
});

describe('a complete set of local routes', () => {
  const COUNT = 5_000;
  const route = (number: number): LocalRoute => ({
    prefix: prefix(`10.${number >> 8}.${number & 255}.0/24`),
    protocol: 'static',
    reasons: [],
  });
  const routes = Array.from({ length: COUNT }, (_, number) => route(number));
  const held = (harness: Harness): number => harness.rib.stats().prefixes['ipv4-unicast'];

  it('is taken in chunks, by the work that follows', () => {
    const harness = new Harness();
    const reader = harness.peer();
    harness.rib.replaceLocalRoutes(routes);
    expect(held(harness)).toBe(0);
    expect(harness.rib.hasWork()).toBe(true);
    let slices = 0;
    // A budget that every unit of work exceeds.
    for (let now = 0; harness.rib.run(() => now++, 0); ) slices++;
    expect(slices).toBeGreaterThan(5);
    harness.settle();
    expect(reader.view.size).toBe(COUNT);
  });

  it.each([0, 1, 3, 7])('keeps the order of changes after it, %i units of work between them', (units) => {
    const harness = new Harness();
    const reader = harness.peer();
    const some = (): void => {
      for (let unit = 0; unit < units; unit++) harness.rib.run(() => unit * 1000, 0);
    };
    harness.rib.replaceLocalRoutes(routes);
    some();
    harness.rib.setLocalRoutes([{ ...route(0), communities: [7] }, route(COUNT)], [route(1).prefix]);
    some();
    harness.settle();
    expect(reader.view.size).toBe(COUNT);
    expect(reader.view.get('10.0.0.0/24')?.communities).toEqual([7]);
    expect(reader.view.has('10.0.1.0/24')).toBe(false);
    // Another set while the one before is not done: only the last counts.
    harness.rib.replaceLocalRoutes(routes);
    some();
    harness.rib.replaceLocalRoutes([]);
    some();
    harness.rib.replaceLocalRoutes(routes.slice(10, 20));
    harness.settle();
    expect([...reader.view.keys()].sort()).toEqual(
      routes
        .slice(10, 20)
        .map((one) => formatPrefix(one.prefix))
        .sort(),
    );
  });

  it('that is replaced many times before any work is done holds the last one only', () => {
    const harness = new Harness();
    for (let time = 0; time < 40; time++) harness.rib.replaceLocalRoutes(routes.slice(time, time + 1_500));
    harness.settle();
    expect(held(harness)).toBe(1_500);
  });

  it('with equal routes is no change', () => {
    const harness = new Harness();
    const reader = harness.peer();
    harness.rib.replaceLocalRoutes(routes);
    harness.settle();
    reader.heard.length = 0;
    const before = counter(harness, 'decisions');
    harness.rib.replaceLocalRoutes(routes.map((one) => ({ ...one })));
    harness.settle();
    expect(reader.heard).toEqual([]);
    expect(counter(harness, 'decisions')).toBe(before);
  });
});
