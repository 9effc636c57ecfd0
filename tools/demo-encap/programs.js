/** Programs of the demo: run to their end, or kept running with their output in a file; and waiting for what they bring about. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Between two looks, ms. A look that starts a program takes a few more. */
const LOOK_EVERY = 10;

/** Words that start a program in a network namespace. /sys stays that of the machine, so that bpffs is there. */
export const within = (namespace) => ['nsenter', `--net=/var/run/netns/${namespace}`, '--'];

/** Standard output of a program that ends within `limit` ms; rejects with its last words where it fails. */
export function run(words, limit = 20_000) {
  const [command, ...args] = words;
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: limit, encoding: 'utf8', maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${words.join(' ')}: ${(stderr || stdout || error.message).trim().slice(0, 400)}`));
    });
  });
}

/** Whether a program is installed. */
export const installed = (command) =>
  run(['sh', '-c', `command -v ${command}`]).then(
    () => true,
    () => false,
  );

/** A program that keeps running, its output appended to `log`. */
export function keepRunning(words, log) {
  const [command, ...args] = words;
  const out = openSync(log, 'a');
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/root' };
  const child = spawn(command, args, { stdio: ['ignore', out, out], env });
  closeSync(out);
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  return {
    /** Throws the end of its log where it has ended. */
    alive: () => {
      if (!running()) throw new Error(`${words.slice(3, 6).join(' ')} ended: ${readFileSync(log, 'utf8').slice(-600)}`);
    },
    stop: async (signal = 'SIGTERM') => {
      if (!running()) return;
      child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), 6_000);
      await ended;
      clearTimeout(force);
    },
  };
}

/** Ms until `look` gave something that is true; rejects after `limit` ms with the last reason. */
export async function until(limit, look, signal) {
  const from = performance.now();
  for (let reason = 'not seen'; ; await pause(LOOK_EVERY)) {
    signal?.throwIfAborted();
    try {
      if (await look()) return Math.round(performance.now() - from);
    } catch (error) {
      reason = error.message;
    }
    if (performance.now() - from > limit) throw new Error(`not within ${limit / 1000} s: ${reason}`);
  }
}
