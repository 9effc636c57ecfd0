/**
 * The canonical form of an attribute block: faulty and foreign attributes removed (RFC 7606, RFC 4271 section 5), AS
 * numbers of four octets with AS4_PATH merged in (RFC 6793 section 4.2.3), ascending codes, no NEXT_HOP: the next hop
 * travels beside the block. Two routes with the same canonical block and next hop have the same attributes.
 */
import { decodeAsPath, encodeAsPath, hasConfederation, mergeAs4Path } from './as-path.ts';
import { attributeEnd, attributeOctets, headerOctets, joinAttributes, type RawAttribute } from './attribute-header.ts';
import { type AttributeRow, attributeName, attributeRow } from './attribute-table.ts';
import { AS_TRANS, ATTRIBUTE, FLAG } from './iana.ts';
import { nextHopFault } from './next-hop.ts';
import { readU16 } from './reader.ts';
import type { AttributeFault, UpdateContext } from './types.ts';
import { concatOctets, copyOctets } from './writer.ts';

/** What reading attributes needs to know of a session. */
export type AttributeContext = Pick<UpdateContext, 'fourOctetAs' | 'external' | 'loopback' | 'ownAddress' | 'keepPartial'>;

/** Reads blocks that are canonical already, whatever peer they came from. */
export const CANONICAL: AttributeContext = { fourOctetAs: true, external: false, loopback: true };

/** A canonical block, the next hop beside it, and what was wrong on the way. */
export interface CanonicalAttributes {
  readonly octets: Uint8Array;
  /** 4, 16 or 32 octets; empty where there is none. */
  readonly nextHop: Uint8Array;
  readonly faults: readonly AttributeFault[];
  /** The strongest outcome among the faults; undefined where there are none. */
  readonly outcome: AttributeFault['outcome'] | undefined;
}

const STRENGTH = { 'attribute-discard': 1, 'treat-as-withdraw': 2, 'session-reset': 3 } as const;

/** The fault with the strongest outcome, the first of equals (RFC 7606 section 3(h)); undefined for none. */
export function worstFault(faults: readonly AttributeFault[]): AttributeFault | undefined {
  let worst: AttributeFault | undefined;
  for (const fault of faults) {
    if (worst === undefined || STRENGTH[fault.outcome] > STRENGTH[worst.outcome]) worst = fault;
  }
  return worst;
}

const EMPTY = new Uint8Array(0);
const FLAG_CLASS = FLAG.optional | FLAG.transitive;

/** What flags say of an attribute: extended length is encoding, the low four bits are to be ignored (RFC 4271 section 4.3). */
const FLAG_BITS = FLAG_CLASS | FLAG.partial;

/** What is wrong with the flags of a known attribute (RFC 7606 section 3(c)); Partial may only stand on optional transitive ones (RFC 4271 section 4.3). */
function flagsFault(row: AttributeRow, flags: number): string | undefined {
  if ((flags & FLAG_CLASS) !== row.flags) return `flags 0x${flags.toString(16)}`;
  return (flags & FLAG.partial) !== 0 && row.flags !== FLAG_CLASS ? 'Partial bit' : undefined;
}

function fault(outcome: AttributeFault['outcome'], attribute: number, detail: string, citation: string): AttributeFault {
  return { outcome, attribute, detail: `${attributeName(attribute)}: ${detail}`, citation };
}

/** The fault of one known attribute, if any: flags first, then where it came from, then its value. */
function rowFault(
  row: AttributeRow,
  flags: number,
  raw: Uint8Array,
  start: number,
  end: number,
  ctx: AttributeContext,
): AttributeFault | undefined {
  const wrongFlags = flagsFault(row, flags);
  if (wrongFlags !== undefined) return fault(row.onMalformed, row.code, wrongFlags, 'RFC 7606 section 3(c)');
  if (row.internalOnly === true && ctx.external) return fault('attribute-discard', row.code, 'from an external peer', row.citation);
  if (row.use === 'merged' && ctx.fourOctetAs)
    return fault('attribute-discard', row.code, 'from a peer with 4-octet AS numbers', row.citation);
  const asOctets = ctx.fourOctetAs ? 4 : 2;
  const wrongValue = row.fault(raw, start, end, asOctets);
  if (wrongValue !== undefined) return fault(row.onMalformed, row.code, wrongValue, row.citation);
  // An external peer is in no confederation of ours: there is none.
  return row.code === ATTRIBUTE.asPath && ctx.external && hasConfederation(raw, start, end, asOctets)
    ? fault(row.onMalformed, row.code, 'confederation segment', 'RFC 5065 section 5')
    : undefined;
}

/** The fault of an attribute without a row: well-known ones must be known (RFC 4271 section 6.3). */
function unknownFault(code: number, flags: number): AttributeFault | undefined {
  if ((flags & FLAG.optional) !== 0) return undefined;
  return fault('session-reset', code, 'unrecognized well-known attribute', 'RFC 4271 section 6.3');
}

/** Attributes kept and faults found. */
interface Sorted {
  readonly kept: RawAttribute[];
  readonly faults: AttributeFault[];
}

/** Cuts a block and sorts its attributes into those to keep and faults. */
function sortAttributes(raw: Uint8Array, ctx: AttributeContext): Sorted {
  const kept: RawAttribute[] = [];
  const faults: AttributeFault[] = [];
  const seen = new Uint8Array(256);
  let at = 0;
  while (at < raw.length) {
    const flags = raw[at] ?? 0;
    const code = raw[at + 1] ?? 0;
    const end = attributeEnd(raw, at, raw.length);
    if (end < 0) {
      faults.push(fault('treat-as-withdraw', code, 'runs past the end of the attributes', 'RFC 7606 section 4'));
      break;
    }
    const start = at + headerOctets(raw, at);
    at = end;
    if (seen[code] === 1) {
      faults.push(fault('attribute-discard', code, 'appears more than once', 'RFC 7606 section 3(g)'));
      continue;
    }
    seen[code] = 1;
    const row = attributeRow(code);
    const found = row === undefined ? unknownFault(code, flags) : rowFault(row, flags, raw, start, end, ctx);
    if (found !== undefined) faults.push(found);
    else keep(kept, row, { code, flags, value: raw.subarray(start, end) }, ctx);
  }
  return { kept, faults };
}

/** Keeps an attribute with its canonical flags; what we do not understand goes on only if transitive, with Partial (RFC 4271 section 5). */
function keep(kept: RawAttribute[], row: AttributeRow | undefined, attribute: RawAttribute, ctx: AttributeContext): void {
  const understood = row !== undefined && row.use !== 'carried';
  if (!understood && (attribute.flags & FLAG.transitive) === 0) return;
  const flags = (attribute.flags & FLAG_BITS) | (understood || ctx.keepPartial === true ? 0 : FLAG.partial);
  kept.push({ code: attribute.code, flags, value: attribute.value });
}

/** Widens AS numbers to four octets and merges AS4_PATH and AS4_AGGREGATOR in (RFC 6793 section 4.2.3). */
function widenAsNumbers(kept: readonly RawAttribute[]): RawAttribute[] {
  const keptValue = (code: number): Uint8Array | undefined => kept.find((attribute) => attribute.code === code)?.value;
  const aggregator = keptValue(ATTRIBUTE.aggregator);
  const received = keptValue(ATTRIBUTE.as4Aggregator);
  // A real AS in AGGREGATOR beside AS4_AGGREGATOR: an old speaker aggregated after the AS4 attributes were written.
  const ignoreAs4 = aggregator !== undefined && received !== undefined && readU16(aggregator, 0) !== AS_TRANS;
  const as4Path = ignoreAs4 ? undefined : keptValue(ATTRIBUTE.as4Path);
  const as4Aggregator = ignoreAs4 ? undefined : received;
  const wide: RawAttribute[] = [];
  for (const { code, flags, value } of kept) {
    if (code === ATTRIBUTE.asPath) {
      const path = decodeAsPath(value, 2);
      const merged = as4Path === undefined ? path : mergeAs4Path(path, decodeAsPath(as4Path, 4));
      wide.push({ code, flags, value: encodeAsPath(merged, 4) });
    } else if (code === ATTRIBUTE.aggregator) {
      wide.push({ code, flags, value: as4Aggregator ?? concatOctets(Uint8Array.of(0, 0), value) });
    } else if (attributeRow(code)?.use !== 'merged') {
      wide.push({ code, flags, value });
    }
  }
  return wide;
}

/** Faults of what is missing or of the next hop that will be used. */
function routeFaults(
  kept: readonly RawAttribute[],
  nextHop: Uint8Array,
  faulty: readonly AttributeFault[],
  ctx: AttributeContext,
): AttributeFault[] {
  const missing = (code: number): boolean =>
    !kept.some((attribute) => attribute.code === code) &&
    !faulty.some((known) => known.attribute === code && known.outcome !== 'attribute-discard');
  const faults: AttributeFault[] = [];
  for (const code of [ATTRIBUTE.origin, ATTRIBUTE.asPath]) {
    if (missing(code)) faults.push(fault('treat-as-withdraw', code, 'missing', 'RFC 7606 section 3(d)'));
  }
  if (nextHop.length > 0) {
    const martian = nextHopFault(nextHop, ctx);
    if (martian !== undefined) faults.push(fault('treat-as-withdraw', ATTRIBUTE.nextHop, martian, 'RFC 4271 section 6.3'));
  } else if (missing(ATTRIBUTE.nextHop)) {
    faults.push(fault('treat-as-withdraw', ATTRIBUTE.nextHop, 'missing', 'RFC 7606 section 3(d)'));
  }
  return faults;
}

const NO_FAULTS: readonly AttributeFault[] = [];

/** Bits of the flags that a canonical block never has set. */
const UNUSED_BITS = 0x0f;

/**
 * The canonical form of a block that is canonical but for its NEXT_HOP, as nearly every one is: ORIGIN and AS_PATH first, the rest
 * ascending, all understood, without fault and in the shortest form. Undefined for any other block: `canonicalAttributes` sorts it.
 */
function nearlyCanonical(raw: Uint8Array, runNextHop: Uint8Array, ctx: AttributeContext): CanonicalAttributes | undefined {
  if (!ctx.fourOctetAs || raw[1] !== ATTRIBUTE.origin) return undefined;
  let before = 0;
  let hopAt = raw.length;
  let hopEnd = raw.length;
  for (let at = 0, end = 0; at < raw.length; at = end) {
    const code = raw[at + 1] ?? 0;
    end = attributeEnd(raw, at, raw.length);
    if (end < 0 || code <= before || (before === ATTRIBUTE.origin && code !== ATTRIBUTE.asPath)) return undefined;
    if (!isCanonical(code, raw, at, end, ctx)) return undefined;
    if (code === ATTRIBUTE.nextHop) {
      hopAt = at;
      hopEnd = end;
    }
    before = code;
  }
  const nextHop = runNextHop.length > 0 ? runNextHop : raw.subarray(Math.min(hopEnd, hopAt + headerOctets(raw, hopAt)), hopEnd);
  if (before === ATTRIBUTE.origin || nextHop.length === 0 || nextHopFault(nextHop, ctx) !== undefined) return undefined;
  const octets = new Uint8Array(raw.length - (hopEnd - hopAt));
  octets.set(hopAt === raw.length ? raw : raw.subarray(0, hopAt));
  if (hopEnd < raw.length) octets.set(raw.subarray(hopEnd), hopAt);
  return { octets, nextHop: copyOctets(nextHop), faults: NO_FAULTS, outcome: undefined };
}

/** True where an attribute can stay octet for octet. */
function isCanonical(code: number, raw: Uint8Array, at: number, end: number, ctx: AttributeContext): boolean {
  const row = attributeRow(code);
  const flags = raw[at] ?? 0;
  const start = at + headerOctets(raw, at);
  if (row?.use !== 'decoded' || (flags & UNUSED_BITS) !== 0 || end - at !== attributeOctets(end - start)) return false;
  return rowFault(row, flags, raw, start, end, ctx) === undefined;
}

/**
 * Canonical form of a received block. `runNextHop` is the next hop of the announced run, empty for classic IPv4 NLRI,
 * whose NEXT_HOP is in the block (beside MP_REACH_NLRI it is ignored: RFC 4760 section 3).
 */
export function canonicalAttributes(raw: Uint8Array, runNextHop: Uint8Array, ctx: AttributeContext): CanonicalAttributes {
  const nearly = nearlyCanonical(raw, runNextHop, ctx);
  if (nearly !== undefined) return nearly;
  const { kept, faults } = sortAttributes(raw, ctx);
  const nextHop = runNextHop.length > 0 ? runNextHop : (kept.find((attribute) => attribute.code === ATTRIBUTE.nextHop)?.value ?? EMPTY);
  const all = [...faults, ...routeFaults(kept, nextHop, faults, ctx)];
  const wide = ctx.fourOctetAs ? kept : widenAsNumbers(kept);
  return {
    octets: joinAttributes(wide.filter((attribute) => attribute.code !== ATTRIBUTE.nextHop)),
    // A view into a receive buffer would keep the whole chunk alive for as long as the set is interned.
    nextHop: copyOctets(nextHop),
    faults: all,
    outcome: worstFault(all)?.outcome,
  };
}

/** Faults of a block that announces nothing: of its attributes alone, nothing is missing (RFC 7606 section 5.2). */
export function blockFaults(raw: Uint8Array, ctx: AttributeContext): readonly AttributeFault[] {
  return sortAttributes(raw, ctx).faults;
}
