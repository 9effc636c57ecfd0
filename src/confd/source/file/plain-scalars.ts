/**
 * What an unquoted YAML scalar means. Kubernetes reads manifests by YAML 1.1 rules as Go's reader has them: `yes` and `off` are
 * booleans, `0123` is octal, but dates and base-60 numbers (`5663:12`) stay text. The yaml package offers 1.1 and 1.2, and
 * neither is this, so it is asked for text only and the meaning is decided here.
 */

const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, unknown] => [word, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, unknown] => [word, false]),
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, unknown] => [word, null]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, unknown] => [word, Number.NaN]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, unknown] => [word, Number.POSITIVE_INFINITY]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, unknown] => [word, Number.NEGATIVE_INFINITY]),
]);

const NUMBERLIKE = /^[-+.0-9]/;
const INTEGERS: readonly (readonly [RegExp, number])[] = [
  [/^([-+]?)0[xX]([0-9a-fA-F]+)$/, 16],
  [/^([-+]?)0[bB]([01]+)$/, 2],
  [/^([-+]?)0[oO]?([0-7]+)$/, 8],
  [/^([-+]?)(0|[1-9][0-9]*)$/, 10],
];
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/** Value of an unquoted scalar: null, a boolean, a number, or the text itself. */
export function plainScalar(text: string): unknown {
  if (WORDS.has(text)) return WORDS.get(text);
  if (!NUMBERLIKE.test(text)) return text;
  // Go drops digit separators before it looks for a number: 1_000 is 1000.
  const digits = text.startsWith('.') ? text : text.replaceAll('_', '');
  for (const [pattern, base] of INTEGERS) {
    const found = pattern.exec(digits);
    if (found !== null) return integerOf(found[1] === '-', found[2] ?? '', base);
  }
  return FLOAT.test(digits) ? Number(digits) : text;
}

function integerOf(negative: boolean, digits: string, base: number): number {
  const value = base === 10 ? Number(digits) : Number.parseInt(digits, base);
  // `-0` is 0 as an integer.
  return negative && value !== 0 ? -value : value;
}
