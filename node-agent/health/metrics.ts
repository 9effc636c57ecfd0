/**
 * The agent's metrics: one row each. A gauge has a sample for every value that its labels can have, so that it reads 0 and never
 * its last value when its set becomes empty, also while main is silent (dataplane A27). Pure.
 */
import { type MetricDefinition, type Sample, writeMetric } from '../../src/health/metrics-text.ts';
import { IPIP_REASONS, type IpipCount } from '../ebpf/types.ts';
import { type AgentFigures, DEVICE_KINDS, PARTS, type PartFigures } from './figures.ts';
import type { HealthSummary } from './reporters.ts';

/** What a scrape is made of. `figures` is undefined while main is silent. */
export interface AgentScrape {
  readonly figures: AgentFigures | undefined;
  readonly health: HealthSummary;
  /** Every class of routes, so that each has a line. */
  readonly routeClasses: readonly string[];
  /** Of the whole process. */
  readonly own: { readonly residentOctets: number; readonly cpuSeconds: number; readonly startedAt: number };
}

/** One row of the table. */
export interface AgentMetric extends MetricDefinition {
  readonly samples: (scrape: AgentScrape) => readonly Sample[];
}

const bit = (value: boolean | undefined): number => (value === true ? 1 : 0);
const one = (value: number): Sample[] => [{ labels: [], value }];

function gauge(name: string, help: string, value: (scrape: AgentScrape) => number): AgentMetric {
  return { name: `linnet_agent_${name}`, type: 'gauge', help, labels: [], samples: (scrape) => one(value(scrape)) };
}

function counter(name: string, help: string, value: (figures: AgentFigures) => number): AgentMetric {
  const samples = ({ figures }: AgentScrape): Sample[] => (figures === undefined ? [] : one(value(figures)));
  return { name: `linnet_agent_${name}_total`, type: 'counter', help, labels: [], samples };
}

function labelled<L extends string>(
  definition: Pick<MetricDefinition, 'name' | 'help'> & { readonly label: string; readonly values: readonly L[] },
  value: (figures: AgentFigures, label: L) => number | undefined,
): AgentMetric {
  const { name, help, label, values } = definition;
  const samples = ({ figures }: AgentScrape): Sample[] =>
    values.map((each) => ({ labels: [each], value: figures === undefined ? 0 : (value(figures, each) ?? 0) }));
  return { name: `linnet_agent_${name}`, type: 'gauge', help, labels: [label], samples };
}

function ofParts(name: string, type: 'gauge' | 'counter', help: string, value: (part: PartFigures) => number): AgentMetric {
  const samples = ({ figures }: AgentScrape): Sample[] => {
    if (figures === undefined && type === 'counter') return [];
    return PARTS.map((part) => {
      const found = figures?.parts[part];
      return { labels: [part], value: found === undefined ? 0 : value(found) };
    });
  };
  return { name: `linnet_agent_${name}`, type, help, labels: ['part'], samples };
}

function ofIpip(name: string, help: string, value: (count: IpipCount) => number): AgentMetric {
  const samples = ({ figures }: AgentScrape): Sample[] => {
    if (figures === undefined) return [];
    return IPIP_REASONS.map((reason) => ({ labels: [reason], value: figures.ipip === undefined ? 0 : value(figures.ipip[reason]) }));
  };
  return { name: `linnet_agent_ipip_${name}_total`, type: 'counter', help, labels: ['outcome'], samples };
}

/** Every metric, in the order of the exposition. */
export const AGENT_METRICS: readonly AgentMetric[] = [
  {
    name: 'linnet_agent_info',
    type: 'gauge',
    help: 'always 1, with the version and the node',
    labels: ['version', 'node'],
    samples: ({ figures }) => (figures === undefined ? [] : [{ labels: [figures.version, figures.node], value: 1 }]),
  },
  gauge('live', '1 while every reporter is live', ({ health }) => bit(health.live)),
  gauge('ready', '1 while every reporter is ready', ({ health }) => bit(health.ready)),
  {
    name: 'linnet_agent_reporter_ready',
    type: 'gauge',
    help: '1 while this reporter is live and ready',
    labels: ['reporter'],
    samples: ({ health }) => health.rows.map(({ name, live, ready }) => ({ labels: [name], value: bit(live && ready) })),
  },
  gauge('datastore_in_sync', '1 while the view of the datastore is complete and not lost', ({ figures }) => bit(figures?.inSync)),
  labelled(
    { name: 'device_mtu', help: 'MTU of a device, 0 where it is not there', label: 'device', values: DEVICE_KINDS },
    ({ devices }, kind) => devices[kind],
  ),
  gauge('pod_mtu', 'MTU that pods are told', ({ figures }) => figures?.podMtu ?? 0),
  ofIpip(
    'packets',
    'packets of IPIP in eBPF by what became of them; all but encapsulated and decapsulated are drops',
    ({ packets }) => packets,
  ),
  ofIpip('octets', 'octets of these packets, the inner ones where they are known', ({ octets }) => octets),
  labelled(
    { name: 'tunnel_endpoints', help: 'other tunnel endpoints', label: 'family', values: ['ipv4', 'ipv6'] },
    ({ vteps }, family) => vteps[family],
  ),
  {
    name: 'linnet_agent_routes',
    type: 'gauge',
    help: 'routes wanted, by class',
    labels: ['class'],
    samples: ({ figures, routeClasses }) => routeClasses.map((name) => ({ labels: [name], value: figures?.routes[name] ?? 0 })),
  },
  gauge('service_loops', 'prefixes of services that are kept from looping', ({ figures }) => figures?.serviceLoops ?? 0),
  labelled(
    { name: 'issues', help: 'what cannot be honoured at present', label: 'severity', values: ['error', 'warning'] },
    ({ issues }, severity) => issues[severity],
  ),
  ofParts('operations_total', 'counter', 'changes made to the kernel', ({ operations }) => operations),
  ofParts('repairs_total', 'counter', 'changes that undid what somebody else had done', ({ repairs }) => repairs),
  ofParts('failing', 'gauge', 'changes that the kernel refuses at present', ({ failing }) => failing),
  ofParts('last_apply_seconds', 'gauge', 'how long the last pass over this part took', ({ lastMs }) => lastMs / 1000),
  counter('applies', 'passes over the whole dataplane', ({ applies }) => applies.done),
  counter('failed_applies', 'passes that left something undone', ({ applies }) => applies.failed),
  counter('notification_losses', "losses of the kernel's notifications", ({ losses }) => losses),
  counter('suppressed_log_lines', 'log lines left out because they repeated themselves', ({ suppressedLines }) => suppressedLines),
  {
    name: 'linnet_agent_loop_delay_seconds',
    type: 'gauge',
    help: "lateness of main's event loop since the last second",
    labels: ['stat'],
    samples: ({ figures }) => [
      { labels: ['mean'], value: (figures?.loop.meanMs ?? 0) / 1000 },
      { labels: ['p99'], value: (figures?.loop.p99Ms ?? 0) / 1000 },
      { labels: ['max'], value: (figures?.loop.maxMs ?? 0) / 1000 },
    ],
  },
  {
    ...gauge('resident_memory', '', ({ own }) => own.residentOctets),
    name: 'process_resident_memory_bytes',
    help: 'resident memory',
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'user and system time',
    labels: [],
    samples: ({ own }) => one(own.cpuSeconds),
  },
  {
    ...gauge('start_time', '', ({ own }) => own.startedAt),
    name: 'process_start_time_seconds',
    help: 'start of the process, Unix time',
  },
];

/** The whole exposition. */
export function renderAgentMetrics(scrape: AgentScrape): string {
  return AGENT_METRICS.map((metric) => writeMetric(metric, metric.samples(scrape))).join('');
}
