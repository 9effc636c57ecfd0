/** Reads unknown JSON field by field and keeps every fault with its path, so that one run reports all of them. */

import type { SecretText } from '../net/index.ts';
import { hasHostBits, parseAddress, parseAddressWithLength, parsePrefix, secretText } from '../net/index.ts';
import type { Address, Prefix } from '../net/types.ts';

/** One thing wrong with a configuration: where (`neighbors[3].as`), what was found, what the rule is. */
export interface ConfigFault {
  readonly path: string;
  readonly got: string;
  readonly rule: string;
}

/** An object of the document; `done` reports the keys that nobody read. */
export interface ObjectReader {
  readonly path: string;
  has(key: string): boolean;
  integer(key: string, min: number, max: number): number | undefined;
  text(key: string): string | undefined;
  flag(key: string): boolean | undefined;
  oneOf<T extends string>(key: string, values: readonly T[]): T | undefined;
  address(key: string): Address | undefined;
  prefix(key: string): Prefix | undefined;
  object(key: string): ObjectReader | undefined;
  objects(key: string): ObjectReader[] | undefined;
  /** Items of an array, each turned by `parse`; a fault `rule` for those it returns undefined for. */
  list<T>(key: string, rule: string, parse: (item: unknown) => T | undefined): T[] | undefined;
  /** Scalar of any type turned by `parse`. */
  value<T>(key: string, rule: string, parse: (value: unknown) => T | undefined): T | undefined;
  /** A text that no fault shows, of so many octets. */
  secret(key: string, min: number, max: number): SecretText | undefined;
  fault(key: string, rule: string): void;
  done(): void;
}

/** A reader of `value` at `path`; anything but an object is a fault and reads as an empty one. */
export function readObject(value: unknown, path: string, faults: ConfigFault[]): ObjectReader {
  const fields = fieldsOf(value);
  if (fields === undefined) faults.push({ path, got: show(value), rule: 'must be an object' });
  return reader(fields ?? new Map(), path, faults);
}

function fieldsOf(value: unknown): Map<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;
}

function reader(fields: ReadonlyMap<string, unknown>, path: string, faults: ConfigFault[]): ObjectReader {
  const read = new Set<string>();
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const fault = (key: string, rule: string): void => {
    faults.push({ path: at(key), got: shownAt(key), rule });
  };
  const shownAt = (key: string): string => (SECRET_KEY.test(key) ? '[hidden]' : show(fields.get(key)));
  function value<T>(key: string, rule: string, parse: (item: unknown) => T | undefined): T | undefined {
    read.add(key);
    if (!fields.has(key)) return undefined;
    const parsed = parse(fields.get(key));
    if (parsed === undefined) fault(key, rule);
    return parsed;
  }
  function list<T>(key: string, rule: string, parse: (item: unknown, path: string) => T | undefined): T[] | undefined {
    const items = value(key, 'must be a list', (item) => (Array.isArray(item) ? item.map((each: unknown) => each) : undefined));
    return items?.flatMap((item, index) => {
      const parsed = parse(item, `${at(key)}[${index}]`);
      if (parsed !== undefined) return [parsed];
      faults.push({ path: `${at(key)}[${index}]`, got: show(item), rule });
      return [];
    });
  }
  return {
    path,
    has: (key) => fields.has(key),
    integer: (key, min, max) => value(key, `must be an integer from ${min} to ${max}`, (item) => integer(item, min, max)),
    text: (key) => value(key, 'must be a text that is not empty', (item) => (typeof item === 'string' && item !== '' ? item : undefined)),
    flag: (key) => value(key, 'must be true or false', (item) => (typeof item === 'boolean' ? item : undefined)),
    oneOf: (key, values) => value(key, `must be one of ${values.join(', ')}`, (item) => values.find((each) => each === item)),
    address: (key) => value(key, 'must be an IPv4 or IPv6 address', addressOf),
    prefix: (key) => value(key, 'must be a prefix without host bits', prefixOf),
    object: (key) => value(key, '', (item) => readObject(item, at(key), faults)),
    objects: (key) => list(key, '', (item, itemPath) => readObject(item, itemPath, faults)),
    list,
    value,
    fault,
    secret: (key, min, max) => value(key, `must be a text of ${min} to ${max} octets`, (item) => secretOf(item, min, max)),
    done: () => {
      const rule = `unknown key; known are ${[...read].sort().join(', ')}`;
      for (const key of fields.keys()) if (!read.has(key)) faults.push({ path: at(key), got: shownAt(key), rule });
    },
  };
}

/** Names under which somebody may have written a password, misspelled ones too. */
const SECRET_KEY = /md5|pass|secret|key|auth/i;

function secretOf(value: unknown, min: number, max: number): SecretText | undefined {
  if (typeof value !== 'string') return undefined;
  const octets = new TextEncoder().encode(value).length;
  return octets >= min && octets <= max ? secretText(value) : undefined;
}

function integer(value: unknown, min: number, max: number): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
}

/** An address in text form; undefined for anything else. */
export function addressOf(value: unknown): Address | undefined {
  return typeof value === 'string' ? parseAddress(value) : undefined;
}

/** A prefix in text form without host bits; undefined for anything else. */
export function prefixOf(value: unknown): Prefix | undefined {
  const parsed = typeof value === 'string' ? parseAddressWithLength(value) : undefined;
  if (typeof value !== 'string' || parsed === undefined || hasHostBits(parsed.address, parsed.length)) return undefined;
  return parsePrefix(value);
}

/** Short text of what was found. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
