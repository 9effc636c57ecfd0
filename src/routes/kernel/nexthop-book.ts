/**
 * Which nexthop object stands for which BGP next hop, or set of them. An object keeps its id while what it stands for
 * moves: then one message moves every route over it (architecture, decision 6). Pure.
 */
import { addressKey } from 'bgp-ts/net';
import type { KernelHop, OwnNexthop } from './table.ts';

/** Ids of one range. */
const RANGE = 0x100_0000;

/**
 * First id of a writer: a range for each protocol number, "LN" in the upper half for 12. The kernel gives ids from 1 up to objects
 * made without one, and other writers choose theirs; an id that is taken is passed over.
 */
export function firstNexthopId(protocol: number): number {
  return (0x40 + (protocol % 0x80)) * RANGE + 0x4e_0000;
}

/** A BGP next hop and where it leads now. */
export interface ResolvedHop {
  /** Names the next hop whatever it resolves to: its address, and the tunnel where there is one. */
  readonly key: string;
  readonly hop: KernelHop;
}

/** Stands between the members in the name of a set, and in no name of a single hop. */
const BETWEEN = '|';

/** Name of a set of hops: members sorted, each once. */
export function setKey(hops: readonly ResolvedHop[]): string {
  return hops.length === 1 ? (hops[0]?.key ?? '') : hops.map((one) => one.key).join(BETWEEN);
}

function contentKey({ hop, family, group }: Omit<OwnNexthop, 'id'>): string {
  if (hop === undefined) return group.join(',');
  // A route of one family is refused over a link's object of the other.
  return `${hop.gateway === undefined ? family : addressKey(hop.gateway)} ${hop.interface} ${hop.onlink}`;
}

/** Ids by name and names by id: at any time an id stands for one name and a name has one id. */
export class NexthopBook {
  private readonly ids = new Map<string, number>();
  private readonly names = new Map<number, string>();
  private readonly foreign = new Set<number>();
  /** Objects that the last reading found and no name stood for, by what they did then: taken over where that still holds. */
  private readonly unclaimed = new Map<string, number>();
  private next: number;
  private readonly first: number;

  constructor(protocol: number) {
    this.first = firstNexthopId(protocol);
    this.next = this.first;
  }

  /** Id of a name, if it has one. */
  idOf(name: string): number | undefined {
    return this.ids.get(name);
  }

  /** Name of an id, if it has one. */
  nameOf(id: number): string | undefined {
    return this.names.get(id);
  }

  /** Takes in what a reading of the kernel found: ids of others, and objects of ours without a name (from a life before). */
  notice(nexthops: readonly OwnNexthop[], foreignIds: readonly number[]): void {
    this.foreign.clear();
    for (const id of foreignIds) {
      this.foreign.add(id);
      this.release(id);
    }
    this.unclaimed.clear();
    for (const nexthop of nexthops) {
      // The kernel makes no group of a hop, nor a hop of a group: somebody removed ours and made another.
      const name = this.names.get(nexthop.id);
      if (name !== undefined && name.includes(BETWEEN) !== (nexthop.hop === undefined)) this.release(nexthop.id);
      if (!this.names.has(nexthop.id)) this.unclaimed.set(contentKey(nexthop), nexthop.id);
    }
  }

  /** Id for a name: its own, that of a nameless object which does the same already, or a new one. `held`: the objects in the kernel now, by id. */
  claim(name: string, wanted: Omit<OwnNexthop, 'id'>, held: ReadonlyMap<number, OwnNexthop>): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const id = this.nameless(contentKey(wanted), held) ?? this.allocate(held);
    this.ids.set(name, id);
    this.names.set(id, name);
    return id;
  }

  /** The object stands for another name from now on. */
  rename(id: number, name: string): void {
    this.release(id);
    this.ids.set(name, id);
    this.names.set(id, name);
  }

  /** The id stands for nothing any more. */
  release(id: number): void {
    const name = this.names.get(id);
    if (name !== undefined) this.ids.delete(name);
    this.names.delete(id);
  }

  /** An object of the last reading may have been removed as idle since, and its id given to another name: then two names would share it. */
  private nameless(content: string, held: ReadonlyMap<number, OwnNexthop>): number | undefined {
    const id = this.unclaimed.get(content);
    this.unclaimed.delete(content);
    const nexthop = id === undefined || this.names.has(id) ? undefined : held.get(id);
    return nexthop !== undefined && contentKey(nexthop) === content ? id : undefined;
  }

  private allocate(held: ReadonlyMap<number, OwnNexthop>): number {
    for (;;) {
      const id = this.next;
      this.next = id >= this.first + RANGE - 1 ? this.first : id + 1;
      if (!this.names.has(id) && !this.foreign.has(id) && !held.has(id)) return id;
    }
  }
}
