/**
 * The decision process (RFC 4271 section 9.1.2.2, RFC 4456 section 9) as one ordered table. Selection and explain run the
 * same comparisons over the same stored columns.
 */
import type { MedRules } from '../speaker-types.ts';
import { type AttributeStore, HAS_MED } from './attribute-store.ts';
import { LOCAL } from './limits.ts';
import { type PathTable, REJECTED } from './path-table.ts';
import type { SourceColumns } from './sources.ts';

/** How the steps after ORIGIN compare; changed in place by `Rib.setMed`, after which every prefix is decided again. */
export interface DecisionOptions {
  med: MedRules;
}

/** RFC 4271 section 9.1.2.2 c. */
export const DEFAULT_MED: MedRules = { missing: 'zero', compare: 'same-as' };

/** What the comparisons read. */
export interface DecisionTables {
  readonly options: DecisionOptions;
  readonly attributes: AttributeStore;
  readonly paths: PathTable;
  readonly sources: SourceColumns;
  /** Paths looked at so far: what a chunk of decisions is measured by. */
  visited: number;
}

/** One step. `compare` < 0: row a is preferred; 0: undecided here. */
export interface DecisionStep {
  readonly step: string;
  readonly citation: string;
  readonly compare: (tables: DecisionTables, a: number, b: number) => number;
}

const setOf = (t: DecisionTables, row: number): number => t.paths.attributes[row] ?? 0;
const sourceOf = (t: DecisionTables, row: number): number => t.paths.source[row] ?? 0;

/** Preference and LOCAL_PREF in one number: equal preferences compare by LOCAL_PREF. */
const rank = (t: DecisionTables, row: number): number => t.attributes.rank[setOf(t, row)] ?? 0;

const originator = (t: DecisionTables, row: number): number =>
  t.attributes.originatorId[setOf(t, row)] || (t.sources.routerId[sourceOf(t, row)] ?? 0);

const WORST_MED = 0xffff_ffff;

/** MULTI_EXIT_DISC of a set, or what stands for a missing one. */
export function medOf({ options, attributes }: Pick<DecisionTables, 'options' | 'attributes'>, set: number): number {
  if (options.med.missing === 'worst' && ((attributes.flags[set] ?? 0) & HAS_MED) === 0) return WORST_MED;
  return attributes.med[set] ?? 0;
}

/** What MED is compared within: the neighbouring AS, or everything. */
const medScope = ({ options, attributes }: DecisionTables, set: number): number =>
  options.med.compare === 'always' ? 0 : (attributes.neighbourAs[set] ?? 0);

/** The steps in order. MED compares only paths from the same neighbouring AS, so it eliminates among those still tied. */
export const DECISION_STEPS: readonly DecisionStep[] = [
  {
    step: 'higher preference',
    citation: 'control-plane 5.2',
    compare: (t, a, b) => Math.floor(rank(t, b) / 2 ** 32) - Math.floor(rank(t, a) / 2 ** 32),
  },
  // Before LOCAL_PREF, as in BIRD, where it is one of the protocol's own comparisons: a peer that announces a block of ours never wins it.
  {
    step: 'locally originated',
    citation: 'RFC 4271 section 9.1.1',
    compare: (t, a, b) => (sourceOf(t, a) === LOCAL ? 0 : 1) - (sourceOf(t, b) === LOCAL ? 0 : 1),
  },
  { step: 'higher LOCAL_PREF', citation: 'RFC 4271 section 9.1.1', compare: (t, a, b) => rank(t, b) - rank(t, a) },
  {
    step: 'shorter AS_PATH',
    citation: 'RFC 4271 section 9.1.2.2 a',
    compare: (t, a, b) => (t.attributes.asPathLength[setOf(t, a)] ?? 0) - (t.attributes.asPathLength[setOf(t, b)] ?? 0),
  },
  {
    step: 'lower ORIGIN',
    citation: 'RFC 4271 section 9.1.2.2 b',
    compare: (t, a, b) => (t.attributes.origin[setOf(t, a)] ?? 0) - (t.attributes.origin[setOf(t, b)] ?? 0),
  },
  {
    step: 'lower MED from the same neighbouring AS',
    citation: 'RFC 4271 section 9.1.2.2 c',
    compare: (t, a, b) => (medScope(t, setOf(t, a)) === medScope(t, setOf(t, b)) ? medOf(t, setOf(t, a)) - medOf(t, setOf(t, b)) : 0),
  },
  {
    step: 'external over internal',
    citation: 'RFC 4271 section 9.1.2.2 d',
    compare: (t, a, b) => (t.sources.external[sourceOf(t, b)] ?? 0) - (t.sources.external[sourceOf(t, a)] ?? 0),
  },
  {
    step: 'lower cost to the next hop',
    citation: 'RFC 4271 section 9.1.2.2 e',
    compare: (t, a, b) => t.attributes.way(setOf(t, a)).cost - t.attributes.way(setOf(t, b)).cost,
  },
  {
    step: 'lower ORIGINATOR_ID or BGP Identifier',
    citation: 'RFC 4456 section 9',
    compare: (t, a, b) => originator(t, a) - originator(t, b),
  },
  {
    step: 'shorter CLUSTER_LIST',
    citation: 'RFC 4456 section 9',
    compare: (t, a, b) => (t.attributes.clusterListLength[setOf(t, a)] ?? 0) - (t.attributes.clusterListLength[setOf(t, b)] ?? 0),
  },
  {
    step: 'lower peer address',
    citation: 'RFC 4271 section 9.1.2.2 g',
    compare: (t, a, b) => t.sources.compareAddresses(sourceOf(t, a), sourceOf(t, b)),
  },
  { step: 'lower path identifier', citation: 'RFC 7911 section 3', compare: (t, a, b) => t.paths.pathId(a) - t.paths.pathId(b) },
];

const MED_STEP = 5;

/** The same steps where MED is compared between all paths. */
const STEPS_ALWAYS_MED: readonly DecisionStep[] = DECISION_STEPS.map((step, at) =>
  at === MED_STEP ? { ...step, step: 'lower MED', citation: 'RFC 4451 section 2.3' } : step,
);

/** The steps as they are named under the present options. */
export function stepsOf({ options }: Pick<DecisionTables, 'options'>): readonly DecisionStep[] {
  return options.med.compare === 'always' ? STEPS_ALWAYS_MED : DECISION_STEPS;
}

function comparePaths(t: DecisionTables, a: number, b: number, first: number, end: number): number {
  for (let i = first; i < end; i++) {
    const order = DECISION_STEPS[i]?.compare(t, a, b) ?? 0;
    if (order !== 0) return order;
  }
  return 0;
}

const LOCAL_STEP = 1;
const AS_PATH_STEP = 3;

const compareBeforeMed = (t: DecisionTables, a: number, b: number): number => {
  // The common deciders first, in one comparison; the table repeats them exactly.
  const byRank = rank(t, b) - rank(t, a);
  const byOrigin = sourceOf(t, a) === LOCAL || sourceOf(t, b) === LOCAL ? comparePaths(t, a, b, 0, LOCAL_STEP + 1) : 0;
  return byOrigin || byRank || comparePaths(t, a, b, AS_PATH_STEP, MED_STEP);
};

/** True where MED removes the row: another one of the tied has a lower MED from the same neighbouring AS. */
function isEliminated(t: DecisionTables, row: number, tied: readonly number[]): boolean {
  return tied.some((other) => other !== row && (DECISION_STEPS[MED_STEP]?.compare(t, row, other) ?? 0) > 0);
}

const tied: number[] = [];

/** Row of the best accepted path in a prefix's chain, or -1. Does not depend on the order of the chain. */
export function selectBest(t: DecisionTables, head: number): number {
  const { flags, nextInPrefix } = t.paths;
  let best = -1;
  tied.length = 0;
  for (let row = head; row >= 0; row = nextInPrefix[row] ?? -1) {
    t.visited++;
    if (((flags[row] ?? 0) & REJECTED) !== 0) continue;
    const order = best < 0 ? -1 : compareBeforeMed(t, row, best);
    if (order > 0) continue;
    if (order < 0) {
      best = row;
      tied.length = 0;
    }
    tied.push(row);
  }
  return tied.length <= 1 ? best : selectTied(t, tied);
}

/** The best of some accepted rows, -1 of none: what `selectBest` finds where they are a whole chain. */
export function bestOf(t: DecisionTables, rows: readonly number[]): number {
  let best = -1;
  tied.length = 0;
  for (const row of rows) {
    t.visited++;
    const order = best < 0 ? -1 : compareBeforeMed(t, row, best);
    if (order > 0) continue;
    if (order < 0) {
      best = row;
      tied.length = 0;
    }
    tied.push(row);
  }
  return tied.length <= 1 ? best : selectTied(t, tied);
}

/**
 * Those whose MED is the lowest of their neighbouring AS: the same as not `isEliminated`, without comparing all pairs. All paths of
 * an AS are weighed together, whatever order they came in: the choice that other daemons call deterministic MED, and the only one here.
 */
function lowestMeds(t: DecisionTables, rows: readonly number[]): readonly number[] {
  const first = medOf(t, setOf(t, rows[0] ?? 0));
  if (rows.every((row) => medOf(t, setOf(t, row)) === first)) return rows;
  const lowest = new Map<number, number>();
  for (const row of rows) {
    const scope = medScope(t, setOf(t, row));
    lowest.set(scope, Math.min(lowest.get(scope) ?? Infinity, medOf(t, setOf(t, row))));
  }
  return rows.filter((row) => medOf(t, setOf(t, row)) === lowest.get(medScope(t, setOf(t, row))));
}

/**
 * The best path when the rows from `head` up to `known` are new and `best` was the winner before them; -1 where a new one ties with
 * the winner before MED, so that all must be compared.
 */
export function improveBest(t: DecisionTables, head: number, known: number, best: number): number {
  const { flags, nextInPrefix } = t.paths;
  let winner = best;
  for (let row = head; row >= 0 && row !== known; row = nextInPrefix[row] ?? -1) {
    t.visited++;
    if (((flags[row] ?? 0) & REJECTED) !== 0) continue;
    const order = compareBeforeMed(t, row, winner);
    if (order === 0) return -1;
    if (order < 0) winner = row;
  }
  return winner;
}

function selectTied(t: DecisionTables, rows: readonly number[]): number {
  const kept = lowestMeds(t, rows);
  let best = kept[0] ?? -1;
  for (const row of kept) if (row !== best && comparePaths(t, row, best, MED_STEP + 1, DECISION_STEPS.length) < 0) best = row;
  return best;
}

/**
 * The step at which a row lost to the winner. A row that MED removed for a third path's sake lost at MED although the
 * winner itself may come from another AS.
 */
export function lostAt(t: DecisionTables, row: number, winner: number, rows: readonly number[]): DecisionStep | undefined {
  const steps = stepsOf(t);
  const early = steps.slice(0, MED_STEP).find((step) => step.compare(t, winner, row) < 0);
  if (early !== undefined) return early;
  const stillTied = rows.filter((other) => comparePaths(t, other, winner, 0, MED_STEP) === 0);
  if (isEliminated(t, row, stillTied)) return steps[MED_STEP];
  return steps.slice(MED_STEP + 1).find((step) => step.compare(t, winner, row) < 0);
}
