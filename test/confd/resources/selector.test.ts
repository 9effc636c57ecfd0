import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SELECTOR_DEPTH, parseSelector } from '../../../src/confd/resources/selector.ts';

const labels = new Map([
  ['rack', 'a'],
  ['role', 'route-reflector'],
  ['empty', ''],
  ['example.com/zone_1', 'eu-1'],
]);

function evaluate(text: string): boolean | string {
  const parsed = parseSelector(text);
  return parsed.ok ? parsed.selector.matches(labels) : parsed.error;
}

describe('on labels rack=a, role=route-reflector, empty=, example.com/zone_1=eu-1', () => {
  it.each<[string, boolean]>([
    ['', true],
    ['  \t', true],
    ['all()', true],
    ['all( )', true],
    ['global()', true],
    ['!all()', false],
    ["rack == 'a'", true],
    ['rack=="a"', true],
    ["rack == 'b'", false],
    ["rack != 'b'", true],
    ["rack != 'a'", false],
    ["missing == ''", false],
    ["empty == ''", true],
    ["missing != 'x'", true],
    ["rack in {'a', 'b'}", true],
    ["rack in {'b',}", false],
    ['rack in {}', false],
    ["rack not in {'b'}", true],
    ["rack not in {'a'}", false],
    ["missing not in {'a'}", true],
    ["missing in {'a'}", false],
    ['has(rack)', true],
    ['has( rack )', true],
    ['!has(missing)', true],
    ['has(example.com/zone_1)', true],
    ["example.com/zone_1 starts with 'eu-'", true],
    ["role contains 'reflect'", true],
    ["role starts with 'route'", true],
    ["role startswith 'route'", true],
    ["role ends with 'tor'", true],
    ["role ends with 'route'", false],
    ["missing contains ''", false],
    ["rack == 'a' && has(role)", true],
    ["rack == 'b' || has(role)", true],
    // && binds tighter than ||
    ["rack == 'a' || rack == 'b' && rack == 'c'", true],
    ["(rack == 'a' || rack == 'b') && rack == 'c'", false],
    ["!(rack == 'a')", false],
    ['!!has(rack)', true],
    ["! rack == 'b'", true],
  ])('%s: %s', (text, wanted) => {
    expect(evaluate(text)).toBe(wanted);
  });
});

describe('errors say what was expected and where', () => {
  it.each<[string, string]>([
    ["rack = 'a'", 'unexpected "=" at character 6'],
    ['rack == a', 'expected a quoted text instead of "a" at character 9'],
    ["rack == 'a", 'unexpected "\'" at character 9'],
    ['rack', 'expected an operator instead of the end at character 5'],
    ["rack == 'a' rack", 'expected "&&", "||" or the end instead of "rack" at character 13'],
    ['(has(rack)', 'expected ")" instead of the end at character 11'],
    ['has()', 'expected a label of at most 512 characters instead of ")" at character 5'],
    ['has(rack', 'expected ")" instead of the end at character 9'],
    ['any()', 'no function "any" at character 1'],
    ["rack not == 'a'", 'expected "in" instead of "==" at character 10'],
    ["rack starts 'a'", 'expected "with" instead of "a" at character 13'],
    ["rack in 'a'", 'expected "{" instead of "a" at character 9'],
    ["rack in {'a' 'b'}", 'expected "}" instead of "b" at character 14'],
    ['&&', 'expected a label, "!" or "(" instead of "&&" at character 1'],
    ['rack\n', 'unexpected "\\n" at character 5'],
    [`${'x'.repeat(513)} == ''`, 'label longer than 512 at character 1'],
    [`${'!'.repeat(MAX_SELECTOR_DEPTH)}all()`, `nested deeper than ${MAX_SELECTOR_DEPTH}`],
  ])('%s', (text, wanted) => {
    expect(evaluate(text)).toBe(wanted);
  });

  it('a long label is fine up to 512 characters', () => {
    expect(evaluate(`has(${'x'.repeat(512)})`)).toBe(false);
  });
});

const label = fc.constantFrom('rack', 'role', 'empty', 'missing');
const quoted = fc.constantFrom("'a'", '"route-reflector"', "''", "'zz'");
const term = fc.oneof(
  fc.tuple(label, fc.constantFrom('==', '!=', 'contains', 'starts with', 'ends with'), quoted).map((parts) => parts.join(' ')),
  fc
    .tuple(label, fc.constantFrom('in', 'not in'), fc.array(quoted, { maxLength: 3 }))
    .map(([name, op, set]) => `${name} ${op} {${set.join(', ')}}`),
  label.map((name) => `has(${name})`),
  fc.constant('all()'),
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5 },
    term,
    tie('expression').map((inner) => `!(${inner})`),
    fc.tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression')).map(([left, op, right]) => `(${left}) ${op} (${right})`),
  ),
}));

describe('properties', () => {
  it('negation, conjunction and disjunction are what they say', () => {
    fc.assert(
      fc.property(expression, expression, (left, right) => {
        const [a, b] = [evaluate(left), evaluate(right)];
        expect(typeof a).toBe('boolean');
        expect(evaluate(`!(${left})`)).toBe(!a);
        expect(evaluate(`(${left}) && (${right})`)).toBe(a && b);
        expect(evaluate(`(${left}) || (${right})`)).toBe(a || b);
      }),
    );
  });

  it('any text is parsed or refused, never thrown at', () => {
    const pieces = fc.constantFrom(
      'rack',
      'has(',
      ')',
      '(',
      '!',
      '&&',
      '||',
      '==',
      '!=',
      "'a'",
      '"',
      '{',
      '}',
      ',',
      'in',
      'not',
      ' ',
      'starts',
      'with',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(' ')),
        ),
        (text) => {
          const parsed = parseSelector(text);
          if (parsed.ok) expect(typeof parsed.selector.matches(labels)).toBe('boolean');
          else expect(parsed.error).not.toBe('');
        },
      ),
    );
  });
});
