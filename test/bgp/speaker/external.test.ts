/** External peers: the first AS of their paths (RFC 4271 section 6.3), and IPv4 routes over IPv6 next hops (RFC 8950). */
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { formatAddress, parseAddress } from '../../../src/bgp/index.ts';
import { encodeUpdate } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const parsed = (text: string) => {
  const found = parseAddress(text);
  if (found === undefined) throw new Error(`no address ${text}`);
  return found;
};

describe('the first AS of an external path', () => {
  /** The best routes of speaker 1 after peer 2 of AS 65001 announced one with such a path. */
  function announced(
    asns: readonly number[],
    overrides: Partial<PeerConfig> = {},
  ): { readonly best: string[]; readonly work: number | undefined } {
    const world = new World();
    world.add(1, [peer(2, { passive: true, remoteAs: 65001, ...overrides })]);
    const scripted = world.script(2, { as: overrides.remoteAs ?? 65001 });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.settle();
    const asPath = asns.length === 0 ? [] : [{ type: 'sequence' as const, asns }];
    const { prefix } = route('10.9.0.0/24');
    for (const message of encodeUpdate({ announced: [{ prefix }], attributes: { origin: 'igp', asPath, nextHop: address(2) } }))
      scripted.send(message);
    world.network.settle();
    expect(world.state(1, 'p2')).toBe('established');
    return { best: world.best(1), work: world.speaker(1).status().work['firstAsMismatch'] };
  }

  it.each([
    ['the peer’s', [65001, 65002], {}, 1, 0],
    ['another one', [65002, 65001], {}, 0, 1],
    ['none', [], {}, 0, 1],
    ['another one, through a route server', [65002], { enforceFirstAs: false }, 1, 0],
    ['any, inside the AS', [65002], { remoteAs: 64512 }, 1, 0],
  ])('%s', (_name, asns, overrides, routes, mismatches) => {
    const { best, work } = announced(asns, overrides);
    expect([best.length, work]).toEqual([routes, mismatches]);
  });
});

describe('IPv4 routes over an IPv6 session', () => {
  const [ONE, TWO] = [parsed('fd00::1'), parsed('fd00::2')];

  function pair(one: Partial<PeerConfig>, two: Partial<PeerConfig>): World {
    const world = new World();
    for (const [host, own] of [
      [1, ONE],
      [2, TWO],
    ] as const) {
      const speaker = world.create(host);
      world.network.leave(`s${host}`);
      world.network.join(`s${host}`, speaker, [own]);
    }
    const families = ['ipv4-unicast', 'ipv6-unicast'] as const;
    const listen = (at: typeof ONE) => [{ address: at, port: PORT }];
    const common = { remoteAs: 65001, families };
    world.configure(1, [peer(2, { ...common, remote: { address: TWO, port: PORT }, ...one })], {
      listen: listen(ONE),
      routes: [route('10.1.0.0/24')],
    });
    world.configure(2, [peer(1, { ...common, remote: { address: ONE, port: PORT }, localAs: 65001, remoteAs: 64512, ...two })], {
      listen: listen(TWO),
      routes: [],
    });
    world.network.advance(10_000);
    return world;
  }

  const nextHops = (world: World): string[] =>
    world
      .speaker(2)
      .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10)
      .routes.map(({ attributes }) => formatAddress(attributes.nextHop));

  it('carry the IPv6 address of the session where both agreed', () => {
    const world = pair({ extendedNextHop: true }, { extendedNextHop: true });
    expect(nextHops(world)).toEqual(['fd00::1']);
    expect(world.speaker(1).status().peers[0]?.capabilities).toContain('IPv6 next hops of IPv4 routes (RFC 8950)');
    world.configure(
      1,
      [
        peer(2, {
          remoteAs: 65001,
          families: ['ipv4-unicast', 'ipv6-unicast'],
          remote: { address: TWO, port: PORT },
          extendedNextHop: true,
        }),
      ],
      {
        listen: [{ address: ONE, port: PORT }],
        routes: [],
      },
    );
    world.network.advance(1000);
    expect(nextHops(world)).toEqual([]);
  });

  it.each([
    [true, false],
    [false, true],
    [false, false],
  ])('are not sent where one side did not (%s, %s)', (one, two) => {
    const world = pair({ extendedNextHop: one }, { extendedNextHop: two });
    expect(world.state(2, 'p1')).toBe('established');
    expect(nextHops(world)).toEqual([]);
  });
});
