/** BIRD as a child of this process. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Log } from '../log.ts';
import type { DaemonSpec } from './daemon.ts';

/** A started process. */
export interface BirdProcess {
  /** Settles when it is gone. */
  readonly ended: Promise<void>;
  /** How it ended, with its last words; undefined while it runs. */
  ending(): string | undefined;
  kill(signal: NodeJS.Signals): void;
}

/** Where it writes its process id. */
export function pidFile(spec: DaemonSpec): string {
  return `${spec.socket}.pid`;
}

/** Sends a signal to the process that a pid file names; one that is not there is fine. */
export async function killByFile(path: string, signal: NodeJS.Signals): Promise<void> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Starts it in the foreground, its log in ours. `recovery`: it waits for its peers before it says anything (bird-behaviour, start-up). */
export function startProcess(spec: DaemonSpec, recovery: boolean, log: Log, gone: () => void): BirdProcess {
  const [program = '', ...before] = spec.command;
  const args = [...before, '-f', '-c', spec.file, '-s', spec.socket, '-P', pidFile(spec), ...(recovery ? ['-R'] : [])];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let last = '';
  let ending: string | undefined;
  createInterface({ input: child.stderr }).on('line', (line) => {
    last = line;
    log.debug({ daemon: spec.name, line }, 'BIRD says');
  });
  const ended = new Promise<void>((resolve) => {
    const over = (how: string): void => {
      ending = last === '' ? how : `${how}: ${last}`;
      gone();
      resolve();
    };
    child.once('error', (error) => over(`${program} cannot be started: ${error.message}`));
    child.once('close', (code, signal) => over(`${program} ended with ${signal ?? `status ${code ?? '?'}`}`));
  });
  return {
    ended,
    ending: () => ending,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
