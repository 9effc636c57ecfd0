/** Runs the built program as a user would: `bin/linnet.js`, its own process, a clean environment. */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LAUNCHER = join(ROOT, 'bin', 'linnet.js');

if (!existsSync(join(ROOT, 'dist', 'src', 'cli', 'main.js')))
  throw new Error('these tests run the built program: run "npm run build" first');

/** Outcome of one command. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts a command and leaves it running. */
export function launch(
  args: readonly string[],
  options: RunOptions,
): { child: ChildProcess; ended: Promise<Outcome>; stderr: () => string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...options.env };
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env, cwd: options.cwd ?? tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
  const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended, stderr: () => stderr };
}

/** Runs a command to its end. */
export async function linnet(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return await launch(args, options).ended;
}

/** A daemon under test. */
export interface RunningDaemon {
  readonly runDir: string;
  /** Of its process; -1 where it could not be started. */
  readonly pid: number;
  /** A client command against this daemon. */
  ask(...args: string[]): Promise<Outcome>;
  /** The parsed document of a client command with `-o json`; undefined where it failed. */
  json(...args: string[]): Promise<unknown>;
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
  log(): string;
}

/** Starts `linnet run`. */
export function startDaemon(folder: string, name: string, args: readonly string[]): RunningDaemon {
  const runDir = join(folder, name);
  const { child, ended, stderr } = launch(
    ['run', '--node', name, '--run-dir', runDir, '--state-dir', join(runDir, 'state'), '--http', 'none', ...args],
    {},
  );
  const ask = (...rest: string[]): Promise<Outcome> => linnet([...rest, '--run-dir', runDir]);
  return {
    runDir,
    pid: child.pid ?? -1,
    ask,
    json: async (...rest) => {
      const { stdout } = await ask(...rest, '-o', 'json');
      return stdout === '' ? undefined : JSON.parse(stdout);
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return await ended;
    },
    log: stderr,
  };
}

/** Asks again until the answer is there; fails after `seconds`, which is far more than it takes where nothing else runs. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, seconds = 45): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not seen within ${seconds} s: ${what}`);
    await pause(50);
  }
}

/** A temporary folder with files; `dispose` removes it. */
export async function makeFolder(
  files: Readonly<Record<string, string>>,
): Promise<{ readonly path: string; write(name: string, text: string): Promise<void>; dispose(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'linnet-cli-'));
  const write = (name: string, text: string): Promise<void> => writeFile(join(path, name), text);
  await Promise.all(Object.entries(files).map(([name, text]) => write(name, text)));
  return { path, write, dispose: () => rm(path, { recursive: true, force: true }) };
}
