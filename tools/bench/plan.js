/** Which runs to make, in which order, and how long they will take. Pure. */
import { GATES, referencesOf } from './bars.js';
import { BIRD, FLOOR, FRR, LINNET } from './figures.js';

/** Named lists for `--scenarios`. `short` with three rounds takes six to eight minutes. */
const PRESETS = {
  all: ['calico-500', 'storm-500', 'overlap', 'fulltable', 'calico-2000', 'churn', 'cold-restart', 'gates-1000', 'gates-1m'],
  gates: ['gates-1000', 'gates-1m'],
  short: ['calico-500', 'storm-500', 'overlap', 'fulltable'],
  calico: ['calico-500', 'calico-2000', 'storm-500'],
  churn: ['churn'],
  restart: ['cold-restart'],
};

/** Seconds of one run as seen before the first one is measured, start and stop included. */
const SECONDS = {
  'calico-500': { [LINNET]: 8, [FRR]: 9, [BIRD]: 25, [FLOOR]: 6 },
  'calico-2000': { [LINNET]: 17, [FRR]: 21, [BIRD]: 45, [FLOOR]: 15 },
  'storm-500': { [LINNET]: 5, [FRR]: 11, [BIRD]: 35, [FLOOR]: 4 },
  overlap: { [LINNET]: 8, [FRR]: 9, [BIRD]: 10, [FLOOR]: 1 },
  fulltable: { [LINNET]: 15, [FRR]: 35, [BIRD]: 25, [FLOOR]: 9 },
  'gates-1000': { [LINNET]: 18 },
  'gates-1m': { [LINNET]: 8 },
  churn: { [LINNET]: 30, [FRR]: 32, [BIRD]: 35, [FLOOR]: 29 },
  'cold-restart': { [LINNET]: 10, [FRR]: 45, [BIRD]: 65, [FLOOR]: 12 },
};
/** For a scenario or daemon not listed. */
const SOME_SECONDS = 25;
/** Rounds at most where the number was not asked for: their runs take half of a round's time, and each has thousands of samples. */
const MOST_ROUNDS = { 'gates-1000': 1, 'gates-1m': 1, 'calico-2000': 2, churn: 2, 'cold-restart': 2 };
/** Rounds that a bar's daemons get whatever the time budget says. */
const LEAST_ROUNDS = 3;

/** Expands presets and checks nothing: unknown names are rrbench's own scenarios. */
export const scenariosOf = (text) => [...new Set(text.split(',').flatMap((name) => PRESETS[name] ?? [name]))];

/** Daemons of one round: those the scenario's bars compare, and in the first round the others for the reader. */
function daemonsOf(scenario, round, daemons) {
  if (GATES[scenario] !== undefined) return daemons.filter((name) => name === LINNET);
  const needed = new Set([LINNET, ...referencesOf(scenario)]);
  if (needed.size === 1) return daemons;
  return daemons.filter((name) => needed.has(name) || round === 1);
}

/** All runs, daemons interleaved: round by round, scenario by scenario, daemon by daemon. `every`: long scenarios in all rounds too. */
export function planOf({ scenarios, daemons, rounds, every = false }) {
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of scenarios) {
      if (!every && round > (MOST_ROUNDS[scenario] ?? rounds)) continue;
      for (const daemon of daemonsOf(scenario, round, daemons)) {
        // The byte copier cannot choose between paths.
        if (daemon === FLOOR && scenario === 'overlap') continue;
        const needed = daemon === LINNET || referencesOf(scenario).includes(daemon);
        runs.push({ round, scenario, daemon, bystander: !needed });
      }
    }
  }
  return runs;
}

/** Seconds for the runs, from what earlier ones took (`measured` maps `scenario daemon` to seconds) or from experience. */
export function estimate(runs, measured) {
  return runs.reduce(
    (sum, { scenario, daemon }) => sum + (measured.get(`${scenario} ${daemon}`) ?? SECONDS[scenario]?.[daemon] ?? SOME_SECONDS),
    0,
  );
}

/** Leaves out whole rounds from the last on until the rest fits in `seconds`, never below three rounds (0: no limit). */
export function within(runs, seconds, measured) {
  let rounds = runs.reduce((most, { round }) => Math.max(most, round), 0);
  let kept = runs;
  while (seconds > 0 && rounds > LEAST_ROUNDS && estimate(kept, measured) > seconds) {
    rounds--;
    kept = kept.filter(({ round }) => round <= rounds);
  }
  return kept;
}
