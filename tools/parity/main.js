/**
 * `npm run parity`: what a Calico node does, as recorded, against what Linnet does with the same resources and the same probes, on each
 * engine. Every difference is explained by docs/parity-differences.yaml, and every entry there explains one. Needs root, python3, iproute2.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINES, readArguments, USAGE } from './arguments.js';
import { differences } from './compare.js';
import { explain, globOf, idle, readEntries } from './entries.js';
import { behaviour, kernelRoutes, nodeCommand, prepare, record, sameByRecorder, scenarioNames } from './recorder.js';
import { documentOf, tableOf, tally } from './report.js';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const say = (line) => process.stderr.write(`${line}\n`);

const bare = (prefix) => prefix.replace(/\/(32|128)$/, '');

/** Differences of one recorded scenario with what stood in the kernel at their prefixes; undefined where nothing was recorded. */
function seen(bench, folder, name, { routes, reference }) {
  const [recorded, ours] = [behaviour(reference, name), behaviour(folder, name)];
  if (recorded === undefined) throw new Error(`${name}: no recorded behaviour`);
  if (ours === undefined) return undefined;
  const there = new Map(
    Object.entries(routes).flatMap(([family, list]) => list.map(([prefix, text]) => [`${family} ${bare(prefix)}`, text])),
  );
  const found = differences(recorded, ours);
  if ((found.length === 0) !== sameByRecorder(bench, reference, folder, name))
    throw new Error(`${name}: the recorder's comparison and this one do not agree`);
  return found.map((one) => ({ ...one, scenario: name, kernelRoute: there.get(`${one.family} ${bare(one.prefix)}`) ?? '' }));
}

const NOTHING = {
  phase: '',
  section: 'problems',
  family: '',
  peer: '',
  prefix: '',
  field: 'recorder',
  recorded: 'a run',
  ours: 'none',
  kernelRoute: '',
};

async function runEngine(bench, engine, names, options) {
  const began = Date.now();
  const command = nodeCommand(engine, join(root, 'bin/linnet.js'), options.birds);
  const results = new Map();
  const used = new Map();
  let todo = names;
  for (let round = 0; round <= options.retries && todo.length > 0; round += 1) {
    const jobs = round === 0 ? options.jobs : 1;
    const folder = await record(bench, { engine, names: todo, command, jobs, round }, say);
    if (options.keep !== undefined) cpSync(folder, join(options.keep, engine), { recursive: true });
    for (const name of todo) {
      const found = seen(bench, folder, name, { routes: options.routes[name] ?? {}, reference: options.reference }) ?? [
        { ...NOTHING, scenario: name },
      ];
      results.set(name, {
        engine,
        scenario: name,
        differences: found.length,
        ...explain(options.entries, engine, found),
        again: round > 0,
      });
    }
    todo = todo.filter((name) => results.get(name).left.length > 0);
  }
  const list = [...results.values()].map(({ used: own, ...result }) => {
    for (const [name, count] of own) used.set(name, (used.get(name) ?? 0) + count);
    return result;
  });
  const unused = idle(options.entries, engine, names, used).map((entry) => entry.name);
  return { list, summary: { name: engine, seconds: Math.round((Date.now() - began) / 1000), used, idle: unused } };
}

/** Why an engine cannot be run here; undefined where it can. */
function obstacle(engine, birds) {
  if (engine === 'bird1' && !existsSync(join(birds.bird16, 'usr/sbin/bird'))) return 'LINNET_BIRD16 names no unpacked BIRD 1.6';
  return engine === 'bird2' && !existsSync(birds.bird2) ? `there is no ${birds.bird2}` : undefined;
}

function foldersOf({ scenarios }) {
  const shared = join(resolve(root, process.env.LINNET_SHARED ?? '../shared'), 'parity');
  const parity = scenarios === undefined ? shared : resolve(scenarios);
  const tool = [parity, shared].map((folder) => join(folder, 'tool')).find((folder) => existsSync(join(folder, 'run-oracle')));
  if (tool === undefined || !existsSync(join(parity, 'scenarios')))
    throw new Error(`${parity}: no scenarios/ there, or no recorder in its tool/`);
  return { parity, tool };
}

/** The engine whose behaviour stands for a record where a folder has none: the BIRD that Calico's is made from. */
const LIVE = 'bird1';

/** The folder of recorded behaviour; without one, of what `LIVE` does now. */
async function referenceOf(bench, names, birds, jobs) {
  const folder = join(bench.parity, 'behaviour');
  if (existsSync(folder)) return folder;
  const because = obstacle(LIVE, birds);
  if (because !== undefined) throw new Error(`${folder}: is not there, and ${LIVE} cannot be recorded: ${because}`);
  const command = nodeCommand(LIVE, join(root, 'bin/linnet.js'), birds);
  return record(bench, { engine: LIVE, names, command, jobs, round: 'live' }, say);
}

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) return process.stdout.write(`${USAGE}\n`);
  const { parity, tool } = foldersOf(options);
  const names = scenarioNames(parity).filter((name) => options.only.length === 0 || options.only.some((pattern) => globOf(pattern)(name)));
  if (names.length === 0) throw new Error(`no scenario in ${parity} has such a name`);
  if (options.build && spawnSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'inherit' }).status !== 0)
    throw new Error('the build failed');
  const entries = readEntries(readFileSync(join(root, 'docs/parity-differences.yaml'), 'utf8'));
  const birds = { bird16: process.env.LINNET_BIRD16 ?? '', bird2: '/usr/sbin/bird' };
  const findings = { results: [], engines: [], entries, skipped: [] };
  const bench = prepare(parity, tool);
  try {
    const reference = await referenceOf(bench, names, birds, options.jobs);
    const live = reference !== join(parity, 'behaviour');
    const shared = { ...options, entries, birds, reference, routes: kernelRoutes(bench, names) };
    for (const engine of options.engines ?? (live ? ['native-compat'] : ENGINES)) {
      const because = obstacle(engine, birds);
      if (because !== undefined) findings.skipped.push({ engine, because });
      else {
        const { list, summary } = await runEngine(bench, engine, names, shared);
        findings.results.push(...list);
        // Only all the recorded scenarios can show that an entry is idle.
        findings.engines.push(options.only.length === 0 && !live ? summary : { ...summary, idle: [] });
      }
    }
  } finally {
    bench.remove();
  }
  const { passed, failed } = tally(findings);
  process.stdout.write(
    options.json
      ? `${JSON.stringify(documentOf(findings), null, 1)}\n`
      : `${tableOf(findings)}\n\n${passed} passed, ${failed} failed, ${findings.skipped.length} skipped\n`,
  );
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

await main().catch((error) => {
  process.stderr.write(`parity: ${error.message}\n`);
  process.exitCode = 2;
});
