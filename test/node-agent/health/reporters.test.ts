/** Reporters, the table of probes, and the metrics (dataplane 3.3, A27). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROUTE_CLASSES } from '../../../node-agent/encap/types.ts';
import type { AgentFigures, PartFigures } from '../../../node-agent/health/figures.ts';
import { PARTS } from '../../../node-agent/health/figures.ts';
import { AGENT_METRICS, type AgentScrape, renderAgentMetrics } from '../../../node-agent/health/metrics.ts';
import { createReporters, healthTable } from '../../../node-agent/health/reporters.ts';

const fine = (name: string) => ({ name, live: true, ready: true, detail: '' });

describe('reporters', () => {
  it('that did not report yet keep the agent from being ready, and after their time from being live', () => {
    const reporters = createReporters(['main', 'dataplane'], 0);
    reporters.report(fine('main'), 1_000);
    expect(reporters.summary(5_000)).toMatchObject({ live: true, ready: false });
    reporters.report(fine('main'), 29_000);
    expect(reporters.summary(30_001)).toMatchObject({ live: false, ready: false });
    reporters.report(fine('dataplane'), 30_002);
    expect(reporters.summary(30_003)).toMatchObject({ live: true, ready: true });
  });

  it('that are silent are neither live nor ready, whatever they said last', () => {
    const reporters = createReporters(['main'], 0);
    reporters.report(fine('main'), 0);
    expect(reporters.summary(10_000).rows[0]).toMatchObject({ live: true, overdue: false });
    const [row] = reporters.summary(10_500).rows;
    expect(row).toMatchObject({ live: false, ready: false, overdue: true, detail: 'silent for 10.5 s: its event loop is blocked' });
    reporters.report(fine('main'), 11_000);
    expect(reporters.summary(11_000).ready).toBe(true);
  });

  it('have the timeouts that they are given, 0 for none', () => {
    const reporters = createReporters(['main', 'dataplane'], 0);
    for (const name of ['main', 'dataplane']) reporters.report(fine(name), 0);
    reporters.setTimeouts([
      { name: 'main', timeout: 1 },
      { name: 'dataplane', timeout: 0 },
    ]);
    expect(reporters.summary(1_001).rows.map(({ name, overdue }) => [name, overdue])).toEqual([
      ['main', true],
      ['dataplane', false],
    ]);
    expect(reporters.summary(1e9).rows[1]?.live).toBe(true);
  });

  it('are a table for whoever asks', () => {
    const reporters = createReporters(['main', 'dataplane'], 0);
    reporters.report(fine('main'), 0);
    reporters.report({ name: 'dataplane', live: true, ready: false, detail: 'devices: no parent' }, 0);
    expect(healthTable(reporters.summary(500), 'ready')).toBe(
      'REPORTER   READY  AGE   DETAIL\nmain       yes    0.5s\ndataplane  no     0.5s  devices: no parent\n',
    );
  });
});

const count = fc.nat(1_000);
const part: fc.Arbitrary<PartFigures> = fc.record({ operations: count, repairs: count, failing: count, lastMs: count });
const figures: fc.Arbitrary<AgentFigures> = fc.record({
  version: fc.constant('1'),
  node: fc.constant('n1'),
  inSync: fc.boolean(),
  devices: fc.record({ 'vxlan-v4': count, 'vxlan-v6': count, ipip: count }, { requiredKeys: [] }),
  podMtu: count,
  vteps: fc.record({ ipv4: count, ipv6: count }),
  routes: fc.dictionary(fc.constantFrom(...ROUTE_CLASSES), count),
  serviceLoops: count,
  issues: fc.record({ error: count, warning: count }),
  parts: fc.dictionary(fc.constantFrom(...PARTS), part),
  applies: fc.record({ done: count, failed: count }),
  losses: count,
  loop: fc.record({ meanMs: count, p99Ms: count, maxMs: count }),
  suppressedLines: count,
});

const scrape = (found: AgentFigures | undefined): AgentScrape => ({
  figures: found,
  health: createReporters(['main'], 0).summary(0),
  routeClasses: ROUTE_CLASSES,
  own: { residentOctets: 1, cpuSeconds: 1, startedAt: 1 },
});
const series = (text: string): string[] =>
  text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.slice(0, line.lastIndexOf(' '))]));
const gauges = new Set(AGENT_METRICS.filter(({ type }) => type === 'gauge').map(({ name }) => name));

describe('metrics', () => {
  it('of a gauge has the same series whatever there is: what empties reads 0 and never its last value', () => {
    const nothing = scrape({
      ...{ version: '1', node: 'n1', inSync: false, devices: {}, podMtu: 0, vteps: { ipv4: 0, ipv6: 0 }, routes: {}, serviceLoops: 0 },
      ...{ issues: { error: 0, warning: 0 }, parts: {}, applies: { done: 0, failed: 0 }, losses: 0, suppressedLines: 0 },
      loop: { meanMs: 0, p99Ms: 0, maxMs: 0 },
    });
    const empty = renderAgentMetrics(nothing);
    const own = /^(?:process_|linnet_agent_info|linnet_agent_live|linnet_agent_ready|linnet_agent_reporter)/;
    for (const line of empty.split('\n').filter((each) => each !== '' && !each.startsWith('#') && !own.test(each)))
      expect(line).toMatch(/ 0$/);
    fc.assert(
      fc.property(figures, (found) => {
        const text = renderAgentMetrics(scrape(found));
        expect(series(text)).toEqual(series(empty));
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
      }),
      { numRuns: 200 },
    );
  });

  it('tell what became of the packets of IPIP in eBPF, all outcomes at 0 where there is none', () => {
    const none = { packets: 0, octets: 0 };
    const some: NonNullable<AgentFigures['ipip']> = {
      ...{ encapsulated: { packets: 7, octets: 700 }, decapsulated: none, 'not-ipv4': none, 'no-peer': none, 'no-route': none },
      ...{ 'too-big': none, headroom: none, 'unknown-source': { packets: 3, octets: 252 }, malformed: none },
      ...{ 'bad-checksum': none, fragment: none, ecn: none },
    };
    const [found] = fc.sample(figures, 1);
    if (found === undefined) throw new Error('no sample');
    const lines = (of: AgentFigures): string[] =>
      renderAgentMetrics(scrape(of))
        .split('\n')
        .filter((line) => line.startsWith('linnet_agent_ipip'));
    expect(lines({ ...found, ipip: some })).toEqual(
      expect.arrayContaining([
        'linnet_agent_ipip_packets_total{outcome="encapsulated"} 7',
        'linnet_agent_ipip_packets_total{outcome="unknown-source"} 3',
        'linnet_agent_ipip_octets_total{outcome="unknown-source"} 252',
      ]),
    );
    expect(lines(found)).toHaveLength(24);
    expect(lines(found).every((line) => line.endsWith(' 0'))).toBe(true);
  });

  it('while main is silent keeps every gauge, at 0, and no counter that would seem to have gone back', () => {
    const text = renderAgentMetrics(scrape(undefined));
    const names = new Set(series(text).map((line) => line.replace(/\{.*/, '')));
    expect([...gauges].filter((name) => name !== 'linnet_agent_info' && !names.has(name))).toEqual([]);
    expect([...names].filter((name) => name.startsWith('linnet_agent_') && name.endsWith('_total'))).toEqual([]);
  });

  it('has well-formed names, each once, each with its meaning', () => {
    const names = AGENT_METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, help, type } of AGENT_METRICS) {
      expect(name).toMatch(/^(?:linnet_agent|process)_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).not.toBe('');
    }
  });
});
