/**
 * docs/install.md as a reader follows it: the blocks marked to be run, in one shell in a clone of the last commit and a network namespace of
 * their own, with what each must print; of the others the charts are rendered with the flags that stand there, and the objects are checked.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../interop/harness/exec.ts';
import { buildRenderers } from './harness/renderers.ts';

const GUIDE = readFileSync('docs/install.md', 'utf8');

interface Block {
  readonly language: string;
  readonly run: boolean;
  readonly text: string;
}

/** Every block of the guide, in order. */
const BLOCKS: readonly Block[] = [...GUIDE.matchAll(/(<!-- run -->\n)?^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].map((match) => ({
  run: match[1] !== undefined,
  language: match[2] ?? '',
  text: match[3] ?? '',
}));

/** A line of expected output as a pattern: `...` is anything, blanks are blanks. */
const pattern = (line: string): RegExp =>
  new RegExp(
    line
      .split('...')
      .map((part) =>
        part
          .trim()
          .split(/\s+/)
          .map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('\\s+'),
      )
      .join('.*'),
  );

/** The steps: what is run, and the lines that it must print. */
const STEPS = BLOCKS.flatMap((block, index) => {
  if (!block.run) return [];
  const next = BLOCKS[index + 1];
  return [{ script: block.text, wanted: next?.language === 'text' ? next.text.trim().split('\n') : [] }];
});

const state: { folder?: string; said?: readonly string[]; log?: string } = {};
const root = process.getuid?.() === 0;

describe('the guide', () => {
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-guide-'));
    state.folder = folder;
    execFileSync('sh', ['-euc', 'git archive --format=tar -o "$0/tree.tar" HEAD && tar xf "$0/tree.tar" -C "$0"', folder]);
    // A marker after each step; the first one, which installs, needs the network of the machine.
    const script = STEPS.map(({ script: text }, index) => `${text}\necho "@@ ${index}"\n`);
    const [first = '', ...rest] = script;
    writeFileSync(join(folder, 'first.sh'), first);
    const shell = `linnet() { node bin/linnet.js "$@"; }\n`;
    writeFileSync(join(folder, 'rest.sh'), `${root ? 'ip link set lo up\n' : ''}set -m\n${shell}${rest.join('')}`);
    const options = { cwd: folder, encoding: 'utf8', timeout: 240_000 } as const;
    const one = spawnSync('bash', ['-eu', 'first.sh'], options);
    const apart = root ? ['unshare', '--net', '--pid', '--fork', '--kill-child'] : ['env'];
    const all = spawnSync(apart[0] ?? '', [...apart.slice(1), 'bash', '-eu', 'rest.sh'], options);
    state.log = `${one.stderr}${all.stderr}`.slice(-3000);
    state.said = `${one.stdout}${all.stdout}`.split(/^@@ \d+\n/m);
  }, 500_000);
  afterAll(() => {
    if (state.folder !== undefined) rmSync(state.folder, { recursive: true, force: true });
  });

  it.each(STEPS.map((step, index) => ({ ...step, index })))('step $index prints what it says', ({ wanted, index }) => {
    const said = state.said?.[index] ?? '';
    // One text more than steps: each step came to its end.
    expect(state.said?.length, state.log).toBe(STEPS.length + 1);
    for (const line of wanted) expect(said, `${line}\n${state.log}`).toMatch(pattern(line));
  });

  it('leaves nothing of the lab behind', () => expect(existsSync(join(state.folder ?? '', 'lab'))).toBe(false));
});

const tools = buildRenderers();

describe('what the guide says about clusters', () => {
  it.skipIf(tools === undefined)('every helm line renders', async () => {
    const lines = BLOCKS.filter(({ language }) => language === 'sh').flatMap(({ text }) =>
      text.split('\n').filter((line) => /^ *helm upgrade/.test(line)),
    );
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const words = line.trim().split(/\s+/).slice(3);
      const made = await run(join(tools ?? '', 'helm'), ['template', ...words, '--kube-version', '1.34.0'], 60_000);
      expect(made).toContain('kind: ServiceAccount');
    }
  });

  it('every object is one that Linnet takes', async () => {
    const objects = BLOCKS.filter(({ language }) => language === 'yaml').map(({ text }) => text);
    expect(objects.length).toBeGreaterThan(2);
    const folder = mkdtempSync(join(tmpdir(), 'linnet-guide-objects-'));
    try {
      for (const [index, text] of objects.entries()) writeFileSync(join(folder, `${index}.yaml`), text);
      await run(process.execPath, ['bin/linnet.js', 'check', folder], 30_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('every file, folder and page that it names is there', () => {
    const named = [
      ...[...GUIDE.matchAll(/(?<!exec )\bdeploy\/[a-zA-Z0-9_./-]+/g)].map((match) => match[0]),
      ...[...GUIDE.matchAll(/\]\(([^)#]+)\)/g)].map((match) => join('docs', match[1] ?? '')),
    ].map((path) => path.replace(/[.,]$/, ''));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
    const anchors = [...GUIDE.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] ?? '');
    const headings = [...GUIDE.matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([]);
  });
});
