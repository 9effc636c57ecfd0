/** Work over all rows of one peer, in chunks: removing what is gone or stale, judging again, exporting again. */
import { generationOf, putPath, removePath } from './import-path.ts';
import { JOB_CHUNK } from './limits.ts';
import { hasJob, type PeerFamily, type PeerState } from './peer.ts';
import type { FamilyTables, Stores } from './tables.ts';

/** Half of the 16 generations: older or newer modulo 16. */
const HALF = 8;

/** Asks for a visit of every row, from the start. */
export function startJob(own: PeerFamily, what: Partial<Pick<PeerFamily, 'sweepBefore' | 'reimport' | 'retouch'>>): void {
  Object.assign(own, what);
  own.chain.jobAt = own.chain.head;
}

/** Visits a chunk of rows; true while rows remain. */
export function stepJob(stores: Stores, tables: FamilyTables, peer: PeerState, own: PeerFamily): boolean {
  for (let n = JOB_CHUNK; n > 0; n--) {
    const row = own.chain.jobAt;
    if (row < 0) break;
    own.chain.jobAt = tables.paths.nextInSource[row] ?? -1;
    visit(stores, tables, peer, own, row);
  }
  if (own.chain.jobAt >= 0) return true;
  own.sweepBefore = -1;
  own.reimport = false;
  own.retouch = false;
  return hasJob(own);
}

function visit(stores: Stores, tables: FamilyTables, peer: PeerState, own: PeerFamily, row: number): void {
  const { paths } = tables;
  const generation = generationOf(tables, row);
  if (own.sweepBefore >= 0 && ((generation - own.sweepBefore) & 15) >= HALF) {
    removePath(stores, tables, own.chain, row);
    return;
  }
  const prefix = paths.prefix[row] ?? 0;
  if (own.reimport) {
    const received = paths.received[row] ?? 0;
    const verdict = peer.imports.evaluate(received, tables.prefixes, prefix);
    const flags = verdict < 0 ? -verdict : 0;
    putPath(stores, tables, own.chain, {
      row,
      prefix,
      source: peer.index,
      pathId: paths.pathId(row),
      received,
      chosen: verdict < 0 ? received : verdict,
      flags,
      generation,
    });
  }
  if (own.retouch && (tables.pathGroups > 0 || tables.prefixes.best[prefix] === row)) tables.touch(prefix, row);
}
