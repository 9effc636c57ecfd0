/** The rows of the kernel's thread in the table of metrics; no series where the daemon writes no routes. */
import type { Sample } from './metrics-text.ts';
import { gauge, type MetricRow, type MetricsView } from './metrics-view.ts';
import { owedFor } from './state.ts';
import type { KernelView } from './status.ts';

/** One figure of the kernel's thread, as main tells it; no series where the daemon writes no routes. */
function kernelRow(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (kernel: KernelView, view: MetricsView) => number,
): MetricRow {
  const samples = (view: MetricsView): Sample[] => {
    const kernel = view.state.main?.kernel;
    if (kernel === undefined) return [];
    const value = read(kernel, view);
    return [{ labels: [], value: type === 'gauge' && !name.endsWith('age_seconds') ? gauge(view, 'main', value) : value }];
  };
  return { name: `linnet_kernel_${name}`, type, help, labels: [], samples };
}

/** The kernel's routes, in the order of the exposition. */
export const KERNEL_ROWS: readonly MetricRow[] = [
  kernelRow('routes_wanted', 'gauge', 'Best routes that the kernel should hold, rules aside.', (kernel) => kernel.wanted),
  kernelRow('routes_installed', 'gauge', 'Routes of this daemon in the kernel.', (kernel) => kernel.installed),
  kernelRow('routes_failed', 'gauge', 'Routes that the kernel refused.', (kernel) => kernel.failed),
  kernelRow('routes_unreachable', 'gauge', 'Routes whose next hop leads nowhere.', (kernel) => kernel.unreachable),
  kernelRow('routes_taken', 'gauge', 'Routes that another writer holds.', (kernel) => kernel.taken),
  kernelRow(
    'routes_repaired_total',
    'counter',
    'Routes put back or taken away after others had changed them.',
    (kernel) => kernel.repaired,
  ),
  kernelRow('resyncs_total', 'counter', 'Readings of the whole table: audits, and after losses.', (kernel) => kernel.readings),
  kernelRow('overruns_total', 'counter', 'Losses of notifications (ENOBUFS).', (kernel) => kernel.overruns),
  kernelRow('batches_total', 'counter', 'Batches of changes given to the kernel.', (kernel) => kernel.batches),
  kernelRow('batch_seconds_total', 'counter', 'Time the kernel took for all batches.', (kernel) => kernel.batchMs / 1000),
  kernelRow('batch_seconds_max', 'gauge', 'Time the kernel took for the longest batch.', (kernel) => kernel.slowestBatchMs / 1000),
  // Nothing newer is known while main is silent.
  kernelRow(
    'thread_age_seconds',
    'gauge',
    "Time since the kernel thread's last sign of life.",
    (kernel, { state, now }) => (kernel.ageMs + owedFor(state, 'main', now)) / 1000,
  ),
];
