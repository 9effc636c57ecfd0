import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { BPF, bpf, bpfCall, closeDescriptor } from 'netlink';
import { describe, expect, it } from 'vitest';

const EPERM = 1;
const EINVAL = 22;
const ENOENT = 2;

/** An array map of one entry with eight octets; its descriptor, or the negative errno. */
function createMap(): number {
  const attributes = Buffer.alloc(72);
  // map_type BPF_MAP_TYPE_ARRAY, key_size, value_size, max_entries.
  [2, 4, 8, 1].forEach((value, index) => {
    attributes.writeUInt32LE(value, index * 4);
  });
  return bpfCall(BPF.mapCreate, attributes);
}

/** One call on an element: map_fd, then key at 8 and value at 16. */
function element(command: number, fd: number, key: number, value: Buffer): number {
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(fd, 0);
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(key, 0);
  const result = bpfCall(command, attributes, [
    { offset: 8, buffer: octets },
    { offset: 16, buffer: value },
  ]);
  // No address stays where script can read it.
  expect(attributes.subarray(8).every((octet) => octet === 0)).toBe(true);
  return result;
}

describe.skipIf(process.platform !== 'linux')('bpf(2)', () => {
  it('writes a value into a map and reads it back, or says that this process may not', () => {
    const fd = createMap();
    if (process.geteuid?.() !== 0) {
      expect(fd).toBe(-EPERM);
      return;
    }
    expect(fd).toBeGreaterThan(0);
    try {
      expect(element(BPF.mapUpdate, fd, 0, Buffer.from('0102030405060708', 'hex'))).toBe(0);
      const value = Buffer.alloc(8);
      expect(element(BPF.mapLookup, fd, 0, value)).toBe(0);
      expect(value.toString('hex')).toBe('0102030405060708');
      expect(element(BPF.mapLookup, fd, 1, value)).toBe(-ENOENT);
    } finally {
      closeDescriptor(fd);
    }
    expect(() => closeDescriptor(fd)).toThrow('EBADF');
  });

  it('gives the errno as a number, or throws it by name', () => {
    expect([-EINVAL, -EPERM]).toContain(bpfCall(9_999, Buffer.alloc(8)));
    expect(() => bpf('no such command', 9_999, Buffer.alloc(8))).toThrow(/^no such command: (EINVAL|EPERM)$/);
  });

  it.each([
    ['behind the end', 65, 72],
    ['where seven octets are left', 1, 8],
    ['of attributes without room', 0, 7],
    ['negative', -1, 72],
  ])('refuses a pointer %s', (_name, offset, size) => {
    const attributes = Buffer.alloc(size, 7);
    expect(() => bpfCall(BPF.mapLookup, attributes, [{ offset, buffer: Buffer.alloc(4) }])).toThrow(TypeError);
    expect(attributes.every((octet) => octet === 7)).toBe(true);
  });

  it('refuses more pointers than it holds', () => {
    const pointers = Array.from({ length: 17 }, (_, index) => ({ offset: index * 8, buffer: Buffer.alloc(4) }));
    expect(() => bpfCall(BPF.mapLookup, Buffer.alloc(256), pointers)).toThrow(TypeError);
  });
});

describe('the binaries in the tree', () => {
  it.each(['linux-x64', 'linux-arm64'])('%s is of this source', (platform) => {
    const folder = new URL('../../src/netlink/', import.meta.url);
    const sum = createHash('sha256');
    const sources = readdirSync(new URL('native/', folder)).filter((name) => /\.[ch]$/.test(name));
    for (const name of sources.sort()) sum.update(readFileSync(new URL(`native/${name}`, folder)));
    const hash = sum.digest('hex');
    expect(readFileSync(new URL(`prebuilds/${platform}/netlink.node`, folder)).includes(`netlink-source:${hash}`)).toBe(true);
  });
});
