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

/** The block with ORIGINATOR_ID added (`originatorId` undefined: it has one) and the CLUSTER_ID put before the others. */
export function reflectAttributes(octets: Uint8Array, originatorId: number | undefined, clusterId: number): Uint8Array {
  const originator = findAttribute(octets, ORIGINATOR_ID);
  const clusters = findAttribute(octets, CLUSTER_LIST);
  const listed = clusters.end - clusters.start;
  const wide = listed + 4 > 255;
  const added = originatorId === undefined ? 0 : 7;
  const result = new Uint8Array(octets.length - (clusters.end - clusters.at) + added + (wide ? 4 : 3) + listed + 4);
  // Codes ascend, so ORIGINATOR_ID's place is where it stands or just before CLUSTER_LIST's.
  const before = originatorId === undefined ? clusters.at : originator.at;
  result.set(octets.subarray(0, before), 0);
  let at = before;
  if (originatorId !== undefined) {
    result[at] = OPTIONAL;
    result[at + 1] = ORIGINATOR_ID;
    result[at + 2] = 4;
    put32(result, at + 3, originatorId);
    at += 7;
  }
  result[at] = wide ? EXTENDED : OPTIONAL;
  result[at + 1] = CLUSTER_LIST;
  if (wide) {
    result[at + 2] = (listed + 4) >> 8;
    at++;
  }
  result[at + 2] = listed + 4;
  put32(result, at + 3, clusterId);
  result.set(octets.subarray(clusters.start, clusters.end), at + 7);
  result.set(octets.subarray(clusters.end), at + 7 + listed);
  return result;
}
