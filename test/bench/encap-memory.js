/**
 * What the agent of one node among 5,000 with 20 blocks each takes: the process as it is started, with manifests as its datastore (one
 * JSON list, 17 MB), until it is ready and everything is in the kernel, and the memory it then holds. Needs root and a built
 * tree: `npm run build && node test/bench/encap-memory.js [--rounds N]`. Bar (median): 350 MB resident after it is in sync.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const NODES = 5_000;
const BLOCKS = 20;
const BAR_MB = 350;
const LIMIT_MS = 60_000;
/** The agent's figures are told every second; what only passed by is gone by then. */
const QUIET_MS = 3_000;
const AGENT = fileURLToPath(new URL('../../bin/node-agent.js', import.meta.url));
const argument = process.argv.indexOf('--rounds');
const rounds = (argument > 0 && Number(process.argv[argument + 1])) || 3;
const run = (...words) => execFileSync(words[0], words.slice(1), { encoding: 'utf8' });
const text = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
const hex = (octet) => octet.toString(16).padStart(2, '0');
const calico = (kind, name, spec) => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

function clusterText() {
  const items = [calico('IPPool', 'pool', { cidr: '10.0.0.0/8', vxlanMode: 'Always' })];
  for (let index = 0; index <= NODES; index++) {
    const spec = {
      bgp: { ipv4Address: `${text(0xac100001 + index * 256)}/24` },
      ipv4VXLANTunnelAddr: text(0x0a800000 + index),
      vxlanTunnelMACAddr: `66:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
    };
    items.push(calico('Node', `node-${index}`, spec));
  }
  // As a cluster fills up: every node's first, then every node's second.
  for (let at = 0; at < NODES * BLOCKS; at++) {
    const node = `node-${1 + (at % NODES)}`;
    const cidr = text(0x0a000000 + at * 64);
    const name = `${node}-${cidr.replaceAll('.', '-')}-26`;
    items.push(calico('BlockAffinity', name, { node, state: 'confirmed', cidr: `${cidr}/26`, deleted: 'false' }));
  }
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function makeNamespace(namespace) {
  const ip = (...words) => run('ip', ...words);
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  for (const name of ['lo', 'eth0', 'eth1']) ip('-n', namespace, 'link', 'set', name, 'up');
  ip('-n', namespace, 'addr', 'add', '172.16.0.1/24', 'dev', 'eth0');
}

function inside(namespace, words) {
  return ['nsenter', [`--net=/var/run/netns/${namespace}`, ...words]];
}

/** A probe's answer, '' while there is none. */
function ask(namespace, path) {
  const [command, words] = inside(namespace, ['sh', '-c', `curl -sf -m 5 http://localhost:9099${path} || true`]);
  return execFileSync(command, words, { encoding: 'utf8' });
}

const memory = (pid, field) =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function measure(namespace, place, more) {
  const words = [
    ...['--node', 'node-0', '--path', join(place, 'cluster.json'), '--run-dir', join(place, 'run'), '--state-dir', join(place, 'state')],
    ...['--mtu-file', join(place, 'mtu'), '--endpoint-status-path-prefix', place, '--instance', namespace, '--log-level', 'warn', ...more],
  ];
  const started = performance.now();
  const agent = spawn(...inside(namespace, [process.execPath, AGENT, 'run', ...words]), { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  try {
    while (ask(namespace, '/readiness') === '') {
      if (agent.exitCode !== null || performance.now() - started > LIMIT_MS) throw new Error(`not ready, exit ${agent.exitCode}`);
      await pause(50);
    }
    const ready = performance.now() - started;
    const cpu = readFileSync(`/proc/${agent.pid}/stat`, 'utf8')
      .split(' ')
      .slice(13, 15)
      .reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
    await pause(QUIET_MS);
    const routes = Number(/^linnet_agent_routes\{class="vxlan-tunnel"\} (\d+)$/m.exec(ask(namespace, '/metrics'))?.[1]);
    if (!(routes >= NODES * BLOCKS)) throw new Error(`${routes} routes wanted`);
    if (process.env.LINNET_HEAP !== undefined) await snapshot(namespace, process.env.LINNET_HEAP);
    return { ready, cpu, resident: memory(agent.pid, 'VmRSS'), peak: memory(agent.pid, 'VmHWM') };
  } finally {
    agent.kill('SIGTERM');
    await ended;
  }
}

async function snapshot(namespace, file) {
  const [command, words] = inside(namespace, ['sh', '-c', `curl -sf -m 120 http://localhost:9299/debug/heap > ${file}`]);
  execFileSync(command, words, { encoding: 'utf8' });
}

const results = [];
const cluster = clusterText();
for (let round = 0; round < rounds; round++) {
  const namespace = `lnt${process.pid}x${round + 1}-bench`;
  const place = mkdtempSync(join(tmpdir(), 'linnet-memory-'));
  try {
    writeFileSync(join(place, 'cluster.json'), cluster);
    makeNamespace(namespace);
    const result = await measure(namespace, place, process.env.LINNET_HEAP === undefined ? [] : ['--debug-port', '9299']);
    results.push(result);
    const { ready, cpu, resident, peak } = result;
    const octets = statSync(join(place, 'cluster.json')).size / 1e6;
    process.stdout.write(
      `${octets.toFixed(0)} MB of manifests: ready after ${ready.toFixed(0)} ms (CPU ${cpu.toFixed(0)}), ${resident.toFixed(0)} MiB resident, ${peak.toFixed(0)} at most\n`,
    );
  } finally {
    run('ip', 'netns', 'del', namespace);
    rmSync(place, { recursive: true, force: true });
  }
}
const median = (key) => results.map((result) => result[key]).sort((a, b) => a - b)[results.length >> 1];
process.stdout.write(
  `medians of ${rounds}: ready after ${median('ready').toFixed(0)} ms (CPU ${median('cpu').toFixed(0)}), ${median('resident').toFixed(0)} MiB resident (bar ${BAR_MB}), ${median('peak').toFixed(0)} at most\n`,
);
process.exitCode = median('resident') <= BAR_MB ? 0 : 1;
