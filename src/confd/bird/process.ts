/** BIRD as a child of this process. */
import { spawn } from 'node:child_process';
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

/** Starts it in the foreground, its log in ours. `recovery`: it waits for its peers before it says anything (bird-behaviour, start-up). */
export function startProcess(spec: DaemonSpec, recovery: boolean, log: Log, gone: () => void): BirdProcess {
  const [program = '', ...before] = spec.command;
  const args = [...before, '-f', '-c', spec.file, '-s', spec.socket, '-P', `${spec.socket}.pid`, ...(recovery ? ['-R'] : [])];
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
