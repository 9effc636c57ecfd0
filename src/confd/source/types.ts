/** The Source seam: where cluster objects come from. Each source parses at its edge and yields changes, nothing else. */
import type { Issue, ObjectRef, Resource } from '../resources/types.ts';

/**
 * One step of the source's view. Removing and re-adding in one change replaces. An object that no longer parses is not
 * removed: its issue is set and the last good form stays.
 */
export interface Change {
  readonly upsert: readonly Resource[];
  readonly remove: readonly ObjectRef[];
  /** Replaces every issue formerly reported under the same scope (a file path or an object key). */
  readonly issues: readonly { readonly scope: string; readonly issues: readonly Issue[] }[];
  /** True once the source's first complete view has been delivered; false again while it has lost its datastore. */
  readonly inSync: boolean;
  /** True where the view is complete although it is not in sync: the datastore's last good state stands in for it. Default: `inSync`. */
  readonly usable?: boolean;
  /** Wall-clock ms when the newest input in this change was written (file mtime of the rename, API write), for latency figures. */
  readonly writtenAt?: number;
}

/**
 * What for a source reads: BGP of one node (its own blocks; Services and Secrets as the configuration asks for them), or the
 * encapsulation between all nodes (the blocks of all, FelixConfiguration; neither peers nor Services nor Secrets).
 */
export type ReadFor = 'bgp' | 'encapsulation';

/** Where cluster objects come from. */
export interface Source {
  /** Ends when the signal aborts. Never throws for bad input or an unreachable datastore: it reports and retries. */
  watch(signal: AbortSignal): AsyncIterable<Change>;
}
