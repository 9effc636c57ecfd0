/**
 * All files together: which file an object belongs to, what the last good form of each is, and what a change of files means
 * for them. Pure bookkeeping; reading files is elsewhere.
 */
import type { Issue, ObjectRef, Resource, SourcePosition } from '../../resources/types.ts';
import type { Change } from '../types.ts';
import type { Claim, Manifest } from './manifest.ts';

/** The part of a Change that the files decide. */
export type FilesChange = Pick<Change, 'upsert' | 'remove' | 'issues'>;

/** One file's hold on one object. */
interface Hold {
  readonly name: string;
  readonly claim: Claim;
  /** From an earlier reading: the file is broken now, and what it said last still holds. */
  readonly retained: boolean;
}

interface FileEntry {
  readonly holds: readonly Hold[];
  readonly issues: readonly Issue[];
  readonly unknownKinds: readonly Issue[];
}

/** The state of a directory; mutable, one per source. */
export interface View {
  /** Replaces what is known of a file; undefined removes it. */
  set(name: string, manifest: Manifest | undefined): void;
  /** Replaces the issues of a file without touching its objects (it cannot be read just now). */
  setIssues(name: string, issues: readonly Issue[]): void;
  /** Keys of objects that a file holds, retained ones included. */
  keysOf(name: string): readonly string[];
  /** Everything since the last call; undefined where nothing came of it. */
  take(): FilesChange | undefined;
  /** Objects that are known in a good form. */
  readonly size: number;
}

const DUPLICATES = 'objects in two places';
const UNKNOWN_KINDS = 'unknown kinds';

interface State {
  readonly files: Map<string, FileEntry>;
  /** Holds of each object, sorted: the first one owns it. */
  readonly holds: Map<string, readonly Hold[]>;
  readonly emitted: Map<string, Resource>;
  readonly dirtyKeys: Set<string>;
  readonly dirtyFiles: Set<string>;
  kindsDirty: boolean;
  readonly duplicates: Map<string, readonly Issue[]>;
  duplicatesDirty: boolean;
}

function byPlace(a: Hold, b: Hold): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  // What is written now comes before what was written once.
  if (a.retained !== b.retained) return a.retained ? 1 : -1;
  return (a.claim.position?.line ?? 0) - (b.claim.position?.line ?? 0) || (a.claim.position?.column ?? 0) - (b.claim.position?.column ?? 0);
}

function holdsOf(name: string, manifest: Manifest, before: FileEntry | undefined): readonly Hold[] {
  const holds = manifest.claims.map((claim): Hold => ({ name, claim, retained: false }));
  if (!manifest.broken || before === undefined) return holds;
  const seen = new Set(manifest.claims.map((claim) => claim.key));
  const kept = before.holds.filter(({ claim }) => !seen.has(claim.key));
  return [...holds, ...kept.map((hold): Hold => ({ ...hold, retained: true }))];
}

function setHolds(state: State, name: string, holds: readonly Hold[]): void {
  const touched = new Set([...(state.files.get(name)?.holds ?? []), ...holds].map(({ claim }) => claim.key));
  const mine = new Map<string, Hold[]>();
  for (const hold of holds) mine.set(hold.claim.key, [...(mine.get(hold.claim.key) ?? []), hold]);
  for (const key of touched) {
    const others = (state.holds.get(key) ?? []).filter((hold) => hold.name !== name);
    const next = [...others, ...(mine.get(key) ?? [])].sort(byPlace);
    if (next.length === 0) state.holds.delete(key);
    else state.holds.set(key, next);
    state.dirtyKeys.add(key);
  }
}

const isUnknownKind = (issue: Issue): boolean => issue.code === 'KIND_UNKNOWN';

function placeText(position: SourcePosition | null): string {
  return position === null ? 'another place' : `${position.file}:${position.line}`;
}

function duplicateIssue(hold: Hold, owner: Hold): Issue {
  const { ref, position } = hold.claim;
  return {
    code: 'OBJECT_DUPLICATE',
    severity: 'error',
    object: ref,
    field: '',
    got: '',
    rule: `is defined before, in ${placeText(owner.claim.position)}, which holds`,
    source: position,
    transient: false,
  };
}

function settleDuplicates(state: State, key: string, holds: readonly Hold[]): void {
  const [owner, ...others] = holds;
  const losers = owner === undefined ? [] : others.filter((hold) => !hold.retained);
  if (losers.length === 0 && !state.duplicates.has(key)) return;
  state.duplicatesDirty = true;
  if (owner === undefined || losers.length === 0) state.duplicates.delete(key);
  else
    state.duplicates.set(
      key,
      losers.map((hold) => duplicateIssue(hold, owner)),
    );
}

interface Delta {
  readonly upsert: Resource[];
  readonly remove: ObjectRef[];
}

/** Compares who owns an object now with what was given out of it last. An invalid owner changes nothing: last good holds. */
function settle(state: State, key: string, delta: Delta): void {
  const holds = state.holds.get(key) ?? [];
  settleDuplicates(state, key, holds);
  const known = state.emitted.get(key);
  const outcome = holds[0]?.claim.parsed.outcome;
  if (outcome?.type === 'resource') {
    if (outcome.resource === known) return;
    state.emitted.set(key, outcome.resource);
    delta.upsert.push(outcome.resource);
  } else if (outcome?.type !== 'invalid' && known !== undefined) {
    state.emitted.delete(key);
    delta.remove.push(known.ref);
  }
}

/** The first file by name that has a kind reports it for all. */
function unknownKinds(state: State): readonly Issue[] {
  const first = new Map<string, Issue>();
  for (const name of [...state.files.keys()].sort()) {
    for (const issue of state.files.get(name)?.unknownKinds ?? []) {
      const kind = `${issue.object.apiVersion} ${issue.object.kind}`;
      if (!first.has(kind)) first.set(kind, issue);
    }
  }
  return [...first.values()];
}

function takeChange(state: State): FilesChange | undefined {
  const delta: Delta = { upsert: [], remove: [] };
  for (const key of state.dirtyKeys) settle(state, key, delta);
  state.dirtyKeys.clear();
  const issues: { scope: string; issues: readonly Issue[] }[] = [];
  for (const name of state.dirtyFiles) issues.push({ scope: name, issues: state.files.get(name)?.issues ?? [] });
  state.dirtyFiles.clear();
  if (state.duplicatesDirty) issues.push({ scope: DUPLICATES, issues: [...state.duplicates.values()].flat() });
  state.duplicatesDirty = false;
  if (state.kindsDirty) issues.push({ scope: UNKNOWN_KINDS, issues: unknownKinds(state) });
  state.kindsDirty = false;
  if (delta.upsert.length + delta.remove.length + issues.length === 0) return undefined;
  return { ...delta, issues };
}

function setFile(state: State, name: string, manifest: Manifest | undefined): void {
  const before = state.files.get(name);
  const holds = manifest === undefined ? [] : holdsOf(name, manifest, before);
  setHolds(state, name, holds);
  const unknown = manifest?.issues.filter(isUnknownKind) ?? [];
  const own = manifest?.issues.filter((issue) => !isUnknownKind(issue)) ?? [];
  if ((before?.unknownKinds.length ?? 0) + unknown.length > 0) state.kindsDirty = true;
  if ((before?.issues.length ?? 0) + own.length > 0) state.dirtyFiles.add(name);
  if (manifest === undefined) state.files.delete(name);
  else state.files.set(name, { holds, issues: own, unknownKinds: unknown });
}

/** Makes the view of an empty directory. */
export function createView(): View {
  const state: State = {
    files: new Map(),
    holds: new Map(),
    emitted: new Map(),
    dirtyKeys: new Set(),
    dirtyFiles: new Set(),
    kindsDirty: false,
    duplicates: new Map(),
    duplicatesDirty: false,
  };
  return {
    set: (name, manifest) => setFile(state, name, manifest),
    setIssues(name, issues) {
      const before = state.files.get(name) ?? { holds: [], issues: [], unknownKinds: [] };
      state.files.set(name, { ...before, issues });
      state.dirtyFiles.add(name);
    },
    keysOf: (name) => (state.files.get(name)?.holds ?? []).map(({ claim }) => claim.key),
    take: () => takeChange(state),
    get size() {
      return state.emitted.size;
    },
  };
}
