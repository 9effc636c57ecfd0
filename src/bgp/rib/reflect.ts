/** The edit of every reflected route (RFC 4456 section 8), straight on canonical octets because each new attribute set takes it. */
import { findAttribute } from './attribute-octets.ts';

const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;
const OPTIONAL = 0x80;
const EXTENDED = 0x90;

function put32(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
}

let scratch = new Uint8Array(1024);

function copy(from: Uint8Array, start: number, end: number, at: number): number {
  for (let i = start; i < end; i++) scratch[at + i - start] = from[i] ?? 0;
  return at + end - start;
}

/**
 * The block with ORIGINATOR_ID added (`originatorId` undefined: it has one) and the CLUSTER_ID put before the others; a view that
 * the next call overwrites.
 */
export function reflectAttributes(octets: Uint8Array, originatorId: number | undefined, clusterId: number): Uint8Array {
  if (scratch.length < octets.length + 16) scratch = new Uint8Array(octets.length * 2);
  const clusters = findAttribute(octets, CLUSTER_LIST);
  const listed = clusters.end - clusters.start;
  const wide = listed + 4 > 255;
  // Codes ascend: ORIGINATOR_ID's place is just before CLUSTER_LIST's.
  let at = copy(octets, 0, clusters.at, 0);
  if (originatorId !== undefined) {
    scratch[at] = OPTIONAL;
    scratch[at + 1] = ORIGINATOR_ID;
    scratch[at + 2] = 4;
    put32(scratch, at + 3, originatorId);
    at += 7;
  }
  scratch[at++] = wide ? EXTENDED : OPTIONAL;
  scratch[at++] = CLUSTER_LIST;
  if (wide) scratch[at++] = (listed + 4) >> 8;
  scratch[at++] = listed + 4;
  put32(scratch, at, clusterId);
  at = copy(octets, clusters.start, clusters.end, at + 4);
  at = copy(octets, clusters.end, octets.length, at);
  return scratch.subarray(0, at);
}
