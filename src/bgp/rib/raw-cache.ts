/** Attribute sets by the octets they were received in, so that one seen lately costs a hash and a comparison: direct-mapped. */
import { MAX_RAW_ENTRIES, RAW_ENTRY_OCTETS } from './limits.ts';

const FIRST_ENTRIES = 64;

/** The cache. What it names may be gone: the caller compares generations. */
export class RawCache {
  private entries = 0;
  private stored = 0;
  private hashes = new Int32Array(0);
  private lengths = new Int32Array(0);
  private ids = new Int32Array(0);
  private generations = new Uint32Array(0);
  private octets = new Uint8Array(0);

  /** Entry with these octets, or -1. */
  find(octets: Uint8Array, length: number, hash: number): number {
    const entry = hash & (this.entries - 1);
    if (this.entries === 0 || this.hashes[entry] !== hash || this.lengths[entry] !== length) return -1;
    const start = entry * RAW_ENTRY_OCTETS;
    for (let i = 0; i < length; i++) if (this.octets[start + i] !== octets[i]) return -1;
    return entry;
  }

  /** Id and generation of an entry. */
  idAt(entry: number): number {
    return this.ids[entry] ?? 0;
  }

  generationAt(entry: number): number {
    return this.generations[entry] ?? 0;
  }

  /** Remembers octets that are short enough, in place of what had their entry. */
  put(octets: Uint8Array, length: number, hash: number, id: number, generation: number): void {
    if (length > RAW_ENTRY_OCTETS) return;
    if (this.stored >= this.entries && this.entries < MAX_RAW_ENTRIES) this.enlarge();
    this.stored++;
    const entry = hash & (this.entries - 1);
    this.hashes[entry] = hash;
    this.lengths[entry] = length;
    this.ids[entry] = id;
    this.generations[entry] = generation;
    const start = entry * RAW_ENTRY_OCTETS;
    for (let i = 0; i < length; i++) this.octets[start + i] = octets[i] ?? 0;
  }

  /** Larger and empty: what is in use comes back at once. */
  private enlarge(): void {
    this.entries = Math.max(FIRST_ENTRIES, this.entries * 4);
    this.stored = 0;
    this.hashes = new Int32Array(this.entries);
    this.lengths = new Int32Array(this.entries).fill(-1);
    this.ids = new Int32Array(this.entries);
    this.generations = new Uint32Array(this.entries);
    this.octets = new Uint8Array(this.entries * RAW_ENTRY_OCTETS);
  }
}
