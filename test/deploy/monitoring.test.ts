/** Alert rules, dashboard and runbook against the metrics that a scrape really shows. */
import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../src/health/metrics.ts';
import { createState, takeMain, takeSpeaker } from '../../src/health/state.ts';
import { issue, kernel, loop, mainPush, peer, speakerPush } from '../health/fixtures.ts';
import { parsePrometheus } from '../health/prometheus-text.ts';
import { at, documentsOf, kindOf, listAt, textOf } from './manifests.ts';
import { leansOn } from './promql.ts';

/** Labels that Prometheus and the PodMonitor add. */
const TARGET = ['instance', 'job', 'node', 'namespace', 'pod', 'container'];
/** Labels of which a scrape with everything in it shows every value. */
const CLOSED = ['type', 'state', 'family', 'severity', 'result', 'stage', 'thread', 'statistic'];

/** Labels and their values by series name, from a scrape in which everything has happened; histograms by their suffixes. */
function exported(): Map<string, Map<string, Set<string>>> {
  const state = createState(0);
  const timings = (['desire', 'apply', 'total'] as const).map((stage) => ({ stage, ms: 3 }));
  takeMain(state, mainPush({ kernel, issues: [issue(), issue({ severity: 'warning' })], timings }), 0);
  takeSpeaker(state, speakerPush([peer('Global_1', { type: 'ebgp' }), peer('Mesh_1')]), 0);
  state.daemons = [{ name: 'BIRDv4', ok: true, detail: '' }];
  const process = { residentOctets: 1e8, cpuSeconds: 2.5, startedAt: 1_700_000_000 };
  const series = new Map<string, Map<string, Set<string>>>();
  for (const { samples } of parsePrometheus(renderMetrics({ state, now: 0, live: true, ready: true, process, loop })))
    for (const { name, labels } of samples) {
      const known = series.get(name) ?? new Map<string, Set<string>>();
      for (const [label, value] of labels) known.set(label, (known.get(label) ?? new Set()).add(value));
      series.set(name, known);
    }
  // What Prometheus itself writes about each target.
  return series.set('up', new Map());
}

const EXPORTED = exported();

/** What is wrong with an expression; [] where nothing is. `recorded`: series that rules make, with their labels. */
function faults(expression: string, recorded: ReadonlyMap<string, readonly string[]> = new Map()): string[] {
  const { selectors, labels } = leansOn(expression);
  const all = new Set<string>(TARGET);
  const found = selectors.flatMap(({ metric, matchers }) => {
    const known = EXPORTED.get(metric);
    const names = known === undefined ? recorded.get(metric) : [...known.keys()];
    if (names === undefined) return [`${metric} is not exported`];
    for (const name of names) all.add(name);
    return matchers.flatMap(({ label, operator, value }) => {
      if (TARGET.includes(label)) return [];
      if (!names.includes(label)) return [`${metric} has no label ${label}`];
      const values = known?.get(label);
      const exact = operator === '=' || operator === '!=';
      return CLOSED.includes(label) && exact && values?.has(value) === false ? [`${metric} never has ${label}="${value}"`] : [];
    });
  });
  return [...found, ...labels.filter((label) => !all.has(label)).map((label) => `no series here has the label ${label}`)];
}

describe('the reader of expressions', () => {
  it.each([
    ['linnet_bgp_session_up{type="ebgp"} == 0', []],
    ['sum by (peer) (rate(linnet_bgp_session_flaps_total[5m])) > 0 and on (instance) linnet_ready == 1', []],
    ['linnet_bgp_session_ups == 0', ['linnet_bgp_session_ups is not exported']],
    ['linnet_ready{peer="a"}', ['linnet_ready has no label peer']],
    ['linnet_bgp_sessions{state="up"}', ['linnet_bgp_sessions never has state="up"']],
    ['sum by (colour) (linnet_ready)', ['no series here has the label colour']],
  ])('%s', (expression, wanted) => expect(faults(expression)).toEqual(wanted));

  it.each(['sum(linnet_ready', 'linnet_ready)', 'most(linnet_ready)', 'linnet_ready{peer}', '1 + 1', 'linnet_ready ?'])(
    'refuses %s',
    (expression) => expect(() => leansOn(expression)).toThrow(),
  );
});

const GROUPS = listAt(documentsOf('deploy/alerts/linnet.rules.yaml')[0], 'groups');
const RULES = GROUPS.flatMap((group) => listAt(group, 'rules'));
const ALERTS = RULES.filter((rule) => at(rule, 'alert') !== undefined);
const RECORDED = new Map(
  RULES.filter((rule) => at(rule, 'record') !== undefined).map((rule) => [
    String(at(rule, 'record')),
    leansOn(String(at(rule, 'expr'))).labels.filter((label) => label !== 'le'),
  ]),
);

describe('the alert rules', () => {
  it('name only what is exported or recorded', () => {
    expect(ALERTS.length).toBeGreaterThan(15);
    for (const rule of RULES) expect(faults(String(at(rule, 'expr')), RECORDED), String(at(rule, 'expr'))).toEqual([]);
  });

  it('say only labels that their series have', () => {
    for (const rule of ALERTS) {
      const { selectors, labels } = leansOn(String(at(rule, 'expr')));
      const grouped = /^(sum|max|count) by/.test(String(at(rule, 'expr')));
      const own = selectors.flatMap(({ metric }) => [...(EXPORTED.get(metric)?.keys() ?? RECORDED.get(metric) ?? [])]);
      const carried = new Set(grouped ? labels : [...TARGET, ...own]);
      const said = [...String(at(rule, 'annotations', 'summary')).matchAll(/\$labels\.(\w+)/g)].map((match) => match[1] ?? '');
      expect(
        said.filter((label) => !carried.has(label)),
        String(at(rule, 'alert')),
      ).toEqual([]);
    }
  });

  it('have a severity and a section of the runbook each, and no section is without its alert', () => {
    const sections = [...textOf('docs/runbook.md').matchAll(/^## (Linnet\w+)$/gm)].map((match) => match[1]);
    for (const rule of ALERTS) {
      expect(['warning', 'critical']).toContain(at(rule, 'labels', 'severity'));
      expect(at(rule, 'annotations', 'runbook')).toBe(`docs/runbook.md#${String(at(rule, 'alert')).toLowerCase()}`);
    }
    expect(sections).toEqual(ALERTS.map((rule) => at(rule, 'alert')));
  });

  it('are what the PrometheusRule of the bases holds', () => {
    const rule = kindOf(documentsOf('deploy/kustomize/monitoring/linnet.yaml'), 'PrometheusRule');
    expect(listAt(rule, 'spec', 'groups')).toEqual(GROUPS);
  });

  it('count on the job that the PodMonitor gives', () => {
    const monitor = kindOf(documentsOf('deploy/kustomize/monitoring/linnet.yaml'), 'PodMonitor');
    const label = String(at(monitor, 'spec', 'jobLabel'));
    expect(at(monitor, 'metadata', 'labels', label)).toBe('linnet');
    expect(at(monitor, 'spec', 'podMetricsEndpoints', 0)).toMatchObject({ port: 'probes', path: '/metrics' });
  });
});

describe('the dashboard', () => {
  const dashboard: unknown = JSON.parse(textOf('deploy/dashboards/linnet.json'));
  const panels = listAt(dashboard, 'panels');

  it('asks only for what is exported', () => {
    const targets = panels.flatMap((panel) => listAt(panel, 'targets'));
    expect(targets.length).toBeGreaterThan(25);
    for (const target of targets) {
      const expression = String(at(target, 'expr')).replaceAll('$__rate_interval', '5m');
      expect(faults(expression), expression).toEqual([]);
      const { selectors, labels } = leansOn(expression);
      const own = new Set([...TARGET, ...labels, ...selectors.flatMap(({ metric }) => [...(EXPORTED.get(metric)?.keys() ?? [])])]);
      const named = [...String(at(target, 'legendFormat')).matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
      expect(named.filter((label) => !own.has(label))).toEqual([]);
    }
  });

  it('has panels that do not lie on each other, each with an id of its own', () => {
    const cells = panels.flatMap((panel) => {
      const [x, y, w, h] = ['x', 'y', 'w', 'h'].map((key) => Number(at(panel, 'gridPos', key)));
      return Array.from(
        { length: (w ?? 0) * (h ?? 0) },
        (_, index) => `${(x ?? 0) + (index % (w ?? 1))},${(y ?? 0) + Math.floor(index / (w ?? 1))}`,
      );
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map((panel) => at(panel, 'id'))).size).toBe(panels.length);
  });
});

describe('names that users of MetalLB and Cilium know', () => {
  it('are mapped to metrics that are exported', () => {
    const rows = [...textOf('docs/runbook.md').matchAll(/^\| `((?:metallb|cilium)_[a-z0-9_]+)`[^|]*\| (.*) \|$/gm)];
    expect(rows.length).toBeGreaterThan(9);
    for (const [, , ours = ''] of rows) {
      const named = [...ours.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
      expect(named.length, ours).toBeGreaterThan(0);
      for (const expression of named) expect(faults(expression), expression).toEqual([]);
    }
  });
});

describe('gauges', () => {
  it('of threads that are silent all read 0, and none is ever stale or NaN', () => {
    const state = createState(0);
    takeMain(state, mainPush({ kernel, issues: [issue()] }), 0);
    takeSpeaker(state, speakerPush([peer('Global_1', { type: 'ebgp' })]), 0);
    state.daemons = [{ name: 'BIRDv4', ok: true, detail: '' }];
    const process = { residentOctets: 1e8, cpuSeconds: 2.5, startedAt: 1_700_000_000 };
    const show = (now: number): string => renderMetrics({ state, now, live: false, ready: false, process, loop });
    // What is true whoever is silent: the build, the process, times of events, and the ages themselves.
    const kept =
      /^(linnet_build_info|process_|linnet_config_last_applied_timestamp_seconds|linnet_thread_push_age_seconds|linnet_kernel_thread_age_seconds)/;
    const left = parsePrometheus(show(60_000))
      .filter(({ type, name }) => type === 'gauge' && !kept.test(name))
      .flatMap(({ name, samples }) =>
        samples.filter(({ value, labels }) => value !== 0 && labels.get('thread') !== 'health').map(() => name),
      );
    expect([...new Set(left)]).toEqual([]);
  });
});
