/** Counters of work done, so that tests can prove that a change touches only what it changes. */

/** Each counts since the RIB was made. */
export interface WorkCounters {
  /** Prefixes whose best path was chosen again. */
  decisions: number;
  /** Of those, where the best path changed. */
  bestChanges: number;
  /** Times an update group encoded a batch of changes. */
  encodes: number;
  /** Prefix states written into messages, in logs, images, walks and moves together. */
  encodedRoutes: number;
  /** Policies specialised for an attribute set, and prefix questions asked. */
  policyEvaluations: number;
  /** Received attribute sets judged, and routes judged one by one. */
  importEvaluations: number;
  /** Prefixes whose export to a group was computed. */
  exportEvaluations: number;
  logEntries: number;
  walks: number;
  images: number;
  moves: number;
  /** Routes treated as withdrawn for their loop (RFC 4271 section 9.1.2, RFC 4456 section 8). */
  asLoop: number;
  /** Routes treated as withdrawn because their AS_PATH does not begin with the external peer's AS (RFC 4271 section 6.3). */
  firstAsMismatch: number;
  originatorLoop: number;
  clusterLoop: number;
  /** Prefixes compared with exports made anew by audits, per group. */
  driftChecked: number;
  /** Best paths, prefixes and members that an audit found other than they should be, and put right. */
  driftRepaired: number;
  /** Times that an audit found running counts wrong and replaced them. */
  countsMended: number;
  /** Audits that went through everything. */
  auditRounds: number;
  /** Exports withheld because the attributes do not fit a message. */
  tooLong: number;
}

/** All zero. */
export function newWorkCounters(): WorkCounters {
  return {
    decisions: 0,
    bestChanges: 0,
    encodes: 0,
    encodedRoutes: 0,
    policyEvaluations: 0,
    importEvaluations: 0,
    exportEvaluations: 0,
    logEntries: 0,
    walks: 0,
    images: 0,
    moves: 0,
    asLoop: 0,
    firstAsMismatch: 0,
    originatorLoop: 0,
    clusterLoop: 0,
    driftChecked: 0,
    driftRepaired: 0,
    countsMended: 0,
    auditRounds: 0,
    tooLong: 0,
  };
}
