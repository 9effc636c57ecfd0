/**
 * Combinators of the resource parsers. A parser takes a raw value and the place it stands at, returns the typed value or
 * undefined, and reports what is wrong at that place. A whole kind is then a table of field parsers.
 */
import { gotText, HIDDEN } from './issue.ts';
import type { Issue, ObjectRef, SourcePosition } from './types.ts';

/** A path as keys and indexes from the root of the object. */
export type Path = readonly (string | number)[];

/** Where issues of one object are gathered. Mutable, lives as long as the parse. */
export interface Sink {
  ref: ObjectRef;
  /** Everything in a Secret is hidden, whatever is wrong with it. */
  hidden: boolean;
  errors: number;
  readonly issues: Issue[];
  readonly position: (path: Path) => SourcePosition | null;
}

/** A place in an object. Paths are linked backwards, so a place without issues costs one small object. */
export interface At {
  readonly sink: Sink;
  readonly parent: At | undefined;
  readonly key: string | number;
  /** Values from here down must not be shown. */
  readonly hidden: boolean;
}

/** Returns undefined for a bad value, after reporting it; and for a value that counts as absent, without. */
export type Parser<T> = (value: unknown, at: At) => T | undefined;

/** The root of an object. */
export function rootOf(sink: Sink): At {
  return { sink, parent: undefined, key: '', hidden: false };
}

/** The place of a member or an element. */
export function inside(at: At, key: string | number): At {
  return { sink: at.sink, parent: at, key, hidden: at.hidden };
}

/** The same place, its values hidden. */
export function hiding(at: At): At {
  return { ...at, hidden: true };
}

/** Keys from the root to a place. */
export function pathOf(at: At): (string | number)[] {
  const path: (string | number)[] = [];
  for (let here: At = at; here.parent !== undefined; here = here.parent) path.push(here.key);
  return path.reverse();
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** A path as a user writes it: `spec.exportV4[2].cidr`, `metadata.annotations[projectcalico.org/ASNumber]`. */
function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number' || !PLAIN_KEY.test(key)) text += `[${key}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** `BGPPEER_AS_NUMBER` of kind BGPPeer and path spec.asNumber: kind, then the named fields below spec, without indexes. */
function codeOf(kind: string, path: Path): string {
  const names = path.filter((key): key is string => typeof key === 'string');
  const own = names[0] === 'spec' && names.length > 1 ? names.slice(1) : names;
  const words = own.map((name) => name.replace(/^.*\//, '').replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3_$2$4'));
  return [kind, ...words]
    .join('_')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_');
}

interface Fault {
  readonly severity: Issue['severity'];
  readonly rule: string;
  readonly got: string;
  readonly code?: string;
}

function report(at: At, fault: Fault): undefined {
  const { sink } = at;
  const path = pathOf(at);
  if (fault.severity === 'error') sink.errors += 1;
  sink.issues.push({
    code: fault.code ?? codeOf(sink.ref.kind, path),
    severity: fault.severity,
    object: sink.ref,
    field: formatPath(path),
    got: fault.got,
    rule: fault.rule,
    source: sink.position(path),
    transient: false,
  });
  return undefined;
}

function shown(at: At, value: unknown): string {
  return at.hidden || at.sink.hidden ? HIDDEN : gotText(value);
}

/** Reports an error: the object yields no resource. Returns undefined, for `return fault(...)`. */
export function fault(at: At, value: unknown, rule: string): undefined {
  return report(at, { severity: 'error', rule, got: shown(at, value) });
}

/** Reports a field that must be there and is not. */
export function missing(at: At, what: string): undefined {
  return report(at, { severity: 'error', rule: `is required: ${what}`, got: '' });
}

/** Reports something that is left out or read differently from how it is written; the object is used. */
export function warn(at: At, value: unknown, rule: string): undefined {
  return report(at, { severity: 'warning', rule, got: shown(at, value) });
}

const SECRETIVE = /pass|secret|token|key|auth|credential/i;

function warnUnknown(at: At, value: unknown, where: string): void {
  const code = `${at.sink.ref.kind.toUpperCase()}_UNKNOWN_FIELD`;
  const got = SECRETIVE.test(String(at.key)) ? HIDDEN : shown(at, value);
  report(at, { severity: 'warning', rule: `is no field of ${where}: ignored`, got, code });
}

/** A mapping, and nothing that only looks like one. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's JSON reader cannot tell these from a field of text that is not there (omitempty): null, nothing, the empty string. */
export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Own member of a mapping; never one of Object.prototype. */
export function member(record: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const structured = new WeakSet<Parser<unknown>>();

/** Says of a parser that it reads a mapping or a list: an empty string there is not an absent value but a wrong one, as for Go's JSON reader. */
export function structure<T>(parser: Parser<T>): Parser<T> {
  structured.add(parser);
  return parser;
}

/** `parser`, structured where `inner` is. */
function like<T>(inner: Parser<unknown>, parser: Parser<T>): Parser<T> {
  return structured.has(inner) ? structure(parser) : parser;
}

function isWritten(raw: unknown, parser: Parser<unknown> | undefined): boolean {
  return !isAbsent(raw) || (raw === '' && parser !== undefined && structured.has(parser));
}

type Shape = Readonly<Record<string, Parser<unknown>>>;

/** What `fields` makes of a table: every field optional, of its parser's type. */
export type Parsed<S extends Shape> = { readonly [K in keyof S]?: Exclude<ReturnType<S[K]>, undefined> };

/** How `fields` treats names outside its table. */
export interface FieldsOptions {
  /** Names that exist in the API and mean nothing to us: not checked, not reported. */
  readonly ignored?: readonly string[];
  /** Fields that must be there, each with what it should be. */
  readonly required?: Readonly<Record<string, string>>;
  /** What the mapping is called in a warning; default: the kind. */
  readonly name?: string;
}

/** A mapping with known fields. Unknown ones are warned about; absent ones are left out. */
export function fields<const S extends Shape>(shape: S, options: FieldsOptions = {}): Parser<Parsed<S>> {
  const ignored = new Set(options.ignored);
  const required = Object.entries(options.required ?? {});
  return structure((value, at) => {
    if (!isRecord(value)) return fault(at, value, 'is not a mapping');
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const raw = value[key];
      const parser = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (parser === undefined) {
        if (!ignored.has(key)) warnUnknown(inside(at, key), raw, options.name ?? at.sink.ref.kind);
      } else if (isWritten(raw, parser)) {
        const parsed = parser(raw, inside(at, key));
        if (parsed !== undefined) out[key] = parsed;
      }
    }
    for (const [key, what] of required) if (!isWritten(member(value, key), shape[key])) missing(inside(at, key), what);
    // The table's keys and parsers made `out`; TypeScript cannot follow a mapped type through the loop.
    return out as Parsed<S>;
  });
}

/** Bounds of a list, both inclusive; default: any length. */
export interface ListOptions {
  readonly max?: number;
  readonly min?: number;
  /** What the elements are, for the rule text. */
  readonly of: string;
}

/** A list of elements; bad ones are reported and left out (the object is lost by then). */
export function list<T>(element: Parser<T>, options: ListOptions): Parser<readonly T[]> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return structure((value, at) => {
    if (!Array.isArray(value)) return fault(at, value, `is not a list of ${options.of}`);
    if (value.length > max) return fault(at, value.length, `entries are more than ${max} ${options.of}`);
    if (value.length < min) return fault(at, value, `needs ${min} or more ${options.of}`);
    const out: T[] = [];
    for (const [index, raw] of value.entries()) {
      const parsed = element(raw, inside(at, index));
      if (parsed !== undefined) out.push(parsed);
    }
    // A list that grew by pushing has room for 17 entries, a copy for those that it has: 20,000 EndpointSlices have small ones.
    return out.slice();
  });
}

/** One condition over several fields of a mapping; holds where `broken` is false. */
export interface CrossRule {
  /** The field that is blamed. */
  readonly field: string;
  readonly broken: (set: (field: string) => boolean, raw: Readonly<Record<string, unknown>>) => boolean;
  readonly rule: string;
}

/** Adds rules over several fields to a parser of a mapping. They are judged on what was written, also where a field is bad. */
export function withRules<T>(parser: Parser<T>, rules: readonly CrossRule[]): Parser<T> {
  return like(parser, (value, at) => {
    const parsed = parser(value, at);
    if (!isRecord(value)) return parsed;
    const set = (field: string): boolean => !isAbsent(member(value, field));
    for (const { field, broken, rule } of rules) {
      if (!broken(set, value)) continue;
      if (set(field)) fault(inside(at, field), member(value, field), rule);
      else missing(inside(at, field), rule);
    }
    return parsed;
  });
}

/** A bad value counts as absent: its errors become warnings that say so. */
export function tolerant<T>(parser: Parser<T>): Parser<T> {
  return like(parser, (value, at) => {
    const { sink } = at;
    const [first, errors] = [sink.issues.length, sink.errors];
    const parsed = parser(value, at);
    if (sink.errors === errors) return parsed;
    sink.errors = errors;
    const found = sink.issues.splice(first);
    for (const issue of found)
      sink.issues.push(issue.severity === 'error' ? { ...issue, severity: 'warning', rule: `${issue.rule}: ignored` } : issue);
    return undefined;
  });
}
