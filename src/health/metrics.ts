/**
 * Status as Prometheus text: one scrape walks the exported peers once per metric, never a table of routes. Pure. The rows
 * are in metrics-table.ts; docs/metrics.md lists exactly them.
 */
import { METRICS } from './metrics-table.ts';
import { writeMetric } from './metrics-text.ts';
import { prepareView, type ScrapeInput } from './metrics-view.ts';

/** The whole exposition. */
export function renderMetrics(input: ScrapeInput): string {
  const view = prepareView(input);
  return METRICS.map((row) => writeMetric(row, row.samples(view))).join('');
}
