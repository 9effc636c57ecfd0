/** `ranges` of the JSON form: neighbours that are not named. What a range says of its peers is read like a neighbour. */
import { formatPrefix, prefixContains, prefixContainsAddress, prefixKey } from '../net/index.ts';
import { DEFAULT_RANGE_LIMIT } from '../session/index.ts';
import type { PeerConfig, PeerRange, PeerTemplate } from '../speaker-types.ts';
import type { ObjectReader } from './reader.ts';

const MAX_AS = 0xffff_ffff;

/** Most peers that one range may let in. */
const MAX_RANGE_LIMIT = 65_535;

type AsRange = PeerRange['remoteAs'][number];

/** Reads a range; `readTemplate` the rest of it, told whether an AS of the range may be another one than ours. */
export function readRange(
  reader: ObjectReader,
  readTemplate: (reader: ObjectReader, isExternal: (localAs: number) => boolean) => PeerTemplate,
): PeerRange {
  const prefix = reader.prefix('prefix') ?? { family: 'ipv4' as const, words: [0, 0, 0, 0] as const, length: 0 };
  if (!reader.has('prefix')) reader.fault('prefix', 'is needed');
  const remoteAs = readAsNumbers(reader);
  const range = {
    id: reader.text('name') ?? `range ${formatPrefix(prefix)}`,
    prefix,
    remoteAs,
    limit: reader.integer('limit', 1, MAX_RANGE_LIMIT) ?? DEFAULT_RANGE_LIMIT,
    template: readTemplate(reader, (localAs) => remoteAs.some(({ from, to }) => from !== localAs || to !== localAs)),
  };
  reader.done();
  if (range.template.local !== undefined && range.template.local.family !== prefix.family)
    reader.fault('localAddress', 'must be of the family of prefix');
  return range;
}

function readAsNumbers(reader: ObjectReader): AsRange[] {
  const one = reader.integer('as', 1, MAX_AS);
  const several = reader.list('asNumbers', 'must be an AS number, or two with a hyphen such as "64512-64600"', asRangeOf);
  if (reader.has('as') === reader.has('asNumbers')) reader.fault('as', 'is needed, or asNumbers, and not both');
  if (several?.length === 0) reader.fault('asNumbers', 'must name at least one AS');
  return one === undefined ? (several ?? []) : [{ from: one, to: one }];
}

function asRangeOf(value: unknown): AsRange | undefined {
  const [, from = '', to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(typeof value === 'number' ? String(value) : '') ?? [];
  const [, first = from, last = to] = typeof value === 'string' ? (/^(\d{1,10})-(\d{1,10})$/.exec(value) ?? []) : [];
  const range = { from: Number(first), to: Number(last) };
  return range.from >= 1 && range.from <= range.to && range.to <= MAX_AS ? range : undefined;
}

/** Faults between ranges and neighbours: names, equal prefixes, and keys that the kernel would ask of those who have none. */
export function reportRangeFaults(reader: ObjectReader, peers: readonly PeerConfig[], ranges: readonly PeerRange[]): void {
  const names = new Set(peers.map(({ id }) => id));
  const prefixes = new Set<string>();
  for (const [index, range] of ranges.entries()) {
    const at = `ranges[${index}]`;
    if (names.has(range.id)) reader.fault(at, `has the name ${range.id} of another neighbor or range`);
    if (prefixes.has(prefixKey(range.prefix))) reader.fault(at, 'has the prefix of another range; one range may have several asNumbers');
    names.add(range.id);
    prefixes.add(prefixKey(range.prefix));
    if (range.template.md5Key === undefined) continue;
    // The kernel wants a signature from the whole prefix (TCP_MD5SIG_EXT), whoever else is in it.
    for (const inner of ranges)
      if (inner !== range && prefixContains(range.prefix, inner.prefix) && inner.template.md5Key === undefined)
        reader.fault(at, `has an MD5 key, and ${inner.id} inside it has none`);
    for (const peer of peers)
      if (prefixContainsAddress(range.prefix, peer.remote.address) && peer.md5Key === undefined)
        reader.fault(at, `has an MD5 key, and neighbor ${peer.id} inside it has none`);
  }
}
