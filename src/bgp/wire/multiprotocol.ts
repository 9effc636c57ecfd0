/**
 * MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 sections 3 and 4): AFI (2), SAFI (1), then next hop length (1), next hop,
 * reserved (1) in the former, then NLRI.
 */
import { familyFromNumbers } from './iana.ts';
import { countNlri, maxPrefixLength } from './nlri.ts';
import { readU16 } from './reader.ts';
import type { AnnouncedRun, Family, NlriRun, Result, UpdateContext } from './types.ts';

/** Octets of AFI and SAFI. */
export const FAMILY_OCTETS = 3;

function error(detail: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error: detail };
}

/** The family a multiprotocol attribute speaks of, where it was negotiated; undefined means that its NLRI is ignored. */
function wantedFamily(value: Uint8Array, ctx: UpdateContext): Family | undefined {
  const family = familyFromNumbers(readU16(value, 0), value[2] ?? 0);
  return family !== undefined && ctx.families.includes(family) ? family : undefined;
}

/** Next hop lengths a family may have (RFC 2545 section 3; IPv6 for IPv4 NLRI only where negotiated, RFC 8950 section 3). */
function nextHopLengthFits(family: Family, length: number, ctx: UpdateContext): boolean {
  if (family === 'ipv6-unicast') return length === 16 || length === 32;
  return length === 4 || ((length === 16 || length === 32) && ctx.extendedNextHop.includes(family));
}

/** Cuts MP_REACH_NLRI; undefined where its family was not negotiated. An error says what is wrong and resets the session (RFC 7606 section 7.11). */
export function cutReach(value: Uint8Array, ctx: UpdateContext): Result<AnnouncedRun | undefined, string> {
  if (value.length < FAMILY_OCTETS + 2) return error(`MP_REACH_NLRI of ${value.length} octets`);
  const nextHopEnd = FAMILY_OCTETS + 1 + (value[FAMILY_OCTETS] ?? 0);
  if (nextHopEnd + 1 > value.length) return error('MP_REACH_NLRI next hop longer than the attribute');
  const family = wantedFamily(value, ctx);
  if (family === undefined) return { ok: true, value: undefined };
  const nextHop = value.subarray(FAMILY_OCTETS + 1, nextHopEnd);
  if (!nextHopLengthFits(family, nextHop.length, ctx)) return error(`MP_REACH_NLRI next hop of ${nextHop.length} octets for ${family}`);
  const addPath = ctx.addPathReceive.includes(family);
  // One reserved octet follows the next hop.
  const octets = value.subarray(nextHopEnd + 1);
  if (countNlri(octets, 0, octets.length, maxPrefixLength(family), addPath) < 0) return error('NLRI in MP_REACH_NLRI');
  return { ok: true, value: { family, addPath, octets, nextHop } };
}

/** Cuts MP_UNREACH_NLRI; undefined where its family was not negotiated. An error says what is wrong and resets the session (RFC 7606 section 7.12). */
export function cutUnreach(value: Uint8Array, ctx: UpdateContext): Result<NlriRun | undefined, string> {
  if (value.length < FAMILY_OCTETS) return error(`MP_UNREACH_NLRI of ${value.length} octets`);
  const family = wantedFamily(value, ctx);
  if (family === undefined) return { ok: true, value: undefined };
  const addPath = ctx.addPathReceive.includes(family);
  const octets = value.subarray(FAMILY_OCTETS);
  if (countNlri(octets, 0, octets.length, maxPrefixLength(family), addPath) < 0) return error('NLRI in MP_UNREACH_NLRI');
  return { ok: true, value: { family, addPath, octets } };
}
