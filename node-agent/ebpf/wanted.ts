/** From what is wanted to entries of maps, and what differs from those that are there. Layouts are those of ipip.h. Pure. */
import type { Address, Prefix } from 'bgp-ts/net';
import { formatAddress, formatPrefix, numberFromAddress } from 'bgp-ts/net';
import type { IpipWanted } from './types.ts';

/** Contents of the maps. A block's key is its address times 64 plus its length: both fit a number exactly. */
export interface IpipTables {
  /** Node address by block. */
  readonly blocks: ReadonlyMap<number, number>;
  readonly sources: ReadonlySet<number>;
  /** Networks that may send though no node is there, by the same keys as blocks. */
  readonly externals: ReadonlySet<number>;
}

/** What has to be done to a table. */
export interface TableChange {
  readonly write: readonly (readonly [key: number, value: number])[];
  readonly remove: readonly number[];
}

/** Key of a block. */
export function blockKey(address: number, length: number): number {
  return address * 64 + length;
}

function ipv4(what: string, address: Address): number {
  const number = numberFromAddress(address);
  if (number === undefined) throw new Error(`${what} ${formatAddress(address)} is not IPv4: IPIP carries IPv4 in IPv4`);
  return number;
}

function blockOf(block: Prefix, what = 'block'): number {
  if (block.family !== 'ipv4') throw new Error(`${what} ${formatPrefix(block)} is not IPv4: IPIP carries IPv4 in IPv4`);
  return blockKey(block.words[0], block.length);
}

/** Tables for what is wanted; of two entries for one block the last counts. Throws where an address is not IPv4. */
export function tablesOf(wanted: IpipWanted): IpipTables {
  const blocks = new Map<number, number>();
  const sources = new Set<number>();
  for (const { block, host } of wanted.peers) {
    const number = ipv4('node', host);
    blocks.set(blockOf(block), number);
    sources.add(number);
  }
  for (const address of wanted.sources ?? []) sources.add(ipv4('source', address));
  return { blocks, sources, externals: new Set((wanted.externals ?? []).map((network) => blockOf(network, 'network'))) };
}

/** From the entries there are to those wanted. */
export function changeOf(now: ReadonlyMap<number, number>, wanted: ReadonlyMap<number, number>): TableChange {
  const write: (readonly [number, number])[] = [];
  const remove: number[] = [];
  for (const [key, value] of wanted) if (now.get(key) !== value) write.push([key, value]);
  for (const key of now.keys()) if (!wanted.has(key)) remove.push(key);
  return { write, remove };
}

/** Octets of `struct setting`. */
const SETTING_OCTETS = 20;

/** Writes `struct setting`. Throws where the local address is not IPv4, the MAC is none, or there is no parent. */
export function settingOf(wanted: IpipWanted): Uint8Array {
  const octets = new Uint8Array(SETTING_OCTETS);
  const view = new DataView(octets.buffer);
  const mac = /^([0-9a-f]{2}):([0-9a-f]{2}):([0-9a-f]{2}):([0-9a-f]{2}):([0-9a-f]{2}):([0-9a-f]{2})$/.exec(wanted.mac);
  const [parent] = wanted.parents;
  if (mac === null) throw new Error(`MAC ${wanted.mac} is not six octets with colons`);
  if (parent === undefined) throw new Error('no parent interface: packets could not come in');
  view.setUint32(0, ipv4('local address', wanted.local));
  view.setUint32(4, wanted.device, true);
  view.setUint32(8, parent, true);
  mac.slice(1).forEach((digits, index) => {
    octets[12 + index] = Number.parseInt(digits, 16);
  });
  return octets;
}
