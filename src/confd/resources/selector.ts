/**
 * The label selector language of control-plane 9.6: tokens, grammar, evaluation.
 *
 *   or    := and { '||' and }            and := unary { '&&' unary }            unary := '!' unary | '(' or ')' | term
 *   term  := 'all()' | 'global()' | 'has(' label ')' | label operator
 *   operator := ('==' | '!=' | 'contains' | 'starts with' | 'ends with') string | ['not'] 'in' '{' [string {',' string}] '}'
 */
import type { Selector } from './types.ts';

/** Longest label name in a selector. */
const MAX_SELECTOR_LABEL = 512;
/** Deepest nesting of parentheses and negations; the parser recurses once per level. */
export const MAX_SELECTOR_DEPTH = 64;

/** What parsing a selector gives: the selector, or what is wrong and at which character (1-based). */
export type SelectorResult = { readonly ok: true; readonly selector: Selector } | { readonly ok: false; readonly error: string };

type Labels = ReadonlyMap<string, string>;
type Test = (labels: Labels) => boolean;

interface Token {
  readonly type: 'symbol' | 'word' | 'string' | 'end';
  readonly text: string;
  readonly at: number;
}

interface Cursor {
  readonly tokens: readonly Token[];
  index: number;
  depth: number;
  error: string | undefined;
}

const TOKEN = /[ \t]*(?:(&&|\|\||==|!=|[!(){},])|([A-Za-z0-9_./-]+)|'([^']*)'|"([^"]*)")/y;
const NEVER: Test = () => false;

function tokenize(text: string): readonly Token[] | string {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let end = 0;
  for (;;) {
    const start = end + leadingBlanks(text, end);
    if (start === text.length) break;
    const at = start + 1;
    const found = TOKEN.exec(text);
    if (found === null) return `unexpected ${JSON.stringify(text.charAt(start))} at character ${at}`;
    end = TOKEN.lastIndex;
    if (found[1] !== undefined) tokens.push({ type: 'symbol', text: found[1], at });
    else if (found[2] !== undefined) tokens.push({ type: 'word', text: found[2], at });
    else tokens.push({ type: 'string', text: found[3] ?? found[4] ?? '', at });
  }
  tokens.push({ type: 'end', text: '', at: text.length + 1 });
  return tokens;
}

function leadingBlanks(text: string, from: number): number {
  let count = 0;
  while (text[from + count] === ' ' || text[from + count] === '\t') count += 1;
  return count;
}

function peek(cursor: Cursor): Token {
  return cursor.tokens[cursor.index] ?? { type: 'end', text: '', at: 0 };
}

function fail(cursor: Cursor, wanted: string): Test {
  const token = peek(cursor);
  const seen = token.type === 'end' ? 'the end' : JSON.stringify(token.text);
  cursor.error ??= `expected ${wanted} instead of ${seen} at character ${token.at}`;
  return NEVER;
}

function take(cursor: Cursor, type: Token['type'], text: string): boolean {
  const token = peek(cursor);
  if (token.type !== type || token.text !== text) return false;
  cursor.index += 1;
  return true;
}

function takeString(cursor: Cursor): string {
  const token = peek(cursor);
  if (token.type === 'string') cursor.index += 1;
  else fail(cursor, 'a quoted text');
  return token.text;
}

function parseOr(cursor: Cursor): Test {
  const tests = [parseAnd(cursor)];
  while (cursor.error === undefined && take(cursor, 'symbol', '||')) tests.push(parseAnd(cursor));
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : (labels) => tests.some((test) => test(labels));
}

function parseAnd(cursor: Cursor): Test {
  const tests = [parseUnary(cursor)];
  while (cursor.error === undefined && take(cursor, 'symbol', '&&')) tests.push(parseUnary(cursor));
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : (labels) => tests.every((test) => test(labels));
}

function parseUnary(cursor: Cursor): Test {
  if (cursor.depth >= MAX_SELECTOR_DEPTH) {
    cursor.error ??= `nested deeper than ${MAX_SELECTOR_DEPTH}`;
    return NEVER;
  }
  cursor.depth += 1;
  const test = parseNested(cursor);
  cursor.depth -= 1;
  return test;
}

function parseNested(cursor: Cursor): Test {
  if (take(cursor, 'symbol', '!')) {
    const inner = parseUnary(cursor);
    return (labels) => !inner(labels);
  }
  if (take(cursor, 'symbol', '(')) {
    const inner = parseOr(cursor);
    return take(cursor, 'symbol', ')') ? inner : fail(cursor, '")"');
  }
  return parseTerm(cursor);
}

function parseTerm(cursor: Cursor): Test {
  const token = peek(cursor);
  if (token.type !== 'word') return fail(cursor, 'a label, "!" or "("');
  const next = cursor.tokens[cursor.index + 1];
  const isCall = next?.type === 'symbol' && next.text === '(';
  cursor.index += isCall ? 2 : 1;
  if (isCall) return parseCall(cursor, token);
  if (token.text.length > MAX_SELECTOR_LABEL) {
    cursor.error ??= `label longer than ${MAX_SELECTOR_LABEL} at character ${token.at}`;
    return NEVER;
  }
  return parseOperator(cursor, token.text);
}

function parseCall(cursor: Cursor, name: Token): Test {
  let test: Test = NEVER;
  if (name.text === 'has') {
    const label = peek(cursor);
    if (label.type !== 'word' || label.text.length > MAX_SELECTOR_LABEL)
      return fail(cursor, `a label of at most ${MAX_SELECTOR_LABEL} characters`);
    cursor.index += 1;
    test = (labels) => labels.has(label.text);
  } else if (name.text === 'all') {
    test = () => true;
  } else if (name.text === 'global') {
    // What is in no namespace: the label Calico adds to namespaced endpoints is absent. Every node is global.
    test = (labels) => !labels.has('projectcalico.org/namespace');
  } else {
    cursor.error ??= `no function ${JSON.stringify(name.text)} at character ${name.at}`;
    return NEVER;
  }
  return take(cursor, 'symbol', ')') ? test : fail(cursor, '")"');
}

/** Comparisons that need the label; `!=` and `not in` hold without it. */
function parseOperator(cursor: Cursor, label: string): Test {
  if (take(cursor, 'symbol', '==')) return withString(cursor, (wanted) => (labels) => labels.get(label) === wanted);
  if (take(cursor, 'symbol', '!=')) return withString(cursor, (wanted) => (labels) => labels.get(label) !== wanted);
  if (take(cursor, 'word', 'contains')) return withString(cursor, (wanted) => (labels) => labels.get(label)?.includes(wanted) === true);
  if (take(cursor, 'word', 'in')) return parseIn(cursor, label, true);
  if (take(cursor, 'word', 'not')) return take(cursor, 'word', 'in') ? parseIn(cursor, label, false) : fail(cursor, '"in"');
  if (takeWith(cursor, 'starts')) return withString(cursor, (wanted) => (labels) => labels.get(label)?.startsWith(wanted) === true);
  if (takeWith(cursor, 'ends')) return withString(cursor, (wanted) => (labels) => labels.get(label)?.endsWith(wanted) === true);
  return fail(cursor, 'an operator');
}

function takeWith(cursor: Cursor, word: 'starts' | 'ends'): boolean {
  if (take(cursor, 'word', `${word}with`)) return true;
  if (!take(cursor, 'word', word)) return false;
  if (!take(cursor, 'word', 'with')) fail(cursor, '"with"');
  return true;
}

function withString(cursor: Cursor, make: (wanted: string) => Test): Test {
  return make(takeString(cursor));
}

function parseIn(cursor: Cursor, label: string, wanted: boolean): Test {
  if (!take(cursor, 'symbol', '{')) return fail(cursor, '"{"');
  const values = new Set<string>();
  while (peek(cursor).type === 'string') {
    values.add(takeString(cursor));
    if (!take(cursor, 'symbol', ',')) break;
  }
  if (!take(cursor, 'symbol', '}')) return fail(cursor, '"}"');
  return (labels) => {
    const value = labels.get(label);
    return value === undefined ? !wanted : values.has(value) === wanted;
  };
}

/**
 * Parses a selector. Empty text selects everything. A label that is absent fails every comparison but `!=` and `not in`.
 * Errors say what was expected and at which character.
 */
export function parseSelector(text: string): SelectorResult {
  const tokens = tokenize(text);
  if (typeof tokens === 'string') return { ok: false, error: tokens };
  if (tokens.length === 1) return { ok: true, selector: { text, matches: () => true } };
  const cursor: Cursor = { tokens, index: 0, depth: 0, error: undefined };
  const matches = parseOr(cursor);
  if (cursor.error === undefined && peek(cursor).type !== 'end') fail(cursor, '"&&", "||" or the end');
  return cursor.error === undefined ? { ok: true, selector: { text, matches } } : { ok: false, error: cursor.error };
}
