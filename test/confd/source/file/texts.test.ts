import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { MAX_DEPTH } from '../../../../src/confd/source/file/documents.ts';
import { readJson } from '../../../../src/confd/source/file/json-text.ts';
import { plainScalar } from '../../../../src/confd/source/file/plain-scalars.ts';
import { readYaml, splitYaml } from '../../../../src/confd/source/file/yaml-text.ts';

const yamlValue = (text: string): unknown => {
  const read = readYaml(text);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
};

describe('unquoted scalars mean what Kubernetes reads', () => {
  it.each<[string, unknown]>([
    ['yes', true],
    ['On', true],
    ['y', true],
    ['off', false],
    ['N', false],
    ['yEs', 'yEs'],
    ['~', null],
    ['', null],
    ['Null', null],
    ['0', 0],
    ['-0', 0],
    ['64512', 64512],
    ['+5', 5],
    ['1_000', 1000],
    ['0123', 83],
    ['0o17', 15],
    ['08', 8],
    ['0x1F', 31],
    ['-0b11', -3],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1.', 1],
    ['-1.5', -1.5],
    ['.inf', Number.POSITIVE_INFINITY],
    ['.nan', Number.NaN],
    ['5663:12', '5663:12'],
    ['65000:100:200', '65000:100:200'],
    ['12:30:45', '12:30:45'],
    ['2026-01-02', '2026-01-02'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['10.0.0.1', '10.0.0.1'],
    ['1.2.3', '1.2.3'],
    ['fd00::1', 'fd00::1'],
    ['0x', '0x'],
    ['-', '-'],
    ['.', '.'],
    ['1h', '1h'],
    ['<<', '<<'],
  ])('%s', (text, wanted) => {
    expect(plainScalar(text)).toEqual(wanted);
  });
});

describe('YAML documents', () => {
  it('quoted, folded and tagged text stays text', () => {
    expect(yamlValue('a: "yes"\nb: \'1\'\nc: |\n  1\nd: !!str 1\ne: ! 2\nf: !!int "3"\n')).toEqual({
      a: 'yes',
      b: '1',
      c: '1\n',
      d: '1',
      e: '2',
      f: 3,
    });
  });

  it('keys are text', () => {
    expect(yamlValue('1: a\ntrue: b\nnull: d\n"2": e\n')).toEqual({ 1: 'a', true: 'b', null: 'd', 2: 'e' });
  });

  it('anchors, aliases and merged mappings', () => {
    const text = 'base: &b {x: 1, w: 2}\nlist: &l [*b]\nuse:\n  <<: *b\n  w: 3\nmany:\n  <<: [{z: 1}, *b]\nagain: *l\n';
    expect(yamlValue(text)).toMatchObject({ use: { x: 1, w: 3 }, many: { z: 1, x: 1, w: 2 }, again: [{ x: 1, w: 2 }] });
  });

  it('aliases of aliases of lists stay small', () => {
    const levels = Array.from({ length: 40 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]`);
    expect(readYaml(`a0: &a0 x\n${levels.join('\n')}\n`).ok).toBe(true);
  });

  it('__proto__ is a key like any other', () => {
    const value = yamlValue('__proto__: {a: 1}\n');
    expect(Object.keys(Object(value))).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it.each<[string, string, number]>([
    ['a: 1\na: 2\n', 'has a key twice in one mapping', 2],
    ['yes: 1\ntrue: 2\n', 'has a key twice in one mapping', 2],
    ['a: 1\nb: *c\n', 'has an alias without an anchor before it', 2],
    ['? [a]\n: 1\n', 'has a key that is no text', 1],
    ['a: 1\n<<: 5\n', 'merges what is no mapping', 1],
    ['a: b: c\n', 'is not YAML: Nested mappings are not allowed in compact mappings', 1],
    ['a:\n\t- b\n', 'is not YAML: Tabs are not allowed as indentation', 2],
    ['a: "unfinished\n', 'is not YAML: Missing closing "quote', 2],
    ['a: "\\Unumbers"\n', 'is not YAML: Invalid escape sequence', 1],
    ['a: |b\n  c\n', 'is not YAML: Block scalar header includes extra characters', 1],
    ['a: !b! c\n', 'is not YAML: The tag has no suffix', 1],
    [`a: ${'['.repeat(MAX_DEPTH + 5)}`, 'is not YAML', 1],
    [`a: ${'['.repeat(MAX_DEPTH + 5)}1${']'.repeat(MAX_DEPTH + 5)}\n`, `is nested deeper than ${MAX_DEPTH}`, 1],
  ])('%j is refused', (text, problem, line) => {
    const read = readYaml(text);
    expect(read.ok ? read.value : read.problem).toContain(problem);
    expect(read.ok ? 0 : read.at.line).toBe(line);
  });

  it('a problem never quotes the text', () => {
    for (const text of [
      'password: "hunter2\n',
      'password: hunter2: x\n',
      'hunter2: 1\nhunter2: 2\n',
      '- hunter2\nhunter2: 1\n',
      '&hunter2 *hunter2\n',
      '!<hunter2> "\\q"\n',
      'password: "\\Uhunter2!"\n',
      'password: |hunter2\n  x\n',
      'password: !hunter2! x\n',
      'password: !no!hunter2 x\n',
      'password: !<!hunter2\n',
      '@hunter2\n',
    ]) {
      const read = readYaml(text);
      expect(JSON.stringify(read)).not.toContain(read.ok ? '"problem"' : 'hunter2');
    }
  });

  it('very deep nesting is refused, not thrown', () => {
    expect(readYaml('['.repeat(200_000)).ok).toBe(false);
  });

  it('places: keys, items, what is missing, through aliases', () => {
    const read = readYaml('a: &x\n  b:\n    - c: 1\n    - d\nuse: *x\nmerged:\n  <<: *x\n');
    if (!read.ok) throw new Error(read.problem);
    expect(read.locate([])).toEqual({ line: 1, column: 1 });
    expect(read.locate(['a', 'b'])).toEqual({ line: 2, column: 3 });
    expect(read.locate(['a', 'b', 0, 'c'])).toEqual({ line: 3, column: 7 });
    expect(read.locate(['a', 'b', 1])).toEqual({ line: 4, column: 7 });
    expect(read.locate(['a', 'missing'])).toEqual({ line: 1, column: 1 });
    expect(read.locate(['a', 'b', 9])).toEqual({ line: 2, column: 3 });
    expect(read.locate(['use', 'b', 1])).toEqual({ line: 4, column: 7 });
    expect(read.locate(['merged', 'b', 1])).toEqual({ line: 4, column: 7 });
  });
});

describe('documents of a file', () => {
  it.each<[string, [string, number][]]>([
    ['', []],
    ['# only\n\n', []],
    ['a: 1\n', [['a: 1\n', 0]]],
    [
      'a: 1\n---\nb: 2\n',
      [
        ['a: 1\n', 0],
        ['---\nb: 2\n', 1],
      ],
    ],
    ['---\n---\n# none\n---\na: 1\n', [['---\na: 1\n', 3]]],
    ['%YAML 1.2\n---\na: 1\n', [['---\na: 1\n', 1]]],
    ['--- {a: 1}\n', [['--- {a: 1}\n', 0]]],
    ['a: |\n  x\n  --- y\n', [['a: |\n  x\n  --- y\n', 0]]],
    ['a: 1\n...\n# end\n', [['a: 1\n', 0]]],
    [
      'a: 1\r\n---\r\nb: 2\r\n',
      [
        ['a: 1\r\n', 0],
        ['---\r\nb: 2\r\n', 1],
      ],
    ],
    ['a: ----\n----b: 1\n', [['a: ----\n----b: 1\n', 0]]],
  ])('%j', (text, wanted) => {
    expect(splitYaml(text).map((chunk) => [chunk.text, chunk.linesBefore])).toEqual(wanted);
  });
});

describe('JSON', () => {
  it.each<[string, number, number]>([
    ['{\n  "a": 1,\n  "b": }\n', 3, 8],
    ['{"a": 1,}', 1, 9],
    ['[1 2]', 1, 4],
    ['', 1, 1],
    ['{"a": 01}', 1, 8],
    ['{"a": "x\n"}', 1, 7],
  ])('%j makes no sense from %i:%i', (text, line, column) => {
    const read = readJson(text);
    expect(read).toEqual({ ok: false, at: { line, column }, problem: 'is not JSON: it makes no sense from here' });
  });

  it('places agree with those of YAML on the same text', () => {
    const json = fc.json({ maxDepth: 4 }).map((text) => JSON.stringify(JSON.parse(text), undefined, 2));
    fc.assert(
      fc.property(json, (text) => {
        const [a, b] = [readJson(text), readYaml(text)];
        if (!a.ok || !b.ok) {
          // What JSON writes twice or YAML cannot hold as a key is no matter of places.
          expect(a.ok).toBe(true);
          return;
        }
        for (const path of pathsOf(a.value)) expect([path, a.locate(path)]).toEqual([path, b.locate(path)]);
      }),
      { numRuns: 300 },
    );
  });
});

function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return [path, ...keys.flatMap((key) => pathsOf(Object.entries(value).find(([name]) => name === String(key))?.[1], [...path, key]))];
}

describe('properties', () => {
  it('what is written as YAML for Kubernetes comes back', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('yes', 'no', 'on', '0123', '5663:12', '1_0', '~', '', '2026-01-02', '0x1', '.5', 'a: b', '- a', '#'),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.stringMatching(/^[a-z]{1,8}$/).filter((key) => typeof plainScalar(key) === 'string'),
          tie('value'),
          { maxKeys: 4 },
        ),
      ),
    }));
    fc.assert(
      fc.property(value, (wanted) => {
        // Quoted wherever it is text: what is left plain is a number, a boolean or null.
        expect(
          yamlValue(stringify(wanted, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', aliasDuplicateObjects: false })),
        ).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it('any text is read or refused', () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '|',
      '>',
      '&x',
      '*x',
      '<<',
      '!',
      '%',
      '#',
      '\t',
      '?',
      '---',
      '...',
      '\u0000',
      '\ud800',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
        ),
        (text) => {
          for (const chunk of splitYaml(text)) {
            const read = readYaml(chunk.text);
            const at = read.ok ? read.locate(['a', 0, 'b']) : read.at;
            expect(at.line).toBeGreaterThan(0);
            expect(at.column).toBeGreaterThan(0);
          }
          expect(typeof readJson(text).ok).toBe('boolean');
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
