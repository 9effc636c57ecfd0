/**
 * `npm run test:fuzz -- [--minutes N] [--seed N] [--target TEXT]`: the fuzz targets for N minutes in all (default 2), with a watchdog: a
 * decoder that hangs keeps its own process from saying so. Exit status 0 all held, 1 one did not, 2 the arguments are wrong.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** A batch takes well under a second; this long without the next one is a hang even on a busy machine. */
const HANG_MS = 120_000;
const LOOK_MS = 5_000;

function usage(text) {
  process.stderr.write(`${text}\nnpm run test:fuzz -- [--minutes N, 0.1 to 10080] [--seed N] [--target TEXT]\n`);
  process.exit(2);
}

function readArguments(args) {
  const options = { minutes: '2', seed: String(Math.floor(Math.random() * 0xffff_ffff)), target: '' };
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at]?.replace(/^--/, '') ?? '';
    if (!args[at]?.startsWith('--') || !(name in options) || args[at + 1] === undefined) usage(`${args[at]}: not understood`);
    options[name] = args[at + 1];
  }
  if (!(Number(options.minutes) >= 0.1 && Number(options.minutes) <= 10_080)) usage(`--minutes ${options.minutes}: must be 0.1 to 10080`);
  if (!/^\d{1,10}$/.test(options.seed)) usage(`--seed ${options.seed}: must be a whole number`);
  return options;
}

/** Runs vitest in a process group of its own, so that a hanging worker can be ended with it. */
function run({ minutes, seed, target }, heartbeat) {
  const env = {
    ...process.env,
    LINNET_FUZZ_MINUTES: minutes,
    LINNET_FUZZ_SEED: seed,
    LINNET_FUZZ_TARGET: target,
    LINNET_FUZZ_HEARTBEAT: heartbeat,
  };
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  return spawn(process.execPath, [vitest, 'run', 'test/fuzz'], { cwd: root, env, stdio: 'inherit', detached: true });
}

const options = readArguments(process.argv.slice(2));
const directory = mkdtempSync(join(tmpdir(), 'linnet-fuzz-'));
const heartbeat = join(directory, 'batch');
process.stdout.write(`fuzz for ${options.minutes} minutes, seed ${options.seed}\n`);
const child = run(options, heartbeat);
const end = () => process.kill(-child.pid, 'SIGKILL');
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);
const watchdog = setInterval(() => {
  const at = statSync(heartbeat, { throwIfNoEntry: false })?.mtimeMs;
  if (at === undefined || Date.now() - at < HANG_MS) return;
  process.stdout.write(`a hang: ${readFileSync(heartbeat, 'utf8')}`);
  end();
}, LOOK_MS);
child.once('exit', (code) => {
  clearInterval(watchdog);
  rmSync(directory, { recursive: true, force: true });
  process.exitCode = code ?? 1;
});
