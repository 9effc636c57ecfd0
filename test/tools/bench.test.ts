/** The pure parts of `npm run bench`: verdicts, marks, plan, table, publishing. */
import { describe, expect, it } from 'vitest';
import { complaints } from '../../tools/bench/counters.js';
import type { Run, RunResult } from '../../tools/bench/figures.js';
import { foreignShare, isTesterBound, summary } from '../../tools/bench/figures.js';
import { fitPlane } from '../../tools/bench/growth.js';
import { estimate, planOf, scenariosOf, within } from '../../tools/bench/plan.js';
import { between } from '../../tools/bench/publish.js';
import { markdown, rowsOf } from '../../tools/bench/table.js';

const CLEAN = { own_route_echo: 0, spurious_withdraw: 0, redundant_announce: 0, notifications: 0, session_flaps: 0 };
const DAEMONS = ['linnet', 'frr-coalesce0', 'bird2', 'null'];

function phase(name: string, fields: { readonly [field: string]: number | boolean } = {}): RunResult['phases'][number] {
  const cpu = { other_cpu_dut_core_s: 0, other_cpu_tester_core_s: 0, tester_cpu_s: 0, dut_hwm_kb: 1024 };
  return { phase: name, wall_s: 1, ...cpu, ok: true, ...fields };
}

function result(phases: RunResult['phases'], conformance: RunResult['conformance'] = CLEAN): RunResult {
  return { ok: phases.every(({ ok }) => ok), conformant: true, sessions: 500, phases, conformance };
}

const cold = (...times: readonly number[]): Run[] => times.map((t_max) => ({ result: result([phase('cold', { t_max })]), foreign: 0 }));
const storm = (rows: ReturnType<typeof rowsOf>): ReturnType<typeof rowsOf>[number] | undefined =>
  rows.find(({ scenario, label }) => scenario === 'storm-500' && label === 'connect and load');

describe('counters', () => {
  it('takes the sessions that the tester ended off the flaps', () => {
    expect(complaints(result([phase('load'), phase('drop')], { ...CLEAN, session_flaps: 1 }))).toEqual([]);
    expect(complaints(result([phase('restart')], { ...CLEAN, session_flaps: 500 }))).toEqual([]);
    expect(complaints(result([phase('load')], { ...CLEAN, session_flaps: 1 }))).toEqual(['session_flaps is 1']);
  });

  it('names every counter that is not 0', () => {
    expect(complaints(result([phase('load')], { ...CLEAN, own_route_echo: 2, notifications: 1 }))).toEqual([
      'own_route_echo is 2',
      'notifications is 1',
    ]);
  });
});

describe('figures', () => {
  it('medians of odd and even counts', () => {
    expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, count: 3 });
    expect(summary([4, 1])).toEqual({ median: 2.5, min: 1, max: 4, count: 2 });
    expect(summary([])).toBeUndefined();
  });

  it('foreign CPU is that of the worse core, less what ticks cannot tell', () => {
    const run = result([phase('load', { wall_s: 2, other_cpu_dut_core_s: 0.12, other_cpu_tester_core_s: 0.02 })]);
    expect(foreignShare(run)).toBeCloseTo(0.05);
    expect(foreignShare(result([phase('load', { other_cpu_dut_core_s: 0.02 })]))).toBe(0);
  });

  it('a figure is tester-bound by its own phase', () => {
    const run = result([phase('load', { tester_cpu_s: 0.95 }), phase('drop', { tester_cpu_s: 0.1 })]);
    expect(isTesterBound(run, 'load')).toBe(true);
    expect(isTesterBound(run, 'drop')).toBe(false);
  });
});

describe('table', () => {
  it('compares medians with the bar', () => {
    const runs = { 'storm-500': { linnet: cold(0.5, 0.4, 0.9), 'frr-coalesce0': cold(5, 4, 6), null: cold(0.1) } };
    expect(storm(rowsOf(runs))).toMatchObject({ ratio: 0.1, verdict: 'met' });
    expect(markdown(rowsOf(runs), 'here')).toContain('| 0.500 s (0.400–0.900) | 5.00 s (4.00–6.00) | – | 0.100 s | 0.100 × FRR |');
    expect(storm(rowsOf({ 'storm-500': { linnet: cold(2), 'frr-coalesce0': cold(5) } }))).toMatchObject({ verdict: 'not met' });
  });

  it('a run of Linnet that never finished misses the bar; one of the reference is beaten', () => {
    const never: Run[] = [{ result: result([phase('cold', { ok: false, t_max: 60 })]), foreign: 0 }];
    const verdict = (linnet: readonly Run[], frr: readonly Run[]): string | undefined =>
      storm(rowsOf({ 'storm-500': { linnet, 'frr-coalesce0': frr } }))?.verdict;
    expect(verdict([...cold(0.1), ...never], cold(5))).toBe('not met');
    expect(verdict(cold(0.1), never)).toBe('met');
    expect(verdict(cold(0.1), [])).toBe('not measured');
  });
});

describe('plan', () => {
  it('interleaves daemons, with bystanders in the first round only', () => {
    const runs = planOf({ scenarios: ['storm-500'], daemons: DAEMONS, rounds: 2 });
    const round = (wanted: number): string[] => runs.filter((run) => run.round === wanted).map(({ daemon }) => daemon);
    expect(round(1)).toEqual(DAEMONS);
    expect(round(2)).toEqual(['linnet', 'frr-coalesce0']);
  });

  it('leaves out the last rounds for want of time, never below three', () => {
    const runs = planOf({ scenarios: scenariosOf('all'), daemons: DAEMONS, rounds: 5 });
    expect(Math.max(...runs.filter(({ scenario }) => scenario === 'churn').map(({ round }) => round))).toBe(2);
    const rounds = (seconds: number): number => Math.max(...within(runs, seconds, new Map()).map(({ round }) => round));
    expect(rounds(0)).toBe(5);
    expect(rounds(60)).toBe(3);
    expect(rounds(estimate(runs, new Map()))).toBe(5);
  });
});

describe('growth', () => {
  it('finds the plane that the points lie on', () => {
    const points = [125, 250, 500].flatMap((peers) => [4, 8].map((n) => ({ peers, routes: peers * n, y: 50 + 3 * peers + 7 * peers * n })));
    const plane = fitPlane(points);
    expect(plane?.base).toBeCloseTo(50);
    expect(plane?.perPeer).toBeCloseTo(3);
    expect(plane?.perRoute).toBeCloseTo(7);
  });

  it('has no plane for points on a line', () => {
    expect(fitPlane([1, 2, 3].map((n) => ({ peers: n, routes: 2 * n, y: n })))).toBeUndefined();
  });
});

describe('publishing', () => {
  it('replaces what stands between the markers, and only with one pair of them', () => {
    expect(between('a\n<!-- t -->\nold\n<!-- /t -->\nb', 't', 'new')).toBe('a\n<!-- t -->\nnew\n<!-- /t -->\nb');
    expect(between('a', 't', 'new')).toBeUndefined();
    expect(between('<!-- /t --><!-- t -->', 't', 'new')).toBeUndefined();
  });
});
