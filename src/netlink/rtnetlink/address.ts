/** Interface addresses: struct ifaddrmsg and its attributes. */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import type { Draft } from './attributes.ts';
import { addressRow, attributeTable, familyOfNumber, readAttributes, uint32Row, writeAttributes } from './attributes.ts';
import { AF, NLM_F } from './constants.ts';

/** An address of an interface. */
export interface AddressMessage {
  readonly family: 'ipv4' | 'ipv6';
  readonly interface: number;
  /** Length of the network, 0-32 or 0-128. */
  readonly length: number;
  readonly scope: number;
  /** ADDRESS_FLAG bits. */
  readonly flags: number;
  /** The network's address: the other end on a point-to-point link, else the same as `local`. */
  readonly address?: SocketIp;
  /** The interface's own address; IPv6 leaves it out where it equals `address`. */
  readonly local?: SocketIp;
}

const IFADDRMSG = 8;

const ADDRESS_ATTRIBUTES = attributeTable<AddressMessage>([
  addressRow(
    1,
    (entry) => entry.address,
    (into, value) => {
      into.address = value;
    },
  ),
  addressRow(
    2,
    (entry) => entry.local,
    (into, value) => {
      into.local = value;
    },
  ),
  uint32Row(
    8,
    (entry) => entry.flags,
    (into, value) => {
      into.flags = value;
    },
  ),
]);

/** Writes one address message; NLM_F.request is added to the flags. */
export function encodeAddress(out: Arena, type: number, flags: number, seq: number, entry: AddressMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, IFADDRMSG);
  const { octets } = out;
  octets[at] = AF[entry.family];
  octets[at + 1] = entry.length;
  octets[at + 2] = entry.flags & 0xff;
  octets[at + 3] = entry.scope;
  octets.writeUInt32LE(entry.interface, at + 4);
  writeAttributes(out, ADDRESS_ATTRIBUTES, entry);
  out.end();
}

/** The address of a message whose body is `[at, end)`; undefined where it is malformed or not IP. */
export function decodeAddress(octets: Buffer, at: number, end: number): AddressMessage | undefined {
  if (end - at < IFADDRMSG) return undefined;
  const family = familyOfNumber(octets[at] ?? 0);
  const length = octets[at + 1] ?? 0;
  if (family === undefined || length > (family === 'ipv4' ? 32 : 128)) return undefined;
  const entry: Draft<AddressMessage> = {
    family,
    interface: octets.readUInt32LE(at + 4),
    length,
    scope: octets[at + 3] ?? 0,
    flags: octets[at + 2] ?? 0,
  };
  return readAttributes(ADDRESS_ATTRIBUTES, entry, octets, at + IFADDRMSG, end) ? entry : undefined;
}

/** Writes the request for a dump of addresses, of one family or both. */
export function encodeAddressDump(out: Arena, type: number, seq: number): void {
  out.begin(type, NLM_F.request | NLM_F.dump, seq, IFADDRMSG);
  out.end();
}
