/** The table of bars: runs the plan, repeats what was disturbed, and holds Linnet's counters. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { complaints } from './counters.js';
import { FOREIGN_MOST, LINNET } from './figures.js';
import { estimate, planOf, within } from './plan.js';
import { runOne } from './rrbench.js';

/** How often a run with too much foreign CPU is made again. */
const REPEATS = 2;
/** A daemon that no bar needs gets this long for a phase, seconds: some never finish. */
const BYSTANDER_TIMEOUT_S = '20';

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`;

/** One run, made again while others used the cores; keeps the least disturbed. */
async function undisturbed(bench, run, out, repeats, say) {
  const extra = run.bystander ? ['--timeout', BYSTANDER_TIMEOUT_S] : [];
  const once = (folder) => runOne(bench, { scenario: run.scenario, daemon: run.daemon, out: folder, extra });
  let best = await once(join(out, `round-${run.round}`));
  for (let again = 1; again <= repeats && best.foreign > FOREIGN_MOST; again++) {
    say(`  ${run.daemon} ${run.scenario}: ${(best.foreign * 100).toFixed(1)} % foreign CPU, once more`);
    const next = await once(join(out, `round-${run.round}`, `again-${again}`));
    if (next.result !== undefined && next.foreign < best.foreign) best = next;
  }
  return best;
}

function keep(runs, { scenario, daemon }, outcome) {
  runs[scenario] ??= {};
  runs[scenario][daemon] ??= [];
  runs[scenario][daemon].push(outcome);
}

function headline(run, outcome, seconds) {
  const phases = (outcome.result?.phases ?? []).map((phase) => {
    const time = phase.phase === 'connect' ? phase.est_max : phase.phase === 'churn' ? phase.lat_last_p99_ms / 1000 : phase.t_max;
    return `${phase.phase} ${phase.ok ? `${time.toFixed(3)} s` : 'never'}`;
  });
  const foreign = outcome.foreign > FOREIGN_MOST ? `, ${(outcome.foreign * 100).toFixed(1)} % foreign CPU` : '';
  return `round ${run.round} ${run.scenario} ${run.daemon}: ${phases.join(', ') || 'no result'}${foreign} (${seconds.toFixed(0)} s)`;
}

/**
 * Runs everything; returns `{ runs, faults, rounds }`: runs by scenario and daemon, what was wrong with Linnet in words, and the
 * rounds made. `say` gets the lines of progress.
 */
export async function runMatrix(bench, options, say, stopped) {
  const measured = new Map();
  let left = within(planOf(options), options.minutes * 60, measured);
  const runs = {};
  const faults = [];
  let done = 0;
  let rounds = 0;
  say(`bars: ${left.length} runs, about ${clock(estimate(left, measured))} min`);
  while (left.length > 0 && !stopped()) {
    const run = left[0];
    const from = performance.now();
    const outcome = await undisturbed(bench, run, options.out, options.quick ? 0 : REPEATS, say);
    const seconds = (performance.now() - from) / 1000;
    if (stopped()) break;
    if (outcome.kept !== true) measured.set(`${run.scenario} ${run.daemon}`, seconds);
    done++;
    rounds = run.round;
    if (outcome.result === undefined) faults.push(`${run.daemon} ${run.scenario}, round ${run.round}: no result: ${outcome.words}`);
    else if (run.daemon === LINNET)
      faults.push(...complaints(outcome.result).map((wrong) => `linnet ${run.scenario}, round ${run.round}: ${wrong}`));
    if (outcome.result !== undefined) keep(runs, run, outcome);
    left = left.slice(1);
    if (left.length > 0 && left[0].round > run.round) left = fitRest(left, options, measured);
    say(`[${done}/${done + left.length}, ${clock(estimate(left, measured))} left] ${headline(run, outcome, seconds)}`);
  }
  writeFileSync(join(options.out, 'faults.json'), JSON.stringify(faults, null, 2));
  return { runs, faults, rounds };
}

/** Before a new round: does the rest still fit? Measured times replace those of experience. */
function fitRest(left, options, measured) {
  const spent = (performance.now() - options.startedAt) / 1000;
  return options.minutes === 0 ? left : within(left, Math.max(1, options.minutes * 60 - spent), measured);
}
