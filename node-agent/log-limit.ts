/**
 * A log in which nothing is said over and over (dataplane B24): of equal lines the first is written and the others are counted
 * until the window is over, and of one message, whatever its fields, so many lines a window at most. Errors are no exception: what
 * repeats itself is on the disk already.
 */
import type { Log, LogFields } from '../src/confd/log.ts';

/** Ms in which a line is written once. */
export const WINDOW_MS = 60_000;
/** Lines of one message with different fields in a window. */
export const MESSAGE_LINES = 50;
/** Lines that are remembered; beyond that the oldest are forgotten. */
const MOST_LINES = 2_000;

/** A log that says what it left out. */
export interface LimitedLog extends Log {
  /** Lines left out since the start. */
  suppressed(): number;
}

interface Window {
  readonly since: number;
  count: number;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** The window that holds `key` now; one that is over is handed to `over` and a new one begins. */
function windowOf(windows: Map<string, Window>, key: string, now: number, over: (left: number) => void): Window {
  const known = windows.get(key);
  if (known !== undefined && now - known.since < WINDOW_MS) return known;
  if (known !== undefined) over(known.count - 1);
  windows.delete(key);
  const oldest = windows.size >= MOST_LINES ? windows.keys().next().value : undefined;
  if (oldest !== undefined) windows.delete(oldest);
  const begun = { since: now, count: 0 };
  windows.set(key, begun);
  return begun;
}

/** Wraps a log; `now` is monotonic ms. */
export function limitLog(log: Log, now: () => number): LimitedLog {
  const lines = new Map<string, Window>();
  const messages = new Map<string, Window>();
  let suppressed = 0;
  const write = (level: Level, fields: LogFields, message: string): void => {
    const at = now();
    let repeated = 0;
    const line = windowOf(lines, `${level} ${message} ${JSON.stringify(fields)}`, at, (left) => {
      repeated = left;
    });
    line.count += 1;
    if (line.count > 1) {
      suppressed += 1;
      return;
    }
    const all = windowOf(messages, `${level} ${message}`, at, () => undefined);
    all.count += 1;
    if (all.count > MESSAGE_LINES) suppressed += 1;
    else if (all.count === MESSAGE_LINES) log[level]({ ...fields, more: 'left out for a minute' }, message);
    else log[level](repeated > 0 ? { ...fields, repeated } : fields, message);
  };
  return {
    debug: (fields, message) => write('debug', fields, message),
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
    error: (fields, message) => write('error', fields, message),
    suppressed: () => suppressed,
  };
}
