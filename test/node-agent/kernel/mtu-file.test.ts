import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMtuFile, writeMtuFile } from '../../../node-agent/kernel/mtu-file.ts';

describe('the MTU file', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-mtu-file-'));
    path = join(directory, 'calico', 'mtu');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is digits alone, readable for all whatever the umask, in a directory that is made for it', () => {
    const before = process.umask(0o077);
    try {
      writeMtuFile(path, 1450);
    } finally {
      process.umask(before);
    }
    expect(readFileSync(path, 'utf8')).toBe('1450');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readMtuFile(path)).toBe(1450);
  });

  it('takes the place of an older one with another mode, and leaves no draft', () => {
    writeMtuFile(path, 1450);
    chmodSync(path, 0o600);
    writeFileSync(`${path}.new`, 'left by a crash', { mode: 0o400 });
    const { ino } = statSync(path);
    writeMtuFile(path, 1350);
    expect(readMtuFile(path)).toBe(1350);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    // Another file under the same name: no reader saw it half written.
    expect(statSync(path).ino).not.toBe(ino);
    expect(readdirSync(join(directory, 'calico'))).toEqual(['mtu']);
  });

  it.each([
    ['1450\n', 1450],
    ['', undefined],
    ['abc', undefined],
    ['145000', undefined],
    ['-1', undefined],
  ])('reads %j as %j', (text, mtu) => {
    writeMtuFile(path, 1);
    writeFileSync(path, text);
    expect(readMtuFile(path)).toBe(mtu);
  });

  it('is unknown where it is missing, and throws the system’s error where it cannot be written', () => {
    expect(readMtuFile(path)).toBeUndefined();
    writeFileSync(join(directory, 'file'), '');
    expect(() => writeMtuFile(join(directory, 'file', 'mtu'), 1450)).toThrow(/EEXIST|ENOTDIR/);
  });
});
