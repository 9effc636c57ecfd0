/**
 * All lists together: what each object was last, and what an event means for the daemon. An object whose extracted fields did
 * not change is dropped here, so a heartbeat of a Node costs its parsing and nothing else (control-plane 9.2, 11).
 */
import { objectKey } from '../resources/issue.ts';
import { type ParsedObject, parseObject } from '../resources/parse-object.ts';
import { sameContent } from '../resources/same.ts';
import type { Issue, ObjectRef, Resource } from '../resources/types.ts';
import type { Change } from './types.ts';

/** The part of a Change that objects and issues decide. */
export type ViewChange = Pick<Change, 'upsert' | 'remove' | 'issues'>;

/** One list: `id` is unique, several may be of one kind. */
export interface ListKey {
  readonly id: string;
  readonly kind: string;
}

/** An object that a list has; without `resource` it never had a good form. */
interface Held {
  readonly ref: ObjectRef;
  readonly resource: Resource | undefined;
}

/** A list under way: pages are parsed as they come, so that no two are kept. */
export interface Listing {
  add(items: readonly unknown[]): void;
  /** An object that was added is gone again, before the list was complete. */
  remove(item: unknown): void;
  /** Every page was added: what is known and not among them is gone. */
  commit(): void;
}

/** The state of a cluster; mutable, one per session. */
export interface View {
  list(watched: ListKey): Listing;
  /** True where something is to be taken now. */
  changed(watched: ListKey, raw: unknown): boolean;
  deleted(watched: ListKey, raw: unknown): boolean;
  /**
   * As `deleted`, where the object may have moved to another list whose event is still to come: it stays until the result is called, and
   * for good where any list has it again by then. Undefined: it is not known, nothing is to come.
   */
  leaving(watched: ListKey, raw: unknown): (() => boolean) | undefined;
  /** Nobody wants this list any more: its objects and issues go. */
  drop(watched: ListKey): void;
  /** Replaces the issues of a scope that is no object's. */
  setIssues(scope: string, issues: readonly Issue[]): void;
  /** Objects of a kind in their last good form. */
  resources(kind: string): Iterable<Resource>;
  /** Everything since the last call; undefined where nothing came of it. */
  take(): ViewChange | undefined;
}

interface State {
  /** By id of the list, then by object. */
  readonly lists: Map<string, Map<string, Held>>;
  /** Ids of lists by kind: the lists of one kind may share objects. */
  readonly ids: Map<string, Set<string>>;
  readonly upsert: Map<string, Resource>;
  readonly remove: Map<string, ObjectRef>;
  readonly issues: Map<string, readonly Issue[]>;
  /** Scopes that have issues. */
  readonly troubled: Set<string>;
}

function listOf(state: State, { id, kind }: ListKey): Map<string, Held> {
  const ids = state.ids.get(kind) ?? new Set();
  state.ids.set(kind, ids.add(id));
  const list = state.lists.get(id) ?? new Map<string, Held>();
  state.lists.set(id, list);
  return list;
}

/** The object in any list of the kind but one. */
function elsewhere(state: State, { id, kind }: ListKey, key: string): Held | undefined {
  for (const other of state.ids.get(kind) ?? []) {
    const found = other === id ? undefined : state.lists.get(other)?.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function setIssues(state: State, scope: string, issues: readonly Issue[]): void {
  if (issues.length === 0 && !state.troubled.has(scope)) return;
  if (issues.length === 0) state.troubled.delete(scope);
  else state.troubled.add(scope);
  state.issues.set(scope, issues);
}

function put(state: State, watched: ListKey, parsed: ParsedObject): string | undefined {
  const { ref, outcome } = parsed;
  if (ref === undefined) return undefined;
  const key = objectKey(ref);
  const list = listOf(state, watched);
  const before = list.get(key) ?? elsewhere(state, watched, key);
  setIssues(state, key, parsed.issues);
  if (outcome.type === 'resource') {
    const same = before?.resource !== undefined && sameContent(before.resource, outcome.resource);
    if (same) {
      list.set(key, { ...before });
      return key;
    }
    list.set(key, { ref, resource: outcome.resource });
    state.upsert.set(key, outcome.resource);
    state.remove.delete(key);
  } else if (outcome.type === 'deleted') {
    list.set(key, { ref, resource: undefined });
    if (before?.resource !== undefined) removed(state, key, ref);
  } else list.set(key, { ref, resource: before?.resource });
  return key;
}

function removed(state: State, key: string, ref: ObjectRef): void {
  state.upsert.delete(key);
  state.remove.set(key, ref);
}

function forget(state: State, watched: ListKey, key: string): void {
  const list = listOf(state, watched);
  const held = list.get(key);
  list.delete(key);
  if (held === undefined || elsewhere(state, watched, key) !== undefined) return;
  setIssues(state, key, []);
  if (held.resource !== undefined) removed(state, key, held.ref);
}

function leave(state: State, watched: ListKey, key: string): (() => boolean) | undefined {
  const held = listOf(state, watched).get(key);
  if (held === undefined) return undefined;
  return () => {
    // What came again since, in this list, is held anew.
    if (state.lists.get(watched.id)?.get(key) !== held) return false;
    forget(state, watched, key);
    return hasNews(state);
  };
}

const hasNews = ({ upsert, remove, issues }: State): boolean => upsert.size + remove.size + issues.size > 0;

function take(state: State): ViewChange | undefined {
  const { upsert, remove, issues } = state;
  if (!hasNews(state)) return undefined;
  const change = {
    upsert: [...upsert.values()],
    remove: [...remove.values()],
    issues: [...issues].map(([scope, found]) => ({ scope, issues: found })),
  };
  for (const table of [upsert, remove, issues]) table.clear();
  return change;
}

/** Makes the view of an empty cluster. */
export function createView(): View {
  const state: State = {
    lists: new Map(),
    ids: new Map(),
    upsert: new Map(),
    remove: new Map(),
    issues: new Map(),
    troubled: new Set(),
  };
  return {
    list(watched) {
      const seen = new Set<string>();
      return {
        add(items) {
          for (const item of items) {
            const key = put(state, watched, parseObject(item));
            if (key !== undefined) seen.add(key);
          }
        },
        remove(item) {
          const { ref } = parseObject(item);
          if (ref !== undefined) seen.delete(objectKey(ref));
        },
        commit() {
          for (const key of [...listOf(state, watched).keys()]) if (!seen.has(key)) forget(state, watched, key);
        },
      };
    },
    changed(watched, raw) {
      put(state, watched, parseObject(raw));
      return hasNews(state);
    },
    deleted(watched, raw) {
      const { ref } = parseObject(raw);
      if (ref !== undefined) forget(state, watched, objectKey(ref));
      return hasNews(state);
    },
    leaving(watched, raw) {
      const { ref } = parseObject(raw);
      return ref === undefined ? undefined : leave(state, watched, objectKey(ref));
    },
    drop(watched) {
      for (const key of [...listOf(state, watched).keys()]) forget(state, watched, key);
      state.lists.delete(watched.id);
      state.ids.get(watched.kind)?.delete(watched.id);
    },
    setIssues: (scope, issues) => setIssues(state, scope, issues),
    *resources(kind) {
      for (const id of state.ids.get(kind) ?? []) {
        for (const { resource } of state.lists.get(id)?.values() ?? []) if (resource !== undefined) yield resource;
      }
    },
    take: () => take(state),
  };
}
