/**
 * Kernel routes: how long 100,000 routes over 5,000 gateways take from the speaker's change to the kernel, and one dump of
 * them. Needs root and a built tree: `npm run build && node test/bench/kernel.js [--rounds N] [--plain]`. Bars: installed in
 * 1.5 s at most, one message where a node changes its address, dump in 0.2 s at most (medians). It runs in a thread with the heap that
 * the kernel's thread of the daemon has.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { decodeRoute, encodeRouteDump, NetlinkSocket, RTM } from 'netlink';
import { KERNEL_HEAP } from '../../dist/src/routes/kernel/heap.js';
import { openNetlinkKernel } from '../../dist/src/routes/kernel/netlink.js';
import { NO_RULES } from '../../dist/src/routes/kernel/rules.js';
import { createKernelSync } from '../../dist/src/routes/kernel/sync.js';

const ROUTES = 100_000;
const GATEWAYS = 5_000;
const PROTOCOL = 12;
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 5;
const nexthopObjects = process.argv.includes('--plain') ? 'off' : 'auto';
const namespace = `lnt${process.pid}x1-bench`;
const ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });
const address = (value) => ({ family: 'ipv4', words: [value >>> 0, 0, 0, 0] });
const gateway = (index) => address(0x0a000002 + index);
const route = (index, nextHop, prefix = { ...address(0x64400000 + index * 64), length: 26 }) => ({
  prefix,
  best: { nextHops: [nextHop], localPref: 2_147_482_623 },
});

function counting(kernel, counts) {
  return {
    ...kernel,
    apply: (operations) => {
      counts.messages += operations.length;
      const result = kernel.apply(operations);
      counts.failures += result.failures.length;
      return result;
    },
  };
}

/** Turns that are due wait here, so that the time measured is work and not a timer's patience. */
function makeSync(counts) {
  const kernel = counting(openNetlinkKernel({ protocol: PROTOCOL, namespace: `/var/run/netns/${namespace}`, nexthopObjects }), counts);
  const sync = createKernelSync({
    kernel,
    now: () => performance.now(),
    after: () => () => undefined,
    learned: () => undefined,
    status: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  sync.start();
  sync.configure({ statics: [], rules: NO_RULES, learn: { ignoredInterfaces: [] } });
  return sync;
}

function timed(work) {
  const from = performance.now();
  work();
  return performance.now() - from;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function round() {
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  for (const name of ['eth0', 'eth1']) ip('-n', namespace, 'link', 'set', name, 'up');
  ip('-n', namespace, 'addr', 'add', '10.0.0.1/16', 'dev', 'eth0');
  const counts = { messages: 0, failures: 0 };
  const sync = makeSync(counts);
  const changes = Array.from({ length: ROUTES }, (_, index) => route(index, gateway(index % GATEWAYS)));
  await turn();
  const before = process.cpuUsage();
  const install = timed(() => {
    sync.best(changes);
    sync.flush();
  });
  const spent = process.cpuUsage(before);
  const cpu = (spent.user + spent.system) / 1000;
  await turn();
  const installed = sync.status().installed;
  counts.messages = 0;
  const change = timed(() => {
    sync.best(changes.filter((_, index) => index % GATEWAYS === 7).map(({ prefix }) => route(0, gateway(GATEWAYS + 7), prefix)));
    sync.flush();
  });
  const messages = counts.messages;
  const socket = new NetlinkSocket({ namespace: `/var/run/netns/${namespace}` });
  let dumped = [];
  const readAll = () => {
    dumped = socket.dump(
      'routes',
      (out, seq) => encodeRouteDump(out, RTM.getRoute, seq, { family: 'ipv4', protocol: PROTOCOL }),
      decodeRoute,
    );
  };
  const dumpBegan = process.cpuUsage();
  const dump = median([timed(readAll), timed(readAll), timed(readAll)]);
  const dumpSpent = process.cpuUsage(dumpBegan);
  const dumpCpu = (dumpSpent.user + dumpSpent.system) / 3000;
  socket.close();
  const moved = ip('-n', namespace, 'route', 'get', '100.64.1.193');
  sync.stop();
  ip('netns', 'del', namespace);
  if (installed !== ROUTES || dumped.length !== ROUTES || counts.failures !== 0 || !moved.includes('via 10.0.19.145')) {
    throw new Error(`round failed: ${installed} installed, ${dumped.length} dumped, ${counts.failures} refused, ${moved}`);
  }
  return { install, cpu, change, messages, dump, dumpCpu };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function main() {
  try {
    const results = [];
    for (let at = 0; at < rounds; at++) results.push(await round());
    const row = (name, key, unit, bar) => {
      const values = results.map((one) => one[key]);
      const middle = median(values);
      console.log(
        `${name}: ${middle.toFixed(0)} ${unit} (${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)}), bar ${bar} ${unit}: ${middle <= bar ? 'met' : 'MISSED'}`,
      );
      return middle <= bar;
    };
    const met = [
      row(`${ROUTES} routes over ${GATEWAYS} gateways installed`, 'install', 'ms', 1500),
      row('CPU of it, all threads: what other work on the machine does not stretch', 'cpu', 'ms', 1500),
      row('messages for a node that changed its address', 'messages', 'messages', 1),
      row(`dump of ${ROUTES} routes`, 'dump', 'ms', 200),
      row('CPU of it', 'dumpCpu', 'ms', 200),
    ];
    process.exitCode = met.every(Boolean) || nexthopObjects === 'off' ? 0 : 1;
  } finally {
    if (existsSync(`/var/run/netns/${namespace}`)) ip('netns', 'del', namespace);
  }
}

if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2), resourceLimits: KERNEL_HEAP });
  worker.once('exit', (code) => {
    process.exitCode = code;
  });
} else await main();
