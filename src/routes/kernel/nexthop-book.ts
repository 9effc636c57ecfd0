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

/** Name of a set of hops: members sorted, each once. */
export function setKey(hops: readonly ResolvedHop[]): string {
  return hops.length === 1 ? (hops[0]?.key ?? '') : hops.map((one) => one.key).join('|');
}

function contentKey({ hop, group }: OwnNexthop): string {
  if (hop === undefined) return group.join(',');
  return `${hop.gateway === undefined ? '' : addressKey(hop.gateway)} ${hop.interface} ${hop.onlink}`;
}

/** Ids by name and names by id. */
export class NexthopBook {
  private readonly ids = new Map<string, number>();
  private readonly names = new Map<number, string>();
  private readonly foreign = new Set<number>();
  /** Objects found in the kernel that no name stands for yet, by what they do: taken over where they fit. */
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
    for (const nexthop of nexthops) if (!this.names.has(nexthop.id)) this.unclaimed.set(contentKey(nexthop), nexthop.id);
  }

  /** Id for a name: its own, that of a nameless object which does the same already, or a new one. */
  claim(name: string, wanted: Omit<OwnNexthop, 'id'>, isHeld: (id: number) => boolean): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const content = contentKey({ id: 0, ...wanted });
    const found = this.unclaimed.get(content);
    this.unclaimed.delete(content);
    const id = found ?? this.allocate(isHeld);
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

  private allocate(isHeld: (id: number) => boolean): number {
    for (;;) {
      const id = this.next;
      this.next = id >= this.first + RANGE - 1 ? this.first : id + 1;
      if (!this.names.has(id) && !this.foreign.has(id) && !isHeld(id)) return id;
    }
  }
}
