/** Main's sign of life for the health thread: every second, and at once when something in it changed. */
import { formatAddress } from 'bgp-ts/net';
import type { ConvergeState, Timing } from '../confd/converge.ts';
import type { HeldPeer } from '../confd/native/translate.ts';
import { formatIssue, formatRef } from '../confd/resources/issue.ts';
import type { Issue } from '../confd/resources/types.ts';
import type { HeldPeerView, IssueView, KernelView, MainPush, SettingView, TimingView } from '../health/status.ts';

/** What never changes while the daemon runs. */
export interface PushBasis {
  readonly version: string;
  readonly node: string;
  /** Kind of the datastore, `file` or `kubernetes`. */
  readonly source: string;
  /** Routing engine, as configured. */
  readonly engine: string;
  readonly startedAt: number;
  readonly settings: readonly SettingView[];
}

/** What a push is made of. */
export interface PushParts {
  readonly now: number;
  readonly state: ConvergeState;
  readonly documentVersion: number;
  readonly issues: readonly Issue[];
  readonly held: readonly HeldPeer[];
  readonly timings: readonly Timing[];
  readonly loop: MainPush['loop'];
  readonly kernel: KernelView | undefined;
}

/** Begins a series of pushes; lists that are the same object as in the push before are left out. */
export function createMainPushes(basis: PushBasis): (parts: PushParts) => MainPush {
  let before: Pick<PushParts, 'issues' | 'held'> | undefined;
  return ({ now, state, documentVersion, issues, held, timings, loop, kernel }) => {
    const push: MainPush = {
      pushedAt: now,
      version: basis.version,
      node: basis.node,
      engine: basis.engine,
      startedAt: basis.startedAt,
      source: { kind: basis.source, inSync: state.inSync },
      firstAppliedAt: state.firstAppliedAt,
      lastAppliedAt: state.lastAppliedAt,
      applied: state.applied,
      timings: timings.flatMap(timingViews),
      loop,
      desiredVersion: documentVersion,
      ...(kernel === undefined ? {} : { kernel }),
      ...(before?.issues === issues ? {} : { issues: issues.map(issueView) }),
      ...(before?.held === held ? {} : { held: held.map(heldView) }),
      ...(before === undefined ? { settings: basis.settings } : {}),
    };
    before = { issues, held };
    return push;
  };
}

function timingViews(timing: Timing): readonly TimingView[] {
  const total: readonly TimingView[] = timing.total === undefined ? [] : [{ stage: 'total', ms: timing.total }];
  return [...total, { stage: 'desire', ms: timing.desire }, { stage: 'apply', ms: timing.apply }];
}

const issueView = (issue: Issue): IssueView => issue;

/** A peer that is not started as JSON. */
export function heldView({ peer, issue }: HeldPeer): HeldPeerView {
  return {
    id: peer.id,
    address: formatAddress(peer.address),
    issue: issue.code,
    object: formatRef(issue.object),
    detail: formatIssue(issue),
  };
}
