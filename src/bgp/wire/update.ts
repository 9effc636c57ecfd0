/**
 * UPDATE to and from typed routes, for tests, tools and `explain`. The RIB works on `scanUpdate` and `packAnnouncements`.
 */
import type { Prefix } from '../net/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { toTwoOctetAs } from './edit-attributes.ts';
import { MAX_MESSAGE } from './framing.ts';
import { nextHopOctets } from './next-hop.ts';
import { nlriOctets, walkNlri, writeIpv4Nlri, writeIpv6Nlri } from './nlri.ts';
import { type PackedUpdates, type PackOptions, packAnnouncements, packWithdrawals } from './pack-updates.ts';
import { readU16 } from './reader.ts';
import { scanUpdate } from './scan-update.ts';
import type { AttributeFault, DecodeError, Family, NlriRun, PathAttributes, Result, Route, UpdateContext } from './types.ts';

/** A prefix as NLRI names it. Path identifier as in ADD-PATH; absent counts as 0 where one is sent. */
export interface PathPrefix {
  readonly prefix: Prefix;
  readonly pathId?: number;
}

/** What to announce and withdraw; `attributes` holds for all of `announced`. Families may be mixed. */
export interface TypedUpdate {
  readonly withdrawn?: readonly PathPrefix[];
  readonly announced?: readonly PathPrefix[];
  readonly attributes?: PathAttributes;
}

/** How a peer wants its UPDATEs. Defaults: 4-octet AS numbers, no path identifiers, 4096 octets. */
export interface EncodeOptions {
  readonly fourOctetAs?: boolean;
  readonly addPath?: readonly Family[];
  readonly maxMessage?: number;
}

/** A decoded UPDATE. Routes whose attributes call for it stand among the withdrawn (treat-as-withdraw, RFC 7606 section 2). */
export interface DecodedUpdate {
  readonly withdrawn: readonly PathPrefix[];
  readonly announced: readonly Route[];
  readonly faults: readonly AttributeFault[];
  readonly endOfRib: Family | undefined;
}

/** NLRI of prefixes of one family in wire form. */
export function encodeNlri(routes: readonly PathPrefix[], addPath: boolean): Uint8Array {
  let size = 0;
  for (const { prefix } of routes) size += nlriOctets(prefix.length, addPath);
  const octets = new Uint8Array(size);
  let at = 0;
  for (const { prefix, pathId = 0 } of routes) {
    const { words, length, family } = prefix;
    if (family === 'ipv4') at = writeIpv4Nlri(octets, at, words[0], length, pathId, addPath);
    else at = writeIpv6Nlri(octets, at, words, length, pathId, addPath);
  }
  return octets;
}

/** The prefixes of a checked run; path identifiers only where the run carries them. */
export function decodeNlri(run: NlriRun): PathPrefix[] {
  const family = run.family === 'ipv4-unicast' ? 'ipv4' : 'ipv6';
  const routes: PathPrefix[] = [];
  walkNlri(run, (word0, word1, word2, word3, length, pathId) => {
    const prefix: Prefix = { family, words: [word0, word1, word2, word3], length };
    routes.push(run.addPath ? { prefix, pathId } : { prefix });
  });
  return routes;
}

/** Cuts packed messages apart. */
export function splitMessages(packed: PackedUpdates): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < packed.octets.length; ) {
    const end = at + readU16(packed.octets, at + 16);
    messages.push(packed.octets.subarray(at, end));
    at = end;
  }
  return messages;
}

const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

/** Whole messages, withdrawals first. Nothing is announced where the attributes do not fit the largest message. */
export function encodeUpdate(update: TypedUpdate, options: EncodeOptions = {}): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (const family of FAMILIES) {
    const version = family === 'ipv4-unicast' ? 'ipv4' : 'ipv6';
    const pack: PackOptions = {
      family,
      addPath: options.addPath?.includes(family) ?? false,
      maxMessage: options.maxMessage ?? MAX_MESSAGE,
    };
    const ofFamily = (routes: readonly PathPrefix[] = []): PathPrefix[] => routes.filter(({ prefix }) => prefix.family === version);
    const withdrawn = ofFamily(update.withdrawn);
    if (withdrawn.length > 0) messages.push(...splitMessages(packWithdrawals(encodeNlri(withdrawn, pack.addPath), pack)));
    const announced = ofFamily(update.announced);
    if (announced.length > 0 && update.attributes !== undefined)
      messages.push(...announce(update.attributes, announced, options.fourOctetAs ?? true, pack));
  }
  return messages;
}

function announce(attributes: PathAttributes, routes: readonly PathPrefix[], fourOctetAs: boolean, pack: PackOptions): Uint8Array[] {
  const canonical = encodeAttributes(attributes);
  const block = fourOctetAs ? canonical : toTwoOctetAs(canonical);
  const packed = packAnnouncements(block, nextHopOctets(attributes), encodeNlri(routes, pack.addPath), pack);
  return packed === undefined ? [] : splitMessages(packed);
}

/** Decodes a body all the way; the error resets the session, lesser faults are applied as RFC 7606 asks and listed. */
export function decodeUpdate(body: Uint8Array, ctx: UpdateContext): Result<DecodedUpdate, DecodeError> {
  const scanned = scanUpdate(body, ctx);
  if (!scanned.ok) return scanned;
  const { endOfRib } = scanned.value;
  const withdrawn = scanned.value.withdrawn.flatMap(decodeNlri);
  const announced: Route[] = [];
  const faults = [...scanned.value.faults];
  for (const run of scanned.value.announced) {
    const { attributes, faults: found } = decodeAttributes(scanned.value.attributes, ctx, run.nextHop);
    faults.push(...found);
    const routes = decodeNlri(run);
    const bad = attributes === undefined || faults.some((fault) => fault.outcome !== 'attribute-discard');
    if (bad) withdrawn.push(...routes);
    else announced.push(...routes.map((route) => ({ ...route, attributes })));
  }
  return { ok: true, value: { withdrawn, announced, faults, endOfRib } };
}
