/** Issues of the API server's lists: one for each list in trouble, or a single one where the whole server is. */
import type { Issue, ObjectRef } from '../../resources/types.ts';
import type { Failure } from '../failure.ts';
import { datastoreRef, failureIssue, isTold, type ListHealth } from '../health.ts';
import type { Watched } from './kinds.ts';

/** Failures of the server as a whole are told once, not for every list. */
function isCommon({ code }: Failure): boolean {
  return code === 'DATASTORE_UNREACHABLE' || code === 'DATASTORE_ACCESS' || code === 'DATASTORE_UNAUTHORIZED';
}

const DATASTORE = datastoreRef('kubernetes');

const refOf = ({ apiVersion, kind, only = { namespace: '', name: '*' } }: Watched): ObjectRef => ({ apiVersion, kind, ...only });

/** Issue of one list under its own scope, or none. */
export function listIssues(watched: Watched, health: ListHealth): readonly Issue[] {
  const failure = isTold(health) ? health.failing?.failure : undefined;
  return failure === undefined || isCommon(failure) ? [] : [failureIssue(refOf(watched), failure)];
}

/** The one issue of the whole server, where some list suffers from it. */
export function commonIssues(lists: Iterable<ListHealth>): readonly Issue[] {
  for (const health of lists) {
    const failure = isTold(health) ? health.failing?.failure : undefined;
    if (failure !== undefined && isCommon(failure)) return [failureIssue(DATASTORE, failure)];
  }
  return [];
}
