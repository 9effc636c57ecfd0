/**
 * Next hops as octets: 4 (NEXT_HOP), 16, or 32 with a link-local second one (RFC 2545 section 3).
 */

import type { Address } from '../net/index.ts';
import { isLoopback, isMulticast, isUnspecified, readAddress, writeAddress } from '../net/index.ts';
import type { AttributesDraft } from './attribute-table.ts';
import type { PathAttributes, UpdateContext } from './types.ts';

/** The addresses of a next hop of 4, 16 or 32 octets; undefined for any other length. */
export function nextHopAddresses(octets: Uint8Array): { readonly address: Address; readonly linkLocal: Address | undefined } | undefined {
  if (octets.length !== 4 && octets.length !== 16 && octets.length !== 32) return undefined;
  const address = readAddress(octets, 0, octets.length === 4 ? 'ipv4' : 'ipv6');
  if (address === undefined) return undefined;
  return { address, linkLocal: octets.length === 32 ? readAddress(octets, 16, 'ipv6') : undefined };
}

/** True where a next hop of the same family begins with an address: of two IPv6 ones the first counts. */
function startsWith(octets: Uint8Array, own: Uint8Array): boolean {
  if (octets.length !== own.length && (own.length !== 16 || octets.length !== 32)) return false;
  return own.every((octet, index) => octets[index] === octet);
}

/** Why an address cannot be a next hop (RFC 4271 section 6.3: it must be a valid host address); undefined where it can. */
export function nextHopFault(octets: Uint8Array, ctx: Pick<UpdateContext, 'loopback' | 'ownAddress'>): string | undefined {
  const address = nextHopAddresses(octets)?.address;
  if (address === undefined) return `${octets.length} octets`;
  if (isUnspecified(address)) return 'unspecified address';
  if (isMulticast(address)) return 'multicast address';
  if (isLoopback(address) && ctx.loopback !== true) return 'loopback address';
  if (ctx.ownAddress !== undefined && startsWith(octets, ctx.ownAddress)) return 'our own address';
  // RFC 1122 section 3.2.1.3: 0.0.0.0/8 and the class E block, limited broadcast included, are no hosts.
  const first = address.words[0] >>> 24;
  return address.family === 'ipv4' && (first === 0 || first >= 240) ? 'not a host address' : undefined;
}

/** Sets the next hops of a draft; nothing where the length is none of the legal ones. */
export function setNextHop(draft: AttributesDraft, octets: Uint8Array): void {
  const found = nextHopAddresses(octets);
  if (found === undefined) return;
  draft.nextHop = found.address;
  if (found.linkLocal !== undefined) draft.linkLocalNextHop = found.linkLocal;
}

/** Next hop octets of typed attributes: 4, 16, or 32 where there is a link-local one too. */
export function nextHopOctets(attributes: Pick<PathAttributes, 'nextHop' | 'linkLocalNextHop'>): Uint8Array {
  const { nextHop, linkLocalNextHop } = attributes;
  const octets = new Uint8Array(nextHop.family === 'ipv4' ? 4 : linkLocalNextHop === undefined ? 16 : 32);
  writeAddress(octets, 0, nextHop);
  if (octets.length === 32 && linkLocalNextHop !== undefined) writeAddress(octets, 16, linkLocalNextHop);
  return octets;
}
