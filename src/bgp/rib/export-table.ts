/**
 * Attributes as a group's members are told them, each stored once per group: equal octets have equal ids, so a change that
 * makes no difference on the wire is seen as none.
 */
import { announcedRoom, writeAnnounced } from '../wire/index.ts';
import { findAttribute } from './attribute-octets.ts';
import type { ExportedAttributes } from './export-rules.ts';
import { grow, int32, uint32 } from './grow.ts';
import { hashOctets, OctetStore } from './octet-store.ts';

const NEXT_HOP = 3;

/** Ids start at 1; 0 means "not told". */
export class ExportTable {
  /** ORIGINATOR_ID, 0 where none. */
  originatorId: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private refs: Int32Array<ArrayBuffer> = new Int32Array(64);
  private generation: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private first: Int32Array<ArrayBuffer> = new Int32Array(64);
  private last: Int32Array<ArrayBuffer> = new Int32Array(64);
  private readonly store = new OctetStore(1);
  private scratch = new Uint8Array(1024);
  readonly multiprotocol: boolean;

  /** `multiprotocol`: the attributes stand behind MP_REACH_NLRI, so the next hop is kept apart. */
  constructor(multiprotocol: boolean) {
    this.multiprotocol = multiprotocol;
  }

  /** Exports stored. */
  get count(): number {
    return this.store.count;
  }

  /** Id of the attributes, without a reference held. */
  intern(attributes: ExportedAttributes): number {
    const length = this.writeKey(attributes);
    const hash = hashOctets(this.scratch, length);
    const known = this.store.find(this.scratch, length, hash);
    if (known >= 0) return known;
    const id = this.store.add(this.scratch, length, hash);
    this.originatorId = grow(this.originatorId, id + 1, uint32);
    this.refs = grow(this.refs, id + 1, int32);
    this.generation = grow(this.generation, id + 1, uint32);
    this.refs[id] = 0;
    this.originatorId[id] = attributes.originatorId;
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
    if (this.refs[id] === 0 && this.store.length(id) >= 0) this.free(id);
  }

  /** Takes references counted anew, by id; what nothing refers to is freed. False where they differ from those held. */
  adopt(uses: Int32Array): boolean {
    let same = true;
    for (let id = 1; id < this.store.top; id++) {
      const [held, counted] = [this.refs[id] ?? 0, uses[id] ?? 0];
      if (held === counted || this.store.length(id) < 0) continue;
      same = false;
      this.refs[id] = counted;
      if (counted === 0) this.free(id);
    }
    return same;
  }

  private free(id: number): void {
    this.store.remove(id);
    this.generation[id] = (this.generation[id] ?? 0) + 1;
  }

  /** Changes when the id is reused. */
  generationOf(id: number): number {
    return this.generation[id] ?? 0;
  }

  /** Scratch of the encoder: first and last change per export id, as index + 1; `first` is all zero between encodings. */
  chains(): { readonly first: Int32Array; readonly last: Int32Array } {
    this.first = grow(this.first, this.store.top, int32);
    this.last = grow(this.last, this.store.top, int32);
    return { first: this.first, last: this.last };
  }

  /** What the peer reads, in the form of `writeAnnounced`: a view to be read at once. */
  wire(id: number): Uint8Array {
    return this.store.view(id);
  }

  /** Octets of `wire`. */
  wireLength(id: number): number {
    return this.store.length(id);
  }

  /** Next hop of an export, comparable. */
  nextHopText(id: number): string {
    const wire = this.wire(id);
    if (this.multiprotocol) return wire.subarray(0, 1 + (wire[0] ?? 0)).join('.');
    const { start, end } = findAttribute(wire, NEXT_HOP);
    return wire.subarray(start, end).join('.');
  }

  /** True where another group of the family tells the same. */
  tellsAs(id: number, other: ExportTable, otherId: number): boolean {
    return this.store.equals(id, other.store, otherId);
  }

  private writeKey({ octets, nextHop }: ExportedAttributes): number {
    const room = announcedRoom(octets, nextHop);
    if (this.scratch.length < room) this.scratch = new Uint8Array(room * 2);
    return writeAnnounced(this.scratch, 0, octets, nextHop, this);
  }
}
