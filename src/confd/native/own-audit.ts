/**
 * Whether the speaker has every route that it should originate (calico#11639: routes that vanish after days): each is looked up
 * once in an interval, a few at a time while the speaker is idle, and given to it again where it is not there. Pure but for the seam.
 */
import type { LocalRoute } from 'bgp-ts';

/** Routes looked up in one slice: well under a millisecond of the thread. */
export const SLICE = 200;

/** Wait for a busy speaker before the next slice, ms. */
const BUSY_MS = 100;

/** What the audit needs. */
export interface OwnAuditDeps {
  /** Between the ends and beginnings of rounds, ms. */
  readonly intervalMs: number;
  /** Every route that should be there, at this moment. */
  readonly wanted: () => Iterable<LocalRoute>;
  /** The route that should be there for the prefix of this one now; undefined where none should. */
  readonly current: (route: LocalRoute) => LocalRoute | undefined;
  readonly isThere: (route: LocalRoute) => boolean;
  /** Work is under way, so that what is wanted may not be there yet. */
  readonly busy: () => boolean;
  readonly repair: (routes: readonly LocalRoute[]) => void;
  /** Calls once after so many ms, 0 = when other work had its turn. */
  readonly after: (ms: number, call: () => void) => void;
}

/** Counters that only grow, as the speaker's work counters. */
export interface OwnAuditCounters {
  readonly ownRoutesAudited: number;
  readonly ownRoutesRepaired: number;
}

/** Begins; the result reads the counters. */
export function startOwnAudit(deps: OwnAuditDeps): () => OwnAuditCounters {
  let audited = 0;
  let repaired = 0;
  const slice = (left: Iterator<LocalRoute>): void => {
    if (deps.busy()) {
      deps.after(BUSY_MS, () => slice(left));
      return;
    }
    const missing: LocalRoute[] = [];
    for (let looked = 0; looked < SLICE; looked++) {
      const next = left.next();
      if (next.done === true) {
        finish(missing);
        deps.after(deps.intervalMs, begin);
        return;
      }
      // It may have gone, or changed, since the round began.
      const route = deps.current(next.value);
      if (route === undefined) continue;
      audited += 1;
      if (!deps.isThere(route)) missing.push(route);
    }
    finish(missing);
    deps.after(0, () => slice(left));
  };
  const finish = (missing: readonly LocalRoute[]): void => {
    repaired += missing.length;
    if (missing.length > 0) deps.repair(missing);
  };
  const begin = (): void => slice([...deps.wanted()][Symbol.iterator]());
  deps.after(deps.intervalMs, begin);
  return () => ({ ownRoutesAudited: audited, ownRoutesRepaired: repaired });
}
