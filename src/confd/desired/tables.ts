/**
 * Small keyed stores that know what changed: lists sorted by id whose entries and arrays keep their identity, and issues by
 * the scope that raised them. So a reader compares by reference.
 */
import type { Issue } from '../resources/types.ts';
import { sameData } from './compare.ts';

/** Orders texts by code unit, as octets of ASCII names. Negative, 0 or positive. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Above this share of changed entries a list is sorted anew instead of being patched. */
const PATCH_SHARE = 16;

/** Entries by id with a sorted list. An entry that comes back equal to what was last listed is the object that was listed. */
export class SortedTable<T extends { readonly id: string }> {
  readonly #entries = new Map<string, T>();
  /** Entries as last listed, of ids that were set or removed since. */
  readonly #touched = new Map<string, T | undefined>();
  readonly #same: (a: T, b: T) => boolean;
  #list: readonly T[] = [];

  /** `same` decides that two entries are one; by default structural equality. */
  constructor(same: (a: T, b: T) => boolean = sameData) {
    this.#same = same;
  }

  get(id: string): T | undefined {
    return this.#entries.get(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  values(): Iterable<T> {
    return this.#entries.values();
  }

  set(entry: T): void {
    const { id } = entry;
    this.#touch(id);
    const listed = this.#touched.get(id);
    this.#entries.set(id, listed !== undefined && this.#same(listed, entry) ? listed : entry);
    this.#untouch(id, listed);
  }

  delete(id: string): void {
    this.#touch(id);
    this.#entries.delete(id);
    this.#untouch(id, this.#touched.get(id));
  }

  #touch(id: string): void {
    if (!this.#touched.has(id)) this.#touched.set(id, this.#entries.get(id));
  }

  #untouch(id: string, listed: T | undefined): void {
    if (this.#entries.get(id) === listed) this.#touched.delete(id);
  }

  /** All entries by id; the same array as before while nothing changed. */
  list(): readonly T[] {
    if (this.#touched.size === 0) return this.#list;
    this.#list = this.#touched.size * PATCH_SHARE > this.#entries.size ? this.#sorted() : this.#patched();
    this.#touched.clear();
    return this.#list;
  }

  #sorted(): T[] {
    return [...this.#entries.values()].sort((a, b) => compareText(a.id, b.id));
  }

  #patched(): T[] {
    const list = [...this.#list];
    for (const id of this.#touched.keys()) {
      const index = lowerBound(list, id);
      const present = list[index]?.id === id;
      const entry = this.#entries.get(id);
      if (entry === undefined) list.splice(index, present ? 1 : 0);
      else list.splice(index, present ? 1 : 0, entry);
    }
    return list;
  }
}

function lowerBound<T extends { readonly id: string }>(list: readonly T[], id: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = list[middle];
    if (entry !== undefined && entry.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Issues by scope, listed by object, field and code without repeats. */
export class IssueTable {
  readonly #scopes = new Map<string, readonly Issue[]>();
  #list: readonly Issue[] = [];
  #stale = false;

  /** Replaces the issues of one scope; an empty list removes it. */
  set(scope: string, issues: readonly Issue[]): void {
    const before = this.#scopes.get(scope) ?? [];
    if (before.length === issues.length && before.every((issue, index) => issueText(issue) === issueText(issues[index]))) return;
    if (issues.length === 0) this.#scopes.delete(scope);
    else this.#scopes.set(scope, issues);
    this.#stale = true;
  }

  /** All issues in order; the same array as before while nothing changed. */
  list(): readonly Issue[] {
    if (!this.#stale) return this.#list;
    const byText = new Map<string, Issue>();
    for (const issues of this.#scopes.values()) for (const issue of issues) byText.set(issueText(issue), issue);
    this.#list = [...byText].sort(([a], [b]) => compareText(a, b)).map(([, issue]) => issue);
    this.#stale = false;
    return this.#list;
  }
}

function issueText(issue: Issue | undefined): string {
  if (issue === undefined) return '';
  const { kind, namespace, name } = issue.object;
  return [kind, namespace, name, issue.field, issue.code, issue.got, issue.rule].join('\n');
}

/** Sets of names by key. Most keys have one name, which needs no set of its own. */
export class NameIndex {
  readonly #names = new Map<string, string | Set<string>>();

  add(key: string, name: string): void {
    const names = this.#names.get(key);
    if (names === undefined) this.#names.set(key, name);
    else if (typeof names !== 'string') names.add(name);
    else if (names !== name) this.#names.set(key, new Set([names, name]));
  }

  remove(key: string, name: string): void {
    const names = this.#names.get(key);
    if (names === name) this.#names.delete(key);
    if (names === undefined || typeof names === 'string') return;
    names.delete(name);
    if (names.size === 0) this.#names.delete(key);
  }

  has(key: string): boolean {
    return this.#names.has(key);
  }

  /** Names of a key, in no particular order. */
  get(key: string): readonly string[] {
    const names = this.#names.get(key);
    if (names === undefined) return NONE;
    return typeof names === 'string' ? [names] : [...names];
  }
}

const NONE: readonly string[] = [];
