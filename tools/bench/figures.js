/** Figures out of rrbench's results: what to read, medians, and the two marks a figure can carry. Pure. */

/** Name by which results and tables know the daemon under test. */
export const LINNET = 'linnet';
/** FRR with `coalesce-time 0`, the only FRR that counts in a comparison. */
export const FRR = 'frr-coalesce0';
/** BIRD 2. */
export const BIRD = 'bird2';
/** The byte copier: how fast the sockets alone can go. */
export const FLOOR = 'null';

/** Share of the tester's core above which the tester, not the daemon, may have set the figure. */
const TESTER_BOUND = 0.9;
/** Most foreign CPU of a run, as share of a core; beyond it the run is repeated. */
export const FOREIGN_MOST = 0.03;
/** /proc/stat counts in ticks of 10 ms: two are within the error of each reading. */
const TICKS_SLACK_S = 0.02;

const phaseOf = (result, name) => result?.phases.find(({ phase, ok }) => phase === name && ok);

/** `read(result)` is the value of a phase's field, undefined where the phase did not finish. */
export function field(phase, name, scale = 1) {
  return {
    phase,
    read: (result) => {
      const value = phaseOf(result, phase)?.[name];
      return value === undefined ? undefined : value * scale;
    },
  };
}

/** Highest resident size of the process tree over all phases, MB. */
export const PEAK_MB = {
  phase: undefined,
  read: (result) => (result?.ok ? Math.max(...result.phases.map(({ dut_hwm_kb }) => dut_hwm_kb)) / 1024 : undefined),
};

/** Share of a core that other processes used during a run: the worse of the two cores, what ticks cannot tell left out. */
export function foreignShare(result) {
  const wall = result.phases.reduce((sum, { wall_s }) => sum + wall_s, 0);
  const other = (core) => result.phases.reduce((sum, phase) => sum + Math.max(0, phase[`other_cpu_${core}_core_s`] - TICKS_SLACK_S), 0);
  return wall > 0 ? Math.max(other('dut'), other('tester')) / wall : 0;
}

/** True where the tester used more than 90 % of its core in the phase (in any phase without one). */
export function isTesterBound(result, phase) {
  return result.phases.some(
    (one) => (phase === undefined || one.phase === phase) && one.wall_s > 0 && one.tester_cpu_s / one.wall_s > TESTER_BOUND,
  );
}

/** Median, minimum, maximum and count; undefined of nothing. */
export function summary(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1], count: sorted.length };
}

/** One figure of one daemon over its runs (`{ result, foreign }`): summary, how many runs did not get there, and the marks. */
export function measure(figure, runs) {
  const values = runs.map(({ result }) => figure.read(result));
  return {
    summary: summary(values.filter((value) => value !== undefined)),
    runs: runs.length,
    unfinished: values.filter((value) => value === undefined).length,
    testerBound: runs.some(({ result }, i) => values[i] !== undefined && isTesterBound(result, figure.phase)),
    foreign: runs.some(({ foreign }) => foreign > FOREIGN_MOST),
  };
}
