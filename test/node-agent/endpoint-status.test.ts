/** The directory of endpoints' status: modes, links, whole files (dataplane A26). */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileNameOf, openEndpointStatus } from '../../node-agent/endpoint-status.ts';

let prefix: string;
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), 'linnet-status-'));
});
afterEach(() => rmSync(prefix, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o7777;

describe('the directory', () => {
  it('is made for everybody to read, with what is above it', async () => {
    const { directory } = await openEndpointStatus(join(prefix, 'deep'));
    expect(directory).toBe(join(prefix, 'deep', 'endpoint-status'));
    expect(mode(directory)).toBe(0o755);
  });

  it('that was there with too little, and its files, are put right and told', async () => {
    const directory = join(prefix, 'endpoint-status');
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'old'), '{}', { mode: 0o600 });
    const status = await openEndpointStatus(prefix);
    expect(mode(directory)).toBe(0o755);
    expect(mode(join(directory, 'old'))).toBe(0o644);
    chmodSync(directory, 0o700);
    expect(await status.audit()).toEqual([`${directory} had mode 0700`]);
    expect(await status.audit()).toEqual([]);
  });

  it('that is a link, or a file, is not followed', async () => {
    const elsewhere = join(prefix, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, join(prefix, 'endpoint-status'));
    await expect(openEndpointStatus(prefix)).rejects.toThrow('is no directory');
    expect(mode(elsewhere)).toBe(0o700);
  });
});

describe('a file', () => {
  it('is whole, for everybody to read, under one name that leaves the directory by no means', async () => {
    const status = await openEndpointStatus(prefix);
    for (const document of [{ ifaceName: 'cali1' }, { ifaceName: 'cali2' }]) await status.write('default/k8s/web', document);
    const [name = '', ...others] = readdirSync(status.directory);
    expect([name, others]).toEqual(['default%2Fk8s%2Fweb', []]);
    expect(mode(join(status.directory, name))).toBe(0o644);
    expect(JSON.parse(readFileSync(join(status.directory, name), 'utf8'))).toEqual({ ifaceName: 'cali2' });
    await status.remove('default/k8s/web');
    await status.remove('default/k8s/web');
    expect(readdirSync(status.directory)).toEqual([]);
    expect(fileNameOf('../../etc/passwd')).toBe('%2E%2E%2F%2E%2E%2Fetc%2Fpasswd');
  });
});
