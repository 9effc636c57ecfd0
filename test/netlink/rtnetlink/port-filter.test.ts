/** The filter before a monitor's queue: what it drops, and that the kernel takes it. Real notifications: test/interop/kernel-netlink.test.ts. */
import { describe, expect, it } from 'vitest';
import { addon } from '../../../src/netlink/addon.ts';
import { portFilter } from '../../../src/netlink/rtnetlink/port-filter.ts';

/** Octets of a datagram that the program lets through, as the kernel's interpreter of classic BPF does it. */
function run(program: Buffer, datagram: Buffer): number {
  let word = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const value = program.readUInt32LE(at + 4);
    if (code === 0x20) word = datagram.readUInt32BE(value);
    else if (code === 0x15) at += 8 * (program[at + (word === value ? 2 : 3)] ?? 0);
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${code}`);
  }
  throw new Error('the program does not end');
}

function notification(port: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16, 0);
  header.writeUInt32LE(port, 12);
  return header;
}

describe('the filter of a monitor', () => {
  it.each([
    ['the only port', [0x0040_1234], 0x0040_1234, false],
    ['the first of three', [1, 0x8000_0001, 3], 1, false],
    ['the second, with its highest bit', [1, 0x8000_0001, 3], 0x8000_0001, false],
    ['the last', [1, 0x8000_0001, 3], 3, false],
    ['another port', [1, 0x8000_0001, 3], 4, true],
    ['a port whose octets are those of one of ours turned round', [0x0102_0304], 0x0403_0201, true],
    ['the kernel itself', [1, 2], 0, true],
    ['the last of 255', Array.from({ length: 255 }, (_, index) => index + 1), 255, false],
    ['none of 255', Array.from({ length: 255 }, (_, index) => index + 1), 256, true],
  ])('of %s', (_name, ports, port, passes) => {
    expect(run(portFilter(ports), notification(port)) > 0).toBe(passes);
  });

  it('has room for 255 ports', () => {
    expect(() => portFilter(Array.from({ length: 256 }, (_, index) => index))).toThrow(/256 are more than 255/);
  });

  it.skipIf(process.platform !== 'linux')('is taken by the kernel; nonsense is refused by its errno', () => {
    const fd = addon().socket(16, 3, 0);
    try {
      expect(addon().attachFilter(fd, portFilter([1, 2, 3]))).toBe(0);
      expect(addon().attachFilter(fd, Buffer.alloc(0))).toBe(-22);
      expect(addon().attachFilter(fd, portFilter([1]).subarray(0, 12))).toBe(-22);
      expect(addon().attachFilter(fd, portFilter([1]).subarray(0, 8))).toBe(-22);
      expect(addon().attachFilter(-1, portFilter([1]))).toBe(-9);
    } finally {
      addon().close(fd);
    }
  });
});
