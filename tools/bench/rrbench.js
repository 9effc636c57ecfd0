/** rrbench in a temporary copy: built once, then one run at a time, each in a network namespace of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreignShare, LINNET } from './figures.js';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const MORE = fileURLToPath(new URL('more-scenarios.py', import.meta.url));
/** Beyond the sum of its phases' own limits something hangs. */
const RUN_LIMIT_MS = 420_000;

const DAEMONS = { bird2: '/usr/sbin/bird', 'frr-coalesce0': '/usr/lib/frr/bgpd', frr: '/usr/lib/frr/bgpd', gobgpd: '/usr/bin/gobgpd' };

/** The command line of the speaker as rrbench starts it. */
export const SPEAKER = `${process.execPath} ${join(root, 'bin/linnet.js')} speaker {config}`;

/** Why the bench cannot run here, one line each; empty where it can. `shared` is where rrbench is expected. */
export function obstacles(shared, daemons) {
  const found = [];
  if (!existsSync(join(shared, 'rrbench', 'rrtest.c'))) {
    found.push(`no rrbench in ${shared}: set LINNET_SHARED to the directory that holds rrbench/`);
  }
  for (const tool of ['gcc', 'make', 'python3', 'taskset', 'unshare', 'ip']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) found.push(`${tool} is not installed`);
  }
  for (const daemon of daemons) {
    const program = DAEMONS[daemon];
    if (program !== undefined && !existsSync(program)) found.push(`${daemon}: ${program} is not installed`);
  }
  if (process.getuid?.() !== 0) found.push('network namespaces need root');
  return found;
}

/** Copies and builds rrbench; `scenarios` are added to its own. With `resume` results that are there already stand for their runs. */
export function prepare(shared, scenarios, resume) {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-rrbench-'));
  cpSync(join(shared, 'rrbench'), directory, { recursive: true });
  const made = spawnSync('sh', ['-c', 'chmod -R u+w . && make -s'], { cwd: directory, encoding: 'utf8' });
  if (made.status !== 0) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`rrbench does not build: ${made.stderr}`);
  }
  writeFileSync(join(directory, 'more.json'), JSON.stringify(scenarios));
  return { directory, resume, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The result in a file; undefined where there is none, or where its run was cut off. */
function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

let running;

/** Ends the run that is under way, with the daemon it started. */
export function interrupt() {
  running?.kill('SIGTERM');
}

function wait(child, limitMs) {
  return new Promise((done) => {
    const timer = setTimeout(() => child.kill('SIGTERM'), limitMs);
    child.once('error', (error) => done({ status: undefined, error: error.message }));
    child.once('close', (status) => {
      clearTimeout(timer);
      done({ status, error: undefined });
    });
  });
}

/**
 * Runs one scenario against one daemon. `command` replaces rrbench's own template. Settles with the result, its share of foreign
 * CPU, and the tester's words where there is no result; `kept` where an interrupted bench made it.
 */
export async function runOne(bench, { scenario, daemon, out, command = daemon === LINNET ? SPEAKER : undefined, extra = [], onStart }) {
  mkdirSync(out, { recursive: true });
  const file = join(out, `${daemon}--${scenario}.json`);
  const before = bench.resume && command === (daemon === LINNET ? SPEAKER : undefined) ? readResult(file) : undefined;
  if (before !== undefined) return { result: before, foreign: foreignShare(before), words: 'from the run before', kept: true };
  rmSync(file, { force: true });
  const dut = command === undefined ? daemon : `cmd:${command}`;
  const args = [MORE, bench.directory, join(bench.directory, 'more.json'), dut, scenario, '--name', daemon, '--out', out];
  args.push('--work', join(bench.directory, 'work'), ...(extra.length > 0 ? ['--', ...extra] : []));
  const inside = 'ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; ip link set lo up && exec python3 "$@"';
  const child = spawn('unshare', ['--net', '--', 'sh', '-c', inside, 'sh', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running = child;
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (words += chunk));
  onStart?.(child);
  const { status, error } = await wait(child, RUN_LIMIT_MS);
  running = undefined;
  writeFileSync(file.replace(/json$/, 'log'), words);
  if (!existsSync(file)) return { result: undefined, foreign: 0, words: error ?? `exit ${status}: ${words.slice(-600)}` };
  const result = readResult(file);
  if (result === undefined) return { result, foreign: 0, words: `no whole result in ${file}` };
  return { result, foreign: foreignShare(result), words };
}
