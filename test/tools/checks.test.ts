/** The house checks of `npm run lint`: each finds what it is for, and nothing in text that keeps the rules. */
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../tools/checks.js';

const good = '/** Doubles a number. */\nexport function double(x: number): number {\n  return x * 2;\n}\n';

/** Words the checks look for, put together here so that this file does not contain them. */
const word = (...parts: readonly string[]): string => parts.join('');

describe('house checks', () => {
  it.each([
    ['a documented export', 'src/a.ts', good],
    ['re-exports', 'src/index.ts', "export * from './a.ts';\nexport type { B } from './b.ts';\n"],
    [
      'overloads share one docstring',
      'src/a.ts',
      `${good.split('\n').slice(0, 1).join('')}\nexport function f(x: string): void;\nexport function f(x: number): void;\n`,
    ],
    ['no docstrings asked of tests', 'test/a.test.ts', 'export const x = 1;\n'],
    ['a long table', 'src/wire/iana.ts', '\n'.repeat(900)],
    ['a long test', 'test/a.test.ts', '\n'.repeat(900)],
    ['a path that only looks like one', 'docs/a.md', 'see src/network/thing.ts and /var/lib/linnet\n'],
  ])('passes %s', (_what, file, text) => {
    expect(checkFile(file, text)).toEqual([]);
  });

  it.each([
    ['an export without a docstring', 'src/a.ts', 'const a = 1;\nexport const b = a;\n', 'docstring', 2],
    ['an async function without one', 'src/a.ts', 'export async function f(): Promise<void> {}\n', 'docstring', 1],
    ['an interface without one', 'src/a.ts', '\nexport interface A {}\n', 'docstring', 2],
    ['a file over 500 lines', 'src/a.ts', '\n'.repeat(501), 'size', 1],
    ['unfinished work', 'src/a.ts', `\n// ${word('TO', 'DO')}: later\n`, 'unfinished', 2],
    ['unfinished work in a test', 'test/a.test.ts', `// ${word('FIX', 'ME')}\n`, 'unfinished', 1],
    ['a silenced compiler', 'src/a.ts', `// ${word('@ts-', 'ignore')}\n`, 'suppressed', 1],
    ['a path of the machine', 'docs/a.md', `run ${word('/wo', 'rk')}/main/bin\n`, 'machine', 1],
    ['a registry by name', 'README.md', `npm --registry https://${word('registry', '.npmjs')}.org\n`, 'machine', 1],
  ])('finds %s', (_what, file, text, rule, line) => {
    expect(checkFile(file, text).map((finding) => [finding.rule, finding.line])).toEqual([[rule, line]]);
  });
});
