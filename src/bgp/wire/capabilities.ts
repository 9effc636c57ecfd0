/**
 * Capabilities (RFC 5492): one row per code with its decoder and encoder side by side. A capability whose value does not
 * have the form its RFC gives is kept as unknown and not honoured: no RFC asks for the session to fail on it.
 */
import { CAPABILITY, FAMILY_NUMBERS, familyFromNumbers } from './iana.ts';
import type { Reader } from './reader.ts';
import type { Capabilities, Family } from './types.ts';
import { copyOctets, Writer } from './writer.ts';

/** Capabilities while they are collected. */
type Draft = { -readonly [key in keyof Capabilities]: Capabilities[key] };

interface CapabilityRow {
  readonly code: number;
  readonly name: string;
  /** Adds a value to the draft; false where its form is wrong. */
  readonly decode: (value: Reader, draft: Draft) => boolean;
  /** Values to send, one capability each. */
  readonly encode: (capabilities: Capabilities) => readonly Uint8Array[];
}

const NO_VALUE = new Uint8Array(0);

/** Capabilities with nothing announced; decoders start from it and tests spread it. */
export const NO_CAPABILITIES: Capabilities = {
  families: [],
  multiprotocol: false,
  routeRefresh: false,
  enhancedRouteRefresh: false,
  extendedMessage: false,
  unknown: [],
};

/** Reads tuples of `size` octets that begin with AFI (2) and SAFI (1); families not carried are skipped, of duplicates the first counts. */
function readTuples<T extends { readonly family: Family }>(
  value: Reader,
  size: number,
  read: (family: Family, rest: Reader) => T | undefined,
): T[] | undefined {
  if (value.remaining % size !== 0) return undefined;
  const tuples: T[] = [];
  while (value.remaining > 0) {
    const tuple = value.sub(size);
    const family = familyFromNumbers(tuple.u16(), tuple.u8());
    const item = family === undefined ? undefined : read(family, tuple);
    if (item !== undefined && !tuples.some((other) => other.family === item.family)) tuples.push(item);
  }
  return tuples;
}

function writeTuples<T extends { readonly family: Family }>(
  items: readonly T[],
  write: (item: T, writer: Writer) => void,
  writer = new Writer(),
): Uint8Array {
  for (const item of items) {
    const { afi, safi } = FAMILY_NUMBERS[item.family];
    writer.u16(afi).u8(safi);
    write(item, writer);
  }
  return writer.finish();
}

const FORWARDING = 0x80;

const GR_RESTARTING = 0x8;
const GR_NOTIFICATION = 0x4;

/** RFC 4724 section 3 and RFC 8538 section 2: flags (4 bits), time (12 bits), then AFI, SAFI, flags per family. */
function decodeGracefulRestart(value: Reader, draft: Draft): boolean {
  const head = value.u16();
  const families = readTuples(value, 4, (family, rest) => ({ family, forwarding: (rest.u8() & FORWARDING) !== 0 }));
  if (value.overrun || families === undefined) return false;
  const flags = head >>> 12;
  draft.gracefulRestart = {
    restarting: (flags & GR_RESTARTING) !== 0,
    notification: (flags & GR_NOTIFICATION) !== 0,
    restartTime: head & 0xfff,
    families,
  };
  return true;
}

function encodeGracefulRestart({ gracefulRestart }: Capabilities): readonly Uint8Array[] {
  if (gracefulRestart === undefined) return [];
  const { restarting, notification, restartTime, families } = gracefulRestart;
  const flags = (restarting ? GR_RESTARTING : 0) | (notification ? GR_NOTIFICATION : 0);
  const writer = new Writer().u16((flags << 12) | (restartTime & 0xfff));
  return [writeTuples(families, (item, out) => out.u8(item.forwarding ? FORWARDING : 0), writer)];
}

const ADD_PATH_MODES = ['receive', 'send', 'both'] as const;

/** RFC 8950 section 4: NLRI AFI (2), NLRI SAFI (2), next hop AFI (2). */
function decodeExtendedNextHop(value: Reader, draft: Draft): boolean {
  if (value.remaining % 6 !== 0) return false;
  const known: { family: Family; nextHop: 'ipv6' }[] = [];
  while (value.remaining > 0) {
    const family = familyFromNumbers(value.u16(), value.u16());
    // Only IPv4 NLRI with an IPv6 next hop is defined (RFC 8950 section 3).
    if (value.u16() === 2 && family === 'ipv4-unicast' && known.length === 0) known.push({ family, nextHop: 'ipv6' });
  }
  draft.extendedNextHop = known;
  return true;
}

function encodeExtendedNextHop({ extendedNextHop }: Capabilities): readonly Uint8Array[] {
  if (extendedNextHop === undefined) return [];
  const writer = new Writer();
  for (const { family } of extendedNextHop) writer.u16(FAMILY_NUMBERS[family].afi).u16(FAMILY_NUMBERS[family].safi).u16(2);
  return [writer.finish()];
}

/** Row of a capability without a value. */
function flagRow(code: number, name: string, key: 'routeRefresh' | 'extendedMessage' | 'enhancedRouteRefresh'): CapabilityRow {
  return {
    code,
    name,
    decode: (value, draft) => {
      if (value.remaining !== 0) return false;
      draft[key] = true;
      return true;
    },
    encode: (capabilities) => (capabilities[key] ? [NO_VALUE] : []),
  };
}

/** All rows, in the order in which we send them. Where a capability that counts once comes again, the last one holds (RFC 4724 section 3). */
const ROWS: readonly CapabilityRow[] = [
  {
    code: CAPABILITY.multiprotocol,
    name: 'multiprotocol',
    decode: (value, draft) => {
      const afi = value.u16();
      value.u8();
      const family = familyFromNumbers(afi, value.u8());
      if (value.overrun || value.remaining > 0) return false;
      draft.multiprotocol = true;
      if (family !== undefined && !draft.families.includes(family)) draft.families = [...draft.families, family];
      return family !== undefined;
    },
    encode: ({ families, multiprotocol }) =>
      multiprotocol
        ? families.map((family) => new Writer(4).u16(FAMILY_NUMBERS[family].afi).u8(0).u8(FAMILY_NUMBERS[family].safi).finish())
        : [],
  },
  flagRow(CAPABILITY.routeRefresh, 'route-refresh', 'routeRefresh'),
  { code: CAPABILITY.extendedNextHop, name: 'extended-next-hop', decode: decodeExtendedNextHop, encode: encodeExtendedNextHop },
  flagRow(CAPABILITY.extendedMessage, 'extended-message', 'extendedMessage'),
  { code: CAPABILITY.gracefulRestart, name: 'graceful-restart', decode: decodeGracefulRestart, encode: encodeGracefulRestart },
  {
    code: CAPABILITY.fourOctetAs,
    name: 'four-octet-as',
    decode: (value, draft) => {
      if (value.remaining !== 4) return false;
      draft.fourOctetAs = value.u32();
      return true;
    },
    encode: ({ fourOctetAs }) => (fourOctetAs === undefined ? [] : [new Writer(4).u32(fourOctetAs).finish()]),
  },
  {
    code: CAPABILITY.addPath,
    name: 'add-path',
    decode: (value, draft) => {
      // A mode other than 1-3 makes the tuple void (RFC 7911 section 4).
      const tuples = readTuples(value, 4, (family, rest) => {
        const mode = ADD_PATH_MODES[rest.u8() - 1];
        return mode === undefined ? undefined : { family, mode };
      });
      if (tuples === undefined) return false;
      draft.addPath = tuples;
      return true;
    },
    encode: ({ addPath }) =>
      addPath === undefined ? [] : [writeTuples(addPath, (item, out) => out.u8(ADD_PATH_MODES.indexOf(item.mode) + 1))],
  },
  flagRow(CAPABILITY.enhancedRouteRefresh, 'enhanced-route-refresh', 'enhancedRouteRefresh'),
  {
    code: CAPABILITY.longLivedGracefulRestart,
    name: 'long-lived-graceful-restart',
    // RFC 9494 section 4.1: AFI, SAFI, flags, stale time (3 octets).
    decode: (value, draft) => {
      const tuples = readTuples(value, 7, (family, rest) => ({
        family,
        forwarding: (rest.u8() & FORWARDING) !== 0,
        staleTime: rest.u24(),
      }));
      if (tuples === undefined) return false;
      draft.longLivedGracefulRestart = tuples;
      return true;
    },
    encode: ({ longLivedGracefulRestart: tuples }) =>
      tuples === undefined ? [] : [writeTuples(tuples, (item, out) => out.u8(item.forwarding ? FORWARDING : 0).u24(item.staleTime))],
  },
];

const ROW_BY_CODE = new Map(ROWS.map((row) => [row.code, row]));

/** Adds the capabilities of one optional parameter to those read so far; undefined where a length runs past its end (RFC 5492 section 4). */
export function decodeCapabilities(parameter: Reader, before: Capabilities): Capabilities | undefined {
  const draft: Draft = { ...before };
  while (parameter.remaining > 0) {
    const code = parameter.u8();
    const value = parameter.sub(parameter.u8());
    if (parameter.overrun) return undefined;
    const octets = copyOctets(value.octets, value.offset, value.end);
    if (ROW_BY_CODE.get(code)?.decode(value, draft) !== true) draft.unknown = [...draft.unknown, { code, value: octets }];
  }
  return draft;
}

/** All capabilities as the value of one optional parameter, in the order of their codes. */
export function encodeCapabilities(capabilities: Capabilities): Uint8Array {
  const writer = new Writer();
  for (const row of ROWS) {
    for (const value of row.encode(capabilities)) writer.u8(row.code).u8(value.length).bytes(value);
  }
  for (const { code, value } of capabilities.unknown) writer.u8(code).u8(value.length).bytes(value);
  return writer.finish();
}

/** Names of what a peer announced, for status: `multiprotocol ipv4-unicast`, `graceful-restart`, `code 75`. */
export function capabilityNames(capabilities: Capabilities): readonly string[] {
  const names = ROWS.filter((row) => row.code !== CAPABILITY.multiprotocol && row.encode(capabilities).length > 0).map((row) => row.name);
  const families = capabilities.multiprotocol ? capabilities.families.map((family) => `multiprotocol ${family}`) : [];
  return [...families, ...names, ...capabilities.unknown.map(({ code }) => `code ${code}`)];
}
