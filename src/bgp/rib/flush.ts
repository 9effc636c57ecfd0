/** Changes of one flush of a group while they are collected. */
import type { Undo } from './change-log.ts';
import { ChangeSet } from './encoding.ts';
import { IntList } from './grow.ts';

/** What is told, to all and to single members; and what that replaces, entry by entry. */
export interface Flush {
  seq: number;
  readonly shared: ChangeSet;
  readonly only: Map<number, ChangeSet>;
  readonly prefixes: IntList;
  readonly sources: IntList;
  readonly originators: IntList;
  readonly present: IntList;
}

/** An empty one, used again and again. */
export function newFlush(): Flush {
  return {
    seq: 0,
    shared: new ChangeSet(),
    only: new Map(),
    prefixes: new IntList(),
    sources: new IntList(),
    originators: new IntList(),
    present: new IntList(),
  };
}

/** The changes for one member alone. */
export function onlyFor(flush: Flush, peer: number): ChangeSet {
  let changes = flush.only.get(peer);
  if (changes === undefined) {
    changes = new ChangeSet();
    flush.only.set(peer, changes);
  }
  return changes;
}

/** What the flush replaced, as its batch keeps it. */
export function undoOf({ prefixes, sources, originators, present }: Flush): Undo {
  const { length } = prefixes;
  return {
    prefixes: prefixes.items.slice(0, length),
    sources: Uint16Array.from(sources.items.subarray(0, length)),
    originators: Uint32Array.from(originators.items.subarray(0, length)),
    present: Uint8Array.from(present.items.subarray(0, length)),
  };
}

/** Empties it. */
export function clearFlush(flush: Flush): void {
  flush.shared.clear();
  flush.only.clear();
  for (const list of [flush.prefixes, flush.sources, flush.originators, flush.present]) list.clear();
}
