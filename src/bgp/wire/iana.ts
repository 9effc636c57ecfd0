/**
 * Numbers of the IANA BGP registries that this library uses, in one place. Other files name them, never spell them.
 */
import type { Family } from './types.ts';

/** Message types (RFC 4271 section 4.1, RFC 2918 section 3). */
export const MESSAGE_TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

/** Optional parameter types of OPEN (RFC 5492 section 4; 255 announces the extended form, RFC 9072 section 2). */
export const OPEN_PARAMETER = { capabilities: 2, extended: 255 } as const;

/** Capability codes. */
export const CAPABILITY = {
  /** RFC 4760 section 8. */
  multiprotocol: 1,
  /** RFC 2918 section 2. */
  routeRefresh: 2,
  /** RFC 8950 section 4. */
  extendedNextHop: 5,
  /** RFC 8654 section 3. */
  extendedMessage: 6,
  /** RFC 4724 section 3. */
  gracefulRestart: 64,
  /** RFC 6793 section 3. */
  fourOctetAs: 65,
  /** RFC 7911 section 4. */
  addPath: 69,
  /** RFC 7313 section 3.1. */
  enhancedRouteRefresh: 70,
  /** RFC 9494 section 4.1. */
  longLivedGracefulRestart: 71,
} as const;

/** Path attribute type codes. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  pmsiTunnel: 22,
  tunnelEncapsulation: 23,
  ipv6ExtendedCommunities: 25,
  aigp: 26,
  linkState: 29,
  largeCommunities: 32,
  onlyToCustomer: 35,
  nextHopCharacteristics: 39,
  prefixSid: 40,
} as const;

/** Attribute flag bits (RFC 4271 section 4.3). */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

/** AS_PATH segment types (RFC 4271 section 4.3, RFC 5065 section 3). */
export const SEGMENT = { set: 1, sequence: 2, confedSequence: 3, confedSet: 4 } as const;

/** The AS number that stands for a 4-octet one where only two octets fit (RFC 6793 section 9). */
export const AS_TRANS = 23456;

/** AFI and SAFI of each family (RFC 4760 section 10). */
export const FAMILY_NUMBERS: { readonly [family in Family]: { readonly afi: number; readonly safi: number } } = {
  'ipv4-unicast': { afi: 1, safi: 1 },
  'ipv6-unicast': { afi: 2, safi: 1 },
};

/** Family of an AFI and SAFI; undefined for those this library does not carry. */
export function familyFromNumbers(afi: number, safi: number): Family | undefined {
  if (safi !== 1) return undefined;
  if (afi === 1) return 'ipv4-unicast';
  return afi === 2 ? 'ipv6-unicast' : undefined;
}

/** Well-known communities (RFC 1997, 8326, 9494), unsigned. */
export const COMMUNITY = {
  gracefulShutdown: 0xffff0000,
  llgrStale: 0xffff0006,
  noLlgr: 0xffff0007,
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
} as const;
