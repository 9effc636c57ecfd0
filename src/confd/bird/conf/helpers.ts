/** The functions that Go templates of confd have, as helpers: keys, JSON, texts, paths and comparisons. Synchronous and repeatable. */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { KeyStore } from './key-store.ts';

/** A helper: its arguments as the template wrote them. */
export type Helper = (...args: readonly unknown[]) => unknown;

/** Helpers by name, for one template's keys. */
export function confHelpers(store: KeyStore): ReadonlyMap<string, Helper> {
  return new Map<string, Helper>([
    ['exists', (key) => store.exists(text(key))],
    ['get', (key) => store.get(text(key))],
    ['gets', (pattern) => store.gets(text(pattern))],
    ['getv', (key, fallback) => (store.exists(text(key)) || fallback === undefined ? store.get(text(key)).value : text(fallback))],
    ['getvs', (pattern) => store.gets(text(pattern)).map(({ value }) => value)],
    ['ls', (folder) => store.ls(text(folder))],
    ['lsdir', (folder) => store.lsdir(text(folder))],
    ...PLAIN,
  ]);
}

const PLAIN: readonly (readonly [string, Helper])[] = [
  ['json', (value) => parseJson(text(value))],
  ['jsonArray', (value) => requireArray(parseJson(text(value)))],
  ['base', (path) => posix.basename(text(path))],
  ['dir', (path) => posix.dirname(text(path))],
  ['split', (value, separator) => text(value).split(text(separator))],
  ['join', (values, separator) => requireArray(values).map(text).join(text(separator))],
  ['toUpper', (value) => text(value).toUpperCase()],
  ['toLower', (value) => text(value).toLowerCase()],
  ['contains', (value, part) => text(value).includes(text(part))],
  ['hasSuffix', (value, part) => text(value).endsWith(text(part))],
  ['replace', (value, from, to, times) => replaceTimes(text(value), text(from), text(to), times === undefined ? -1 : Number(times))],
  ['base64Encode', (value) => Buffer.from(text(value)).toString('base64')],
  ['base64Decode', (value) => Buffer.from(text(value), 'base64').toString('utf8')],
  ['fileExists', (path) => existsSync(text(path))],
  ['eq', (a, ...others) => others.some((other) => other === a)],
  ['ne', (a, b) => a !== b],
  ['lt', (a, b) => Number(a) < Number(b)],
  ['le', (a, b) => Number(a) <= Number(b)],
  ['gt', (a, b) => Number(a) > Number(b)],
  ['ge', (a, b) => Number(a) >= Number(b)],
  ['and', (...values) => values.find((value) => !truthy(value)) ?? values.at(-1)],
  ['or', (...values) => values.find(truthy) ?? values.at(-1)],
  ['not', (value) => !truthy(value)],
  ['len', (value) => (Array.isArray(value) ? value.length : text(value).length)],
  ['index', (value, key) => item(value, key)],
  ['printf', (format, ...values) => printf(text(format), values)],
];

/** Names of all of them. */
export const HELPER_NAMES: readonly string[] = ['exists', 'get', 'gets', 'getv', 'getvs', 'ls', 'lsdir', ...PLAIN.map(([name]) => name)];

/** What a template may print: anything but a whole object, which is always a mistake. */
function text(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(value === undefined || value === null ? 'a value is missing' : 'a list or an object is not a text');
}

/** The parser's own message quotes what it read, and a peer's value has its password in it. */
function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new Error('a value is not JSON');
  }
}

function requireArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error('a list was expected');
}

/** As Go's templates see it: 0, an empty text and an empty list are false. */
function truthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function item(value: unknown, key: unknown): unknown {
  const found = Array.isArray(value) ? value[Number(key)] : Object.entries(Object(value)).find(([name]) => name === key)?.[1];
  if (found === undefined) throw new Error(`there is no item ${JSON.stringify(key)}`);
  return found;
}

/** `times` below 0: everywhere, as in Go. */
function replaceTimes(value: string, from: string, to: string, times: number): string {
  const parts = value.split(from);
  if (times < 0) return parts.join(to);
  return (
    parts.slice(0, times + 1).join(to) +
    parts
      .slice(times + 1)
      .map((part) => from + part)
      .join('')
  );
}

/** `%s %d %v` print the value, `%%` a percent sign. */
function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const out = format.replace(/%(.)/g, (whole, verb: string) => {
    if (verb === '%') return '%';
    if (!'sdv'.includes(verb)) throw new Error(`printf does not know ${whole}`);
    next += 1;
    return text(values[next - 1]);
  });
  if (next !== values.length) throw new Error(`printf: ${values.length} values for ${next} places`);
  return out;
}
