/** Daemons that take a new configuration of sessions only by a restart. */
import type { Daemon, DaemonConfig } from './daemon.ts';
import type { Running } from './exec.ts';
import { Hopeless, until } from './wait.ts';

/** One kind of them. */
export interface Restarting {
  /** Writes the configuration and starts the program. */
  readonly launch: (config: DaemonConfig) => Running;
  /** What is waited for, at most so many seconds; rejects while it is not there. */
  readonly ready: string;
  readonly seconds: number;
  readonly isReady: (config: DaemonConfig) => Promise<void> | void;
}

/** How it is started, stopped and given other sessions. */
export function restarting(
  config: DaemonConfig,
  { launch, ready, seconds, isReady }: Restarting,
): Pick<Daemon, 'start' | 'stop' | 'secure'> {
  let now = config;
  let running: Running | undefined;
  const start = async (): Promise<void> => {
    const daemon = launch(now);
    running = daemon;
    await until(ready, seconds, async () => {
      const dead = daemon.dead();
      if (dead !== undefined) throw new Hopeless(dead);
      await isReady(now);
    });
  };
  return {
    start,
    stop: async (signal) => running?.stop(signal),
    secure: async (neighbors) => {
      now = { ...config, neighbors };
      await running?.stop();
      await start();
    },
  };
}
