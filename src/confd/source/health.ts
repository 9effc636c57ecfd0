/** What a list's failures mean: whether the daemon may go on without it, whether the datastore is lost, and the issues to show. */
import type { Issue, ObjectRef } from '../resources/types.ts';
import type { Failure } from './failure.ts';

/** Ms of failing in a row after which a list that was in sync is lost. A server that restarts is back before. */
const LOST_AFTER_MS = 5_000;
/** Answers "forbidden" or "no such kind" in a row that are believed: a server that starts gives them too. */
export const REFUSALS = 3;

/**
 * `starting`: never complete, the daemon waits for it. `refused`: not to be had, the daemon goes on without it or with what
 * it knows. `lost`: known once, and the datastore does not answer.
 */
export type ListStatus = 'starting' | 'synced' | 'refused' | 'lost';

/** One list as it stands. */
export interface ListHealth {
  readonly status: ListStatus;
  /** The present row of failures. */
  readonly failing?: { readonly since: number; readonly count: number; readonly failure: Failure };
}

/** A list that was begun. */
export const STARTING: ListHealth = { status: 'starting' };

const isRefusal = ({ code }: Failure): boolean => code === 'DATASTORE_FORBIDDEN' || code === 'DATASTORE_KIND_MISSING';

/** After one more failure, `now` in monotonic ms. */
export function afterFailure(health: ListHealth, failure: Failure, now: number): ListHealth {
  const before = health.failing;
  // A refusal after other failures begins a row of its own, and the other way round.
  const goesOn = before !== undefined && isRefusal(before.failure) === isRefusal(failure);
  const failing = { since: goesOn ? before.since : now, count: goesOn ? before.count + 1 : 1, failure };
  if (isRefusal(failure)) return { status: failing.count >= REFUSALS ? 'refused' : health.status, failing };
  const lost = health.status === 'synced' && now - failing.since >= LOST_AFTER_MS;
  return { status: lost ? 'lost' : health.status, failing };
}

/** Worth telling: a list that never was complete, or one that is believed to be in trouble. A single broken watch is not. */
export function isTold(health: ListHealth): boolean {
  return health.failing !== undefined && (health.status !== 'synced' || isRefusal(health.failing.failure) || health.failing.count >= 3);
}

const RULES: Readonly<Record<Failure['code'], string>> = {
  DATASTORE_UNREACHABLE: 'cannot be reached',
  DATASTORE_ACCESS: 'cannot be asked',
  DATASTORE_UNAUTHORIZED: 'does not accept our account',
  DATASTORE_FORBIDDEN: 'must not be read by our account',
  DATASTORE_KIND_MISSING: 'are of no kind that the API server has',
  DATASTORE_GONE: 'cannot be watched',
  DATASTORE_CONFLICT: 'was written by somebody else',
  DATASTORE_UNSUPPORTED: 'cannot be asked for in this way',
  DATASTORE_ERROR: 'cannot be read',
};

/** The issue that a failure of `object` makes. */
export function failureIssue(object: ObjectRef, failure: Failure): Issue {
  return {
    code: failure.code,
    severity: failure.code === 'DATASTORE_KIND_MISSING' ? 'warning' : 'error',
    object,
    field: '',
    got: '',
    rule: `${RULES[failure.code]} (${failure.message})`,
    source: null,
    transient: true,
  };
}

/** A datastore as the object of an issue. */
export const datastoreRef = (name: 'kubernetes' | 'etcdv3'): ObjectRef => ({ apiVersion: 'v1', kind: 'Datastore', namespace: '', name });
