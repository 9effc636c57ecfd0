/**
 * Facts that a peer or a stranger can bring about as fast as it can send: every one is acted on, but only so many a time are reported,
 * each with the number that were not. Otherwise whoever sends enough of them fills the disk with our log.
 */
import { REPORTS_PER_PERIOD, REPORTS_PERIOD_MS } from '../session/index.ts';
import type { AttributeFault } from '../wire/index.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { report } from './state.ts';

/** Reports of one kind since a time, and how many were left out since the last one that was made. */
export interface ReportWindow {
  from: number;
  made: number;
  omitted: number;
}

/** Windows of the limited reports: refused connections are counted together, malformed UPDATEs by peer. */
export interface ReportWindows {
  readonly refused: ReportWindow;
  readonly malformed: WeakMap<Peer, ReportWindow>;
}

const opened = (from: number): ReportWindow => ({ from, made: 0, omitted: 0 });

/** Windows in which nothing was reported yet. */
export function createReportWindows(): ReportWindows {
  return { refused: opened(0), malformed: new WeakMap() };
}

/** How many were left out before this one where it may be reported, as a field of the event; undefined where it may not. */
function admit(window: ReportWindow, now: number): { readonly omitted?: number } | undefined {
  if (now - window.from >= REPORTS_PERIOD_MS) {
    window.from = now;
    window.made = 0;
  }
  if (window.made >= REPORTS_PER_PERIOD) {
    window.omitted++;
    return undefined;
  }
  window.made++;
  const { omitted } = window;
  window.omitted = 0;
  return omitted === 0 ? {} : { omitted };
}

/** Reports a fault in an UPDATE; one that ends the session always. */
export function reportMalformed(state: SpeakerState, peer: Peer, fault: AttributeFault): void {
  let window = state.reportWindows.malformed.get(peer);
  if (window === undefined) {
    window = opened(state.time.now);
    state.reportWindows.malformed.set(peer, window);
  }
  const admitted = admit(window, state.time.now) ?? (fault.outcome === 'session-reset' ? {} : undefined);
  if (admitted === undefined) return;
  const { outcome, detail, citation } = fault;
  report(state, { kind: 'malformed-update', peer: peer.config.id, outcome, detail, citation, ...admitted });
}

/** Reports a connection that no peer may have. */
export function reportRefused(state: SpeakerState, { remote, local }: Connection, because: string): void {
  const admitted = admit(state.reportWindows.refused, state.time.now);
  if (admitted !== undefined) report(state, { kind: 'refused-connection', remote, local, because, ...admitted });
}
