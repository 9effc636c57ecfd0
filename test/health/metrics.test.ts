import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../src/health/metrics.ts';
import { METRICS } from '../../src/health/metrics-table.ts';
import { createState, type HealthState, takeMain, takeSpeaker } from '../../src/health/state.ts';
import type { PeerView } from '../../src/health/status.ts';
import { issue, kernel, loop, mainPush, peer, speakerPush } from './fixtures.ts';
import { type ParsedMetric, parsePrometheus } from './prometheus-text.ts';

const scrape = (state: HealthState, now = 0): string =>
  renderMetrics({
    state,
    now,
    live: true,
    ready: false,
    process: { residentOctets: 1e8, cpuSeconds: 2.5, startedAt: 1_700_000_000 },
    loop,
  });

/** Values of one metric by its label values joined with commas. */
function values(text: string, name: string): Record<string, number> {
  const metric = parsePrometheus(text).find((candidate) => candidate.name === name);
  return Object.fromEntries((metric?.samples ?? []).map(({ labels, value }) => [[...labels.values()].join(','), value]));
}

function stateWith(peers: readonly PeerView[], cap?: number): HealthState {
  const state = createState(0, ['main', 'speaker'], cap);
  takeMain(state, mainPush({ kernel, issues: [issue(), issue({ severity: 'warning' })], timings: [{ stage: 'total', ms: 3 }] }), 0);
  takeSpeaker(state, speakerPush(peers), 0);
  state.daemons = [{ name: 'BIRDv4', ok: true, detail: '' }];
  return state;
}

describe('exposition', () => {
  it('is well formed with nothing pushed, and with everything', () => {
    const empty = parsePrometheus(scrape(createState(0)));
    expect(empty.find(({ name }) => name === 'linnet_ready')?.samples[0]?.value).toBe(0);
    const full = parsePrometheus(scrape(stateWith([peer('Global_192_0_2_1')])));
    expect(full.map(({ name }) => name)).toEqual(METRICS.map(({ name }) => name));
  });

  it('has per-peer series with the labels peer, peer_as and type', () => {
    const text = scrape(stateWith([peer('Global_1', { remoteAs: 65001, type: 'ebgp', flaps: 2, state: 'open-sent' })]));
    expect(text).toContain('linnet_bgp_session_up{peer="Global_1",peer_as="65001",type="ebgp"} 0\n');
    expect(text).toContain('linnet_bgp_session_state{peer="Global_1",peer_as="65001",type="ebgp"} 4\n');
    expect(text).toContain('linnet_bgp_session_flaps_total{peer="Global_1",peer_as="65001",type="ebgp"} 2\n');
    expect(text).toContain('linnet_bgp_prefixes_accepted{peer="Global_1",peer_as="65001",type="ebgp",family="ipv4-unicast"} 9\n');
    expect(values(text, 'linnet_bgp_sessions')).toMatchObject({ 'ebgp,open-sent': 1, 'ebgp,established': 0, 'ibgp,established': 0 });
  });

  it('says what limits did, who is held back and why sessions ended, by classes that no peer chooses', () => {
    const error = (text: string) => ({ at: 1, text });
    const peers = [
      peer('a', {
        adminDown: true,
        heldBack: 'shut down by an operator: x',
        lastErrorSent: error('Cease/Administrative Shutdown: any words'),
      }),
      peer('b', { heldBack: 'more than 5', lastErrorSent: error('Cease/Hard Reset (Cease/Maximum Number of Prefixes Reached)') }),
      peer('c', { draining: true, lastErrorReceived: error('Hold Timer Expired') }),
      peer('d', { lastErrorReceived: error('error 77/200: 00ff') }),
    ];
    const state = createState(0);
    const work = { prefixWarnings: 2, memoryDrops: 1, sendHoldExpired: 4 };
    takeSpeaker(state, speakerPush(peers, { work, deferring: true }), 0);
    const text = scrape(state);
    expect(values(text, 'linnet_bgp_peers_stopped')).toEqual({ operator: 1, limit: 1 });
    expect(values(text, 'linnet_bgp_peers_draining')).toEqual({ '': 1 });
    expect(values(text, 'linnet_bgp_peers_last_error')).toEqual({
      'sent,other': 0,
      'sent,Cease/Administrative Shutdown': 1,
      'sent,Cease/Hard Reset': 1,
      'received,other': 1,
      'received,Hold Timer Expired': 1,
    });
    expect(values(text, 'linnet_bgp_limits_total')).toMatchObject({ 'prefix-warning': 2, memory: 1, 'send-hold': 4, 'max-prefix-in': 0 });
    expect([values(text, 'linnet_bgp_memory_used_ratio'), values(text, 'linnet_bgp_deferring')]).toEqual([{ '': 0.25 }, { '': 1 }]);
    expect([values(text, 'linnet_bgp_range_peers'), values(text, 'linnet_bgp_range_limit')]).toEqual([{ nodes: 1 }, { nodes: 100 }]);
  });

  it('has as many classes of errors as any label has values', () => {
    const letters = (n: number): string => String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26));
    const peers = Array.from({ length: 300 }, (_, n) => peer(`p${n}`, { lastErrorSent: { at: 1, text: `Cease/${letters(n)}` } }));
    const state = createState(0);
    takeSpeaker(state, speakerPush(peers), 0);
    const sent = Object.entries(values(scrape(state), 'linnet_bgp_peers_last_error')).filter(([labels]) => labels.startsWith('sent,'));
    expect(sent).toHaveLength(64);
    expect(sent.reduce((sum, [, count]) => sum + count, 0)).toBe(300);
  });

  it('escapes labels', () => {
    const id = 'a"b\\c\nd';
    expect(values(scrape(stateWith([peer(id)])), 'linnet_bgp_session_up')).toEqual({ [`${id},64512,ibgp`]: 1 });
  });

  it('puts timings into cumulative buckets of seconds', () => {
    const state = createState(0);
    takeMain(
      state,
      mainPush({
        timings: [
          { stage: 'total', ms: 1 },
          { stage: 'total', ms: 3 },
          { stage: 'apply', ms: 40_000 },
        ],
      }),
      0,
    );
    const text = scrape(state);
    expect(values(text, 'linnet_convergence_seconds')).toMatchObject({
      'total,0.001': 1,
      'total,0.0025': 1,
      'total,0.005': 2,
      'total,+Inf': 2,
      'apply,30': 0,
      'apply,+Inf': 1,
    });
    expect(text).toContain('linnet_convergence_seconds_sum{stage="total"} 0.004\n');
  });

  it('writes one series once, whatever its producers say', () => {
    const listener = { address: '0.0.0.0', port: 179, up: true, error: null };
    const state = createState(0);
    takeSpeaker(state, speakerPush([], { listeners: [listener, { ...listener, up: false }] }), 0);
    expect(values(scrape(state), 'linnet_bgp_listener_up')).toEqual({ '0.0.0.0,179': 1 });
  });

  it('stays well formed for any text and number', () => {
    const anyPeer = fc.record({ id: fc.string(), flaps: fc.nat(), updatesSent: fc.nat() }, { requiredKeys: ['id'] });
    fc.assert(
      fc.property(fc.uniqueArray(anyPeer, { selector: ({ id }) => id }), fc.nat(5), fc.string(), fc.double(), (peers, cap, kind, ms) => {
        const state = createState(0, ['main', 'speaker'], cap);
        const object = { ...issue().object, kind };
        takeMain(state, mainPush({ issues: [issue({ object })], loop: { meanMs: ms, p99Ms: ms, maxMs: ms } }), 0);
        takeSpeaker(
          state,
          speakerPush(
            peers.map(({ id, ...rest }) => peer(id, rest)),
            { work: { [kind]: 1 } },
          ),
          0,
        );
        expect(parsePrometheus(scrape(state)).length).toBeGreaterThan(20);
      }),
    );
  });
});

describe('stale news', () => {
  it('gauges of a stalled thread read 0, its counters stay', () => {
    const state = stateWith([peer('Global_1')]);
    takeMain(state, mainPush(), 6000);
    const text = scrape(state, 6000);
    expect(values(text, 'linnet_thread_up')).toEqual({ main: 1, speaker: 0 });
    expect(values(text, 'linnet_bgp_session_up')).toEqual({ 'Global_1,64512,ibgp': 0 });
    expect(values(text, 'linnet_bgp_session_state')).toEqual({ 'Global_1,64512,ibgp': 0 });
    expect(values(text, 'linnet_bgp_rib_prefixes')).toEqual({ 'ipv4-unicast': 0, 'ipv6-unicast': 0 });
    expect(Object.values(values(text, 'linnet_bgp_sessions')).every((value) => value === 0)).toBe(true);
    expect(values(text, 'linnet_bgp_messages_received_total')).toEqual({ 'Global_1,64512,ibgp': 100 });
    expect(values(text, 'linnet_source_in_sync')).toEqual({ file: 1 });
    expect(values(text, 'linnet_issues')).toEqual({ 'BGPPeer,error': 1, 'BGPPeer,warning': 1 });
  });

  it('a mended issue leaves a 0', () => {
    const state = stateWith([]);
    takeMain(state, mainPush({ issues: [] }), 0);
    expect(values(scrape(state), 'linnet_issues')).toEqual({ 'BGPPeer,error': 0, 'BGPPeer,warning': 0 });
  });
});

describe('cardinality', () => {
  const mesh = (count: number): PeerView[] => Array.from({ length: count }, (_, i) => peer(`Mesh_${String(i).padStart(4, '0')}`));

  it('sums peers above the cap, names routers outside the mesh first', () => {
    const text = scrape(stateWith([...mesh(10), peer('Node_tor', { type: 'ebgp', remoteAs: 65001 })], 3));
    expect(Object.keys(values(text, 'linnet_bgp_session_up'))).toEqual([
      'Mesh_0000,64512,ibgp',
      'Mesh_0001,64512,ibgp',
      'Node_tor,65001,ebgp',
    ]);
    expect(values(text, 'linnet_bgp_messages_received_total')).toMatchObject({
      'Mesh_0000,64512,ibgp': 100,
      'other,,ibgp': 800,
      'other,,ebgp': 0,
    });
    expect(values(text, 'linnet_bgp_prefixes_received')).toMatchObject({ 'other,,ibgp,ipv4-unicast': 80, 'other,,ebgp,ipv4-unicast': 0 });
    expect(values(text, 'linnet_bgp_sessions')).toMatchObject({ 'ibgp,established': 10, 'ebgp,established': 1 });
  });

  it('is bounded whatever the size of the mesh and the imagination of the users', () => {
    const series = (state: HealthState): number => parsePrometheus(scrape(state)).reduce((sum, metric) => sum + metric.samples.length, 0);
    const state = stateWith(mesh(2000), 256);
    const issues = Array.from({ length: 500 }, (_, i) => issue({ object: { ...issue().object, kind: `Kind${i}` } }));
    takeMain(state, mainPush({ issues }), 0);
    expect(series(state)).toBeLessThan(256 * 14 + 400);
    const counted = Object.values(values(scrape(state), 'linnet_issues'));
    expect(counted.length).toBeLessThanOrEqual(66);
    expect(counted.reduce((sum, value) => sum + value, 0)).toBe(500);
  });

  it('a peer called like the sum is in the sum', () => {
    const text = scrape(stateWith([peer('other'), peer('a')]));
    expect(Object.keys(values(text, 'linnet_bgp_session_up'))).toEqual(['a,64512,ibgp']);
    expect(values(text, 'linnet_bgp_updates_sent_total')).toMatchObject({ 'other,,ibgp': 5 });
  });
});

describe('docs/metrics.md', () => {
  const file = new URL('../../docs/metrics.md', import.meta.url);
  const row = ({ name, type, labels, help }: (typeof METRICS)[number]): string =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |`;
  const table = ['| name | type | labels | meaning |', '|---|---|---|---|', ...METRICS.map(row)].join('\n');

  it('lists exactly the metrics that are exported (LINNET_UPDATE=1 rewrites the table)', () => {
    const text = readFileSync(file, 'utf8');
    const [before = '', rest = ''] = text.split('<!-- table -->\n');
    const after = rest.slice(rest.indexOf('<!-- end -->'));
    const wanted = `${before}<!-- table -->\n${table}\n${after}`;
    if (process.env['LINNET_UPDATE'] === '1') writeFileSync(file, wanted);
    expect(readFileSync(file, 'utf8')).toBe(wanted);
  });

  it('names every metric that a scrape shows', () => {
    const shown: ParsedMetric[] = parsePrometheus(scrape(stateWith([peer('Global_1')])));
    const listed = new Set([...readFileSync(file, 'utf8').matchAll(/^\| `([a-z_0-9]+)` \|/gm)].map((match) => match[1]));
    expect(new Set(shown.map(({ name }) => name))).toEqual(listed);
  });
});

describe('the reader itself', () => {
  it.each([
    ['a sample without TYPE', 'a 1\n'],
    ['NaN', '# HELP a x\n# TYPE a gauge\na NaN\n'],
    ['a series twice', '# HELP a x\n# TYPE a gauge\na{b="1"} 1\na{b="1"} 2\n'],
    ['an unescaped quote', '# HELP a x\n# TYPE a gauge\na{b="1"2"} 1\n'],
    ['a counter without _total', '# HELP a x\n# TYPE a counter\na 1\n'],
    ['a histogram without +Inf', '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
    ['falling buckets', '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n'],
    ['no line end', '# HELP a x\n# TYPE a gauge\na 1'],
  ])('refuses %s', (_name, text) => {
    expect(() => parsePrometheus(text)).toThrow();
  });
});
