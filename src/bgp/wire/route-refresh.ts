/**
 * ROUTE-REFRESH: AFI (2), subtype (1), SAFI (1). RFC 2918 section 3; the subtype is RFC 7313 section 3.2.
 */
import { failure } from './errors.ts';
import { frame } from './framing.ts';
import { FAMILY_NUMBERS, familyFromNumbers, MESSAGE_TYPE } from './iana.ts';
import { readU16 } from './reader.ts';
import type { DecodeError, Family, Result, RouteRefreshMessage } from './types.ts';

/** Subtypes (RFC 7313 section 3.2): plain request, begin and end of the answer. */
export const REFRESH_SUBTYPE = { refresh: 0, beginOfRefresh: 1, endOfRefresh: 2 } as const;

const BODY_OCTETS = 4;

/** Decodes a body. Its length error carries the whole message as data (RFC 7313 section 5). */
export function decodeRouteRefresh(body: Uint8Array): Result<RouteRefreshMessage, DecodeError> {
  if (body.length !== BODY_OCTETS) {
    return failure('REFRESH_BAD_LENGTH', `ROUTE-REFRESH body of ${body.length} octets`, frame(MESSAGE_TYPE.routeRefresh, body));
  }
  const family = familyFromNumbers(readU16(body, 0), body[3] ?? 0);
  return { ok: true, value: { type: 'route-refresh', family, subtype: body[2] ?? 0 } };
}

/** The whole message for a family and a subtype (default: a plain request). */
export function encodeRouteRefresh(message: { readonly family: Family; readonly subtype?: number }): Uint8Array {
  const { afi, safi } = FAMILY_NUMBERS[message.family];
  return frame(MESSAGE_TYPE.routeRefresh, Uint8Array.of(afi >>> 8, afi, message.subtype ?? REFRESH_SUBTYPE.refresh, safi));
}
