/**
 * AS_PATH (RFC 4271 sections 4.3 and 5.1.2, RFC 5065 section 3): segments of type (1), count (1), AS numbers of 2 or 4
 * octets each. AS4_PATH and its merging: RFC 6793 section 4.2.
 */
import { AS_TRANS, SEGMENT } from './iana.ts';
import { readU16, readU32 } from './reader.ts';
import type { AsPathSegment } from './types.ts';
import { Writer } from './writer.ts';

/** AS numbers that one segment can hold. */
const SEGMENT_CAPACITY = 255;

const TYPE_NAMES: { readonly [type: number]: AsPathSegment['type'] } = {
  [SEGMENT.set]: 'set',
  [SEGMENT.sequence]: 'sequence',
  [SEGMENT.confedSequence]: 'confed-sequence',
  [SEGMENT.confedSet]: 'confed-set',
};

const TYPE_NUMBERS: { readonly [type in AsPathSegment['type']]: number } = {
  set: SEGMENT.set,
  sequence: SEGMENT.sequence,
  'confed-sequence': SEGMENT.confedSequence,
  'confed-set': SEGMENT.confedSet,
};

/** What is wrong with a path value, if anything (RFC 7606 section 7.2; AS 0: RFC 7607 section 2). `asOctets` is 2 or 4. */
export function asPathFault(octets: Uint8Array, start: number, end: number, asOctets: number): string | undefined {
  let at = start;
  while (at < end) {
    if (at + 2 > end) return 'one octet after the last segment';
    const type = octets[at] ?? 0;
    const count = octets[at + 1] ?? 0;
    if (TYPE_NAMES[type] === undefined) return `segment type ${type}`;
    if (count === 0) return 'segment without AS numbers';
    const after = at + 2 + count * asOctets;
    if (after > end) return 'segment longer than the attribute';
    for (at += 2; at < after; at += asOctets) {
      if ((asOctets === 2 ? readU16(octets, at) : readU32(octets, at)) === 0) return 'AS 0';
    }
  }
  return undefined;
}

/** True where a path without fault has a confederation segment (RFC 5065 section 3). */
export function hasConfederation(octets: Uint8Array, start: number, end: number, asOctets: number): boolean {
  for (let at = start; at < end; at += 2 + (octets[at + 1] ?? 0) * asOctets) {
    if (octets[at] === SEGMENT.confedSequence || octets[at] === SEGMENT.confedSet) return true;
  }
  return false;
}

/** Decodes a path value without fault. */
export function decodeAsPath(value: Uint8Array, asOctets: number): AsPathSegment[] {
  const segments: AsPathSegment[] = [];
  let at = 0;
  while (at + 2 <= value.length) {
    const type = TYPE_NAMES[value[at] ?? 0] ?? 'sequence';
    const after = Math.min(at + 2 + (value[at + 1] ?? 0) * asOctets, value.length);
    const asns: number[] = [];
    for (at += 2; at < after; at += asOctets) asns.push(asOctets === 2 ? readU16(value, at) : readU32(value, at));
    segments.push({ type, asns });
  }
  return segments;
}

/** Encodes a path; segments of more than 255 AS numbers are cut, AS numbers that do not fit two octets become AS_TRANS. */
export function encodeAsPath(segments: readonly AsPathSegment[], asOctets: number): Uint8Array {
  const writer = new Writer();
  for (const { type, asns } of segments) {
    for (let from = 0; from < asns.length; from += SEGMENT_CAPACITY) {
      const part = asns.slice(from, from + SEGMENT_CAPACITY);
      writer.u8(TYPE_NUMBERS[type]).u8(part.length);
      for (const asn of part) {
        if (asOctets === 4) writer.u32(asn);
        else writer.u16(asn > 0xffff ? AS_TRANS : asn);
      }
    }
  }
  return writer.finish();
}

/** Length of one segment for comparing paths: a set counts 1 (RFC 4271 section 9.1.2.2), confederation segments 0 (RFC 5065 section 5.3). */
function segmentLength(segment: AsPathSegment): number {
  if (segment.type === 'sequence') return segment.asns.length;
  return segment.type === 'set' ? 1 : 0;
}

/** Length of a path for the decision process. */
export function asPathLength(segments: readonly AsPathSegment[]): number {
  let length = 0;
  for (const segment of segments) length += segmentLength(segment);
  return length;
}

/** The leading segments that together count `length`, the last one cut to fit. */
function leadingSegments(segments: readonly AsPathSegment[], length: number): AsPathSegment[] {
  const taken: AsPathSegment[] = [];
  let missing = length;
  for (const segment of segments) {
    if (missing <= 0) break;
    const part = segment.type === 'sequence' ? { type: segment.type, asns: segment.asns.slice(0, missing) } : segment;
    taken.push(part);
    missing -= segmentLength(part);
  }
  return taken;
}

/** Two pieces of a path as one: sequences that meet become one segment where it can hold them. */
function joinPaths(head: readonly AsPathSegment[], tail: readonly AsPathSegment[]): readonly AsPathSegment[] {
  const last = head.at(-1);
  const [first, ...rest] = tail;
  if (last?.type !== 'sequence' || first?.type !== 'sequence' || last.asns.length + first.asns.length > SEGMENT_CAPACITY)
    return [...head, ...tail];
  return [...head.slice(0, -1), { type: 'sequence', asns: [...last.asns, ...first.asns] }, ...rest];
}

/** The real path behind an AS_PATH with AS_TRANS and its AS4_PATH (RFC 6793 section 4.2.3). */
export function mergeAs4Path(asPath: readonly AsPathSegment[], as4Path: readonly AsPathSegment[]): readonly AsPathSegment[] {
  // RFC 6793 section 3: confederation segments have no place in AS4_PATH.
  const tail = as4Path.filter((segment) => segment.type === 'sequence' || segment.type === 'set');
  const missing = asPathLength(asPath) - asPathLength(tail);
  if (missing < 0 || tail.length === 0) return asPath;
  return joinPaths(leadingSegments(asPath, missing), tail);
}

/** The path with `asns` in front, in the order given (RFC 4271 section 5.1.2): into the first sequence where it has the room. */
export function prependAsPath(segments: readonly AsPathSegment[], asns: readonly number[]): readonly AsPathSegment[] {
  if (asns.length === 0) return segments;
  const [first, ...rest] = segments;
  if (first?.type === 'sequence' && first.asns.length + asns.length <= SEGMENT_CAPACITY) {
    return [{ type: 'sequence', asns: [...asns, ...first.asns] }, ...rest];
  }
  return [{ type: 'sequence', asns }, ...segments];
}
