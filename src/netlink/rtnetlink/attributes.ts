/** Attributes as tables: one row each, with how it is written and how it is read. Messages are a fixed part and such a table. */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import { AF, ATTRIBUTE_TYPE_MASK } from './constants.ts';

/** A value under construction while its attributes are read. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** One attribute of a message about `T`, read into a `D`. */
export interface AttributeRow<T, D = Draft<T>> {
  readonly type: number;
  /** Writes the attribute where the value has one. */
  readonly write: (out: Arena, value: T) => void;
  /** Reads `length` octets at `at`; false where they cannot be this attribute. */
  readonly read: (into: D, octets: Buffer, at: number, length: number) => boolean;
}

/** The rows of one kind of message, indexed by attribute type. */
export interface AttributeTable<T, D = Draft<T>> {
  readonly rows: readonly AttributeRow<T, D>[];
  readonly byType: readonly (AttributeRow<T, D> | undefined)[];
}

/** Makes the table; rows are written in their order. */
export function attributeTable<T, D = Draft<T>>(rows: readonly AttributeRow<T, D>[]): AttributeTable<T, D> {
  const byType: (AttributeRow<T, D> | undefined)[] = new Array(Math.max(...rows.map((row) => row.type)) + 1).fill(undefined);
  for (const row of rows) byType[row.type] = row;
  return { rows, byType };
}

/** Writes every attribute the value has. */
export function writeAttributes<T, D>(out: Arena, table: AttributeTable<T, D>, value: T): void {
  for (const row of table.rows) row.write(out, value);
}

/**
 * Reads the attributes between `at` and `end` into the draft; unknown ones are passed over. False where one is cut off or
 * cannot be read.
 */
export function readAttributes<T, D>(table: AttributeTable<T, D>, into: D, octets: Buffer, at: number, end: number): boolean {
  while (at + 4 <= end) {
    const length = octets.readUInt16LE(at);
    if (length < 4 || at + length > end) return false;
    const row = table.byType[octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK];
    if (row !== undefined && !row.read(into, octets, at + 4, length - 4)) return false;
    at += (length + 3) & ~3;
  }
  return true;
}

/** The address of 4 or 16 octets at `at`; undefined for any other length. */
export function readIp(octets: Buffer, at: number, length: number): SocketIp | undefined {
  if (length === 4) return { family: 'ipv4', words: [octets.readUInt32BE(at), 0, 0, 0] };
  if (length !== 16) return undefined;
  const words = [octets.readUInt32BE(at), octets.readUInt32BE(at + 4), octets.readUInt32BE(at + 8), octets.readUInt32BE(at + 12)] as const;
  return { family: 'ipv6', words };
}

/** Text without its terminating zero. */
export function readText(octets: Buffer, at: number, length: number): string {
  const end = at + length;
  const zero = octets.subarray(at, end).indexOf(0);
  return octets.toString('utf8', at, zero < 0 ? end : at + zero);
}

/** The family of an address family number; undefined for others than IP. */
export function familyOfNumber(af: number): 'ipv4' | 'ipv6' | undefined {
  if (af === AF.ipv4) return 'ipv4';
  return af === AF.ipv6 ? 'ipv6' : undefined;
}

/** A row whose value is a 32-bit number; `get` gives undefined where it is not to be written. */
export function uint32Row<T, D = Draft<T>>(
  type: number,
  get: (value: T) => number | undefined,
  set: (into: D, value: number) => void,
): AttributeRow<T, D> {
  return {
    type,
    write: (out, value) => {
      const number = get(value);
      if (number !== undefined) out.uint32(type, number);
    },
    read: (into, octets, at, length) => {
      if (length !== 4) return false;
      set(into, octets.readUInt32LE(at));
      return true;
    },
  };
}

/** A row whose value is an address. */
export function addressRow<T, D = Draft<T>>(
  type: number,
  get: (value: T) => SocketIp | undefined,
  set: (into: D, value: SocketIp) => void,
): AttributeRow<T, D> {
  return {
    type,
    write: (out, value) => {
      const ip = get(value);
      if (ip !== undefined) out.address(type, ip);
    },
    read: (into, octets, at, length) => {
      const ip = readIp(octets, at, length);
      if (ip === undefined) return false;
      set(into, ip);
      return true;
    },
  };
}

/** How one value is written as an attribute and read back. */
export interface ValueCodec<V> {
  readonly write: (out: Arena, type: number, value: V) => void;
  /** The value of `length` octets at `at`; undefined where they cannot be one. */
  readonly read: (octets: Buffer, at: number, length: number) => V | undefined;
}

/** A row for the property `key`: written where the value has it. */
export function field<K extends string, V>(
  type: number,
  key: K,
  codec: ValueCodec<V>,
): AttributeRow<{ readonly [P in K]?: V }, { [P in K]?: V }> {
  return {
    type,
    write: (out, value) => {
      const own = value[key];
      if (own !== undefined) codec.write(out, type, own);
    },
    read: (into, octets, at, length) => {
      const value = codec.read(octets, at, length);
      if (value !== undefined) into[key] = value;
      return value !== undefined;
    },
  };
}

/** One octet. */
export const UINT8: ValueCodec<number> = {
  write: (out, type, value) => out.bytes(type, Uint8Array.of(value)),
  read: (octets, at, length) => (length === 1 ? octets[at] : undefined),
};

/** One octet, 0 or 1. */
export const BOOLEAN: ValueCodec<boolean> = {
  write: (out, type, value) => out.bytes(type, Uint8Array.of(value ? 1 : 0)),
  read: (octets, at, length) => (length === 1 ? octets[at] !== 0 : undefined),
};

/** True by being there (NLA_FLAG); false is not written. */
export const FLAG: ValueCodec<boolean> = {
  write: (out, type, value) => {
    if (value) out.mark(type);
  },
  read: () => true,
};

/** A 16-bit number in network order, as ports are. */
export const PORT: ValueCodec<number> = {
  write: (out, type, value) => out.bytes(type, Uint8Array.of(value >> 8, value & 0xff)),
  read: (octets, at, length) => (length === 2 ? octets.readUInt16BE(at) : undefined),
};

/** A 32-bit number. */
export const UINT32: ValueCodec<number> = {
  write: (out, type, value) => out.uint32(type, value),
  read: (octets, at, length) => (length === 4 ? octets.readUInt32LE(at) : undefined),
};

/** A 32-bit number that is not written where it is 0 = none. */
export const UINT32_OR_NONE: ValueCodec<number> = {
  ...UINT32,
  write: (out, type, value) => {
    if (value !== 0) out.uint32(type, value);
  },
};

/** Text that is not written where it is empty. */
export const TEXT: ValueCodec<string> = {
  write: (out, type, value) => {
    if (value !== '') out.text(type, value);
  },
  read: readText,
};

/** An address, 4 or 16 octets. */
export const IP: ValueCodec<SocketIp> = { write: (out, type, value) => out.address(type, value), read: readIp };

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));
const MAC_TEXT = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/**
 * A hardware address as text, lower case with colons, of any length (an ipip device has its four octets of address there); '' is not
 * written. Text that is no such address throws a RangeError before anything is sent.
 */
export const HARDWARE: ValueCodec<string> = {
  write: (out, type, value) => {
    if (value === '') return;
    if (!MAC_TEXT.test(value)) throw new RangeError(`hardware address ${value}: must be six octets with colons`);
    out.bytes(type, Buffer.from(value.replaceAll(':', ''), 'hex'));
  },
  read: (octets, at, length) => {
    let text = '';
    for (let from = at; from < at + length; from++) text += (text === '' ? '' : ':') + (HEX[octets[from] ?? 0] ?? '');
    return text;
  },
};
