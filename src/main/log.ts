/** The daemon's log: JSON lines on stderr. Nothing below main knows pino. */
import { destination, pino } from 'pino';
import type { Log, LogFields } from '../confd/log.ts';
import type { LogLevel } from '../config/types.ts';

/** A log that can be flushed before the process ends. */
export interface DaemonLog extends Log {
  flush(): void;
}

/** Makes the log; every line carries the node. */
export function createLog(level: LogLevel, bindings: LogFields): DaemonLog {
  // Synchronous: the last line before a crash is the one that matters, and the daemon logs facts, not traffic.
  const stream = destination({ dest: 2, sync: true });
  const logger = pino(
    {
      level,
      base: { ...bindings },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => stream.flushSync(),
  };
}
