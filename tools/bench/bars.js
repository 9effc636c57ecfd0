/** The bars that the speaker is held to, as data: ratios of medians against FRR or BIRD, and a few absolute limits. */
import { BIRD, FRR, field, PEAK_MB } from './figures.js';

/** Milliseconds between two connection attempts of the tester. */
const STAGGER_S = 0.005;

const establishedLate = {
  phase: 'connect',
  read: (result) => {
    const latest = field('connect', 'est_max').read(result);
    return latest === undefined ? undefined : latest - STAGGER_S * (result.sessions - 1);
  },
};

const lost = {
  phase: 'churn',
  read: (result) => {
    const sent = field('churn', 'sent').read(result);
    return sent === undefined ? undefined : sent - field('churn', 'fully_propagated').read(result);
  },
};

/** CPU of the daemon for one change, ms. */
const cpuOfChange = {
  phase: 'churn',
  read: (result) => {
    const sent = field('churn', 'sent').read(result);
    return sent === undefined ? undefined : (field('churn', 'dut_cpu_s').read(result) / sent) * 1000;
  },
};

/** Own scenarios in rrbench's form: the gates of the speaker's design (bgp-speaker 5.4), 1,000 clients dialling at once. */
export const GATES = {
  'gates-1000': [
    ['n=1000,pfx=10,base=10.64.0.0/26', 'n=1,pfx=10000,base=172.16.0.0/32'],
    'connect,load,drop,readd,churn',
    ['--stagger', '0', '--churn-rate', '10', '--churn-secs', '10'],
  ],
  'gates-1m': [['n=2,pfx=500000,base=20.0.0.0/24', 'n=1,pfx=0'], 'connect,load', ['--hold', '240']],
};

const counter = (name) => ({ phase: undefined, read: (result) => (result?.ok ? result.conformance[name] : undefined) });

/**
 * One row each: `against` names the daemons of which the better median is the measure (none: `most` is absolute), `most` the highest
 * ratio or value that meets the bar (none: the row informs).
 */
export const BARS = [
  { scenario: 'calico-500', label: 'load, last client', unit: 's', figure: field('load', 't_max'), against: [FRR], most: 0.6 },
  { scenario: 'calico-500', label: 'slow peer: worst round', unit: 's', figure: field('slow', 'worst_round_s'), against: [FRR], most: 0.6 },
  { scenario: 'calico-500', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [FRR] },
  { scenario: 'calico-2000', label: 'load, last client', unit: 's', figure: field('load', 't_max'), against: [FRR], most: 0.4 },
  { scenario: 'calico-2000', label: 'last session up, less the stagger', unit: 's', figure: establishedLate, against: [], most: 2 },
  { scenario: 'calico-2000', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [FRR] },
  { scenario: 'storm-500', label: 'connect and load', unit: 's', figure: field('cold', 't_max'), against: [FRR], most: 0.2 },
  { scenario: 'fulltable', label: 'load, last client', unit: 's', figure: field('load', 't_max'), against: [BIRD], most: 0.5 },
  { scenario: 'fulltable', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [BIRD], most: 2.5 },
  { scenario: 'fulltable', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [FRR], most: 0.25 },
  { scenario: 'fulltable', label: 'drop of the sender', unit: 's', figure: field('drop', 't_max'), against: [BIRD], most: 1 },
  { scenario: 'overlap', label: 'load, last client', unit: 's', figure: field('load', 't_max'), against: [FRR], most: 0.6 },
  { scenario: 'overlap', label: 'drop of one sender', unit: 's', figure: field('drop', 't_max'), against: [BIRD], most: 1 },
  {
    scenario: 'churn',
    label: 'p99 to the last receiver',
    unit: 'ms',
    figure: field('churn', 'lat_last_p99_ms'),
    against: [FRR, BIRD],
    most: 0.5,
  },
  { scenario: 'churn', label: 'p50 to the last receiver', unit: 'ms', figure: field('churn', 'lat_last_p50_ms'), against: [BIRD], most: 2 },
  { scenario: 'churn', label: 'p50 to each receiver', unit: 'ms', figure: field('churn', 'lat_p50_ms'), against: [BIRD] },
  { scenario: 'churn', label: 'CPU', unit: 's', figure: field('churn', 'dut_cpu_s'), against: [BIRD], most: 1 },
  { scenario: 'churn', label: 'changes lost', unit: '', figure: lost, against: [], most: 0 },
  { scenario: 'cold-restart', label: 'cold', unit: 's', figure: field('cold', 't_max'), against: [FRR], most: 0.25 },
  { scenario: 'cold-restart', label: 'restart after kill -9', unit: 's', figure: field('restart', 't_max'), against: [FRR], most: 0.25 },
  { scenario: 'cold-restart', label: 'spurious withdrawals', unit: '', figure: counter('spurious_withdraw'), against: [], most: 0 },
  { scenario: 'gates-1000', label: '1,000 connects at once', unit: 's', figure: field('connect', 'est_max'), against: [], most: 1 },
  { scenario: 'gates-1000', label: 'load, last client', unit: 's', figure: field('load', 't_max'), against: [], most: 0.5 },
  { scenario: 'gates-1000', label: 'one change to all, p50', unit: 'ms', figure: field('churn', 'lat_last_p50_ms'), against: [], most: 30 },
  { scenario: 'gates-1000', label: 'CPU of one change', unit: 'ms', figure: cpuOfChange, against: [], most: 12 },
  { scenario: 'gates-1000', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [], most: 120 },
  { scenario: 'gates-1m', label: '1M routes taken', unit: 's', figure: field('load', 't_max'), against: [], most: 2 },
  { scenario: 'gates-1m', label: 'peak memory', unit: 'MB', figure: PEAK_MB, against: [], most: 220 },
];

/** Daemons that a scenario's bars are measured against. */
export function referencesOf(scenario) {
  return [...new Set(BARS.filter((bar) => bar.scenario === scenario && bar.most !== undefined).flatMap(({ against }) => against))];
}
