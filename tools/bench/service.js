/**
 * How long a change of a Service takes to a real ToR: from the rename of its file to the line in BIRD's own log of routes (`debug { routes }`),
 * both on the clock of this kernel. The native engine and the BIRD engine in one run. Needs root, bird2 and a built tree:
 * `npm run bench:service [-- --changes N]`. Bar: p99 of the native engine at most 20 ms, on a quiet machine.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BAR_MS = 20;
const WAIT_MS = 5000;
const LAUNCHER = fileURLToPath(new URL('../../bin/linnet.js', import.meta.url));
const [NODE, TOR] = ['172.31.9.2', '172.31.9.1'];
const at = process.argv.indexOf('--changes');
const changes = at < 0 ? 300 : Number(process.argv[at + 1]);
if (!Number.isInteger(changes) || changes < 10 || changes > 100_000) {
  console.error('--changes: a whole number, 10 to 100000');
  process.exit(2);
}

const TOR_CONFIGURATION = `router id ${TOR};
timeformat log "%s.%6f";
log stderr all;
protocol device {}
protocol bgp node {
  local ${TOR} as 65000; neighbor ${NODE} as 64512;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  debug { routes };
  ipv4 { import all; export none; };
}
`;

const yaml = (apiVersion, kind, name, rest) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, ...(rest.metadata ?? {}) }, ...rest.body });
const calico = (kind, name, spec) => yaml('projectcalico.org/v3', kind, name, { body: { spec } });

const FIXED = {
  'configuration.json': calico('BGPConfiguration', 'default', {
    nodeToNodeMeshEnabled: false,
    serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }],
    serviceLoadBalancerAggregation: 'Disabled',
  }),
  'node.json': calico('Node', 'node-1', { bgp: { ipv4Address: `${NODE}/24` } }),
  'peer.json': calico('BGPPeer', 'tor', { peerIP: TOR, asNumber: 65000 }),
  'slice.json': yaml('discovery.k8s.io/v1', 'EndpointSlice', 'web-1', {
    metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    body: { addressType: 'IPv4', endpoints: [{ addresses: ['10.244.1.7'], nodeName: 'node-1', conditions: { ready: true } }] },
  }),
};

/** The Service with one LoadBalancer address. */
function service(address) {
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10'],
    ipFamilies: ['IPv4'],
    ports: [{ port: 80 }],
  };
  const status = { loadBalancer: { ingress: [{ ip: address }] } };
  return yaml('v1', 'Service', 'web', { metadata: { namespace: 'default' }, body: { spec, status } });
}

const ip = (...words) => execFileSync('ip', words, { encoding: 'utf8' });
const wallMs = () => performance.timeOrigin + performance.now();
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];

function start(namespace, log, command, words) {
  const out = openSync(log, 'w');
  const environment = { PATH: process.env['PATH'], HOME: '/root', NODENAME: 'node-1' };
  return spawn('ip', ['netns', 'exec', namespace, command, ...words], { stdio: ['ignore', out, out], env: environment });
}

/** The next line of the ToR's log that says a route for this address was added, after `from` octets; its time in ms. */
async function arrival(log, address) {
  const pattern = new RegExp(`^(\\d+\\.\\d+) .*> added .*${address.replaceAll('.', '\\.')}/32`, 'm');
  for (const end = wallMs() + WAIT_MS; wallMs() < end; await pause(3)) {
    const found = pattern.exec(readFileSync(log, 'utf8'));
    if (found !== null) return Number(found[1]) * 1000;
  }
  throw new Error(`${address} did not arrive within ${WAIT_MS} ms`);
}

async function measure(engine, directory) {
  const [node, tor] = ['node', 'tor'].map((name) => `lnt${process.pid}x1-${engine}-${name}`);
  const manifests = join(directory, 'manifests');
  mkdirSync(manifests, { recursive: true });
  const write = (name, text) => {
    writeFileSync(join(manifests, `.${name}.new`), text);
    const began = wallMs();
    renameSync(join(manifests, `.${name}.new`), join(manifests, name));
    return began;
  };
  for (const [name, text] of Object.entries(FIXED)) write(name, text);
  const running = [];
  try {
    for (const name of [node, tor]) ip('netns', 'add', name);
    ip('link', 'add', 'eth0', 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', tor);
    for (const [name, address] of [
      [node, NODE],
      [tor, TOR],
    ]) {
      ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      for (const device of ['eth0', 'lo']) ip('-n', name, 'link', 'set', device, 'up');
    }
    const configuration = join(directory, 'tor.conf');
    writeFileSync(configuration, TOR_CONFIGURATION);
    const log = join(directory, 'tor.log');
    running.push(start(tor, log, 'bird', ['-f', '-c', configuration, '-s', join(directory, 'tor.ctl'), '-P', join(directory, 'tor.pid')]));
    const places = ['--run-dir', join(directory, 'run'), '--state-dir', join(directory, 'state')];
    const words = [LAUNCHER, 'run', '--datastore', 'file', '--path', manifests, ...places, '--engine', engine];
    running.push(start(node, join(directory, 'linnet.log'), process.execPath, words));
    return await changesArrive(write, log);
  } finally {
    for (const child of running.reverse()) {
      child.kill('SIGTERM');
      await Promise.race([new Promise((resolve) => child.once('exit', resolve)), pause(5000)]);
      child.kill('SIGKILL');
    }
    for (const name of [node, tor]) ip('netns', 'del', name);
  }
}

async function changesArrive(write, log) {
  const address = (index) => `203.0.113.${1 + (index % 250)}`;
  const took = [];
  write('service.json', service('203.0.113.254'));
  for (let tries = 0; ; tries++) {
    const up = await arrival(log, '203.0.113.254').catch(() => undefined);
    if (up !== undefined) break;
    if (tries === 6) throw new Error('no session');
  }
  for (let index = 0; index < changes; index++) {
    // The log begins anew for each change, so that it is short to read and holds nothing of an earlier one.
    writeFileSync(log, '');
    const began = write('service.json', service(address(index)));
    took.push((await arrival(log, address(index))) - began);
    await pause(20 + (index % 10) * 5);
  }
  return took.sort((a, b) => a - b);
}

const directory = mkdtempSync(join(tmpdir(), 'linnet-service-'));
let met = true;
try {
  console.log(
    `${changes} changes of one Service, from the rename of its file to the ToR's route log; ${cpus().length} CPUs, load ${loadavg()[0]?.toFixed(1)}`,
  );
  for (const engine of ['native', 'bird2']) {
    const took = await measure(engine, join(directory, engine));
    const figures = [0.5, 0.9, 0.99, 1].map((share) => (percentile(took, share) ?? 0).toFixed(1));
    const p99 = percentile(took, 0.99) ?? Infinity;
    const verdict = engine === 'native' ? `, bar ${BAR_MS} ms: ${p99 <= BAR_MS ? 'met' : 'MISSED'}` : '';
    if (engine === 'native') met = p99 <= BAR_MS;
    console.log(`${engine}: median ${figures[0]} ms, p90 ${figures[1]} ms, p99 ${figures[2]} ms, longest ${figures[3]} ms${verdict}`);
  }
  process.exitCode = met ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
