/** The tables of the programs in the kernel: read as a whole, written by difference, in an order that loses no packet. */
import { readFileSync } from 'node:fs';
import type { MapHandle } from './entries.ts';
import { eachEntry, readEntry, removeEntries, writeEntries, writeEntry } from './entries.ts';
import type { Maps } from './programs.ts';
import type { IpipApplied, IpipCount, IpipReason, IpipStatus, IpipWanted } from './types.ts';
import { IPIP_REASONS } from './types.ts';
import type { TableChange } from './wanted.ts';
import { blockKey, changeOf, settingOf, tablesOf } from './wanted.ts';

const COUNT_OCTETS = 16;

/** How keys and values of a table are laid out: both are one or two numbers. */
interface Layout {
  readonly read: (octets: Buffer, at: number) => number;
  readonly write: (octets: Buffer, at: number, key: number) => void;
}

const BLOCK: Layout = {
  read: (octets, at) => blockKey(octets.readUInt32BE(at + 4), octets.readUInt32LE(at)),
  write: (octets, at, key) => {
    octets.writeUInt32LE(key % 64, at);
    octets.writeUInt32BE(Math.floor(key / 64), at + 4);
  },
};
const ADDRESS: Layout = {
  read: (octets, at) => octets.readUInt32BE(at),
  write: (octets, at, key) => {
    octets.writeUInt32BE(key, at);
  },
};

/** A map by its name in ipip.h. */
export function mapOf(maps: Maps, name: string): MapHandle {
  const map = maps.get(name);
  if (map === undefined) throw new Error(`the object has no map ${name}`);
  return map;
}

function readTable(map: MapHandle, layout: Layout): Map<number, number> {
  const found = new Map<number, number>();
  eachEntry(map, (keys, key, values, value) => {
    found.set(layout.read(keys, key), values.readUInt32BE(value));
  });
  return found;
}

function writeTable(map: MapHandle, layout: Layout, entries: TableChange['write']): void {
  const keys = Buffer.alloc(entries.length * map.keySize);
  const values = Buffer.alloc(entries.length * map.valueSize);
  entries.forEach(([key, value], index) => {
    layout.write(keys, index * map.keySize, key);
    values.writeUInt32BE(value, index * map.valueSize);
  });
  writeEntries(map, keys, values);
}

function removeFrom(map: MapHandle, layout: Layout, remove: readonly number[]): void {
  const keys = Buffer.alloc(remove.length * map.keySize);
  remove.forEach((key, index) => {
    layout.write(keys, index * map.keySize, key);
  });
  removeEntries(map, keys);
}

/** What `applyTables` changed, and what is left for after the programs are in place. */
export interface TablesApplied {
  readonly changed: Pick<IpipApplied, 'blocks' | 'sources'>;
  /** Entries when that is done. */
  readonly entries: Pick<IpipStatus, 'blocks' | 'sources'>;
  /** Takes out what is wanted no more. */
  readonly finish: () => void;
}

const setOf = (keys: ReadonlySet<number>): Map<number, number> => new Map([...keys].map((key) => [key, 1]));

/** Brings the tables to what is wanted: first everything new, sources before the blocks that lead to them; `finish` takes out the rest. */
export function applyTables(maps: Maps, wanted: IpipWanted): TablesApplied {
  const tables = tablesOf(wanted);
  const setting = Buffer.from(settingOf(wanted));
  const blocks = mapOf(maps, 'ipip_blocks');
  const sources = mapOf(maps, 'ipip_sources');
  const externals = mapOf(maps, 'ipip_externals');
  const block = changeOf(readTable(blocks, BLOCK), tables.blocks);
  const source = changeOf(readTable(sources, ADDRESS), setOf(tables.sources));
  const external = changeOf(readTable(externals, BLOCK), setOf(tables.externals));
  writeTable(externals, BLOCK, external.write);
  writeTable(sources, ADDRESS, source.write);
  writeTable(blocks, BLOCK, block.write);
  writeEntry(mapOf(maps, 'ipip_setting'), Buffer.alloc(4), setting);
  return {
    changed: {
      blocks: { written: block.write.length, removed: block.remove.length },
      sources: { written: source.write.length, removed: source.remove.length },
    },
    entries: { blocks: tables.blocks.size, sources: tables.sources.size },
    finish: () => {
      removeFrom(blocks, BLOCK, block.remove);
      removeFrom(sources, ADDRESS, source.remove);
      removeFrom(externals, BLOCK, external.remove);
    },
  };
}

/** CPUs the kernel may ever have: a map with a value for each has so many. */
function possibleCpus(): number {
  const last = /(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'latin1'))?.[1];
  return Number(last ?? 0) + 1;
}

function readCount(map: MapHandle, reason: number, cpus: number): IpipCount {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(reason, 0);
  const values = readEntry(map, key, COUNT_OCTETS * cpus) ?? Buffer.alloc(0);
  let [packets, octets] = [0n, 0n];
  for (let at = 0; at + COUNT_OCTETS <= values.length; at += COUNT_OCTETS) {
    packets += values.readBigUInt64LE(at);
    octets += values.readBigUInt64LE(at + 8);
  }
  return { packets: Number(packets), octets: Number(octets) };
}

/** Every counter, summed over the CPUs. */
export function readCounters(maps: Maps): { readonly [reason in IpipReason]: IpipCount } {
  const map = mapOf(maps, 'ipip_counts');
  const cpus = possibleCpus();
  const at = (reason: IpipReason): IpipCount => readCount(map, IPIP_REASONS.indexOf(reason), cpus);
  return {
    encapsulated: at('encapsulated'),
    decapsulated: at('decapsulated'),
    'not-ipv4': at('not-ipv4'),
    'no-peer': at('no-peer'),
    'no-route': at('no-route'),
    'too-big': at('too-big'),
    headroom: at('headroom'),
    'unknown-source': at('unknown-source'),
    malformed: at('malformed'),
    'bad-checksum': at('bad-checksum'),
    fragment: at('fragment'),
    ecn: at('ecn'),
  };
}

function countOf(map: MapHandle): number {
  let entries = 0;
  eachEntry(map, () => {
    entries++;
  });
  return entries;
}

/** Entries that both tables have in the kernel. */
export function countEntries(maps: Maps): Pick<IpipStatus, 'blocks' | 'sources'> {
  return { blocks: countOf(mapOf(maps, 'ipip_blocks')), sources: countOf(mapOf(maps, 'ipip_sources')) };
}
