/** The speaker's loop at 2,000 clients: slices of work, lateness, and a stall of two thirds of the hold time. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { complaints } from './counters.js';
import { LINNET } from './figures.js';
import { publish } from './publish.js';
import { runOne } from './rrbench.js';

const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
/** Bars: thread CPU of a slice and 99th percentile of the loop's lateness, ms. */
const SLICE_MOST_MS = 10;
const DELAY_P99_MOST_MS = 15;
/** Hold time of the stall, seconds, and how long the speaker is stopped. */
const HOLD_S = 9;
const STALL_MS = (HOLD_S * 1000 * 2) / 3;

const groups = (clients, services) => [`n=${clients},pfx=4,base=10.64.0.0/26`, `n=1,pfx=${services},base=172.16.0.0/32`];
const stalled = ['--hold', String(HOLD_S), '--timeout', '60', '--churn-rate', '10', '--churn-secs', '14'];

/** Scenarios of this part, in rrbench's own form. */
export const SCENARIOS = {
  'loop-2000': [groups(2000, 10_000), 'connect,load,drop,readd', ['--timeout', '90', '--hold', '240']],
  'loop-250': [groups(250, 1000), 'connect,load,drop,readd', []],
  'stall-2000': [groups(2000, 1000), 'connect,load,churn', stalled],
  'stall-250': [groups(250, 1000), 'connect,load,churn', stalled],
};

/** Signals the daemon that the driver started, by its pid file; false where there is none to signal. */
function signalDaemon(bench, scenario, name) {
  const work = join(bench.directory, 'work');
  try {
    const folder = readdirSync(work).find((one) => one.startsWith(`${LINNET}-${scenario}-`)) ?? '';
    return process.kill(Number(readFileSync(join(work, folder, 'pid'), 'utf8')), name);
  } catch {
    return false;
  }
}

/** Calls `then` once, when the tester has said `words`. */
function whenSaid(child, words, then) {
  let text = '';
  const look = (chunk) => {
    text += chunk;
    if (!words.test(text)) return;
    child.stderr.off('data', look);
    then();
  };
  child.stderr.on('data', look);
}

/** The speaker with meters in one scenario; `memory` looks at its tables, `stall` stops it for a while once everything is loaded. */
export async function probeRun(bench, { scenario, out, memory = false, stall = false }) {
  const file = join(out, `probe-${scenario}.json`);
  const signal = (name) => signalDaemon(bench, scenario, name);
  let stalled = false;
  const outcome = await runOne(bench, {
    scenario,
    daemon: LINNET,
    out,
    command: `${process.execPath} ${memory ? '--expose-gc ' : ''}${PROBE} {config} ${file}${memory ? ' --memory' : ''}`,
    onStart: (child) => {
      whenSaid(child, /^== /m, () => signal('SIGUSR2'));
      if (stall) {
        whenSaid(child, /^load +ok/m, () => {
          if (!signal('SIGSTOP')) return;
          setTimeout(() => {
            stalled = signal('SIGCONT');
          }, STALL_MS);
        });
      }
    },
  });
  if (outcome.result === undefined) return { ...outcome, stalled, probe: undefined };
  return { ...outcome, stalled, probe: JSON.parse(readFileSync(file, 'utf8')) };
}

const ms = (value) => `${value.toFixed(1)} ms`;
const held = (ok) => (ok ? 'met' : 'not met');

function describe({ slices, inputs, loop, work }) {
  const perSlice = Object.entries(work)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`);
  return [
    `slices: ${slices.count}, thread CPU p99 ${ms(slices.p99)}, longest ${ms(slices.max)}, ${slices.over} over ${SLICE_MOST_MS} ms (bar: none; ${held(slices.over === 0)})`,
    `work in a slice: at most ${slices.unitsMax} outputs and ${(slices.octetsMax / 1024).toFixed(0)} KiB; all in all ${perSlice.join(', ')}`,
    `inputs: ${inputs.count}, thread CPU p99 ${ms(inputs.p99)}, longest ${ms(inputs.max)}`,
    `loop delay: p50 ${ms(loop.p50)}, p99 ${ms(loop.p99)}, longest ${ms(loop.max)} (bar: p99 ≤ ${DELAY_P99_MOST_MS} ms; ${held(loop.p99 <= DELAY_P99_MOST_MS)})`,
  ];
}

/** Runs the part; returns what was wrong in words. */
export async function runLoop(bench, { out, quick, say, root, publish: toPublish }, stopped) {
  const clients = quick ? 250 : 2000;
  const folder = join(out, 'loop');
  const faults = [];
  const judge = (what, { result, words }) =>
    faults.push(...(result === undefined ? [`${what}: no result: ${words}`] : complaints(result).map((wrong) => `${what}: ${wrong}`)));
  say(`loop: ${clients} clients, then a stall of ${STALL_MS / 1000} s at a hold time of ${HOLD_S} s, about ${quick ? 0.6 : 1.2} min`);
  const loaded = await probeRun(bench, { scenario: `loop-${clients}`, out: folder });
  judge(`loop-${clients}`, loaded);
  const lines = loaded.probe === undefined ? [] : describe(loaded.probe);
  if (!stopped()) {
    const stall = await probeRun(bench, { scenario: `stall-${clients}`, out: folder, stall: true });
    judge(`stall-${clients}`, stall);
    if (!stall.stalled) faults.push(`stall-${clients}: the speaker was not stopped`);
    const flaps = stall.result?.conformance.session_flaps;
    lines.push(
      `stall of ${STALL_MS / 1000} s: ${flaps ?? 'no result,'} resets (bar: 0; ${held(flaps === 0)}), loop delay ${ms(stall.probe?.loop.max ?? 0)} at most`,
    );
  }
  for (const line of lines) say(`  ${line}`);
  writeFileSync(join(folder, 'loop.txt'), `${lines.join('\n')}\n`);
  if (toPublish && !stopped()) say(publish(join(root, 'docs', 'benchmarks.md'), 'bench-loop', lines.map((line) => `- ${line}`).join('\n')));
  return faults;
}
