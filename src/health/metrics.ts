/**
 * Status as Prometheus text: one scrape walks the exported peers once per metric, never a table of routes. Pure. The rows
 * are in metrics-table.ts; docs/metrics.md lists exactly them.
 */
import { METRICS } from './metrics-table.ts';
import { type MetricDefinition, writeMetric } from './metrics-text.ts';
import { prepareView, type ScrapeInput } from './metrics-view.ts';

/** The whole exposition. */
export function renderMetrics(input: ScrapeInput): string {
  const view = prepareView(input);
  return METRICS.map((row) => writeMetric(row, row.samples(view))).join('');
}

/** Definitions in the order of the exposition, for docs/metrics.md. */
export function metricDefinitions(): readonly MetricDefinition[] {
  return METRICS.map(({ name, type, help, labels }) => ({ name, type, help, labels }));
}
