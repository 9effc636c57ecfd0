/** Who is told what: the matrix of RFC 4456 section 6, and what changes in the attributes on the way. */

import type { Policy } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import { LOOP_RULES } from '../../../src/bgp/rib/import.ts';
import { address, counter, Harness, LOCAL_AS, NONE, type PeerOptions, prefix, ROUTER_ID } from './harness.ts';

const P = '203.0.113.0/24';
const EXTERNAL: PeerOptions = { remoteAs: 65001 };
const CLIENT: PeerOptions = { reflectorClient: true };
const PLAIN: PeerOptions = {};

describe('reflection matrix (RFC 4456 section 6)', () => {
  it.each([
    ['client', 'client', CLIENT, CLIENT, true],
    ['client', 'non-client', CLIENT, PLAIN, true],
    ['client', 'external', CLIENT, EXTERNAL, true],
    ['non-client', 'client', PLAIN, CLIENT, true],
    ['non-client', 'non-client', PLAIN, PLAIN, false],
    ['non-client', 'external', PLAIN, EXTERNAL, true],
    ['external', 'client', EXTERNAL, CLIENT, true],
    ['external', 'non-client', EXTERNAL, PLAIN, true],
    ['external', 'external', EXTERNAL, EXTERNAL, true],
  ])('%s to %s', (_from, _to, from, to, told) => {
    const harness = new Harness();
    const source = harness.peer(from);
    const target = harness.peer(to);
    harness.announce(source, [P]);
    harness.settle();
    expect(target.view.has(P)).toBe(told);
    expect(source.view.size).toBe(0);
    const why = harness.rib.explain(prefix(P)).peers;
    expect(why[0]?.blockedBy?.rule).toBe('learned from this peer');
    expect(why[1]?.blockedBy?.rule).toBe(told ? undefined : 'not reflected between non-clients');
  });

  const MESHED: PeerOptions = { ...CLIENT, clientToClientReflection: false };
  it.each([
    ['clients of one cluster that are meshed', MESHED, MESHED, false],
    ['a meshed client, another that is not', MESHED, CLIENT, true],
    ['a client, a meshed one', CLIENT, MESHED, true],
    ['clients of different clusters', { ...MESHED, clusterId: 7 }, MESHED, true],
    ['a meshed client, a non-client', MESHED, PLAIN, true],
    ['a non-client, a meshed client', PLAIN, MESHED, true],
    ['an external peer, a meshed client', EXTERNAL, MESHED, true],
    ['a meshed client, an external peer', MESHED, EXTERNAL, true],
  ])('without reflection between clients: %s', (_name, from, to, told) => {
    const harness = new Harness();
    const source = harness.peer(from);
    const target = harness.peer(to);
    harness.announce(source, [P]);
    harness.settle();
    expect(target.view.has(P)).toBe(told);
    const rule = harness.rib.explain(prefix(P)).peers[1]?.blockedBy?.rule;
    expect(rule).toBe(told ? undefined : 'not reflected between meshed clients');
  });

  it('reflection between clients is turned off and on again while sessions are up, encoded once for all', () => {
    const harness = new Harness();
    const clients = Array.from({ length: 20 }, () => harness.peer(CLIENT));
    const [source, ...others] = clients;
    if (source === undefined) throw new Error('no client');
    const outside = harness.peer(EXTERNAL);
    harness.announce(source, [P]);
    harness.settle();
    const before = counter(harness, 'encodes');
    for (const client of clients) harness.reconfigure(client, { clientToClientReflection: false });
    harness.settle();
    expect([...others, outside].map((each) => each.view.size)).toEqual([...others.map(() => 0), 1]);
    for (const client of clients) harness.reconfigure(client, { clientToClientReflection: true });
    harness.settle();
    expect(others.map((each) => each.view.size)).toEqual(others.map(() => 1));
    expect(counter(harness, 'encodes') - before).toBeLessThanOrEqual(4);
    expect(counter(harness, 'moves')).toBe(0);
  });

  it('sets ORIGINATOR_ID and CLUSTER_LIST and leaves next hop, LOCAL_PREF, MED alone (section 8)', () => {
    const harness = new Harness();
    const source = harness.peer({ ...CLIENT, remoteId: 77 });
    const target = harness.peer(CLIENT);
    harness.announce(source, [P], { nextHop: address('10.5.5.5'), localPref: 321, med: 7 });
    harness.settle();
    expect(target.view.get(P)).toMatchObject({
      nextHop: address('10.5.5.5'),
      localPref: 321,
      med: 7,
      originatorId: 77,
      clusterList: [ROUTER_ID],
    });
  });

  it('keeps an ORIGINATOR_ID and puts its CLUSTER_ID first, also in a long list', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer({ ...CLIENT, clusterId: 0x01010101 });
    const clusterList = Array.from({ length: 70 }, (_, i) => i + 1);
    harness.announce(source, [P], { originatorId: 5, clusterList });
    harness.settle();
    expect(target.view.get(P)).toMatchObject({ originatorId: 5, clusterList: [0x01010101, ...clusterList] });
  });

  it('tells nobody whose BGP Identifier is the ORIGINATOR_ID', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer({ ...CLIENT, remoteId: 42 });
    const other = harness.peer(CLIENT);
    harness.announce(source, [P], { originatorId: 42 });
    harness.settle();
    expect([target.view.size, other.view.size]).toEqual([0, 1]);
    expect(harness.rib.explain(prefix(P)).peers[1]?.blockedBy?.rule).toBe('ORIGINATOR_ID is this peer');
  });

  it.each([
    ['own AS', { asPath: [{ type: 'sequence', asns: [1, LOCAL_AS] }] }, 'asLoop'],
    ['own ORIGINATOR_ID', { originatorId: ROUTER_ID }, 'originatorLoop'],
    ['own CLUSTER_ID', { clusterList: [9, ROUTER_ID] }, 'clusterLoop'],
  ] as const)('drops a route with the %s as a withdrawal of the one before', (_name, loop, name) => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer(CLIENT);
    harness.announce(source, [P]);
    harness.settle();
    harness.announce(source, [P], loop);
    harness.settle();
    expect(target.heard.filter((what) => what !== 'end-of-rib')).toEqual([`announce ${P}`, `withdraw ${P}`]);
    expect(counter(harness, name)).toBe(1);
    const { candidates, peers } = harness.rib.explain(prefix(P));
    expect(candidates[0]).toMatchObject({ accepted: false, importTerm: name, loop: LOOP_RULES[name] });
    expect(peers.map(({ blockedBy }) => blockedBy?.rule)).toEqual(Array(2).fill('every path to it was refused on import'));
  });

  it('accepts its own AS as often as allowed, and judges again when that changes', () => {
    const harness = new Harness();
    const source = harness.peer({ remoteAs: 65001, allowLocalAs: 1 });
    const target = harness.peer();
    harness.announce(source, [P], { asPath: [{ type: 'sequence', asns: [65001, LOCAL_AS] }] });
    harness.settle();
    expect(target.view.size).toBe(1);
    harness.reconfigure(source, { allowLocalAs: 0 });
    harness.settle();
    expect(target.view.size).toBe(0);
  });
});

describe('export to another AS', () => {
  it('prepends the local AS, is the next hop, and strips what is internal', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer(EXTERNAL);
    harness.announce(source, [P], {
      med: 7,
      localPref: 300,
      originatorId: 5,
      clusterList: [6],
      communities: [1],
      extendedCommunities: ['0002000000000001', '4002000000000001'],
    });
    harness.settle();
    expect(target.view.get(P)).toEqual({
      origin: 'igp',
      asPath: [{ type: 'sequence', asns: [LOCAL_AS] }],
      nextHop: address('10.99.0.1'),
      communities: [1],
      extendedCommunities: ['0002000000000001'],
    });
  });

  it.each([
    ['auto', PLAIN, '10.1.0.1'],
    ['self', PLAIN, '10.99.0.1'],
    ['keep', EXTERNAL, '10.1.0.1'],
    ['auto', EXTERNAL, '10.99.0.1'],
  ] as const)('next hop %s', (nextHop, options, expected) => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer({ ...options, nextHop });
    harness.announce(source, [P]);
    harness.settle();
    expect(target.view.get(P)?.nextHop).toEqual(address(expected));
  });

  it('says when it has no next hop of the family', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer(EXTERNAL);
    harness.announce(source, ['2001:db8::/32']);
    harness.settle();
    expect(target.view.size).toBe(0);
    expect(harness.rib.explain(prefix('2001:db8::/32')).peers[1]?.blockedBy?.rule).toBe('no next hop of this family');
  });

  it.each([
    ['NO_EXPORT', 0xffffff01, true, false],
    ['NO_ADVERTISE', 0xffffff02, false, false],
    ['NO_EXPORT_SUBCONFED', 0xffffff03, true, false],
  ])('honours %s (RFC 1997)', (_name, community, inside, outside) => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const internal = harness.peer();
    const external = harness.peer(EXTERNAL);
    harness.announce(source, [P], { communities: [community] });
    harness.settle();
    expect([internal.view.has(P), external.view.has(P)]).toEqual([inside, outside]);
  });

  it('passes an unknown transitive attribute on with Partial set', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer(EXTERNAL);
    harness.announce(source, [P], { unknown: [{ flags: 0xc0, code: 200, value: Uint8Array.of(1, 2) }] });
    harness.settle();
    expect(target.view.get(P)?.unknown).toEqual([{ flags: 0xe0, code: 200, value: Uint8Array.of(1, 2) }]);
  });

  it('speaks 2-octet AS numbers to a peer without 4-octet ones (RFC 6793)', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    const target = harness.peer({ ...EXTERNAL, fourOctetAs: false });
    harness.announce(source, [P], { asPath: [{ type: 'sequence', asns: [4_200_000_000] }] });
    harness.settle();
    expect(target.view.get(P)?.asPath).toEqual([{ type: 'sequence', asns: [LOCAL_AS, 4_200_000_000] }]);
  });

  it('tells local routes with the policy in force, self as next hop where none is given', () => {
    const lb: Policy = {
      name: 'lb',
      terms: [
        { name: 'metric', when: [], then: [{ kind: 'setLocalPrefFromMetric', defaultMetric: 1024 }], reasons: [] },
        {
          name: 'static',
          when: [{ kind: 'protocol', any: ['static'] }],
          then: [{ kind: 'addCommunity', value: 9 }, { kind: 'accept' }],
          reasons: [{ object: 'x', rule: 'y' }],
        },
      ],
      otherwise: 'reject',
    };
    const harness = new Harness();
    const target = harness.peer({ exportPolicy: lb });
    harness.local('10.0.0.0/26', { metric: 512 });
    harness.local('10.0.1.0/26', { nextHop: address('10.7.7.7') });
    harness.local('10.0.2.0/26', { protocol: 'kernel', interface: 'eth0' });
    harness.settle();
    expect(target.view.get('10.0.0.0/26')).toMatchObject({
      nextHop: address('10.99.0.1'),
      localPref: 2147483647 - 512,
      communities: [9],
      asPath: [],
    });
    expect(target.view.get('10.0.1.0/26')).toMatchObject({ nextHop: address('10.7.7.7'), localPref: 2147482623 });
    expect(harness.rib.explain(prefix('10.0.2.0/26')).peers[0]?.blockedBy).toMatchObject({
      rule: 'no term of the export policy accepts it',
      term: 'otherwise',
    });
    expect(harness.rib.explain(prefix('10.0.0.0/26')).peers[0]).toMatchObject({ advertised: true, exportTerm: 'static', delivered: true });
  });

  it('keeps what an import policy rejects, and takes it in when the policy changes', () => {
    const harness = new Harness();
    const source = harness.peer({ ...CLIENT, importPolicy: NONE });
    const target = harness.peer(CLIENT);
    harness.announce(source, [P]);
    harness.settle();
    expect(harness.rib.familyStatus(source.index, 'ipv4-unicast')).toMatchObject({ received: 1, accepted: 0 });
    harness.reconfigure(source, { importPolicy: { ...NONE, otherwise: 'accept' } });
    harness.settle();
    expect(target.view.size).toBe(1);
    expect(harness.rib.familyStatus(source.index, 'ipv4-unicast')).toMatchObject({ received: 1, accepted: 1 });
  });
});
