/**
 * A small MRT reader (RFC 6396, RFC 8050) for the oracle test: records of BGP4MP, TABLE_DUMP and TABLE_DUMP_V2, and the
 * line that the reference dumper prints for each route.
 */
import type { Address } from 'bgp-ts/net';
import { formatAddress, formatPrefix, readAddress } from 'bgp-ts/net';
import type { AsPathSegment, PathAttributes, PathPrefix, ScannedUpdate, UpdateContext } from 'bgp-ts/wire';
import { decodeAttributes, decodeNlri, findAttribute, joinAttributes, Reader, scanUpdate, splitAttributes } from 'bgp-ts/wire';
import { FULL_CONTEXT } from './arbitraries.ts';

/** One MRT record. */
export interface MrtRecord {
  readonly time: number;
  readonly type: number;
  readonly subtype: number;
  readonly body: Uint8Array;
}

const TABLE_DUMP = 12;
const TABLE_DUMP_V2 = 13;
const BGP4MP = 16;
const BGP4MP_ET = 17;

/** Cuts a file into records; a cut-off last one is left out. */
export function* mrtRecords(file: Uint8Array): Generator<MrtRecord> {
  const reader = new Reader(file);
  while (reader.remaining >= 12) {
    const time = reader.u32();
    const type = reader.u16();
    const subtype = reader.u16();
    const body = reader.take(reader.u32());
    if (reader.overrun) return;
    // RFC 6396 section 3: extended timestamps put microseconds before the body.
    yield { time, type: type === BGP4MP_ET ? BGP4MP : type, subtype, body: type === BGP4MP_ET ? body.subarray(4) : body };
  }
}

function addressFrom(reader: Reader, ipv6: boolean): Address {
  const octets = reader.take(ipv6 ? 16 : 4);
  return readAddress(octets, 0, ipv6 ? 'ipv6' : 'ipv4') ?? { family: 'ipv4', words: [0, 0, 0, 0] };
}

const SEGMENT_MARKS: { readonly [type in AsPathSegment['type']]: readonly [string, string, string] } = {
  sequence: ['', ' ', ''],
  set: ['{', ',', '}'],
  'confed-sequence': ['(', ' ', ')'],
  'confed-set': ['[', ',', ']'],
};

function pathText(path: readonly AsPathSegment[]): string {
  return path
    .map(({ type, asns }) => {
      const [before, between, after] = SEGMENT_MARKS[type];
      return `${before}${asns.join(between)}${after}`;
    })
    .join(' ');
}

const COMMUNITY_NAMES = new Map([
  [0xffffff01, 'no-export'],
  [0xffffff02, 'no-advertise'],
  [0xffffff03, 'local-AS'],
]);

function communityText(value: number): string {
  return COMMUNITY_NAMES.get(value) ?? `${value >>> 16}:${value & 0xffff}`;
}

/** The columns after the prefix: path, origin, next hop, LOCAL_PREF, MED, communities, atomic aggregate, aggregator. */
function attributeColumns(attributes: PathAttributes, nextHop: string): string {
  const { origin, asPath, localPref = 0, med = 0, communities = [], atomicAggregate, aggregator } = attributes;
  return [
    pathText(asPath),
    origin.toUpperCase(),
    nextHop,
    localPref,
    med,
    communities.map(communityText).join(' '),
    atomicAggregate === true ? 'AG' : 'NAG',
    aggregator === undefined ? '' : `${aggregator.as} ${formatAddress(aggregator.address)}`,
    '',
  ].join('|');
}

/** Peer of a BGP4MP record, and what comes after it. */
interface Bgp4mp {
  readonly reader: Reader;
  readonly peer: string;
  readonly asOctets: 2 | 4;
}

function openBgp4mp({ subtype, body }: MrtRecord): Bgp4mp {
  const asOctets = subtype === 4 || subtype === 5 || subtype === 9 ? 4 : 2;
  const reader = new Reader(body);
  const peerAs = asOctets === 4 ? reader.u32() : reader.u16();
  if (asOctets === 4) reader.u32();
  else reader.u16();
  reader.u16();
  const ipv6 = reader.u16() === 2;
  const peer = formatAddress(addressFrom(reader, ipv6));
  addressFrom(reader, ipv6);
  return { reader, peer: `${peer}|${peerAs}`, asOctets };
}

/**
 * The UPDATE as far as it can be read: a session is reset where the last NLRI is torn (RFC 7606 section 5.3), while the
 * dumper prints the ones before it.
 */
function scanReadable(body: Uint8Array, ctx: UpdateContext): { readonly value: ScannedUpdate } {
  for (let end = body.length; ; end -= 1) {
    const scanned = scanUpdate(body.subarray(0, end), ctx);
    if (scanned.ok) return scanned;
    if (scanned.error.code !== 'UPDATE_INVALID_NETWORK') throw new Error(`${scanned.error.code}: ${scanned.error.detail}`);
  }
}

/** Lines of a BGP4MP record: the routes of an UPDATE, or a change of state. */
function bgp4mpLines(record: MrtRecord): string[] {
  const { reader, peer, asOctets } = openBgp4mp(record);
  if (record.subtype === 0 || record.subtype === 5) return [`BGP4MP|${record.time}|STATE|${peer}|${reader.u16()}|${reader.u16()}`];
  const message = reader.take(reader.remaining);
  if (message[18] !== 2) return [];
  const addPath = record.subtype === 8 || record.subtype === 9;
  const ctx: UpdateContext = { ...FULL_CONTEXT, fourOctetAs: asOctets === 4, addPathReceive: addPath ? FULL_CONTEXT.families : [] };
  const scanned = scanReadable(message.subarray(19), ctx);
  const lines = scanned.value.withdrawn.flatMap(decodeNlri).map(({ prefix }) => `BGP4MP|${record.time}|W|${peer}|${formatPrefix(prefix)}`);
  for (const run of scanned.value.announced) {
    const { attributes, faults } = decodeAttributes(scanned.value.attributes, ctx, run.nextHop);
    if (attributes === undefined) throw new Error(faults.map((fault) => fault.detail).join(', '));
    const columns = attributeColumns(attributes, formatAddress(attributes.nextHop));
    lines.push(...decodeNlri(run).map(({ prefix }) => `BGP4MP|${record.time}|A|${peer}|${formatPrefix(prefix)}|${columns}`));
  }
  return lines;
}

/** PEER_INDEX_TABLE (RFC 6396 section 4.3.1). */
function peerTable(body: Uint8Array): string[] {
  const reader = new Reader(body);
  reader.u32();
  reader.take(reader.u16());
  return Array.from({ length: reader.u16() }, () => {
    const type = reader.u8();
    reader.u32();
    const address = formatAddress(addressFrom(reader, (type & 1) !== 0));
    return `${address}|${(type & 2) === 0 ? reader.u16() : reader.u32()}`;
  });
}

/** One prefix as NLRI without path identifier. */
function readPrefix(reader: Reader, ipv6: boolean): PathPrefix {
  const length = reader.u8();
  const octets = Uint8Array.of(length, ...reader.take((length + 7) >>> 3));
  const [route] = decodeNlri({ family: ipv6 ? 'ipv6-unicast' : 'ipv4-unicast', addPath: false, octets });
  if (route === undefined) throw new Error('prefix of a RIB entry');
  return route;
}

/** What the dumper prints for a RIB entry without attributes, such as a route of the dumping router itself. */
const NO_ATTRIBUTES = '|INCOMPLETE|255.255.255.255|0|0||NAG||';

/** Attributes of a RIB entry; MP_REACH_NLRI holds the next hop alone there (RFC 6396 section 4.3.4). */
function entryColumns(block: Uint8Array, asOctets: 2 | 4): string {
  const reach = findAttribute(block, 14);
  const nextHop = reach === undefined ? new Uint8Array(0) : reach.subarray(1, 1 + (reach[0] ?? 0));
  const rest = joinAttributes(splitAttributes(block).filter(({ code }) => code !== 14));
  const { attributes, faults } = decodeAttributes(rest, { fourOctetAs: asOctets === 4, external: false, loopback: true }, nextHop);
  if (attributes === undefined) throw new Error(faults.map((fault) => fault.detail).join(', '));
  return attributeColumns(attributes, formatAddress(attributes.nextHop));
}

/** RIB_IPV4/IPV6_UNICAST and their ADD-PATH twins (RFC 8050 section 4). */
function tableDumpV2Lines(record: MrtRecord, peers: readonly string[]): string[] {
  const ipv6 = record.subtype === 4 || record.subtype === 10;
  const addPath = record.subtype === 8 || record.subtype === 10;
  const reader = new Reader(record.body);
  reader.u32();
  const { prefix } = readPrefix(reader, ipv6);
  return Array.from({ length: reader.u16() }, () => {
    const peer = peers[reader.u16()] ?? '';
    reader.u32();
    const pathId = addPath ? `${reader.u32()}|` : '';
    const block = reader.take(reader.u16());
    const columns = block.length === 0 ? NO_ATTRIBUTES : entryColumns(block, 4);
    return `TABLE_DUMP2${addPath ? '_AP' : ''}|${record.time}|B|${peer}|${formatPrefix(prefix)}|${pathId}${columns}`;
  });
}

/** One entry of the old table dump (RFC 6396 section 4.2). */
function tableDumpLine(record: MrtRecord): string {
  const ipv6 = record.subtype === 2;
  const reader = new Reader(record.body);
  reader.u32();
  const address = addressFrom(reader, ipv6);
  const length = reader.u8();
  reader.u8();
  const time = reader.u32();
  const peer = `${formatAddress(addressFrom(reader, ipv6))}|${reader.u16()}`;
  const columns = entryColumns(reader.take(reader.u16()), 2);
  const prefix = formatPrefix({ family: address.family, words: address.words, length });
  return `TABLE_DUMP|${time}|B|${peer}|${prefix}|${columns}`;
}

/** Every line of a file. */
export function mrtLines(file: Uint8Array): string[] {
  const lines: string[] = [];
  let peers: readonly string[] = [];
  for (const record of mrtRecords(file)) {
    if (record.type === BGP4MP) lines.push(...bgp4mpLines(record));
    else if (record.type === TABLE_DUMP) lines.push(tableDumpLine(record));
    else if (record.type === TABLE_DUMP_V2 && record.subtype === 1) peers = peerTable(record.body);
    else if (record.type === TABLE_DUMP_V2) lines.push(...tableDumpV2Lines(record, peers));
  }
  return lines;
}
