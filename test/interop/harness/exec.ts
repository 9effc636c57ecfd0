/** Running other programs: to the end with a limit, or as a daemon with its output in a file. */
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Output of a finished program. Rejects with its last words where it fails or takes longer than `limit` ms; the kernel makes `ip` wait for seconds
 * where others make and remove namespaces.
 */
export function run(command: string, args: readonly string[], limit = 30_000): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { timeout: limit, maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`.slice(0, 4000)));
    });
  });
}

/** A daemon that was started and may have died. */
export interface Running {
  readonly pid: number;
  /** Undefined while it runs; else how it ended, with the end of its log. */
  dead(): string | undefined;
  /** Resolves when it is gone. SIGTERM gets `patienceMs` (default 5000) before SIGKILL. */
  stop(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGINT', patienceMs?: number): Promise<void>;
}

function gone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
}

/** Starts a daemon; stdout and stderr are appended to `log`. Throws where the program cannot be started at all. */
export function start(command: string, args: readonly string[], log: string, env: NodeJS.ProcessEnv = process.env): Running {
  const out = openSync(log, 'a');
  const child = spawn(command, [...args], { stdio: ['ignore', out, out], env });
  closeSync(out);
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${command}`);
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    dead: () =>
      ended() ? `${command} ended with ${child.signalCode ?? child.exitCode}: ${readFileSync(log, 'utf8').slice(-800)}` : undefined,
    stop: async (signal = 'SIGTERM', patienceMs = 5000) => {
      if (ended()) return;
      child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await gone(child);
      clearTimeout(force);
    },
  };
}
