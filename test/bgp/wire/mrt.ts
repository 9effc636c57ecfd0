/**
 * A small MRT reader (RFC 6396, RFC 8050) for the oracle test: records of BGP4MP, TABLE_DUMP and TABLE_DUMP_V2, and the
 * line that the reference dumper prints for each route. What its lines may differ in by version and options (the clock of a table
 * entry, microseconds, the column of a path identifier) are spellings of one line.
 */
import type { Address } from 'bgp-ts/net';
import { formatAddress, formatPrefix, readAddress } from 'bgp-ts/net';
import type { AsPathSegment, AttributeContext, PathAttributes, PathPrefix, ScannedUpdate, UpdateContext } from 'bgp-ts/wire';
import { decodeAttributes, decodeNlri, findAttribute, joinAttributes, Reader, scanUpdate, splitAttributes } from 'bgp-ts/wire';
import { FULL_CONTEXT } from './arbitraries.ts';

/** One MRT record. */
export interface MrtRecord {
  readonly time: number;
  /** Of an extended timestamp; undefined without. */
  readonly microseconds: number | undefined;
  readonly type: number;
  readonly subtype: number;
  readonly body: Uint8Array;
}

/** What a record says. */
export type MrtLine =
  /** A route or a change of state, in any of these words. */
  | { readonly kind: 'line'; readonly spellings: readonly string[] }
  /** A route whose attributes the decoder refuses (RFC 7606): the dumper prints it all the same, only the front of the line can be compared. */
  | { readonly kind: 'refused'; readonly spellings: readonly string[]; readonly because: string }
  /** A message that resets the session: the dumper may print lines with this front for it. */
  | { readonly kind: 'unreadable'; readonly spellings: readonly string[]; readonly because: string }
  /** A record that this reader does not know, by its numbers. */
  | { readonly kind: 'unknown'; readonly record: string };

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
    if (type === BGP4MP_ET) yield { time, microseconds: new Reader(body).u32(), type: BGP4MP, subtype, body: body.subarray(4) };
    else yield { time, microseconds: undefined, type, subtype, body };
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

/** Subtypes of BGP4MP (RFC 6396 section 4.4, RFC 8050 section 3): octets of AS numbers, path identifiers, and what is in it. */
const BGP4MP_SUBTYPES: { readonly [subtype: number]: { readonly asOctets: 2 | 4; readonly addPath: boolean; readonly state?: true } } = {
  0: { asOctets: 2, addPath: false, state: true },
  1: { asOctets: 2, addPath: false },
  4: { asOctets: 4, addPath: false },
  5: { asOctets: 4, addPath: false, state: true },
  6: { asOctets: 2, addPath: false },
  7: { asOctets: 4, addPath: false },
  8: { asOctets: 2, addPath: true },
  9: { asOctets: 4, addPath: true },
  10: { asOctets: 2, addPath: true },
  11: { asOctets: 4, addPath: true },
};

/** Fronts that a line of a BGP4MP record may have. */
function bgp4mpFronts({ time, microseconds }: MrtRecord, addPath: boolean): string[] {
  const plain = addPath ? [`BGP4MP|${time}`, `BGP4MP_AP|${time}`] : [`BGP4MP|${time}`];
  if (microseconds === undefined) return plain;
  const exact = `${time}.${String(microseconds).padStart(6, '0')}`;
  return [`BGP4MP_ET|${exact}`, `BGP4MP|${exact}`, `BGP4MP_ET|${time}`, ...plain];
}

/** The UPDATE as far as it can be read: the dumper prints the routes before a torn NLRI, for which a session is reset (RFC 7606 section 5.3). */
function scanReadable(body: Uint8Array, ctx: UpdateContext): ScannedUpdate | string {
  for (let end = body.length; ; end -= 1) {
    const scanned = scanUpdate(body.subarray(0, end), ctx);
    if (scanned.ok) return scanned.value;
    if (scanned.error.code !== 'UPDATE_INVALID_NETWORK') return `${scanned.error.code}: ${scanned.error.detail}`;
  }
}

const joined = (fronts: readonly string[], tails: readonly string[]): string[] =>
  fronts.flatMap((front) => tails.map((tail) => `${front}|${tail}`));

/** A prefix as a column, and with its path identifier where there is one. */
function routeColumns({ prefix, pathId }: PathPrefix): string[] {
  const written = formatPrefix(prefix);
  return pathId === undefined ? [written] : [`${written}|${pathId}`, written];
}

/** Attributes of an entry or a run: columns, or why the decoder refuses them. */
type Columns = { readonly columns: string } | { readonly because: string };

/** Types of the attributes that have a column, but for the next hop. */
const PRINTED = new Set([1, 2, 4, 5, 6, 7, 8]);
const NEXT_HOP = 3;

function columnsOf(block: Uint8Array, ctx: AttributeContext, nextHop: Uint8Array): Columns {
  const { attributes, faults } = decodeAttributes(block, ctx, nextHop);
  // A table may hold next hops that no session would accept; they are printed like all others, and so is what we discard.
  const refused = faults.filter(({ outcome, attribute }) =>
    outcome === 'attribute-discard' ? PRINTED.has(attribute) : attribute !== NEXT_HOP,
  );
  if (attributes === undefined || refused.length > 0)
    return { because: refused.map(({ detail, citation }) => `${detail} (${citation})`).join() };
  return { columns: attributeColumns(attributes, formatAddress(attributes.nextHop)) };
}

/** A line with its columns, or as much of it as can be compared. */
function lineOf(fronts: readonly string[], found: Columns): MrtLine {
  return 'columns' in found
    ? { kind: 'line', spellings: joined(fronts, [found.columns]) }
    : { kind: 'refused', spellings: fronts, because: found.because };
}

/** Lines of a BGP4MP record: the routes of an UPDATE, or a change of state. */
function bgp4mpLines(record: MrtRecord): MrtLine[] {
  const form = BGP4MP_SUBTYPES[record.subtype];
  if (form === undefined) return [unknownRecord(record)];
  const reader = new Reader(record.body);
  const peerAs = form.asOctets === 4 ? reader.u32() : reader.u16();
  reader.take(form.asOctets + 2);
  const ipv6 = reader.u16() === 2;
  const peer = `${formatAddress(addressFrom(reader, ipv6))}|${peerAs}`;
  addressFrom(reader, ipv6);
  const fronts = bgp4mpFronts(record, form.addPath);
  if (form.state) return [{ kind: 'line', spellings: joined(fronts, [`STATE|${peer}|${reader.u16()}|${reader.u16()}`]) }];
  const message = reader.take(reader.remaining);
  if (message[18] !== 2) return [];
  const addPathReceive = form.addPath ? FULL_CONTEXT.families : [];
  const ctx: UpdateContext = { ...FULL_CONTEXT, loopback: true, fourOctetAs: form.asOctets === 4, addPathReceive };
  const scanned = scanReadable(message.subarray(19), ctx);
  if (typeof scanned === 'string') return [{ kind: 'unreadable', spellings: updateFronts(fronts, peer), because: scanned }];
  const lines = scanned.withdrawn
    .flatMap(decodeNlri)
    .map((route): MrtLine => ({ kind: 'line', spellings: joined(joined(fronts, [`W|${peer}`]), routeColumns(route)) }));
  for (const run of scanned.announced) {
    const found = columnsOf(scanned.attributes, ctx, run.nextHop);
    lines.push(...decodeNlri(run).map((route) => lineOf(joined(joined(fronts, [`A|${peer}`]), routeColumns(route)), found)));
  }
  return lines;
}

const updateFronts = (fronts: readonly string[], peer: string): string[] => joined(fronts, [`A|${peer}`, `W|${peer}`]);

const unknownRecord = ({ type, subtype }: MrtRecord): MrtLine => ({ kind: 'unknown', record: `type ${type} subtype ${subtype}` });

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

/** The next hop of a RIB entry: MP_REACH_NLRI holds it alone there (RFC 6396 section 4.3.4), or stands in full as some collectors write it. */
function entryNextHop(block: Uint8Array): Uint8Array {
  const reach = findAttribute(block, 14) ?? new Uint8Array(0);
  const at = reach[0] === 0 ? 3 : 0;
  return reach.subarray(at + 1, at + 1 + (reach[at] ?? 0));
}

/** Attributes of a RIB entry. */
function entryColumns(block: Uint8Array, asOctets: 2 | 4): Columns {
  if (block.length === 0) return { columns: NO_ATTRIBUTES };
  const rest = joinAttributes(splitAttributes(block).filter(({ code }) => code !== 14));
  return columnsOf(rest, { fourOctetAs: asOctets === 4, external: false, loopback: true }, entryNextHop(block));
}

/** RIB_IPV4/IPV6_UNICAST/MULTICAST and their ADD-PATH twins (RFC 6396 section 4.3.2, RFC 8050 section 4): IPv6, path identifiers. */
const RIB_SUBTYPES: { readonly [subtype: number]: { readonly ipv6: boolean; readonly addPath: boolean } } = {
  2: { ipv6: false, addPath: false },
  3: { ipv6: false, addPath: false },
  4: { ipv6: true, addPath: false },
  5: { ipv6: true, addPath: false },
  8: { ipv6: false, addPath: true },
  9: { ipv6: false, addPath: true },
  10: { ipv6: true, addPath: true },
  11: { ipv6: true, addPath: true },
};

function tableDumpV2Lines(record: MrtRecord, peers: readonly string[]): MrtLine[] {
  const form = RIB_SUBTYPES[record.subtype];
  if (form === undefined) return [unknownRecord(record)];
  const reader = new Reader(record.body);
  reader.u32();
  const { prefix } = readPrefix(reader, form.ipv6);
  return Array.from({ length: reader.u16() }, () => {
    const peer = peers[reader.u16()] ?? '';
    const originated = reader.u32();
    const route = form.addPath ? { prefix, pathId: reader.u32() } : { prefix };
    const found = entryColumns(reader.take(reader.u16()), 4);
    const names = form.addPath ? ['TABLE_DUMP2_AP', 'TABLE_DUMP2'] : ['TABLE_DUMP2'];
    const fronts = names.flatMap((name) => [`${name}|${record.time}|B|${peer}`, `${name}|${originated}|B|${peer}`]);
    return lineOf(joined(fronts, routeColumns(route)), found);
  });
}

/** One entry of the old table dump (RFC 6396 section 4.2). */
function tableDumpLine(record: MrtRecord): MrtLine {
  if (record.subtype !== 1 && record.subtype !== 2) return unknownRecord(record);
  const ipv6 = record.subtype === 2;
  const reader = new Reader(record.body);
  reader.u32();
  const address = addressFrom(reader, ipv6);
  const length = reader.u8();
  reader.u8();
  const originated = reader.u32();
  const peer = `${formatAddress(addressFrom(reader, ipv6))}|${reader.u16()}`;
  const found = entryColumns(reader.take(reader.u16()), 2);
  const prefix = formatPrefix({ family: address.family, words: address.words, length });
  return lineOf(
    [record.time, originated].map((time) => `TABLE_DUMP|${time}|B|${peer}|${prefix}`),
    found,
  );
}

/** Every line of a file. */
export function mrtLines(file: Uint8Array): MrtLine[] {
  const lines: MrtLine[] = [];
  let peers: readonly string[] = [];
  for (const record of mrtRecords(file)) {
    if (record.type === BGP4MP) lines.push(...bgp4mpLines(record));
    else if (record.type === TABLE_DUMP) lines.push(tableDumpLine(record));
    else if (record.type === TABLE_DUMP_V2 && record.subtype === 1) peers = peerTable(record.body);
    else if (record.type === TABLE_DUMP_V2) lines.push(...tableDumpV2Lines(record, peers));
    else lines.push(unknownRecord(record));
  }
  return lines;
}

/** The first difference between a file and what the dumper printed for it; undefined where there is none. */
export function firstDifference(lines: readonly MrtLine[], expected: readonly string[]): string | undefined {
  let at = 0;
  let unreadable: readonly string[] = [];
  for (const line of lines) {
    if (line.kind === 'unknown') continue;
    if (line.kind === 'unreadable') {
      unreadable = [...unreadable, ...line.spellings];
      continue;
    }
    const fits = (text: string): boolean =>
      line.spellings.some((spelling) => (line.kind === 'line' ? text === spelling : text.startsWith(`${spelling}|`)));
    // What the dumper made of a message that cannot be read stands before the next line of ours.
    while (!fits(expected[at] ?? '') && unreadable.some((front) => expected[at]?.startsWith(`${front}|`) === true)) at += 1;
    unreadable = [];
    const text = expected[at] ?? 'the end';
    if (!fits(text)) return `line ${at + 1}: ${line.spellings[0]} where the dumper has ${text}`;
    at += 1;
  }
  const rest = expected.slice(at).filter((text) => !unreadable.some((front) => text.startsWith(`${front}|`)));
  return rest.length === 0 ? undefined : `line ${at + 1}: the end where the dumper has ${rest[0]}`;
}
