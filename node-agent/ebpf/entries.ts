/** Entries of maps: one at a time, and thousands in one system call. */
import { BPF, bpf, bpfCall, NetlinkError } from 'netlink';

const ENOENT = 2;

/** A map by its descriptor, with the octets of its keys and values. */
export interface MapHandle {
  readonly fd: number;
  readonly keySize: number;
  readonly valueSize: number;
}

function element(fd: number): Buffer {
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(fd, 0);
  return attributes;
}

/** Writes one entry, new or not. */
export function writeEntry(map: MapHandle, key: Buffer, value: Buffer): void {
  bpf('writing a map', BPF.mapUpdate, element(map.fd), [
    { offset: 8, buffer: key },
    { offset: 16, buffer: value },
  ]);
}

/** Value of an entry; undefined where there is none. `octets` is its size where the map holds one for each CPU. */
export function readEntry(map: MapHandle, key: Buffer, octets = map.valueSize): Buffer | undefined {
  const value = Buffer.alloc(octets);
  const result = bpfCall(BPF.mapLookup, element(map.fd), [
    { offset: 8, buffer: key },
    { offset: 16, buffer: value },
  ]);
  if (result === -ENOENT) return undefined;
  if (result < 0) throw new NetlinkError('reading a map', { errno: -result, text: '' });
  return value;
}

/** Entries of one system call: some 20 ms at most while nothing else of the thread runs. */
const BATCH = 8192;

function batchAttributes(fd: number, count: number): Buffer {
  const attributes = Buffer.alloc(56);
  attributes.writeUInt32LE(count, 32);
  attributes.writeUInt32LE(fd, 36);
  return attributes;
}

/** Writes all entries; `keys` and `values` are them one behind the other. Throws at the first that the kernel refuses (E2BIG, ENOSPC: full). */
export function writeEntries(map: MapHandle, keys: Buffer, values: Buffer): void {
  const total = keys.length / map.keySize;
  for (let from = 0; from < total; from += BATCH) {
    const count = Math.min(BATCH, total - from);
    bpf(`writing ${total} entries`, BPF.mapUpdateBatch, batchAttributes(map.fd, count), [
      { offset: 16, buffer: keys.subarray(from * map.keySize) },
      { offset: 24, buffer: values.subarray(from * map.valueSize) },
    ]);
  }
}

/** Removes all entries of `keys`; those already gone are no fault. */
export function removeEntries(map: MapHandle, keys: Buffer): void {
  for (let from = 0; from < keys.length; ) {
    const rest = keys.subarray(from);
    const attributes = batchAttributes(map.fd, Math.min(BATCH, rest.length / map.keySize));
    const result = bpfCall(BPF.mapDeleteBatch, attributes, [{ offset: 16, buffer: rest }]);
    if (result < 0 && result !== -ENOENT) throw new NetlinkError('removing entries', { errno: -result, text: '' });
    // The kernel stops at the one it does not have, and says how many it did before.
    from += (attributes.readUInt32LE(32) + (result === -ENOENT ? 1 : 0)) * map.keySize;
  }
}

/** Calls `each` with every entry of a map that only we write. The buffer is used again: copy what is to stay. */
export function eachEntry(map: MapHandle, each: (octets: Buffer, key: number, values: Buffer, value: number) => void): void {
  const keys = Buffer.alloc(BATCH * map.keySize);
  const values = Buffer.alloc(BATCH * map.valueSize);
  // Of hashes the place is a bucket's number, of tries a key.
  const place = Buffer.alloc(Math.max(8, map.keySize));
  for (let first = true, last = false; !last; first = false) {
    const attributes = batchAttributes(map.fd, BATCH);
    const pointers = [
      { offset: 8, buffer: place },
      { offset: 16, buffer: keys },
      { offset: 24, buffer: values },
    ];
    const result = bpfCall(BPF.mapLookupBatch, attributes, first ? pointers : [...pointers, { offset: 0, buffer: Buffer.from(place) }]);
    last = result === -ENOENT;
    if (result < 0 && !last) throw new NetlinkError('reading entries', { errno: -result, text: '' });
    const count = attributes.readUInt32LE(32);
    for (let index = 0; index < count; index++) each(keys, index * map.keySize, values, index * map.valueSize);
  }
}
