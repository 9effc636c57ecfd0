/** `linnet check`: what the source would say about a directory, once. */
import type { Clock } from '../../clock.ts';
import { createStore } from '../../resources/store.ts';
import type { Issue, Snapshot } from '../../resources/types.ts';
import { readWorkloads } from '../workloads.ts';
import { createFileSource } from './file-source.ts';

/** Outcome of checking a directory. `objects` counts those in a good form; `snapshot` holds them. */
export interface CheckedDirectory {
  /** Sorted by file, line and column; those without a position last. */
  readonly issues: readonly Issue[];
  readonly objects: number;
  readonly snapshot: Snapshot;
}

const TABLES = ['nodes', 'pools', 'configurations', 'peers', 'filters', 'affinities', 'services', 'slices', 'secrets', 'felix'] as const;

function byPosition(a: Issue, b: Issue): number {
  if (a.source === null || b.source === null) return Number(a.source === null) - Number(b.source === null);
  if (a.source.file !== b.source.file) return a.source.file < b.source.file ? -1 : 1;
  return a.source.line - b.source.line || a.source.column - b.source.column;
}

/**
 * Reads a directory (or one manifest) as the source does and gives its first view. A missing directory is an issue. `workloads`: a
 * directory `endpoint-status` beside it, whose local workloads are among the objects of the snapshot.
 */
export async function checkDirectory(path: string, clock: Clock, workloads?: string): Promise<CheckedDirectory> {
  const abort = new AbortController();
  const store = createStore();
  for await (const change of createFileSource({ path, clock }).watch(abort.signal)) {
    store.apply(change);
    abort.abort();
  }
  if (workloads !== undefined) store.apply(await readWorkloads(workloads));
  const { snapshot } = store;
  const objects = TABLES.reduce((sum, table) => sum + snapshot[table].size, 0);
  return { issues: [...snapshot.issues].sort(byPosition), objects, snapshot };
}
