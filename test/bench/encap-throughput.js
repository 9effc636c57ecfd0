/**
 * What checksum offload is worth on the VXLAN device, and how soon deleted objects are there again: nodes in namespaces with the processes
 * of the demo, pods under iperf3. Pairs interleaved (underlay, offload on, offload off), medians. The agents are stopped for the
 * throughput, as they would turn offload on again. Needs root, iperf3, ethtool and a built tree: `npm run build && node
 * test/bench/encap-throughput.js [--rounds N]`. Bars: offload 2 times faster than without and 0.75 of the underlay; repairs in 1 s at most.
 */
import { makeCluster } from '../../tools/demo-encap/cluster.js';
import { makeLab, removeLab } from '../../tools/demo-encap/lab.js';
import { iperf, MODES, ping } from '../../tools/demo-encap/modes.js';
import { run, until, within } from '../../tools/demo-encap/programs.js';
import { runVandals } from '../../tools/demo-encap/vandals.js';

const argument = process.argv.indexOf('--rounds');
const rounds = (argument > 0 && Number(process.argv[argument + 1])) || 5;
const SECONDS = 2;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const gigabits = (bits) => (bits / 1e9).toFixed(1);

async function offload(nodes, state) {
  for (const { namespace } of nodes) await run([...within(namespace), 'ethtool', '-K', 'vxlan.calico', 'tx-checksum-ip-generic', state]);
}

async function measure(nodes, cluster) {
  const [from, to] = nodes;
  const pods = () => iperf(cluster, { from: from.pod, to: to.pod, address: to.pod.ipv4, seconds: SECONDS });
  const found = { underlay: [], on: [], off: [] };
  for (let round = 0; round < rounds; round++) {
    found.underlay.push(await iperf(cluster, { from, to, address: to.ipv4, seconds: SECONDS }));
    await offload(nodes, 'on');
    found.on.push(await pods());
    await offload(nodes, 'off');
    found.off.push(await pods());
  }
  return found;
}

/** The slowest repair of objects deleted one by one or all at once, while the agent runs. */
async function repairs(nodes) {
  const found = [];
  const record = async ({ name, limit, act, look }) => {
    await act();
    found.push({ name, ms: await until(limit, look) });
  };
  await runVandals({ nodes, record });
  // A route of others on the device waits for the grace of fresh devices, and is not a deleted object.
  return found.filter(({ name }) => name.includes('deleted')).toSorted((a, b) => b.ms - a.ms);
}

async function bench() {
  const { nodes } = await makeLab();
  const cluster = makeCluster(nodes);
  try {
    cluster.write(MODES[0].pools);
    for (const node of nodes) cluster.startAgent(node);
    await until(60_000, async () => {
      cluster.alive();
      return (await ping(nodes[0].pod, nodes[1].pod.ipv4)) + (await ping(nodes[0].pod, nodes[2].pod.ipv6)) === 6;
    });
    const repaired = await repairs(nodes);
    await cluster.stopAgents();
    const { underlay, on, off } = await measure(nodes, cluster);
    for (const [name, values] of Object.entries({ underlay, 'offload on': on, 'offload off': off })) {
      process.stdout.write(`${name}: ${values.map(gigabits).join(', ')} Gbit/s\n`);
    }
    for (const { name, ms } of repaired) process.stdout.write(`${name}: ${ms} ms\n`);
    const gain = median(on.map((bits, index) => bits / off[index]));
    const share = median(on.map((bits, index) => bits / underlay[index]));
    const slowest = repaired[0].ms;
    process.stdout.write(
      `medians of ${rounds}: VXLAN ${gigabits(median(on))} Gbit/s, offload ${gain.toFixed(2)} times (bar 2), ${share.toFixed(2)} of the underlay (bar 0.75), ` +
        `slowest repair ${slowest} ms (bar 1000)\n`,
    );
    process.exitCode = gain >= 2 && share >= 0.75 && slowest <= 1000 ? 0 : 1;
  } finally {
    await cluster.stop();
    removeLab();
    cluster.remove();
  }
}

for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => process.exit(130));
process.once('exit', removeLab);
await bench();
