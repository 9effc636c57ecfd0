/** Issues of this engine about a peer or a pool, named after the resource it comes from. Pure. */
import type { DesiredPeer } from '../desired/types.ts';
import type { Issue, ObjectRef } from '../resources/types.ts';

/** What an issue says beside its object. */
export interface IssueText {
  readonly code: string;
  readonly field: string;
  /** JSON text, or `[hidden]`. */
  readonly got: string;
  readonly rule: string;
  readonly severity?: Issue['severity'];
  readonly transient?: boolean;
}

/** An issue about the resource behind a peer: its first reason that names one. */
export function peerIssue(peer: DesiredPeer, text: IssueText): Issue {
  const named = peer.reasons.find((reason) => reason.object.includes('/'));
  return objectIssue(named?.object ?? `BGPPeer/${peer.id}`, text);
}

/** An issue about `Kind/[namespace/]name`. */
export function objectIssue(object: string, text: IssueText): Issue {
  const { code, field, got, rule, severity = 'error', transient = false } = text;
  return { code, severity, object: refOf(object), field, got, rule, source: null, transient };
}

function refOf(object: string): ObjectRef {
  const [kind = '', ...rest] = object.split('/');
  return { apiVersion: 'projectcalico.org/v3', kind, namespace: rest.length > 1 ? (rest[0] ?? '') : '', name: rest.at(-1) ?? '' };
}
