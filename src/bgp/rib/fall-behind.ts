/** What a member that stops following the log holds: the state at its cursor, one bit per prefix. */
import type { Undo } from './change-log.ts';
import type { Feed } from './feed.ts';

function hold(held: Uint8Array, prefix: number): void {
  held[prefix >> 3] = (held[prefix >> 3] ?? 0) | (1 << (prefix & 7));
}

/** What the member held before a batch it has not read; the oldest such batch of a prefix tells. */
function restore(undo: Undo, feed: Feed, held: Uint8Array, seen: Uint8Array): void {
  for (let i = 0; i < undo.prefixes.length; i++) {
    const prefix = undo.prefixes[i] ?? 0;
    if (seen[prefix] === 1) continue;
    seen[prefix] = 1;
    if (undo.present[i] === 1 && undo.sources[i] !== feed.peer && undo.originators[i] !== feed.routerId) hold(held, prefix);
  }
}

/** Bits by prefix id. The batches after the member's cursor must still be in the log: they tell what they replaced. */
export function heldBy(feed: Feed): Uint8Array {
  const { sent, log, top } = feed.group;
  const held = new Uint8Array((top >> 3) + 1);
  const seen = new Uint8Array(top);
  for (let seq = feed.cursor + 1; seq <= log.head; seq++) {
    const undo = log.get(seq)?.undo;
    if (undo !== undefined) restore(undo, feed, held, seen);
  }
  // As `isTold`, over the columns themselves: a million prefixes are one unit of work.
  const { exports, sources } = sent;
  for (let prefix = 0; prefix < top; prefix++) {
    const id = exports[prefix] ?? 0;
    if (id === 0 || seen[prefix] === 1 || sources[prefix] === feed.peer || sent.originator(id) === feed.routerId) continue;
    hold(held, prefix);
  }
  return held;
}
