/** NLRI that are there in wire form into UPDATE messages, by the writer that the RIB uses. */
import { HEADER_OCTETS, writeHeader } from './framing.ts';
import { ATTRIBUTE, FAMILY_NUMBERS, FLAG, MESSAGE_TYPE } from './iana.ts';
import { FAMILY_OCTETS } from './multiprotocol.ts';
import { nlriOctets, walkNlri } from './nlri.ts';
import type { Family } from './types.ts';
import { announcedRoom, announcementOctets, UpdateWriter, writeAnnounced } from './update-writer.ts';
import { writeU16 } from './writer.ts';

/** What messages look like. */
export interface PackOptions {
  readonly family: Family;
  /** NLRI carry path identifiers. */
  readonly addPath: boolean;
  /** Octets, 4096 or 65535. */
  readonly maxMessage: number;
}

/** Whole messages one after another in a buffer of their own. */
export interface PackedUpdates {
  readonly octets: Uint8Array;
  readonly messages: number;
}

const EMPTY = new Uint8Array(0);

const NOTHING: PackedUpdates = { octets: EMPTY, messages: 0 };

function addAll(writer: UpdateWriter, nlri: Uint8Array, { family, addPath }: PackOptions): PackedUpdates {
  const isIpv4 = family === 'ipv4-unicast';
  walkNlri({ family, addPath, octets: nlri }, (word0, word1, word2, word3, length, pathId) => {
    if (isIpv4) writer.addIpv4(word0, length, pathId);
    else writer.addIpv6(Uint32Array.of(word0, word1, word2, word3), 0, length, pathId);
  });
  writer.close();
  return { octets: writer.octets(), messages: writer.messages };
}

/** Octets of the longest route. */
function longest(nlri: Uint8Array, { family, addPath }: PackOptions): number {
  let bits = 0;
  walkNlri({ family, addPath, octets: nlri }, (_word0, _word1, _word2, _word3, length) => {
    bits = Math.max(bits, length);
  });
  return nlriOctets(bits, addPath);
}

/**
 * Messages that announce `nlri` (wire form, one after another) with a canonical block (or `toTwoOctetAs` of one) and a
 * next hop of 4, 16 or 32 octets. Undefined where the attributes leave no room for a route in `maxMessage`: such a
 * route cannot be announced and must be withdrawn instead (RFC 4271 section 9.2).
 */
export function packAnnouncements(
  attributes: Uint8Array,
  nextHop: Uint8Array,
  nlri: Uint8Array,
  options: PackOptions,
): PackedUpdates | undefined {
  if (nlri.length === 0) return NOTHING;
  const shape = { ...options, multiprotocol: options.family !== 'ipv4-unicast' || nextHop.length !== 4 };
  const form = new Uint8Array(announcedRoom(attributes, nextHop));
  const length = writeAnnounced(form, 0, attributes, nextHop, shape);
  if (announcementOctets(shape, length, longest(nlri, options)) > options.maxMessage) return undefined;
  const writer = new UpdateWriter(shape);
  writer.openAnnounce(form.subarray(0, length));
  return addAll(writer, nlri, options);
}

/** Messages that withdraw `nlri` (wire form, one after another). */
export function packWithdrawals(nlri: Uint8Array, options: PackOptions): PackedUpdates {
  if (nlri.length === 0) return NOTHING;
  const writer = new UpdateWriter({ ...options, multiprotocol: options.family !== 'ipv4-unicast' });
  writer.openWithdraw();
  return addAll(writer, nlri, options);
}

/** The End-of-RIB marker of a family (RFC 4724 section 2). */
export function encodeEndOfRib(family: Family): Uint8Array {
  const { afi, safi } = FAMILY_NUMBERS[family];
  const block = family === 'ipv4-unicast' ? EMPTY : Uint8Array.of(FLAG.optional, ATTRIBUTE.mpUnreach, FAMILY_OCTETS, afi >>> 8, afi, safi);
  const message = new Uint8Array(HEADER_OCTETS + 4 + block.length);
  writeHeader(message, 0, message.length, MESSAGE_TYPE.update);
  writeU16(message, HEADER_OCTETS + 2, block.length);
  message.set(block, HEADER_OCTETS + 4);
  return message;
}
