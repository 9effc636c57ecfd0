/**
 * Who says that the agent lives and is ready, and since when each is silent (dataplane 3.3). One that is overdue is neither: what
 * it said last is not known to hold any more. Pure; times are monotonic ms of whoever asks.
 */

/** What a reporter says. */
export interface Report {
  readonly name: string;
  readonly live: boolean;
  readonly ready: boolean;
  /** Why it is not live or not ready, else what there is to say; one line. */
  readonly detail: string;
}

/** A reporter as it is known. */
export interface ReporterRow extends Report {
  readonly overdue: boolean;
  /** Ms since its last report; undefined: it never reported. */
  readonly ageMs: number | undefined;
  readonly timeoutMs: number;
}

/** All of them together. */
export interface HealthSummary {
  readonly live: boolean;
  readonly ready: boolean;
  readonly rows: readonly ReporterRow[];
}

/** Ms that a reporter may be silent, by name; all others have `other`. */
const REPORT_TIMEOUT_MS = { main: 10_000, other: 30_000 } as const;

/** The reporters of one agent; mutable. */
export interface Reporters {
  report(report: Report, now: number): void;
  /** Replaces the timeouts, seconds by name. */
  setTimeouts(overrides: readonly { readonly name: string; readonly timeout: number }[]): void;
  summary(now: number): HealthSummary;
}

/** Makes them; those of `names` are waited for from the beginning, `now`. */
export function createReporters(names: readonly string[], now: number): Reporters {
  const reports = new Map<string, { readonly report: Report; readonly at: number }>();
  let timeouts = new Map<string, number>();
  const row = (name: string, at: number): ReporterRow => {
    const timeoutMs = timeouts.get(name) ?? (name === 'main' ? REPORT_TIMEOUT_MS.main : REPORT_TIMEOUT_MS.other);
    const last = reports.get(name);
    const overdue = timeoutMs > 0 && at - (last?.at ?? now) > timeoutMs;
    if (last === undefined) {
      const detail = overdue ? 'never reported' : 'has not reported yet';
      return { name, live: !overdue, ready: false, detail, overdue, ageMs: undefined, timeoutMs };
    }
    const ageMs = at - last.at;
    if (!overdue) return { ...last.report, overdue, ageMs, timeoutMs };
    const detail = `silent for ${(ageMs / 1000).toFixed(1)} s${name === 'main' ? ': its event loop is blocked' : ''}`;
    return { name, live: false, ready: false, detail, overdue, ageMs, timeoutMs };
  };
  return {
    report: (report, at) => void reports.set(report.name, { report, at }),
    setTimeouts(overrides) {
      timeouts = new Map(overrides.map(({ name, timeout }) => [name, timeout * 1000]));
    },
    summary(at) {
      const rows = [...new Set([...names, ...reports.keys()])].map((name) => row(name, at));
      return { live: rows.every(({ live }) => live), ready: rows.every(({ live, ready }) => live && ready), rows };
    },
  };
}

/** The table that a probe gets, one reporter a line; `of` says which column decides. */
export function healthTable({ rows }: HealthSummary, of: 'live' | 'ready'): string {
  const head = ['REPORTER', of.toUpperCase(), 'AGE', 'DETAIL'];
  const age = ({ ageMs }: ReporterRow): string => (ageMs === undefined ? '-' : `${(ageMs / 1000).toFixed(1)}s`);
  const lines = rows.map((one) => [one.name, one[of] ? 'yes' : 'no', age(one), one.detail]);
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => (line[column] ?? '').length)));
  const text = (line: readonly string[]): string =>
    line
      .map((word, column) => word.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...lines].map(text).join('\n')}\n`;
}
