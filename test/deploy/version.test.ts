/** `linnet version`: what the installation is made of. */
import { execFileSync } from 'node:child_process';
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
    const paths = document.artefacts.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['src/netlink/prebuilds/linux-arm64/netlink.node', 'node-agent/ebpf/ipip.o']));
    const folders = document.artefacts.filter(({ path }) => !path.includes('.'));
    expect(folders.map(({ path }) => path)).toEqual(['dist/src', 'dist/node-agent', 'src/bgp/dist', 'src/netlink/dist']);
    for (const { path, sha256 } of folders) {
      const sum = "find . -name '*.js' | LC_ALL=C sort | xargs sha256sum | sha256sum";
      expect(execFileSync('sh', ['-c', sum], { cwd: `${ROOT}${path}`, encoding: 'utf8' }), path).toBe(`${sha256}  -\n`);
    }
    for (const { path, octets, sha256 } of document.artefacts.filter((each) => !folders.includes(each))) {
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
