/** The Prometheus text exposition format, version 0.0.4. Pure; no series is kept between scrapes. */

/** One line of a metric: values of its labels in the order of its definition, and its value. `suffix` for histograms. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
  /** Upper bound of a bucket, written as label `le`; Infinity for the last. */
  readonly le?: number;
}

/** Name, kind, meaning and label names of one metric. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Content type of the text. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * One metric with its HELP and TYPE lines; '' when it has no sample, so that nothing is announced without a value. Of two
 * samples of one series the first counts: a scraper refuses the whole page for a repeated one.
 */
export function writeMetric(definition: MetricDefinition, samples: Iterable<Sample>): string {
  const lines = new Map<string, string>();
  for (const sample of samples) {
    const series = writeSeries(definition, sample);
    if (!lines.has(series)) lines.set(series, `${series} ${writeValue(sample.value)}\n`);
  }
  if (lines.size === 0) return '';
  const { name, type, help } = definition;
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${[...lines.values()].join('')}`;
}

function writeSeries({ name, labels }: MetricDefinition, sample: Sample): string {
  const pairs = labels.map((label, index) => `${label}="${escapeLabel(sample.labels[index] ?? '')}"`);
  if (sample.le !== undefined) pairs.push(`le="${sample.le === Infinity ? '+Inf' : sample.le}"`);
  const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${name}${sample.suffix ?? ''}${braces}`;
}

/** A mean over no observations is NaN at its producer; a graph wants 0 there. */
function writeValue(value: number): string {
  return Number.isFinite(value) ? String(value) : '0';
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
