/**
 * One row per metric: name, type, meaning, labels and where its samples come from. Counters end in `_total`, times are
 * seconds, sizes octets. Gauges of a stalled thread read 0 (see linnet_thread_up), never their last value.
 */
import { CONVERGENCE_BUCKETS, MAX_LABEL_VALUES } from './limits.ts';
import { KERNEL_ROWS } from './metrics-kernel.ts';
import { SESSION_CONTROL_ROWS } from './metrics-sessions.ts';
import type { Sample } from './metrics-text.ts';
import {
  FAMILIES,
  familyGauge,
  gauge,
  type MetricRow,
  type MetricsView,
  peerCounter,
  peerLabels,
  SESSION_STATES,
  SESSION_TYPES,
} from './metrics-view.ts';
import { owedFor } from './state.ts';
import type { FamilyView, GroupView, LoopView } from './status.ts';

const PEER = ['peer', 'peer_as', 'type'];
const PEER_FAMILY = [...PEER, 'family'];

const one = (value: number): Sample[] => [{ labels: [], value }];
const bit = (value: boolean): number => (value ? 1 : 0);

function sessionCounts(view: MetricsView): Sample[] {
  const counts = new Map(
    SESSION_TYPES.flatMap((type) => SESSION_STATES.map((state) => [`${type} ${state}`, { labels: [type, state], value: 0 }])),
  );
  if (!view.fresh.speaker) return [...counts.values()];
  for (const peer of view.state.peers.values()) {
    const entry = counts.get(`${peer.type} ${peer.state}`);
    if (entry !== undefined) entry.value += 1;
  }
  return [...counts.values()];
}

function* loops(view: MetricsView): Iterable<Sample> {
  const { state } = view;
  const read = (thread: 'main' | 'speaker'): LoopView | undefined => (view.fresh[thread] ? state[thread]?.loop : undefined);
  const rows: readonly (readonly [string, LoopView | undefined])[] = [
    ...state.threads.map((name) => [name, read(name)] as const),
    ['health', view.loop],
  ];
  for (const [thread, loop] of rows) {
    yield { labels: [thread, 'mean'], value: (loop?.meanMs ?? 0) / 1000 };
    yield { labels: [thread, 'p99'], value: (loop?.p99Ms ?? 0) / 1000 };
    yield { labels: [thread, 'max'], value: (loop?.maxMs ?? 0) / 1000 };
  }
}

function* convergence({ state }: MetricsView): Iterable<Sample> {
  for (const [stage, histogram] of state.timings) {
    const labels = [stage];
    let below = 0;
    for (const [index, le] of CONVERGENCE_BUCKETS.entries()) {
      below += histogram.counts[index] ?? 0;
      yield { labels, value: below, suffix: '_bucket', le };
    }
    yield { labels, value: histogram.count, suffix: '_bucket', le: Infinity };
    yield { labels, value: histogram.sum, suffix: '_sum' };
    yield { labels, value: histogram.count, suffix: '_count' };
  }
}

function perFamily(read: (family: FamilyView) => number): Sample[] {
  return FAMILIES.map((family) => ({ labels: [family], value: read(family) }));
}

function* work({ state }: MetricsView): Iterable<Sample> {
  const counters = Object.entries(state.speaker?.work ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [counter, value] of counters.slice(0, MAX_LABEL_VALUES)) yield { labels: [counter], value };
}

const groupsOf = ({ state }: MetricsView, family: FamilyView): GroupView[] =>
  (state.speaker?.groups ?? []).filter((group) => group.family === family);

/** Every metric, in the order of the exposition. */
export const METRICS: readonly MetricRow[] = [
  {
    name: 'linnet_build_info',
    type: 'gauge',
    help: 'Always 1; the version of the program and its routing engine.',
    labels: ['version', 'engine'],
    samples: ({ state: { main } }) => (main === undefined ? [] : [{ labels: [main.version, main.engine], value: 1 }]),
  },
  { name: 'linnet_live', type: 'gauge', help: 'Whether liveness answers 200.', labels: [], samples: (view) => one(bit(view.live)) },
  { name: 'linnet_ready', type: 'gauge', help: 'Whether readiness answers 200.', labels: [], samples: (view) => one(bit(view.ready)) },
  {
    name: 'linnet_thread_up',
    type: 'gauge',
    help: 'Whether the thread pushed its state within the last 5 seconds.',
    labels: ['thread'],
    samples: (view) => view.state.threads.map((thread) => ({ labels: [thread], value: bit(view.fresh[thread]) })),
  },
  {
    name: 'linnet_thread_push_age_seconds',
    type: 'gauge',
    help: 'Time since the thread, or the one it replaced, last pushed its state; since the start where none did.',
    labels: ['thread'],
    samples: ({ state, now }) => state.threads.map((thread) => ({ labels: [thread], value: owedFor(state, thread, now) / 1000 })),
  },
  {
    name: 'linnet_loop_delay_seconds',
    type: 'gauge',
    help: 'Lateness of the event loop of each thread since its previous push.',
    labels: ['thread', 'statistic'],
    samples: loops,
  },
  {
    name: 'linnet_source_in_sync',
    type: 'gauge',
    help: 'Whether the complete view of the datastore is held now.',
    labels: ['source'],
    samples: (view) => {
      const source = view.state.main?.source;
      return source === undefined ? [] : [{ labels: [source.kind], value: gauge(view, 'main', bit(source.inSync)) }];
    },
  },
  {
    name: 'linnet_config_applied_total',
    type: 'counter',
    help: 'Desired states handed to the routing engine, by outcome: changed, unchanged, failed.',
    labels: ['result'],
    samples: ({ state }) => {
      const applied = state.main?.applied;
      return [
        { labels: ['changed'], value: applied?.changed ?? 0 },
        { labels: ['unchanged'], value: applied?.unchanged ?? 0 },
        { labels: ['failed'], value: applied?.failed ?? 0 },
      ];
    },
  },
  {
    name: 'linnet_config_last_applied_timestamp_seconds',
    type: 'gauge',
    help: 'When the routing engine last took a desired state; 0 before the first.',
    labels: [],
    samples: ({ state }) => one((state.main?.lastAppliedAt ?? 0) / 1000),
  },
  {
    name: 'linnet_convergence_seconds',
    type: 'histogram',
    help: 'Duration of convergence by stage; total runs from the write of the input to the acknowledgement of the engine.',
    labels: ['stage'],
    samples: convergence,
  },
  {
    name: 'linnet_issues',
    type: 'gauge',
    help: 'Issues known now, by kind of object and severity.',
    labels: ['kind', 'severity'],
    samples: (view) =>
      [...view.state.issueCounts.values()].map(({ kind, severity, count }) => ({
        labels: [kind, severity],
        value: gauge(view, 'main', count),
      })),
  },
  {
    name: 'linnet_bgp_sessions',
    type: 'gauge',
    help: 'Sessions by type and state, every peer included.',
    labels: ['type', 'state'],
    samples: sessionCounts,
  },
  {
    name: 'linnet_bgp_peers_held',
    type: 'gauge',
    help: 'Wanted peers that are not started because of an issue.',
    labels: [],
    samples: (view) => one(gauge(view, 'main', view.state.held.length)),
  },
  {
    name: 'linnet_bgp_session_up',
    type: 'gauge',
    help: 'Whether the session is established.',
    labels: PEER,
    samples: (view) =>
      view.exported.map((peer) => ({ labels: peerLabels(peer), value: gauge(view, 'speaker', bit(peer.state === 'established')) })),
  },
  {
    name: 'linnet_bgp_session_state',
    type: 'gauge',
    help: 'State of the session: 1 idle, 2 connect, 3 active, 4 open-sent, 5 open-confirm, 6 established, 0 unknown.',
    labels: PEER,
    samples: (view) =>
      view.exported.map((peer) => ({
        labels: peerLabels(peer),
        value: gauge(view, 'speaker', SESSION_STATES.indexOf(peer.state) + 1),
      })),
  },
  {
    name: 'linnet_bgp_session_flaps_total',
    type: 'counter',
    help: 'Times an established session was lost.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'flaps'),
  },
  {
    name: 'linnet_bgp_messages_received_total',
    type: 'counter',
    help: 'BGP messages received, every type.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'messagesReceived'),
  },
  {
    name: 'linnet_bgp_messages_sent_total',
    type: 'counter',
    help: 'BGP messages sent, every type.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'messagesSent'),
  },
  {
    name: 'linnet_bgp_updates_received_total',
    type: 'counter',
    help: 'UPDATE messages received.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'updatesReceived'),
  },
  {
    name: 'linnet_bgp_updates_sent_total',
    type: 'counter',
    help: 'UPDATE messages sent.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'updatesSent'),
  },
  {
    name: 'linnet_bgp_notifications_received_total',
    type: 'counter',
    help: 'NOTIFICATION messages received.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'notificationsReceived'),
  },
  {
    name: 'linnet_bgp_notifications_sent_total',
    type: 'counter',
    help: 'NOTIFICATION messages sent.',
    labels: PEER,
    samples: (view) => peerCounter(view, 'notificationsSent'),
  },
  {
    name: 'linnet_bgp_prefixes_received',
    type: 'gauge',
    help: 'Prefixes held from the peer before import policy.',
    labels: PEER_FAMILY,
    samples: (view) => familyGauge(view, (family) => family.received),
  },
  {
    name: 'linnet_bgp_prefixes_accepted',
    type: 'gauge',
    help: 'Prefixes held from the peer that import policy accepted.',
    labels: PEER_FAMILY,
    samples: (view) => familyGauge(view, (family) => family.accepted),
  },
  {
    name: 'linnet_bgp_prefixes_advertised',
    type: 'gauge',
    help: 'Prefixes advertised to the peer.',
    labels: PEER_FAMILY,
    samples: (view) => familyGauge(view, (family) => family.advertised),
  },
  {
    name: 'linnet_bgp_peer_lag_entries',
    type: 'gauge',
    help: 'Entries of its update group that the peer has not been sent yet.',
    labels: PEER_FAMILY,
    samples: (view) => familyGauge(view, (family) => family.lag),
  },
  {
    name: 'linnet_bgp_peer_slow',
    type: 'gauge',
    help: 'Whether the peer reads too slowly for its update group; under peer="other" the number of such peers.',
    labels: PEER_FAMILY,
    samples: (view) => familyGauge(view, (family) => bit(family.slow)),
  },
  {
    name: 'linnet_bgp_listener_up',
    type: 'gauge',
    help: 'Whether sessions can be accepted on the address.',
    labels: ['address', 'port'],
    samples: (view) =>
      (view.state.speaker?.listeners ?? [])
        .slice(0, MAX_LABEL_VALUES)
        .map((listener) => ({ labels: [listener.address, String(listener.port)], value: gauge(view, 'speaker', bit(listener.up)) })),
  },
  {
    name: 'linnet_bgp_rib_prefixes',
    type: 'gauge',
    help: 'Prefixes with at least one path.',
    labels: ['family'],
    samples: (view) => perFamily((family) => gauge(view, 'speaker', view.state.speaker?.prefixes[family] ?? 0)),
  },
  {
    name: 'linnet_bgp_rib_paths',
    type: 'gauge',
    help: 'Paths of all peers and of this node.',
    labels: ['family'],
    samples: (view) => perFamily((family) => gauge(view, 'speaker', view.state.speaker?.paths[family] ?? 0)),
  },
  {
    name: 'linnet_bgp_attribute_sets',
    type: 'gauge',
    help: 'Distinct sets of path attributes held.',
    labels: [],
    samples: (view) => one(gauge(view, 'speaker', view.state.speaker?.attributeSets ?? 0)),
  },
  {
    name: 'linnet_bgp_update_groups',
    type: 'gauge',
    help: 'Update groups: sets of peers that share one encoded log.',
    labels: ['family'],
    samples: (view) => perFamily((family) => gauge(view, 'speaker', groupsOf(view, family).length)),
  },
  {
    name: 'linnet_bgp_group_log_octets',
    type: 'gauge',
    help: 'Octets held in the logs of all update groups.',
    labels: ['family'],
    samples: (view) =>
      perFamily((family) =>
        gauge(
          view,
          'speaker',
          groupsOf(view, family).reduce((sum, group) => sum + group.logOctets, 0),
        ),
      ),
  },
  {
    name: 'linnet_bgp_group_encodes_total',
    type: 'counter',
    help: 'Encodings done for update groups; one per change and group, however many members it has.',
    labels: ['family'],
    samples: (view) => perFamily((family) => view.state.encodes.total[family]),
  },
  {
    name: 'linnet_bgp_work_total',
    type: 'counter',
    help: 'Work units of the speaker by kind.',
    labels: ['counter'],
    samples: work,
  },
  ...SESSION_CONTROL_ROWS,
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process.',
    labels: [],
    samples: (view) => one(view.process.residentOctets),
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system CPU time of the process.',
    labels: [],
    samples: (view) => one(view.process.cpuSeconds),
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'Start of the process, seconds since the epoch.',
    labels: [],
    samples: (view) => one(view.process.startedAt),
  },
  {
    name: 'linnet_bird_up',
    type: 'gauge',
    help: 'Whether the BIRD that this daemon drives answered its last round trip.',
    labels: ['bird'],
    samples: (view) => view.state.daemons.map(({ name, ok }) => ({ labels: [name], value: gauge(view, 'main', bit(ok)) })),
  },
  ...KERNEL_ROWS,
];
