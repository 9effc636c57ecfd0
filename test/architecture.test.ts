/** The arrows between folders, the packages each may use, and which are pure: held over src/ and node-agent/, and proved on a toy tree. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkArchitecture, importsOf, strip } from './architecture/check.ts';
import { AREAS } from './architecture/rules.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function readTree(): Map<string, string> {
  const files = ['src', 'node-agent']
    .flatMap((top) =>
      readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((file) => `${top}/${file.replaceAll('\\', '/')}`),
    )
    .filter((file) => file.endsWith('.ts') && !/\/(dist|node_modules)\//.test(file));
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/** A small tree that keeps every rule; each planted break below changes one file of it. */
const toy: Readonly<Record<string, string>> = {
  'src/bgp/net/prefix.ts': 'export const parse = (text: string): number => text.length; // Date.now() in a comment is fine\n',
  'src/bgp/net/index.ts': "export * from './prefix.ts';\n",
  'src/bgp/wire/open.ts':
    "import { parse } from '../net/index.ts';\nexport const decode = (x: string): number => parse(x.replace(/['\"]/g, ''));\n",
  'src/bgp/session/fsm.ts':
    "import { decode } from '../wire/open.ts';\nexport const step = (at: number): number => decode('setTimeout(') + at;\n",
  'src/bgp/rib/table.ts': "import type { step } from '../session/fsm.ts';\nexport type Step = typeof step;\n",
  'src/bgp/io/dial.ts':
    "import { connect } from 'node:net';\nimport { step } from '../session/fsm.ts';\nexport const dial = () => [connect, step(Date.now())];\n",
  'src/confd/resources/pool.ts': "import { parse } from 'bgp-ts/net';\nexport const pool = parse;\n",
  'src/confd/desired/desire.ts':
    "import { pool } from '../resources/pool.ts';\nimport type { Policy } from 'bgp-ts/policy';\nexport const desire = (p: Policy): unknown => [pool, p];\n",
  'src/health/server.ts': "import fastify from 'fastify';\nexport const serve = () => fastify();\n",
};

function broken(file: string, text: string): string[] {
  const files = new Map(Object.entries({ ...toy, [file]: `${toy[file] ?? ''}${text}` }));
  return checkArchitecture(files).map((finding) => `${finding.file} ${finding.rule}`);
}

describe('the tree', () => {
  it('keeps every arrow, package and purity rule', () => {
    expect(checkArchitecture(readTree()).map((f) => `${f.file}: ${f.rule}: ${f.text}`)).toEqual([]);
  });

  it('is really read', () => {
    const files = [...readTree().keys()];
    expect(files).toContain('src/bgp/speaker-types.ts');
    expect(files).toContain('src/confd/driver.ts');
  });
});

describe('the table', () => {
  it('has no cycle between areas', () => {
    const imports = new Map<string, Set<string>>();
    for (const area of AREAS) imports.set(area.name, new Set([...(imports.get(area.name) ?? []), ...area.imports]));
    const reaches = (from: string, to: string, seen: Set<string>): boolean =>
      [...(imports.get(from) ?? [])].some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))));
    const looped = [...imports.keys()].filter((name) =>
      [...(imports.get(name) ?? [])].some((next) => next !== name && reaches(next, name, new Set())),
    );
    expect(looped).toEqual([]);
  });

  it('names only areas that exist', () => {
    const names = new Set(AREAS.map((area) => area.name));
    expect(AREAS.flatMap((area) => area.imports).filter((name) => !names.has(name))).toEqual([]);
  });
});

describe('planted breaks on a toy tree', () => {
  it('passes the legal tree', () => {
    expect(checkArchitecture(new Map(Object.entries(toy)))).toEqual([]);
  });

  it.each([
    [
      'an import up the arrows',
      'src/bgp/wire/open.ts',
      "import { step } from '../session/fsm.ts';\nexport const up: typeof step = step;\n",
      'arrow',
    ],
    [
      'a type import up the arrows',
      'src/bgp/net/prefix.ts',
      "import type { decode } from '../wire/open.ts';\nexport type Up = typeof decode;\n",
      'arrow',
    ],
    [
      'health importing confd',
      'src/health/server.ts',
      "import { pool } from '../confd/resources/pool.ts';\nexport const p = pool;\n",
      'arrow',
    ],
    [
      'resources importing the whole speaker',
      'src/confd/resources/pool.ts',
      "import { Speaker } from 'bgp-ts';\nexport const s = Speaker;\n",
      'arrow',
    ],
    ['a source importing desired', 'src/confd/source/file/watch.ts', "export { desire } from '../../desired/desire.ts';\n", 'arrow'],
    ['a dynamic import up the arrows', 'src/bgp/net/prefix.ts', "export const lazy = () => import('../wire/open.ts');\n", 'arrow'],
    ['a clock in the session', 'src/bgp/session/fsm.ts', 'export const now = (): number => Date.now();\n', 'impure'],
    ['a timer in the rib', 'src/bgp/rib/table.ts', 'export const later = (f: () => void): unknown => setTimeout(f, 1);\n', 'impure'],
    ['randomness in a policy', 'src/bgp/policy/pick.ts', 'export const pick = (): number => Math.random();\n', 'impure'],
    [
      'the environment in desired',
      'src/confd/desired/desire.ts',
      "export const node = (): string | undefined => process.env['NODENAME'];\n",
      'impure',
    ],
    [
      'node:fs in desired',
      'src/confd/desired/desire.ts',
      "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n",
      'impure',
    ],
    [
      'await in resources',
      'src/confd/resources/pool.ts',
      'export const wait = async (p: Promise<void>): Promise<void> => {\n  await p;\n};\n',
      'impure',
    ],
    ['pino in net', 'src/bgp/net/prefix.ts', "import { pino } from 'pino';\nexport const log = pino;\n", 'package'],
    ['fastify outside health/server', 'src/cli/serve.ts', "import fastify from 'fastify';\nexport const f = fastify;\n", 'package'],
    ['a file in no area', 'src/misc/thing.ts', 'export const x = 1;\n', 'unplaced'],
    [
      'a workspace reached by path',
      'src/confd/resources/pool.ts',
      "import { parse as p } from '../../bgp/net/index.ts';\nexport const q = p;\n",
      'edge',
    ],
  ])('%s', (_what, file, text, rule) => {
    expect(broken(file, text)).toContain(`${file} ${rule}`);
  });

  it('a cycle of two files', () => {
    const files = new Map(
      Object.entries({
        ...toy,
        'src/bgp/net/index.ts': "export * from './prefix.ts';\n",
        'src/bgp/net/prefix.ts': "export * from './index.ts';\n",
      }),
    );
    expect(checkArchitecture(files).map((f) => f.rule)).toEqual(['cycle']);
  });
});

describe('the reader', () => {
  it.each([
    ["import { a } from './a.ts';", './a.ts', false],
    ["import type { A } from './a.ts';", './a.ts', true],
    ["import { type A, type B } from './a.ts';", './a.ts', true],
    ["import { type A, b } from './a.ts';", './a.ts', false],
    ["export * from './a.ts';", './a.ts', false],
    ["export type { A } from './a.ts';", './a.ts', true],
    ["import './a.ts';", './a.ts', false],
    ["import {\n  a,\n  b,\n} from 'pkg/sub';", 'pkg/sub', false],
    ["const m = import('./a.ts');", './a.ts', false],
  ])('%s', (text, specifier, typeOnly) => {
    expect(importsOf(text)).toEqual([{ specifier, typeOnly }]);
  });

  it('does not read comments, quoted text or regular expressions as code', () => {
    expect(strip("a(); // Date.now()\n/* setTimeout() */ b('Math.random'); c(/Date.now'/);", false)).toBe("a(); \n b(''); c();");
  });
});
