/**
 * How long a change of a Service takes to a real ToR: from the rename of its file to the line in the ToR's own log of routes (BIRD 2 with
 * `debug { routes }`, FRR with `debug bgp updates in`), both on the clock of this kernel. The native engine to both ToRs and the BIRD engine in
 * one run. Needs root, bird2 and a built tree; without FRR its row is left out:
 * `npm run bench:service [-- --changes N]`. Bar: p99 of the native engine at most 20 ms, on a quiet machine.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

const BIRD_CONFIGURATION = `router id ${TOR};
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

const BGPD = '/usr/lib/frr/bgpd';

const FRR_CONFIGURATION = `frr defaults traditional
log timestamp precision 6
debug bgp updates in
router bgp 65000
 bgp router-id ${TOR}
 no bgp ebgp-requires-policy
 neighbor ${NODE} remote-as 64512
 neighbor ${NODE} timers connect 1
`;

const pattern = (before, address, after) => new RegExp(before + address.replaceAll('.', '\\.') + after, 'm');

/** The ToRs: how each is started, and the time in ms of the line of its log that says that it has the address. */
const TORS = {
  'BIRD 2': {
    start: (namespace, directory, log) => {
      const file = join(directory, 'tor.conf');
      writeFileSync(file, BIRD_CONFIGURATION);
      return start(namespace, log, 'bird', ['-f', '-c', file, '-s', join(directory, 'tor.ctl'), '-P', join(directory, 'tor.pid')]);
    },
    arrival: (text, address) => {
      const found = pattern('^\\0*(\\d+\\.\\d+) .*> added .*', address, '/32').exec(text);
      return found === null ? undefined : Number(found[1]) * 1000;
    },
  },
  FRR: {
    start: (namespace, directory, log) => {
      const place = join(directory, 'frr');
      const file = join(place, 'bgpd.conf');
      mkdirSync(place, { recursive: true });
      writeFileSync(file, FRR_CONFIGURATION);
      // bgpd drops to its own user, which must get to the directory and write there.
      const [, , uid, gid] = /^frr:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0].split(':') ?? [];
      for (let at = place; at !== tmpdir(); at = dirname(at)) chmodSync(at, 0o755);
      chownSync(place, Number(uid), Number(gid));
      const words = ['-f', file, '-i', join(place, 'bgpd.pid'), '--vty_socket', place, '-P', '0', '--no_zebra', '-p', '179'];
      return start(namespace, log, BGPD, [...words, '--log', 'stdout', '--log-level', 'debugging']);
    },
    arrival: (text, address) => {
      const found = pattern('^\\0*(\\d+/\\d+/\\d+ \\d+:\\d+:\\d+)(\\.\\d+) .*rcvd ', address, '/32').exec(text);
      return found === null ? undefined : new Date(String(found[1])).getTime() + Number(found[2]) * 1000;
    },
  },
};

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
  // Emptied between changes, so that what is written goes to its end.
  const out = openSync(log, 'a');
  const environment = { PATH: process.env['PATH'], HOME: '/root', NODENAME: 'node-1' };
  return spawn('ip', ['netns', 'exec', namespace, command, ...words], { stdio: ['ignore', out, out], env: environment });
}

/** When the address arrived, by the ToR's log; ms. */
async function arrival({ log, tor }, address) {
  for (const end = wallMs() + WAIT_MS; wallMs() < end; await pause(3)) {
    const found = TORS[tor].arrival(readFileSync(log, 'utf8'), address);
    if (found !== undefined) return found;
  }
  throw new Error(`${address} did not arrive within ${WAIT_MS} ms`);
}

async function measure(engine, kind, directory) {
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
    const log = join(directory, 'tor.log');
    running.push(TORS[kind].start(tor, directory, log));
    const places = ['--run-dir', join(directory, 'run'), '--state-dir', join(directory, 'state')];
    const words = [LAUNCHER, 'run', '--datastore', 'file', '--path', manifests, ...places, '--engine', engine];
    running.push(start(node, join(directory, 'linnet.log'), process.execPath, words));
    return await changesArrive(write, { log, tor: kind });
  } finally {
    for (const child of running.reverse()) {
      child.kill('SIGTERM');
      await Promise.race([new Promise((resolve) => child.once('exit', resolve)), pause(5000)]);
      child.kill('SIGKILL');
    }
    for (const name of [node, tor]) ip('netns', 'del', name);
  }
}

async function changesArrive(write, to) {
  const address = (index) => `203.0.113.${1 + (index % 250)}`;
  const took = [];
  write('service.json', service('203.0.113.254'));
  for (let tries = 0; ; tries++) {
    const up = await arrival(to, '203.0.113.254').catch(() => undefined);
    if (up !== undefined) break;
    if (tries === 6) throw new Error('no session');
  }
  for (let index = 0; index < changes; index++) {
    // The log begins anew for each change, so that it is short to read and holds nothing of an earlier one.
    writeFileSync(to.log, '');
    const began = write('service.json', service(address(index)));
    took.push((await arrival(to, address(index))) - began);
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
  for (const [engine, tor] of [
    ['native', 'BIRD 2'],
    ['native', 'FRR'],
    ['bird2', 'BIRD 2'],
  ]) {
    if (tor === 'FRR' && !existsSync(BGPD)) {
      console.log(`native to FRR: left out, there is no ${BGPD}`);
      continue;
    }
    const took = await measure(engine, tor, join(directory, `${engine}-${tor.replace(' ', '')}`));
    const figures = [0.5, 0.9, 0.99, 1].map((share) => (percentile(took, share) ?? 0).toFixed(1));
    const p99 = percentile(took, 0.99) ?? Infinity;
    const verdict = engine === 'native' ? `, bar ${BAR_MS} ms: ${p99 <= BAR_MS ? 'met' : 'MISSED'}` : '';
    if (engine === 'native') met &&= p99 <= BAR_MS;
    console.log(
      `${engine} to ${tor}: median ${figures[0]} ms, p90 ${figures[1]} ms, p99 ${figures[2]} ms, longest ${figures[3]} ms${verdict}`,
    );
  }
  process.exitCode = met ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
