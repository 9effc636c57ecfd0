/**
 * A node that starts: from the start of the process until 5,000 peers are in the kernel: their neighbours, forwarding entries, nexthop objects
 * and one block each. The data are warm: what making them up takes is taken off, as the datastore is not measured here. Needs root
 * and a built tree: `npm run build && node test/bench/encap-start.js [--rounds N]`. Bar (median): 0.5 s at most.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encapWishes } from '../../dist/node-agent/encap/wishes.js';
import { createFdbSync } from '../../dist/node-agent/kernel/fdb.js';
import { openNeighbours } from '../../dist/node-agent/kernel/fdb-netlink.js';
import { createRouteKeeper } from '../../dist/node-agent/kernel/routes.js';
import { SILENT_LOG } from '../../dist/src/confd/log.js';
import { openNetlinkKernel } from '../../dist/src/routes/kernel/netlink.js';
import { address, block, ip, makeDevice, median, node, snapshotOf } from './encap-cluster.js';

const PEERS = 5_000;
const BAR_MS = 500;
const argument = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const hex = (octet) => octet.toString(16).padStart(2, '0');

/** This node and its peers, each with one block. */
function makeSnapshot() {
  const all = Array.from({ length: PEERS + 1 }, (_, index) => index);
  const tunnels = (index) => ({ vxlanV4: address(0x0a800000 + index), vxlanV4MAC: `66:00:00:00:${hex(index >> 8)}:${hex(index & 255)}` });
  return snapshotOf(
    all.map((index) => node(index, tunnels(index))),
    all.map((index) => block(`node-${index}`, index, index)),
  );
}

/** In a process of its own: prints ms from its start, without those of making the data. */
function program(namespace, device) {
  const from = performance.now();
  const snapshot = makeSnapshot();
  const making = performance.now() - from;
  const file = `/var/run/netns/${namespace}`;
  const after = () => () => undefined;
  const now = () => performance.now();
  const wishes = encapWishes({ snapshot, felix: {}, node: 'node-0', macs: new Map() });
  const kernel = openNeighbours(file);
  const sync = createFdbSync({ kernel, log: SILENT_LOG, now, after, changed: () => undefined });
  sync.configure({ vteps: wishes.vteps, devices: { ipv4: device } });
  sync.flush();
  const failed = (error) => {
    throw error;
  };
  const routes = openNetlinkKernel({ protocol: 80, namespace: file });
  const keeper = createRouteKeeper({ kernel: routes, now, after, status: () => undefined, failed });
  keeper.start();
  keeper.set(wishes);
  keeper.flush();
  const done = performance.now() - making;
  const { installed, failed: refused } = keeper.status();
  if (installed < PEERS || refused > 0 || wishes.vteps.length !== PEERS || sync.status().failing > 0)
    throw new Error('not everything is in the kernel');
  const { user, system } = process.cpuUsage();
  process.stdout.write(JSON.stringify({ done, cpu: (user + system) / 1000 - making }));
  process.exit(0);
}

const child = argument('--in');
if (child !== undefined) program(child, Number(argument('--device')));
const results = [];
const rounds = Number(argument('--rounds')) || 5;
for (let round = 0; round < rounds; round++) {
  const namespace = `lnt${process.pid}x${round + 1}-bench`;
  try {
    const device = makeDevice(namespace);
    const words = [fileURLToPath(import.meta.url), '--in', namespace, '--device', String(device)];
    results.push(JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })));
  } finally {
    ip('netns', 'del', namespace);
  }
}
const start = median(results.map(({ done }) => done));
process.stdout.write(
  `${PEERS} peers from the start of the process: ${results.map(({ done, cpu }) => `${done.toFixed(0)} (CPU ${cpu.toFixed(0)})`).join(', ')} ms\n`,
);
process.stdout.write(`medians of ${rounds}: start ${start.toFixed(0)} ms (bar ${BAR_MS})\n`);
process.exitCode = start <= BAR_MS ? 0 : 1;
