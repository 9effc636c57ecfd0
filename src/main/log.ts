/** The daemon's log: JSON lines on stderr. Nothing below main knows pino. */
import { destination, pino } from 'pino';
import type { Log, LogFields } from '../confd/log.ts';
import type { Snapshot } from '../confd/resources/types.ts';
import type { LogLevel } from '../config/types.ts';
import { parseLogLevel } from '../config/values.ts';

/** A log that can be flushed before the process ends. */
export interface DaemonLog extends Log {
  setLevel(level: LogLevel): void;
  flush(): void;
}

/** The level that BGPConfiguration asks for: that of this node, else the default one's; undefined where neither says. */
export function screenLevel(snapshot: Pick<Snapshot, 'configurations'>, node: string): LogLevel | undefined {
  const own = snapshot.configurations.get(`node.${node}`)?.logSeverityScreen;
  const text = own ?? snapshot.configurations.get('default')?.logSeverityScreen;
  const parsed = text === undefined ? undefined : parseLogLevel(text);
  return parsed?.ok === true ? parsed.value : undefined;
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
    setLevel: (wanted) => {
      logger.level = wanted;
    },
    flush: () => stream.flushSync(),
  };
}
