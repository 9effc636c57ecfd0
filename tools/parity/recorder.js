/** Drives the recorder of a parity folder from a copy outside the tree, which also keeps Python's caches out of the folder. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** Seconds a scenario may take to become steady; BIRD's recovery alone may take 240 (bird-behaviour, start-up). */
const LIMIT = { native: '60', 'native-compat': '60', bird1: '300', bird2: '300' };

/** A copy of the recorder with one folder for scenarios and one for results. `remove` takes all of it away. */
export function prepare(parity, tool) {
  const home = mkdtempSync(join(tmpdir(), 'linnet-parity-'));
  cpSync(tool, join(home, 'tool'), { recursive: true });
  return { home, parity, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** Names of all scenarios below the folder, sorted: paths without `.json`. */
export function scenarioNames(parity) {
  const root = join(parity, 'scenarios');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).slice(0, -'.json'.length))
    .toSorted();
}

const KERNEL_ROUTES = `
import json, sys
from oracle import probes, scenario
out = {}
for name, path in json.load(sys.stdin).items():
    s = scenario.load(path)
    out[name] = {f: [[r["prefix"], r["kind"] + " " + r["note"]] for r in probes.kernel_routes(s, int(f))] for f in s["families"]}
print(json.dumps(out))
`;

/** What the recorder puts into the kernel before it starts the node: by scenario and family, \`[prefix, 'KIND NOTE']\`. */
export function kernelRoutes({ home, parity }, names) {
  const input = JSON.stringify(Object.fromEntries(names.map((name) => [name, join(parity, 'scenarios', `${name}.json`)])));
  const done = spawnSync('python3', ['-c', KERNEL_ROUTES], {
    input,
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: join(home, 'tool') },
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Error(`the recorder's probes: ${done.stderr}`);
  return JSON.parse(done.stdout);
}

/** The command of the node under test: Linnet on the scenario's resources, with everything it writes in the recorder's scratch folder. */
export function nodeCommand(engine, linnet, birds) {
  const common = `"$ORACLE_INPUTS" --run-dir "$ORACLE_WORK" --state-dir "$ORACLE_WORK" --http none`;
  const run = `exec "${process.execPath}" "${linnet}" run --datastore file --path ${common}`;
  if (engine === 'native') return run;
  if (engine === 'native-compat') return `${run} --compat calico`;
  if (engine === 'bird1')
    return `${run} --compat calico --engine bird1 --bird "${birds.bird16}/usr/sbin/bird" --bird6 "${birds.bird16}/usr/sbin/bird6"`;
  return `${run} --compat calico --engine bird2 --bird "${birds.bird2}"`;
}

/** Records scenarios with an engine, `jobs` at a time; resolves to the folder of results. Lines of progress go to `say`. */
export function record({ home, parity }, { engine, names, command, jobs, round }, say) {
  const [scenarios, out] = [join(home, `${engine}-${round}`, 'scenarios'), join(home, `${engine}-${round}`, 'behaviour')];
  for (const name of names) {
    mkdirSync(dirname(join(scenarios, name)), { recursive: true });
    cpSync(join(parity, 'scenarios', `${name}.json`), join(scenarios, `${name}.json`));
  }
  mkdirSync(out, { recursive: true });
  const args = [
    'batch',
    scenarios,
    out,
    '--inputs',
    join(parity, 'inputs'),
    '--dut',
    'command',
    '--cmd',
    command,
    '-j',
    String(jobs),
    '--limit',
    LIMIT[engine],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(join(home, 'tool', 'run-oracle'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line.startsWith('[')) say(`${engine} ${line}`);
    });
    child.on('error', reject);
    // Its status says whether all was quiet; what that means is for the comparison.
    child.on('close', () => resolve(out));
  });
}

/** A behaviour file; undefined where the recorder wrote none. */
export function behaviour(folder, name) {
  const path = join(folder, `${name}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** True where the recorder's own comparison finds nothing; the comparison here must say the same. */
export function sameByRecorder({ home }, reference, folder, name) {
  const files = [reference, folder].map((one) => join(one, `${name}.json`));
  return spawnSync(join(home, 'tool', 'run-oracle'), ['diff', ...files], { stdio: 'ignore' }).status === 0;
}
