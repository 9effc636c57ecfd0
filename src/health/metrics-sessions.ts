/** Metrics of what holds sessions back and of what limits did: rows of the table in metrics-table.ts. Pure. */
import type { RangeView } from './engine-views.ts';
import { MAX_LABEL_VALUES } from './limits.ts';
import type { Sample } from './metrics-text.ts';
import { FAMILIES, gauge, type MetricRow, type MetricsView } from './metrics-view.ts';
import type { PeerView } from './status.ts';

const speakerGauge = (view: MetricsView, value: number): Sample[] => [{ labels: [], value: gauge(view, 'speaker', value) }];

function peersWhere(view: MetricsView, is: (peer: PeerView) => boolean): number {
  let count = 0;
  for (const peer of view.state.peers.values()) if (is(peer)) count += 1;
  return count;
}

/** Names of the IANA registries before the text, data or inner reason that a peer chose. */
const ERROR_CLASS = /^[A-Za-z][A-Za-z -]*(?:\/[A-Za-z][A-Za-z _-]*)?(?=$|:| \()/;

/** Peers by the class of their last NOTIFICATION; what is beyond the cap, or in no registry, is `other`. */
function* lastErrors(view: MetricsView): Iterable<Sample> {
  for (const [direction, of] of [
    ['sent', (peer: PeerView) => peer.lastErrorSent],
    ['received', (peer: PeerView) => peer.lastErrorReceived],
  ] as const) {
    const counts = new Map<string, number>([['other', 0]]);
    for (const peer of view.state.peers.values()) {
      const error = of(peer);
      if (error === null) continue;
      const found = ERROR_CLASS.exec(error.text)?.[0].trimEnd() ?? 'other';
      const name = counts.has(found) || counts.size < MAX_LABEL_VALUES ? found : 'other';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, count] of counts) yield { labels: [direction, name], value: gauge(view, 'speaker', count) };
  }
}

/** Label value and work counter of everything that a limit can do. */
const LIMITS = [
  ['prefix-warning', 'prefixWarnings'],
  ['max-prefix-in', 'maxPrefixExceeded'],
  ['max-prefix-out', 'maxPrefixOutExceeded'],
  ['memory', 'memoryDrops'],
  ['send-hold', 'sendHoldExpired'],
  ['first-as', 'firstAsMismatch'],
] as const;

const ranges = ({ state }: MetricsView): readonly RangeView[] => (state.speaker?.ranges ?? []).slice(0, MAX_LABEL_VALUES);

function rangeRow(name: string, help: string, read: (range: RangeView) => number): MetricRow {
  const samples = (view: MetricsView): Sample[] =>
    ranges(view).map((range) => ({ labels: [range.id], value: gauge(view, 'speaker', read(range)) }));
  return { name, type: 'gauge', help, labels: ['range'], samples };
}

/** The rows, in the order of the exposition. */
export const SESSION_CONTROL_ROWS: readonly MetricRow[] = [
  {
    name: 'linnet_bgp_peers_stopped',
    type: 'gauge',
    help: 'Peers held back: shut down by an operator, or by a limit (see linnet peers).',
    labels: ['cause'],
    samples: (view) => [
      {
        labels: ['operator'],
        value: gauge(
          view,
          'speaker',
          peersWhere(view, ({ adminDown }) => adminDown),
        ),
      },
      {
        labels: ['limit'],
        value: gauge(
          view,
          'speaker',
          peersWhere(view, ({ adminDown, heldBack }) => !adminDown && heldBack !== null),
        ),
      },
    ],
  },
  {
    name: 'linnet_bgp_peers_draining',
    type: 'gauge',
    help: 'Peers whose routes go out with GRACEFUL_SHUTDOWN (RFC 8326).',
    labels: [],
    samples: (view) =>
      speakerGauge(
        view,
        peersWhere(view, ({ draining }) => draining),
      ),
  },
  {
    name: 'linnet_bgp_peers_last_error',
    type: 'gauge',
    help: 'Peers by their last NOTIFICATION in each direction, by the names of the IANA registries.',
    labels: ['direction', 'error'],
    samples: lastErrors,
  },
  {
    name: 'linnet_bgp_limits_total',
    type: 'counter',
    help: 'Times a limit did something: prefix-warning, max-prefix-in, max-prefix-out, memory, send-hold; first-as: routes not used.',
    labels: ['limit'],
    samples: ({ state }) => LIMITS.map(([limit, counter]) => ({ labels: [limit], value: state.speaker?.work[counter] ?? 0 })),
  },
  {
    name: 'linnet_bgp_memory_used_ratio',
    type: 'gauge',
    help: 'Share of the memory limit that is resident; above 1 the peer that grows the table is dropped.',
    labels: [],
    samples: (view) => speakerGauge(view, view.state.speaker?.memoryUsed ?? 0),
  },
  {
    name: 'linnet_bgp_deferring',
    type: 'gauge',
    help: 'Whether a restarted speaker still waits for the End-of-RIB of its peers (RFC 4724).',
    labels: [],
    samples: (view) => speakerGauge(view, view.state.speaker?.deferring === true ? 1 : 0),
  },
  rangeRow('linnet_bgp_range_peers', 'Peers accepted from the range.', ({ peers }) => peers),
  rangeRow('linnet_bgp_range_limit', 'Peers that may be accepted from the range.', ({ limit }) => limit),
  {
    name: 'linnet_bgp_update_group_members_max',
    type: 'gauge',
    help: 'Members of the largest update group.',
    labels: ['family'],
    samples: (view) =>
      FAMILIES.map((family) => ({
        labels: [family],
        value: gauge(
          view,
          'speaker',
          (view.state.speaker?.groups ?? []).reduce((most, group) => (group.family === family ? Math.max(most, group.members) : most), 0),
        ),
      })),
  },
];
