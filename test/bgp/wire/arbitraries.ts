/** Generators of typed messages for the property tests, and the sessions they are read in. */
import type { Address, Prefix } from 'bgp-ts/net';
import { prefixFromAddress } from 'bgp-ts/net';
import type { AsPathSegment, Capabilities, Family, OpenMessage, PathAttributes, UpdateContext } from 'bgp-ts/wire';
import { NO_CAPABILITIES } from 'bgp-ts/wire';
import fc from 'fast-check';

/** Cases per property; a longer run by hand sets LINNET_FUZZ_RUNS. */
export function fuzzRuns(standard: number): number {
  return Number(process.env['LINNET_FUZZ_RUNS'] ?? standard);
}

/** A session that negotiated all: both families, 4-octet AS numbers, extended next hop, internal. */
export const FULL_CONTEXT: UpdateContext = {
  fourOctetAs: true,
  external: false,
  addPathReceive: [],
  extendedNextHop: ['ipv4-unicast'],
  families: ['ipv4-unicast', 'ipv6-unicast'],
};

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
const asn = fc.oneof(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0x10000, max: 0xffffffff }));

export const family: fc.Arbitrary<Family> = fc.constantFrom('ipv4-unicast', 'ipv6-unicast');

export const ipv4: fc.Arbitrary<Address> = u32.map((word) => ({ family: 'ipv4', words: [word, 0, 0, 0] }));
export const ipv6: fc.Arbitrary<Address> = fc.tuple(u32, u32, u32, u32).map((words) => ({ family: 'ipv6', words }));
export const address: fc.Arbitrary<Address> = fc.oneof(ipv4, ipv6);

function prefixOf(addresses: fc.Arbitrary<Address>, bits: number): fc.Arbitrary<Prefix> {
  return fc.tuple(addresses, fc.integer({ min: 0, max: bits })).map(([from, length]) => {
    const prefix = prefixFromAddress(from, length);
    if (prefix === undefined) throw new Error('generator: length out of range');
    return prefix;
  });
}

export const ipv4Prefix = prefixOf(ipv4, 32);
export const ipv6Prefix = prefixOf(ipv6, 128);
export const prefix = fc.oneof(ipv4Prefix, ipv6Prefix);

/** Next hops that RFC 4271 section 6.3 lets pass. */
export const nextHop: fc.Arbitrary<Address> = fc.oneof(
  fc.integer({ min: 0x01000000, max: 0x7effffff }).map((word): Address => ({ family: 'ipv4', words: [word, 0, 0, 0] })),
  fc.tuple(fc.integer({ min: 0x20000000, max: 0xfeffffff }), u32, u32, u32).map((words): Address => ({ family: 'ipv6', words })),
);

const segment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom('set', 'sequence', 'confed-sequence', 'confed-set'),
  asns: fc.array(asn, { minLength: 1, maxLength: 6 }),
});

export const asPath = fc.array(segment, { maxLength: 4 });

const hexOctets = (count: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: count, maxLength: count })
    .map((octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(''));

const unknownAttribute = fc.record({
  flags: fc.constant(0xe0),
  code: fc.integer({ min: 200, max: 254 }),
  value: fc.uint8Array({ maxLength: 300, size: 'max' }),
});

/** Attributes as they come back from a decode: an unknown one always has Partial set, lists are never empty. */
export const attributes: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
    asPath,
    nextHop,
    med: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ as: asn, address: ipv4 }),
    communities: fc.array(u32, { minLength: 1, maxLength: 80, size: 'max' }),
    originatorId: u32,
    clusterList: fc.array(u32, { minLength: 1, maxLength: 5 }),
    extendedCommunities: fc.array(hexOctets(8), { minLength: 1, maxLength: 4 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, u32), { minLength: 1, maxLength: 4 }),
    unknown: fc
      .uniqueArray(unknownAttribute, { minLength: 1, maxLength: 3, selector: (item) => item.code })
      .map((items) => items.toSorted((a, b) => a.code - b.code)),
  },
  { requiredKeys: ['origin', 'asPath', 'nextHop'] },
);

const familyList = fc.uniqueArray(family, { minLength: 1, maxLength: 2 });

export const capabilities: fc.Arbitrary<Capabilities> = fc
  .record(
    {
      families: familyList,
      fourOctetAs: asn,
      routeRefresh: fc.boolean(),
      enhancedRouteRefresh: fc.boolean(),
      extendedMessage: fc.boolean(),
      gracefulRestart: fc.record({
        restarting: fc.boolean(),
        notification: fc.boolean(),
        restartTime: fc.integer({ min: 0, max: 4095 }),
        families: fc.uniqueArray(fc.record({ family, forwarding: fc.boolean() }), { selector: (item) => item.family }),
      }),
      longLivedGracefulRestart: fc.uniqueArray(
        fc.record({ family, forwarding: fc.boolean(), staleTime: fc.integer({ min: 0, max: 0xffffff }) }),
        { selector: (item) => item.family },
      ),
      addPath: fc.uniqueArray(fc.record({ family, mode: fc.constantFrom('receive' as const, 'send' as const, 'both' as const) }), {
        selector: (item) => item.family,
      }),
      extendedNextHop: fc.constantFrom([], [{ family: 'ipv4-unicast' as const, nextHop: 'ipv6' as const }]),
      unknown: fc.array(fc.record({ code: fc.integer({ min: 128, max: 255 }), value: fc.uint8Array({ maxLength: 120, size: 'max' }) }), {
        maxLength: 6,
      }),
    },
    { requiredKeys: ['families', 'routeRefresh', 'enhancedRouteRefresh', 'extendedMessage', 'unknown'] },
  )
  .map((parts): Capabilities => ({ ...NO_CAPABILITIES, ...parts, multiprotocol: true }));

export const open: fc.Arbitrary<OpenMessage> = fc.record({
  type: fc.constant('open' as const),
  version: fc.constant(4),
  myAs: fc.integer({ min: 1, max: 0xffff }),
  holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
  bgpId: fc.integer({ min: 1, max: 0xffffffff }),
  capabilities,
});
