/**
 * `npm run bench`: Linnet against FRR and BIRD by rrbench, with the bars, growth of cost, the loop and the slow peer. Exit status 0
 * when everything ran and Linnet's counters are 0, whether or not the bars are met: a bar is a figure, a counter is a fault.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, USAGE } from './arguments.js';
import { GATES } from './bars.js';
import { LINNET } from './figures.js';
import { CELLS, runGrowth } from './growth.js';
import { runLoop, SCENARIOS } from './loop.js';
import { runMatrix } from './matrix.js';
import { publish } from './publish.js';
import { interrupt, obstacles, prepare } from './rrbench.js';
import { runSlow } from './slow.js';
import { markdown, rowsOf } from './table.js';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const say = (line) => process.stdout.write(`${line}\n`);

function firstLine(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  return `${done.stdout ?? ''}${done.stderr ?? ''}`.split('\n')[0].trim();
}

/** One line on what was measured where: figures without it cannot be compared. */
function about(rounds, runs) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const versions = [firstLine('/usr/sbin/bird', ['--version']), firstLine('/usr/lib/frr/bgpd', ['--version'])].filter(
    (text) => text !== '',
  );
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`;
  const fewer = Object.entries(runs).flatMap(([scenario, { [LINNET]: own = [] }]) =>
    own.length < rounds ? [`${own.length} of ${scenario}`] : [],
  );
  return `${rounds} rounds${fewer.length === 0 ? '' : ` (${fewer.join(', ')})`} at ${commit}, Node ${process.version}, ${versions.join(', ')}; daemon and tester on one core each of ${machine}.`;
}

async function bars(bench, options, stopped) {
  const { runs, faults, rounds } = await runMatrix(bench, { ...options, startedAt: performance.now() }, say, stopped);
  const rows = rowsOf(runs);
  const text = markdown(rows, about(rounds, runs));
  writeFileSync(join(options.out, 'bars.json'), `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(join(options.out, 'bars.md'), `${text}\n`);
  say(`\n${text}\n`);
  if (options.publish && !stopped()) {
    for (const file of ['README.md', 'docs/benchmarks.md']) say(publish(join(root, file), 'bench-table', text));
  }
  return faults;
}

const PARTS = { bars, loop: runLoop, slow: runSlow, growth: runGrowth };

async function main() {
  const options = readArguments(process.argv.slice(2), new Date());
  if (options.help) return say(USAGE);
  options.out = resolve(options.out);
  const shared = resolve(root, process.env.LINNET_SHARED ?? '../shared');
  const missing = obstacles(shared, options.daemons);
  if (missing.length > 0) throw new Error(missing.join('\n'));
  if (options.build && spawnSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0) {
    throw new Error('the build failed');
  }
  mkdirSync(options.out, { recursive: true });
  const bench = prepare(shared, { ...SCENARIOS, ...CELLS, ...GATES }, options.resume);
  let ended = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      ended = true;
      interrupt();
    });
  }
  // Whatever ends this process: no daemon outlives it.
  process.once('exit', interrupt);
  const faults = [];
  try {
    for (const part of options.parts) {
      if (!ended) faults.push(...(await PARTS[part](bench, { ...options, root, say }, () => ended)));
    }
  } finally {
    bench.remove();
  }
  for (const fault of faults) say(`FAILED ${fault}`);
  say(`results: ${options.out}`);
  process.exitCode = ended ? 130 : faults.length > 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
