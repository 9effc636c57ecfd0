/**
 * The columns that the decision process compares, taken from a canonical attribute block in one pass, and the questions
 * that loop detection asks of it. No object is made of the values.
 */
import { attributeEnd, findAttribute, headerOctets } from './attribute-header.ts';
import { ATTRIBUTE, SEGMENT } from './iana.ts';
import { readU32 } from './reader.ts';

/** LOCAL_PREF of a route that came without one. */
const DEFAULT_LOCAL_PREF = 100;

/** What the decision process compares (RFC 4271 section 9.1.2.2, RFC 4456 section 9). All numbers are unsigned 32 bit or less. */
export interface AttributeKeys {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: number;
  /** 100 where the block has none. */
  readonly localPref: number;
  readonly hasLocalPref: boolean;
  /** 0 where the block has none. */
  readonly med: number;
  readonly hasMed: boolean;
  /** A set counts 1, confederation segments 0. */
  readonly asPathLength: number;
  /** First AS of the path; 0 where the path is empty or begins with a set. */
  readonly neighbourAs: number;
  /** Last AS of the path; 0 where the path is empty or ends with a set. */
  readonly originAs: number;
  /** 0 where the block has none. */
  readonly originatorId: number;
  readonly hasOriginatorId: boolean;
  /** Cluster ids in CLUSTER_LIST. */
  readonly clusterListLength: number;
}

type KeysDraft = { -readonly [key in keyof AttributeKeys]: AttributeKeys[key] };

function pathKeys(octets: Uint8Array, start: number, end: number, keys: KeysDraft): void {
  let first = true;
  for (let at = start; at < end; ) {
    const type = octets[at] ?? 0;
    const count = octets[at + 1] ?? 0;
    const after = at + 2 + count * 4;
    if (type === SEGMENT.sequence || type === SEGMENT.set) {
      const sequence = type === SEGMENT.sequence;
      keys.asPathLength += sequence ? count : 1;
      if (first && sequence) keys.neighbourAs = readU32(octets, at + 2);
      keys.originAs = sequence ? readU32(octets, after - 4) : 0;
      first = false;
    }
    at = after;
  }
}

type KeyReader = (octets: Uint8Array, start: number, end: number, keys: KeysDraft) => void;

/** How each attribute that matters fills its columns. */
const KEY_READERS = new Map<number, KeyReader>([
  [ATTRIBUTE.origin, (octets, start, _end, keys) => (keys.origin = octets[start] ?? 0)],
  [ATTRIBUTE.asPath, pathKeys],
  [
    ATTRIBUTE.med,
    (octets, start, _end, keys) => {
      keys.med = readU32(octets, start);
      keys.hasMed = true;
    },
  ],
  [
    ATTRIBUTE.localPref,
    (octets, start, _end, keys) => {
      keys.localPref = readU32(octets, start);
      keys.hasLocalPref = true;
    },
  ],
  [
    ATTRIBUTE.originatorId,
    (octets, start, _end, keys) => {
      keys.originatorId = readU32(octets, start);
      keys.hasOriginatorId = true;
    },
  ],
  [ATTRIBUTE.clusterList, (_octets, start, end, keys) => (keys.clusterListLength = (end - start) >>> 2)],
]);

/** The columns of a canonical block. */
export function attributeKeys(canonical: Uint8Array): AttributeKeys {
  const keys: KeysDraft = {
    origin: 2,
    localPref: DEFAULT_LOCAL_PREF,
    hasLocalPref: false,
    med: 0,
    hasMed: false,
    asPathLength: 0,
    neighbourAs: 0,
    originAs: 0,
    originatorId: 0,
    hasOriginatorId: false,
    clusterListLength: 0,
  };
  let at = 0;
  while (at < canonical.length) {
    const end = attributeEnd(canonical, at, canonical.length);
    if (end < 0) break;
    KEY_READERS.get(canonical[at + 1] ?? 0)?.(canonical, at + headerOctets(canonical, at), end, keys);
    at = end;
  }
  return keys;
}

/** Type of a segment whose AS numbers are in order (RFC 4271 section 4.3). */
const AS_SEQUENCE = 2;

/** How often an AS stands in the path of a canonical block, sets and confederation segments included (RFC 4271 section 9.1.2). */
export function countAs(canonical: Uint8Array, asn: number): number {
  const path = findAttribute(canonical, ATTRIBUTE.asPath);
  if (path === undefined) return 0;
  let count = 0;
  let at = 0;
  while (at + 2 <= path.length) {
    const after = at + 2 + (path[at + 1] ?? 0) * 4;
    for (at += 2; at < after; at += 4) {
      if (readU32(path, at) === asn) count += 1;
    }
  }
  return count;
}

/** First AS of the path of a canonical block; 0 where it begins with no AS_SEQUENCE, as an empty one does (RFC 4271 section 6.3). */
export function leftmostAs(canonical: Uint8Array): number {
  const path = findAttribute(canonical, ATTRIBUTE.asPath);
  return path === undefined || path.length < 6 || path[0] !== AS_SEQUENCE ? 0 : readU32(path, 2);
}

/** True where CLUSTER_LIST of a canonical block holds the cluster id (RFC 4456 section 8). */
export function containsCluster(canonical: Uint8Array, clusterId: number): boolean {
  const list = findAttribute(canonical, ATTRIBUTE.clusterList);
  if (list === undefined) return false;
  for (let at = 0; at < list.length; at += 4) {
    if (readU32(list, at) === clusterId) return true;
  }
  return false;
}
