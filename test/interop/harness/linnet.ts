/** Linnet as users run it: the launcher, on a directory of manifests, in the namespace of its node. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import type { Host } from './lan.ts';
import { Hopeless } from './wait.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const launcher = join(root, 'bin', 'linnet.js');

/** One `linnet run`. */
export interface LinnetNode {
  readonly host: Host;
  /** Starts it, also again after `stop`. State survives between the two unless it was killed. */
  start(): void;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Throws with the end of its log where it has ended by itself. */
  alive(): void;
  /** Answer of a client command as JSON, such as `['peers']`. */
  ask(...words: readonly string[]): Promise<unknown>;
}

/** Only what a service manager would give: nothing of the tester's environment may decide anything. */
function environment(node: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', HOME: '/root', NODENAME: node };
}

/** How a node differs from what the scenarios run. */
export interface LinnetOptions {
  /** Another copy of the launcher. */
  readonly program?: string;
  /** More words for `run`. Default: a SIGTERM is for good, so that nobody keeps routes for a restart. */
  readonly more?: readonly string[];
  /** Ms between a SIGTERM and the SIGKILL for a daemon that has not ended. Default 5000. */
  readonly patienceMs?: number;
}

/** Makes a node; `directory` gets its sockets, state and log. */
export function makeLinnet(
  host: Host,
  directory: string,
  datastore: string,
  { program = launcher, more = ['--shutdown', 'cease'], patienceMs = 5000 }: LinnetOptions = {},
): LinnetNode {
  const runDirectory = join(directory, 'run');
  const stateDirectory = join(directory, 'state');
  mkdirSync(directory, { recursive: true });
  let running: Running | undefined;
  return {
    host,
    start: () => {
      const files = ['--datastore', 'file', '--path', datastore, '--run-dir', runDirectory, '--state-dir', stateDirectory];
      const args = ['netns', 'exec', host.namespace, process.execPath, program, 'run', ...files, ...more, '--log-level', 'debug'];
      running = start('ip', args, join(directory, 'linnet.log'), environment(host.name));
    },
    stop: async (signal) => running?.stop(signal, patienceMs),
    alive: () => {
      const dead = running?.dead();
      if (dead !== undefined) throw new Hopeless(dead);
    },
    ask: async (...words) => {
      const args = [launcher, ...words, '--api', join(runDirectory, 'linnet.sock'), '-o', 'json'];
      return JSON.parse(await run(process.execPath, args));
    },
  };
}
