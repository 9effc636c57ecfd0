/** What work is done, proved by counters, and what is left when everything is gone. */
import type { Policy } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import { CLIENT, clients, net, P, since } from './clients.ts';
import { Harness, NONE, prefix, type TestPeer } from './harness.ts';

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
