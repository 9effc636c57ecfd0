/**
 * Attributes as a group's members are told them, each stored once per group: equal octets have equal ids, so a change that
 * makes no difference on the wire is seen as none.
 */
import type { Family } from '../wire/index.ts';
import { findAttribute } from './attribute-octets.ts';
import type { ExportedAttributes } from './export-rules.ts';
import { grow, int32, uint32 } from './grow.ts';

const NEXT_HOP = 3;

/** Ids start at 1; 0 means "not told". */
export class ExportTable {
  count = 0;
  /** ORIGINATOR_ID, 0 where none. */
  originatorId: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private refs: Int32Array<ArrayBuffer> = new Int32Array(64);
  private generation: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private first: Int32Array<ArrayBuffer> = new Int32Array(64);
  private last: Int32Array<ArrayBuffer> = new Int32Array(64);
  private readonly keys: string[] = [''];
  private readonly ids = new Map<string, number>();
  private readonly freeIds: number[] = [];
  private scratch = Buffer.alloc(1024);
  private readonly wide: boolean;

  constructor(family: Family) {
    this.wide = family === 'ipv6-unicast';
  }

  /** One more than the highest id. */
  get top(): number {
    return this.keys.length;
  }

  /** Id of the attributes, without a reference held. */
  intern(attributes: ExportedAttributes): number {
    const key = this.keyOf(attributes);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.freeIds.pop() ?? this.keys.length;
    this.originatorId = grow(this.originatorId, id + 1, uint32);
    this.refs = grow(this.refs, id + 1, int32);
    this.generation = grow(this.generation, id + 1, uint32);
    this.ids.set(key, id);
    this.keys[id] = key;
    this.refs[id] = 0;
    this.originatorId[id] = attributes.originatorId;
    this.count++;
    return id;
  }

  retain(id: number): void {
    this.refs[id] = (this.refs[id] ?? 0) + 1;
  }

  /** Lets go; the last one frees the id. */
  release(id: number): void {
    const left = (this.refs[id] ?? 0) - 1;
    this.refs[id] = left;
    if (left <= 0) this.free(id);
  }

  /** Frees attributes that were interned and then not used. */
  releaseUnused(id: number): void {
    if (this.refs[id] === 0 && this.keys[id] !== '') this.free(id);
  }

  private free(id: number): void {
    this.ids.delete(this.keys[id] ?? '');
    this.keys[id] = '';
    this.generation[id] = (this.generation[id] ?? 0) + 1;
    this.freeIds.push(id);
    this.count--;
  }

  /** Changes when the id is reused. */
  generationOf(id: number): number {
    return this.generation[id] ?? 0;
  }

  /** Scratch of the encoder: first and last change per export id, as index + 1; `first` is all zero between encodings. */
  chains(): { readonly first: Int32Array; readonly last: Int32Array } {
    this.first = grow(this.first, this.keys.length, int32);
    this.last = grow(this.last, this.keys.length, int32);
    return { first: this.first, last: this.last };
  }

  /** Identity across groups of the same family: what the peer reads, as latin1 text. IPv6: length and octets of the next hop, then the rest. */
  wire(id: number): string {
    return this.keys[id] ?? '';
  }

  /** IPv4: the attributes with NEXT_HOP in its place. IPv6: next hop length, next hop, attributes. */
  private keyOf({ octets, nextHop }: ExportedAttributes): string {
    const length = octets.length + nextHop.length + 8;
    if (this.scratch.length < length) this.scratch = Buffer.alloc(length * 2);
    const scratch = this.scratch;
    if (this.wide) {
      scratch[0] = nextHop.length;
      scratch.set(nextHop, 1);
      scratch.set(octets, 1 + nextHop.length);
      return scratch.toString('latin1', 0, 1 + nextHop.length + octets.length);
    }
    const { at } = findAttribute(octets, NEXT_HOP);
    scratch.set(octets.subarray(0, at), 0);
    scratch[at] = 0x40;
    scratch[at + 1] = NEXT_HOP;
    scratch[at + 2] = 4;
    scratch.set(nextHop, at + 3);
    scratch.set(octets.subarray(at), at + 7);
    return scratch.toString('latin1', 0, octets.length + 7);
  }
}
