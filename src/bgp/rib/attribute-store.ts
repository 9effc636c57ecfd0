/**
 * Attribute sets, each stored once (bgp-speaker 2.4): its octets in slabs, in columns what the
 * decision process compares. A set is identified by its canonical octets, its next hop, and what
 * policy or origination adds to them (route preference, protocol, interface, metric).
 */
import type { LocalRoute } from '../speaker-types.ts';
import {
  type AttributeFault,
  attributeKeys,
  CANONICAL,
  canonicalAttributes,
  decodeAttributes,
  type PathAttributes,
  type UpdateContext,
} from '../wire/index.ts';
import { findAttribute, readUint32 } from './attribute-octets.ts';
import { float64, grow, int32, uint8, uint16, uint32 } from './grow.ts';
import { hashOctets, OctetStore } from './octet-store.ts';
import { RawCache } from './raw-cache.ts';
import { ANY_WAY, type Way, Ways } from './ways.ts';

/** Flags of an attribute set, this and those below. This one: stays in the AS (RFC 1997). */
export const NO_EXPORT = 1;
/** Stays in this speaker (RFC 1997). */
export const NO_ADVERTISE = 2;
/** Stays in this member AS; without confederations, in this AS (RFC 1997). */
export const NO_EXPORT_SUBCONFED = 4;
/** LOCAL_PREF is present, not assumed. */
export const HAS_LOCAL_PREF = 8;
/** MULTI_EXIT_DISC is present. */
export const HAS_MED = 16;
/** ORIGINATOR_ID is present. */
export const HAS_ORIGINATOR = 32;
/** Of a local route. */
const ORIGINATED = 64;

/** Route preference per protocol, BIRD's values (control-plane 2.5). */
export const DEFAULT_PREFERENCE = { device: 240, static: 200, bgp: 100, kernel: 10 } as const;

const WELL_KNOWN: readonly (readonly [number, number])[] = [
  [0xffffff01, NO_EXPORT],
  [0xffffff02, NO_ADVERTISE],
  [0xffffff03, NO_EXPORT_SUBCONFED],
];

/** What a set says beyond its octets. */
export interface SetExtras {
  readonly preference: number;
  readonly local: Pick<LocalRoute, 'protocol' | 'interface' | 'metric'> | undefined;
}

const COMMUNITIES = 8;

/** Tag octets at the front of a key: kind, preference (2 octets), next hop length; extras as JSON only for local routes. */
const TAG = 4;

/** All attribute sets; an id is valid while somebody holds a reference. Throws nothing but on its own corruption. */
export class AttributeStore {
  refs: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** preference * 2^32 + LOCAL_PREF: the first two decision steps in one number. */
  rank: Float64Array<ArrayBuffer> = new Float64Array(64);
  asPathLength: Uint16Array<ArrayBuffer> = new Uint16Array(64);
  origin: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  flags: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  med: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  neighbourAs: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  originatorId: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  clusterListLength: Uint16Array<ArrayBuffer> = new Uint16Array(64);
  /** Where the next hops of the sets lead. */
  readonly ways = new Ways();
  private generation: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private readonly store = new OctetStore();
  private readonly extras = new Map<number, SetExtras>();
  private readonly raw = new RawCache();
  private scratch = Buffer.alloc(1024);
  private readonly onFree: (id: number) => void;

  /** `onFree` is told of every id before it is reused, to drop what is cached under it. */
  constructor(onFree: (id: number) => void) {
    this.onFree = onFree;
  }

  /** Sets stored. */
  get count(): number {
    return this.store.count;
  }

  /** One more than the highest id. */
  get top(): number {
    return this.store.top;
  }

  /**
   * Id of the set as received, without a reference held. Faults go to `onFault`; undefined where their outcome is
   * treat-as-withdraw or worse (RFC 7606).
   */
  internReceived(
    raw: Uint8Array,
    nextHop: Uint8Array,
    context: UpdateContext,
    onFault: (fault: AttributeFault) => void,
  ): number | undefined {
    const length = this.writeRawKey(raw, nextHop, context);
    const hash = hashOctets(this.scratch, length);
    const entry = this.raw.find(this.scratch, length, hash);
    if (entry >= 0 && this.raw.generationAt(entry) === this.generation[this.raw.idAt(entry)]) return this.raw.idAt(entry);
    const canonical = canonicalAttributes(raw, nextHop, context);
    for (const fault of canonical.faults) onFault(fault);
    if (canonical.outcome === 'treat-as-withdraw' || canonical.outcome === 'session-reset') return undefined;
    const id = this.intern(canonical.octets, canonical.nextHop, { preference: DEFAULT_PREFERENCE.bgp, local: undefined });
    // Sets with discarded attributes are not remembered, so that each one is reported.
    if (canonical.faults.length === 0)
      this.raw.put(this.scratch, this.writeRawKey(raw, nextHop, context), hash, id, this.generation[id] ?? 0);
    return id;
  }

  /** Id of a canonical set, without a reference held. */
  intern(octets: Uint8Array, nextHop: Uint8Array, extras: SetExtras): number {
    const length = this.writeKey(octets, nextHop, extras);
    const hash = hashOctets(this.scratch, length);
    const known = this.store.find(this.scratch, length, hash);
    if (known >= 0) return known;
    const id = this.store.add(this.scratch, length, hash);
    this.makeRoom(id + 1);
    this.refs[id] = 0;
    if (extras.local !== undefined) this.extras.set(id, extras);
    this.fill(id, octets, extras);
    return id;
  }

  /** Changes when the id is reused: lets caches name a set without holding it. */
  generationOf(id: number): number {
    return this.generation[id] ?? 0;
  }

  /** Holds the set. */
  retain(id: number): void {
    this.refs[id] = (this.refs[id] ?? 0) + 1;
  }

  /** Lets go of the set; the last one frees it. */
  release(id: number): void {
    const left = (this.refs[id] ?? 0) - 1;
    this.refs[id] = left;
    if (left <= 0) this.free(id);
  }

  /** Frees a set that was interned and then not used. */
  releaseUnused(id: number): void {
    if (this.refs[id] === 0 && this.store.length(id) >= 0) this.free(id);
  }

  /** Canonical octets, without the next hop; a view to be read at once. */
  octets(id: number): Uint8Array {
    return this.store.view(id).subarray(this.bodyAt(id));
  }

  /** Next hop octets: 0 (self), 4, 16 or 32; a view to be read at once. */
  nextHop(id: number): Uint8Array {
    const end = this.bodyAt(id);
    return this.store.view(id).subarray(end - this.nextHopLength(id), end);
  }

  /** Where the next hop leads by the routes of this machine. */
  way(id: number): Way {
    return this.ways.isBlind() ? ANY_WAY : this.ways.to(this.nextHop(id));
  }

  /** Octets of the next hop: 0, 4, 16 or 32. */
  nextHopLength(id: number): number {
    return this.store.octet(id, 3);
  }

  /** Preference and origination of the set. */
  extrasOf(id: number): SetExtras {
    return this.extras.get(id) ?? { preference: this.preference(id), local: undefined };
  }

  preference(id: number): number {
    return Math.floor((this.rank[id] ?? 0) / 2 ** 32);
  }

  localPref(id: number): number {
    return (this.rank[id] ?? 0) % 2 ** 32;
  }

  /** Typed form, for introspection and policy facts; the next hop is 0.0.0.0 or :: where it is self. */
  decode(id: number, family: 'ipv4' | 'ipv6'): PathAttributes {
    // Copies: decoded values may be views, and slabs are reused.
    const octets = this.octets(id).slice();
    const nextHop = this.nextHop(id);
    const decoded = decodeAttributes(octets, CANONICAL, nextHop.length > 0 ? nextHop : new Uint8Array(family === 'ipv4' ? 4 : 16));
    if (decoded.attributes === undefined) throw new Error(`stored attribute set ${id} does not decode`);
    return decoded.attributes;
  }

  private bodyAt(id: number): number {
    let at = TAG;
    if (this.store.octet(id, 0) === 1) {
      while (this.store.octet(id, at) !== 0) at++;
      at++;
    }
    return at + this.nextHopLength(id);
  }

  private free(id: number): void {
    this.onFree(id);
    this.store.remove(id);
    this.extras.delete(id);
    this.generation[id] = (this.generation[id] ?? 0) + 1;
  }

  private fill(id: number, octets: Uint8Array, extras: SetExtras): void {
    const keys = attributeKeys(octets);
    this.rank[id] = extras.preference * 2 ** 32 + keys.localPref;
    this.asPathLength[id] = keys.asPathLength;
    this.origin[id] = keys.origin;
    this.med[id] = keys.med;
    this.neighbourAs[id] = keys.neighbourAs;
    this.originatorId[id] = keys.originatorId;
    this.clusterListLength[id] = keys.clusterListLength;
    this.flags[id] =
      (keys.hasLocalPref ? HAS_LOCAL_PREF : 0) |
      (keys.hasMed ? HAS_MED : 0) |
      (keys.hasOriginatorId ? HAS_ORIGINATOR : 0) |
      (extras.local === undefined ? 0 : ORIGINATED) |
      wellKnownFlags(octets);
  }

  private writeRawKey(raw: Uint8Array, nextHop: Uint8Array, context: UpdateContext): number {
    const { ownAddress } = context;
    const own = ownAddress?.length ?? 0;
    const at = 3 + own + nextHop.length;
    this.reserve(at + raw.length);
    this.scratch[0] =
      (context.external ? 1 : 0) |
      (context.fourOctetAs ? 2 : 0) |
      (context.loopback === true ? 4 : 0) |
      (context.keepPartial === true ? 8 : 0);
    this.scratch[1] = nextHop.length;
    this.scratch[2] = own;
    if (ownAddress !== undefined) this.scratch.set(ownAddress, 3);
    this.scratch.set(nextHop, 3 + own);
    this.scratch.set(raw, at);
    return at + raw.length;
  }

  private writeKey(octets: Uint8Array, nextHop: Uint8Array, extras: SetExtras): number {
    const local = extras.local;
    const text = local === undefined ? '' : `${JSON.stringify([local.protocol, local.interface ?? 0, local.metric ?? 0])}\0`;
    this.reserve(TAG + text.length * 2 + nextHop.length + octets.length);
    this.scratch[0] = local === undefined ? 0 : 1;
    this.scratch[1] = extras.preference >>> 8;
    this.scratch[2] = extras.preference & 0xff;
    this.scratch[3] = nextHop.length;
    let at = TAG + (text === '' ? 0 : this.scratch.write(text, TAG, 'utf8'));
    this.scratch.set(nextHop, at);
    at += nextHop.length;
    this.scratch.set(octets, at);
    return at + octets.length;
  }

  private reserve(length: number): void {
    if (this.scratch.length < length) this.scratch = Buffer.alloc(length * 2);
  }

  private makeRoom(length: number): void {
    if (length <= this.refs.length) return;
    this.refs = grow(this.refs, length, int32);
    const size = this.refs.length;
    this.rank = grow(this.rank, size, float64);
    this.asPathLength = grow(this.asPathLength, size, uint16);
    this.origin = grow(this.origin, size, uint8);
    this.flags = grow(this.flags, size, uint8);
    this.med = grow(this.med, size, uint32);
    this.neighbourAs = grow(this.neighbourAs, size, uint32);
    this.originatorId = grow(this.originatorId, size, uint32);
    this.clusterListLength = grow(this.clusterListLength, size, uint16);
    this.generation = grow(this.generation, size, uint32);
  }
}

function wellKnownFlags(octets: Uint8Array): number {
  const found = findAttribute(octets, COMMUNITIES);
  let flags = 0;
  for (let at = found.start; at + 4 <= found.end; at += 4) {
    if (octets[at] !== 0xff) continue;
    const value = readUint32(octets, at);
    for (const [community, flag] of WELL_KNOWN) if (value === community) flags |= flag;
  }
  return flags;
}
