import { readOffload, setOffload } from 'netlink';
import { describe, expect, it } from 'vitest';

describe.skipIf(process.platform !== 'linux')('offload features', () => {
  it('are read by anyone: lo never computes a checksum itself', () => {
    expect(readOffload('lo', 'txChecksum')).toBe(true);
  });

  it.each(['missing0', '', 'sixteen-octets-x'])('of no device at all: %s', (name) => {
    expect(() => readOffload(name, 'txChecksum')).toThrow('ENODEV');
    expect(() => setOffload(name, 'txChecksum', false)).toThrow('ENODEV');
  });
});
