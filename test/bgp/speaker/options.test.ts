/** Options of the JSON form by their effect on real sessions: each configuration is parsed as a user writes it. */
import { describe, expect, it } from 'vitest';
import { formatConfigFaults, parseSpeakerConfig } from '../../../src/bgp/config/index.ts';
import { addressFromNumber, formatAddress, formatPrefix } from '../../../src/bgp/net/index.ts';
import { World } from './world.ts';

type Document = { readonly [key: string]: unknown };

/** A neighbour at 10.0.0.N, named pN, in the common AS unless `more` says otherwise. */
const neighbor = (host: number, more: Document = {}): Document => ({ name: `p${host}`, address: `10.0.0.${host}`, as: 64512, ...more });

/** Gives the speaker at 10.0.0.N its document; it is made where it is not there. */
function configure(world: World, host: number, neighbors: readonly Document[], more: Document = {}): void {
  const listen = { address: `10.0.0.${host}` };
  const document = { localAs: 64512, routerId: `10.0.0.${host}`, families: ['ipv4-unicast'], listen, neighbors, ...more };
  const parsed = parseSpeakerConfig(JSON.stringify(document));
  if (!parsed.ok) throw new Error(formatConfigFaults(parsed.error));
  if (!world.speakers.has(host)) world.create(host);
  world.network.feed(`s${host}`, { type: 'configure', config: parsed.value });
}

const originate = (prefix: string, nextHop?: string): Document => ({ routes: [{ prefix, ...(nextHop === undefined ? {} : { nextHop }) }] });

/** Best routes of a speaker by prefix, what of them these options change. */
function seen(world: World, host: number) {
  return world
    .speaker(host)
    .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 100)
    .routes.filter(({ from }) => from !== 'local')
    .map(({ prefix, attributes }) => ({
      prefix: formatPrefix(prefix),
      nextHop: formatAddress(attributes.nextHop),
      asPath: attributes.asPath.flatMap(({ asns }) => asns),
      clusterList: (attributes.clusterList ?? []).map((id) => formatAddress(addressFromNumber(id))),
    }));
}

describe('connecting', () => {
  it('passive: waits, and two that wait never meet', () => {
    const world = new World();
    configure(world, 1, [neighbor(2, { passive: true })]);
    configure(world, 2, [neighbor(1, { passive: true })]);
    world.network.advance(60_000);
    expect([world.state(1, 'p2'), world.states(1)]).toEqual(['active', ['active']]);
    configure(world, 2, [neighbor(1)]);
    world.network.advance(10_000);
    expect(world.state(1, 'p2')).toBe('established');
  });

  it.each([0, 7])('connectDelay %i: seconds before the first attempt', (connectDelay) => {
    const world = new World();
    configure(world, 2, [neighbor(1, { passive: true })]);
    configure(world, 1, [neighbor(2, { connectDelay })]);
    world.network.advance(connectDelay * 700);
    expect(world.state(1, 'p2')).toBe(connectDelay === 0 ? 'established' : 'active');
    world.network.advance(connectDelay * 400);
    expect(world.state(1, 'p2')).toBe('established');
  });

  it('delayOpenTime: the OPEN waits for that of the peer', () => {
    const world = new World();
    const scripted = world.script(2);
    configure(world, 1, [neighbor(2, { passive: true, delayOpenTime: 20 })]);
    scripted.connect({ address: { family: 'ipv4', words: [0x0a000001, 0, 0, 0] }, port: 179 });
    world.network.advance(10_000);
    expect(scripted.types()).toEqual([]);
    scripted.sendOpen();
    world.network.settle();
    expect(scripted.types()).toContain('open');
  });

  it('keepaliveTime: a KEEPALIVE each so many seconds', () => {
    const sent = (more: Document): number => {
      const world = new World();
      configure(world, 1, [neighbor(2, more)]);
      configure(world, 2, [neighbor(1, { passive: true })]);
      world.network.advance(10_000);
      const before = world.speaker(1).status().peers[0]?.messagesSent ?? 0;
      world.network.advance(120_000);
      return (world.speaker(1).status().peers[0]?.messagesSent ?? 0) - before;
    };
    expect(sent({ keepaliveTime: 2 })).toBeGreaterThan(55);
    expect(sent({})).toBeLessThan(10);
  });
});

describe('AS numbers', () => {
  it('localAs: this session speaks as another AS, and its paths say so', () => {
    const world = new World();
    configure(world, 1, [neighbor(2, { as: 65002, localAs: 65001 })], originate('10.1.0.0/16'));
    configure(world, 2, [neighbor(1, { as: 65001 })], { localAs: 65002 });
    world.network.advance(10_000);
    expect(seen(world, 2)).toMatchObject([{ prefix: '10.1.0.0/16', asPath: [65001] }]);
  });

  it.each([
    [0, []],
    [1, [{ prefix: '10.3.0.0/16', asPath: [65002, 64512] }]],
  ])('allowLocalAs %i: how often our AS may be in a path', (allowLocalAs, expected) => {
    const world = new World();
    configure(world, 1, [neighbor(2, { as: 65002, allowLocalAs })]);
    configure(world, 2, [neighbor(1), neighbor(3)], { localAs: 65002 });
    configure(world, 3, [neighbor(2, { as: 65002 })], originate('10.3.0.0/16'));
    world.network.advance(10_000);
    expect(seen(world, 1)).toMatchObject(expected);
  });

  it.each([
    [false, {}, 1],
    [true, {}, 0],
    [true, { importPolicy: { otherwise: 'accept' } }, 1],
  ])('ebgpRequiresPolicy %s with %j: an external peer without a policy is believed nothing (RFC 8212)', (required, more, count) => {
    const world = new World();
    configure(world, 1, [neighbor(2, { as: 65002, ...more })], { ebgpRequiresPolicy: required, ...originate('10.1.0.0/16') });
    configure(world, 2, [neighbor(1)], { localAs: 65002, ...originate('10.2.0.0/16') });
    world.network.advance(10_000);
    expect([seen(world, 1).length, seen(world, 2).length]).toEqual([count, required ? 0 : 1]);
  });
});

describe('what is told', () => {
  /** 1 reflects between 2 and 3, its clients. */
  function reflected(top: Document, more: Document): World {
    const world = new World();
    configure(world, 1, [neighbor(2, { rrClient: true, ...more }), neighbor(3, { rrClient: true, ...more })], top);
    configure(world, 2, [neighbor(1)], originate('10.2.0.0/16', '192.0.2.7'));
    configure(world, 3, [neighbor(1)]);
    world.network.advance(10_000);
    return world;
  }

  it.each([
    ['the router id', {}, {}, '10.0.0.1'],
    ['the document’s', { clusterId: '10.9.9.9' }, {}, '10.9.9.9'],
    ['the neighbour’s', { clusterId: '10.9.9.9' }, { clusterId: '10.8.8.8' }, '10.8.8.8'],
  ])('clusterId: %s', (_whose, top, more, expected) => {
    expect(seen(reflected(top, more), 3)).toMatchObject([{ prefix: '10.2.0.0/16', clusterList: [expected] }]);
  });

  it.each([
    ['auto', {}, '192.0.2.7'],
    ['keep', {}, '192.0.2.7'],
    ['self', {}, '10.0.0.1'],
    ['self', { nextHopSelf: { ipv4: '10.0.0.99' } }, '10.0.0.99'],
  ])('nextHop %s %j to an internal peer', (nextHop, more, expected) => {
    expect(seen(reflected({}, { nextHop, ...more }), 3)).toMatchObject([{ prefix: '10.2.0.0/16', nextHop: expected }]);
  });

  it.each([
    ['auto', '10.0.0.1'],
    ['self', '10.0.0.1'],
    ['keep', '192.0.2.7'],
  ])('nextHop %s to an external peer: keep is the third party’s', (nextHop, expected) => {
    const world = new World();
    configure(world, 1, [neighbor(2), neighbor(3, { as: 65003, nextHop })]);
    configure(world, 2, [neighbor(1)], originate('10.2.0.0/16', '192.0.2.7'));
    configure(world, 3, [neighbor(1)], { localAs: 65003 });
    world.network.advance(10_000);
    expect(seen(world, 3)).toMatchObject([{ prefix: '10.2.0.0/16', nextHop: expected, asPath: [64512] }]);
  });
});

describe('soft reconfiguration', () => {
  it('a changed import policy holds at once, from what the peer sent, and asks it for nothing', () => {
    const world = new World();
    const setup = (otherwise: string): void => configure(world, 1, [neighbor(2, { importPolicy: { otherwise } })]);
    setup('reject');
    configure(world, 2, [neighbor(1)], originate('10.2.0.0/16', '192.0.2.7'));
    world.network.advance(10_000);
    const asked = (): number | undefined => world.speaker(2).status().peers[0]?.messagesReceived;
    const before = asked();
    expect([seen(world, 1), world.speaker(1).status().peers[0]?.families[0]]).toMatchObject([[], { received: 1, accepted: 0 }]);
    for (const [otherwise, count] of [
      ['accept', 1],
      ['reject', 0],
      ['accept', 1],
    ] as const) {
      setup(otherwise);
      world.network.settle();
      expect(seen(world, 1)).toHaveLength(count);
    }
    expect([asked(), world.speaker(1).status().peers[0]?.flaps]).toEqual([before, 0]);
  });
});
