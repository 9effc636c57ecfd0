/**
 * Runs rrbench scenarios against `linnet speaker` and holds the counters that must be 0: those of the tester's own verdict and
 * the five that contracts.md adds for Linnet. Arguments: the built bench directory, then scenarios.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { complaints } from '../tools/bench/counters.js';

/** One scenario's limit in ms; calico-500 takes some 20 s. */
const LIMIT = 180_000;

const [bench, ...scenarios] = process.argv.slice(2);
const speaker = `cmd:${process.execPath} ${resolve('bin/linnet.js')} speaker {config}`;

function runOne(scenario) {
  const out = join(bench, 'results');
  const args = [speaker, scenario, '--name', 'linnet', '--out', out, '--work', join(bench, 'work')];
  const done = spawnSync(join(bench, 'run.sh'), args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: LIMIT, killSignal: 'SIGTERM' });
  try {
    const wrong = complaints(JSON.parse(readFileSync(join(out, `linnet--${scenario}.json`), 'utf8')));
    return done.status === 0 || wrong.length > 0 ? wrong : [`run.sh ended with ${done.status ?? done.signal}`];
  } catch (error) {
    return [`no result: ${error.message}`];
  }
}

let failed = 0;
for (const scenario of scenarios) {
  const wrong = runOne(scenario);
  if (wrong.length > 0) failed += 1;
  process.stdout.write(`${wrong.length === 0 ? 'ok' : 'FAILED'} rrbench ${scenario}${wrong.map((one) => `; ${one}`).join('')}\n`);
}
process.stdout.write(`\n${scenarios.length - failed} passed, ${failed} failed, 0 skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
