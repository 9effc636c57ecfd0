/**
 * Values of the path attributes that are plain numbers or lists of numbers: what makes them malformed, and their codecs.
 */
import { readAddress } from '../net/index.ts';
import { Reader, readU16, readU32 } from './reader.ts';
import type { PathAttributes } from './types.ts';
import { concatOctets, Writer } from './writer.ts';

/** Finds what is wrong with the value between two offsets; `asOctets` is the width of AS numbers on this session, 2 or 4. */
export type FaultFinder = (octets: Uint8Array, start: number, end: number, asOctets: 2 | 4) => string | undefined;

/** The value must have exactly `size` octets. */
export function exactly(size: number): FaultFinder {
  return (_octets, start, end) => (end - start === size ? undefined : `${end - start} octets instead of ${size}`);
}

/** The value must be a list, not empty, of items of `size` octets (a zero length is an error: RFC 7606 section 4). */
export function listOf(size: number): FaultFinder {
  return (_octets, start, end) =>
    end > start && (end - start) % size === 0 ? undefined : `${end - start} octets, not a list of ${size} each`;
}

/** ORIGIN: one octet, 0-2 (RFC 7606 section 7.1). */
export const originFault: FaultFinder = (octets, start, end, asOctets) => {
  const value = octets[start] ?? 0;
  return exactly(1)(octets, start, end, asOctets) ?? (value > 2 ? `value ${value}` : undefined);
};

/** AGGREGATOR: 6 octets, or 8 where AS numbers have four (RFC 7606 section 7.7); AS 0 is malformed (RFC 7607 section 2). */
export const aggregatorFault: FaultFinder = (octets, start, end, asOctets) => {
  const wrongSize = exactly(asOctets + 4)(octets, start, end, asOctets);
  if (wrongSize !== undefined) return wrongSize;
  return (asOctets === 2 ? readU16(octets, start) : readU32(octets, start)) === 0 ? 'AS 0' : undefined;
};

const INGRESS_REPLICATION = 6;
const RESERVED_TUNNEL = 255;

/**
 * PMSI_TUNNEL: flags, tunnel type, label (3), tunnel identifier (RFC 6514 section 5). Ingress replication names one
 * address (RFC 6515 section 2); type 255 is reserved (RFC 7385 section 4).
 */
export const pmsiTunnelFault: FaultFinder = (octets, start, end) => {
  const identifier = end - start - 5;
  if (identifier < 0) return `${end - start} octets, fewer than 5`;
  const type = octets[start + 1] ?? 0;
  if (type === RESERVED_TUNNEL) return `tunnel type ${type}`;
  return type === INGRESS_REPLICATION && identifier !== 4 && identifier !== 16 ? `tunnel identifier of ${identifier} octets` : undefined;
};

/** Tunnel encapsulation: TLVs of type (2), length (2) with sub-TLVs whose length has 1 or 2 octets (RFC 9012 section 2). */
export const tunnelEncapsulationFault: FaultFinder = (octets, start, end) => {
  const reader = new Reader(octets, start, end);
  if (reader.remaining === 0) return 'empty';
  while (reader.remaining > 0) {
    reader.u16();
    const tunnel = reader.sub(reader.u16());
    while (tunnel.remaining > 0) {
      const type = tunnel.u8();
      tunnel.take(type < 128 ? tunnel.u8() : tunnel.u16());
    }
    if (reader.overrun || tunnel.overrun) return 'TLV runs past its end';
  }
  return undefined;
};

const LABEL_INDEX = { type: 1, octets: 7 } as const;
const ORIGINATOR_SRGB = { type: 3, minOctets: 8, range: 6 } as const;

/** Prefix-SID: TLVs of type (1), length (2); label index 7 octets, SRGB flags and ranges of 6 (RFC 8669 sections 3 and 6). */
export const prefixSidFault: FaultFinder = (octets, start, end) => {
  const reader = new Reader(octets, start, end);
  if (reader.remaining === 0) return 'empty';
  while (reader.remaining > 0) {
    const type = reader.u8();
    const length = reader.u16();
    reader.take(length);
    if (reader.overrun) return 'TLV runs past its end';
    if (type === LABEL_INDEX.type && length !== LABEL_INDEX.octets) return `label index of ${length} octets`;
    if (type === ORIGINATOR_SRGB.type && (length < ORIGINATOR_SRGB.minOctets || (length - 2) % ORIGINATOR_SRGB.range !== 0))
      return `SRGB of ${length} octets`;
  }
  return undefined;
};

/** Octets a next hop may have, by AFI. */
const NEXT_HOP_OCTETS: { readonly [afi: number]: readonly number[] } = { 1: [4, 16, 32], 2: [16, 32] };

/** Next hop dependent characteristics: AFI (2), SAFI (1), next hop length (1), next hop, TLVs of code (2), length (2) (draft-ietf-idr-nhc). */
export const nextHopCharacteristicsFault: FaultFinder = (octets, start, end) => {
  const reader = new Reader(octets, start, end);
  const afi = reader.u16();
  reader.u8();
  const length = reader.u8();
  reader.take(length);
  if (NEXT_HOP_OCTETS[afi]?.includes(length) !== true) return `AFI ${afi} with a next hop of ${length} octets`;
  while (reader.remaining > 0) {
    reader.u16();
    reader.take(reader.u16());
  }
  return reader.overrun ? 'runs past its end' : undefined;
};

/** Numbers of four octets each. */
export function decodeNumbers(value: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < value.length; at += 4) numbers.push(readU32(value, at));
  return numbers;
}

/** Four octets per number; undefined for an absent or empty list, because such an attribute may not be empty. */
export function encodeNumbers(numbers: readonly number[] | undefined): Uint8Array | undefined {
  if (numbers === undefined || numbers.length === 0) return undefined;
  const writer = new Writer(numbers.length * 4);
  for (const number of numbers) writer.u32(number);
  return writer.finish();
}

/** Triples of large communities (RFC 8092 section 3). */
export function decodeLargeCommunities(value: Uint8Array): [number, number, number][] {
  const triples: [number, number, number][] = [];
  for (let at = 0; at < value.length; at += 12) triples.push([readU32(value, at), readU32(value, at + 4), readU32(value, at + 8)]);
  return triples;
}

/** Twelve octets per large community. */
export function encodeLargeCommunities(triples: PathAttributes['largeCommunities']): Uint8Array | undefined {
  return encodeNumbers(triples?.flat());
}

/** Octets as lower-case hex. */
function hexFromOctets(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += octet.toString(16).padStart(2, '0');
  return text;
}

/** Octets of a hex string; a digit that is none counts as 0. */
function octetsFromHex(text: string): Uint8Array {
  const octets = new Uint8Array(text.length >>> 1);
  for (let index = 0; index < octets.length; index += 1) octets[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  return octets;
}

/** Extended communities of eight octets (RFC 4360 section 2) as hex strings. */
export function decodeExtendedCommunities(value: Uint8Array): string[] {
  const communities: string[] = [];
  for (let at = 0; at < value.length; at += 8) communities.push(hexFromOctets(value.subarray(at, at + 8)));
  return communities;
}

/** Eight octets per extended community. */
export function encodeExtendedCommunities(communities: PathAttributes['extendedCommunities']): Uint8Array | undefined {
  return communities === undefined || communities.length === 0 ? undefined : concatOctets(...communities.map(octetsFromHex));
}

/** AGGREGATOR with a 4-octet AS number. */
export function decodeAggregator(value: Uint8Array): PathAttributes['aggregator'] {
  const address = readAddress(value, 4, 'ipv4');
  return address === undefined ? undefined : { as: readU32(value, 0), address };
}
