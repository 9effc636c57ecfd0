/** `linnet version`: what the installation is made of. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { linnet } from '../cli/program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('linnet version', () => {
  it('lists the artefacts with the hashes of the files, and the forms of the state', async () => {
    const { code, stdout } = await linnet(['version', '-o', 'json'], { cwd: '/' });
    expect(code).toBe(0);
    const document: { artefacts: { path: string; octets: number; sha256: string }[]; state: { file: string }[] } = JSON.parse(stdout);
    expect(document.artefacts.map(({ path }) => path)).toContain('src/netlink/prebuilds/linux-arm64/netlink.node');
    for (const { path, octets, sha256 } of document.artefacts) {
      const file = readFileSync(`${ROOT}${path}`);
      expect([octets, sha256], path).toEqual([file.length, createHash('sha256').update(file).digest('hex')]);
    }
    expect(document.state.map(({ file }) => file)).toContain('last-good.jsonl');
  });

  it('is one line for people, and a table when they ask', async () => {
    expect((await linnet(['version'])).stdout).toMatch(/^linnet \S+ \(Node v\S+\)\n$/);
    const { stdout } = await linnet(['version', '--artefacts']);
    expect(stdout).toMatch(/^addon x64 +src\/netlink\/prebuilds\/linux-x64\/netlink\.node +\d+ +[0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^restart\.json +linnet\.restart\/v1$/m);
  });
});
