/**
 * A strict reader of the Prometheus text format 0.0.4, for tests: whatever a scraper would refuse or silently misread is
 * an error here. HELP and TYPE stand right before the samples of their metric, once; no series twice; no NaN; counters end
 * in _total and are not negative; histograms have ascending buckets up to +Inf that agree with their count.
 */

export interface ParsedSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface ParsedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const VALUE = /^(-?\d+(\.\d+)?(e[+-]?\d+)?|\+Inf)$/;

class Cursor {
  rest: string;
  readonly line: string;

  constructor(line: string) {
    this.line = line;
    this.rest = line;
  }

  take(pattern: RegExp): string {
    const match = pattern.exec(this.rest);
    if (match === null || match.index !== 0) this.fail(`expected ${pattern}`);
    const text = match?.[0] ?? '';
    this.rest = this.rest.slice(text.length);
    return text;
  }

  skip(text: string): boolean {
    if (!this.rest.startsWith(text)) return false;
    this.rest = this.rest.slice(text.length);
    return true;
  }

  expect(text: string): void {
    if (!this.skip(text)) this.fail(`expected ${JSON.stringify(text)}`);
  }

  fail(why: string): never {
    throw new Error(`${why} at ${JSON.stringify(this.rest)} in ${JSON.stringify(this.line)}`);
  }
}

function quoted(cursor: Cursor): string {
  cursor.expect('"');
  let text = '';
  while (!cursor.skip('"')) {
    if (cursor.skip('\\\\')) text += '\\';
    else if (cursor.skip('\\"')) text += '"';
    else if (cursor.skip('\\n')) text += '\n';
    else text += cursor.take(/^[^\\"\n]/);
  }
  return text;
}

function readLabels(cursor: Cursor): Map<string, string> {
  const labels = new Map<string, string>();
  if (!cursor.skip('{')) return labels;
  do {
    const name = cursor.take(LABEL);
    cursor.expect('=');
    if (labels.has(name)) cursor.fail(`label ${name} twice`);
    labels.set(name, quoted(cursor));
  } while (cursor.skip(','));
  cursor.expect('}');
  return labels;
}

function readSample(line: string): ParsedSample {
  const cursor = new Cursor(line);
  const name = cursor.take(NAME);
  const labels = readLabels(cursor);
  cursor.expect(' ');
  if (!VALUE.test(cursor.rest)) cursor.fail('no value');
  return { name, labels, value: cursor.rest === '+Inf' ? Number.POSITIVE_INFINITY : Number(cursor.rest) };
}

function checkHistogram(metric: ParsedMetric): void {
  const series = new Map<string, ParsedSample[]>();
  for (const sample of metric.samples) {
    const key = [...sample.labels]
      .filter(([name]) => name !== 'le')
      .map(([name, value]) => `${name}=${value}`)
      .join();
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, samples] of series) {
    const buckets = samples.filter(({ name }) => name === `${metric.name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels.get('le') === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.get('le'))));
    const rising = (values: readonly number[], strict: boolean): boolean =>
      values.every((value, i) => i === 0 || value > (values[i - 1] ?? 0) || (!strict && value === values[i - 1]));
    const total = samples.find(({ name }) => name === `${metric.name}_count`)?.value;
    const sum = samples.filter(({ name }) => name === `${metric.name}_sum`);
    if (!rising(bounds, true) || bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${metric.name}{${key}}: bounds ${bounds}`);
    if (
      !rising(
        buckets.map(({ value }) => value),
        false,
      )
    )
      throw new Error(`${metric.name}{${key}}: buckets fall`);
    if (total === undefined || buckets.at(-1)?.value !== total || sum.length !== 1) throw new Error(`${metric.name}{${key}}: count or sum`);
  }
}

function checkMetric(metric: ParsedMetric): ParsedMetric {
  const suffixes = metric.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  const seen = new Set<string>();
  for (const { name, labels, value } of metric.samples) {
    if (!suffixes.some((suffix) => name === metric.name + suffix)) throw new Error(`${name} under ${metric.name}`);
    const series = `${name} ${JSON.stringify([...labels].sort())}`;
    if (seen.has(series)) throw new Error(`series twice: ${series}`);
    seen.add(series);
    if (metric.type === 'counter' && !(value >= 0 && Number.isFinite(value))) throw new Error(`${series} = ${value}`);
  }
  if ((metric.type === 'counter') !== metric.name.endsWith('_total')) throw new Error(`${metric.name} is a ${metric.type}`);
  if (metric.samples.length === 0) throw new Error(`${metric.name} has no sample`);
  if (metric.help === '') throw new Error(`${metric.name} has no help`);
  if (metric.type === 'histogram') checkHistogram(metric);
  return metric;
}

/** Reads a whole exposition; throws with the line at fault. */
export function parsePrometheus(text: string): ParsedMetric[] {
  if (text !== '' && !text.endsWith('\n')) throw new Error('no line end at the end');
  const metrics: ParsedMetric[] = [];
  const names = new Set<string>();
  const lines = text.split('\n').slice(0, -1);
  for (let i = 0; i < lines.length; ) {
    const help = /^# HELP (\S+) (.*)$/.exec(lines[i] ?? '');
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[i + 1] ?? '');
    const name = help?.[1] ?? '';
    if (help === null || type === null || type[1] !== name) throw new Error(`HELP and TYPE expected at line ${i + 1}: ${lines[i]}`);
    if (names.has(name)) throw new Error(`${name} twice`);
    names.add(name);
    const samples: ParsedSample[] = [];
    for (i += 2; i < lines.length && !(lines[i] ?? '').startsWith('#'); i += 1) samples.push(readSample(lines[i] ?? ''));
    metrics.push(checkMetric({ name, type: type[2] ?? '', help: help[2] ?? '', samples }));
  }
  return metrics;
}
