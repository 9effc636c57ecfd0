/**
 * Tunnel endpoints: how long the neighbours and forwarding entries of 5,000 peers take into the kernel, what reading 15,000 entries back and
 * comparing them takes, and how soon a single deleted entry is there again. Needs root and a built tree: `npm run build && node
 * test/bench/encap.js [--rounds N]`. Bars (medians): 5,000 peers in 0.3 s at most, 15,000 entries read in 50 ms at most, a repair in 1 s at most.
 */
import { execFileSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createFdbSync } from '../../dist/node-agent/kernel/fdb.js';
import { openNeighbours } from '../../dist/node-agent/kernel/fdb-netlink.js';
import { planFdb, wantedEntries } from '../../dist/node-agent/kernel/fdb-plan.js';
import { watchKernel } from '../../dist/node-agent/kernel/watch.js';
import { SILENT_LOG } from '../../dist/src/confd/log.js';

const PEERS = 5_000;
const DUMP_PEERS = 7_500;
const REPAIRS = 5;
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 5;
const namespace = `lnt${process.pid}x1-bench`;
const file = `/var/run/netns/${namespace}`;
const ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });
const address = (value) => ({ family: 'ipv4', words: [value >>> 0, 0, 0, 0] });
const hex = (octet) => octet.toString(16).padStart(2, '0');
const vtep = (index) => ({
  node: `node-${index}`,
  family: 'ipv4',
  tunnel: address(0x0af40000 + index * 64),
  mac: `66:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`,
  host: address(0x0a000002 + index),
});
const vteps = (count) => Array.from({ length: count }, (_, index) => vtep(index));

function timed(work) {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** A namespace with a VXLAN device; gives its index. */
function makeDevice() {
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  for (const name of ['eth0', 'eth1']) ip('-n', namespace, 'link', 'set', name, 'up');
  ip('-n', namespace, 'addr', 'add', '10.0.0.1/16', 'dev', 'eth0');
  const kind = ['type', 'vxlan', 'id', '4096', 'dstport', '4789', 'nolearning', 'dev', 'eth0', 'local', '10.0.0.1'];
  ip('-n', namespace, 'link', 'add', 'vxlan.calico', ...kind);
  ip('-n', namespace, 'link', 'set', 'vxlan.calico', 'up');
  return Number.parseInt(ip('-n', namespace, '-o', 'link', 'show', 'dev', 'vxlan.calico'), 10);
}

const after = (ms, call) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

/** Ms from the end of the deletion of one entry to its repair. */
async function repair(sync, index) {
  const { repairs } = sync.status();
  execFileSync('bridge', ['-n', namespace, 'fdb', 'del', vtep(index).mac, 'dev', 'vxlan.calico']);
  const from = performance.now();
  while (sync.status().repairs === repairs) await pause(1);
  return performance.now() - from;
}

async function round() {
  const device = makeDevice();
  const kernel = openNeighbours(file);
  const sync = createFdbSync({ kernel, log: SILENT_LOG, now: () => performance.now(), after, changed: () => undefined });
  const watch = watchKernel({
    namespace: file,
    ignorePorts: [kernel.portId],
    listeners: [sync.listener],
    log: SILENT_LOG,
    now: () => performance.now(),
    after,
  });
  try {
    const wanted = vteps(PEERS);
    const write = timed(() => {
      sync.configure({ vteps: wanted, devices: { ipv4: device } });
      sync.flush();
    });
    const repairs = [];
    for (let index = 0; index < REPAIRS; index++) repairs.push(await repair(sync, index));
    const more = vteps(DUMP_PEERS);
    sync.configure({ vteps: more, devices: { ipv4: device } });
    sync.flush();
    const entries = wantedEntries(more, 'ipv4', device);
    let table;
    const dump = timed(() => {
      table = kernel.read(device, 'ipv4');
    });
    let plan;
    const compare = timed(() => {
      plan = planFdb(table, entries);
    });
    const exact = sync.status().failing === 0 && plan.operations.length === 0 && plan.right === DUMP_PEERS * 2;
    return { write, dump, compare, repair: Math.max(...repairs), exact };
  } finally {
    watch.close();
    sync.stop();
    kernel.close();
    ip('netns', 'del', namespace);
  }
}

const results = [];
for (let number = 0; number < rounds; number++) {
  const result = await round();
  results.push(result);
  const { write, dump, compare } = result;
  process.stdout.write(
    `${PEERS} peers ${write.toFixed(0)} ms | ${DUMP_PEERS * 2} entries read in ${dump.toFixed(1)} ms, compared in ${compare.toFixed(1)} ms | ` +
      `slowest of ${REPAIRS} repairs ${result.repair.toFixed(0)} ms${result.exact ? '' : ' | not exact'}\n`,
  );
}
const of = (key) => median(results.map((result) => result[key]));
const medians = { write: of('write'), dump: of('dump'), repair: of('repair') };
process.stdout.write(
  `medians of ${rounds}: ${PEERS} peers ${medians.write.toFixed(0)} ms (bar 300), ` +
    `${DUMP_PEERS * 2} entries ${medians.dump.toFixed(1)} ms (bar 50), repair ${medians.repair.toFixed(0)} ms (bar 1000)\n`,
);
const held = medians.write <= 300 && medians.dump <= 50 && medians.repair <= 1_000 && results.every(({ exact }) => exact);
process.exitCode = held ? 0 : 1;
