/** Every encapsulation mode: the pools that ask for it, the way packets must take, and what is seen of them. */
import { ip } from './lab.js';
import { installed, keepRunning, run, until, within } from './programs.js';

const always = (mode) => ({ [mode]: 'Always' });
const across = (mode) => ({ [mode]: 'CrossSubnet' });
const VXLAN = { ipv4: 'vxlan.calico', ipv6: 'vxlan-v6.calico' };
const PLAIN = { ipv4: 'eth0', ipv6: 'eth0' };

/**
 * `near` and `far` name the device by family that packets of n1 leave by, to n2 in its own network and to n3 beyond the router; without
 * `far` the pods of n3 cannot be reached, as the router knows none. A family that is missing does not have the mode.
 */
export const MODES = [
  { name: 'VXLAN', pools: { ipv4: always('vxlanMode'), ipv6: always('vxlanMode') }, near: VXLAN, far: VXLAN },
  { name: 'IPIP', pools: { ipv4: always('ipipMode') }, near: { ipv4: 'tunl0' }, far: { ipv4: 'tunl0' } },
  { name: 'IPIP cross-subnet', pools: { ipv4: across('ipipMode') }, near: { ipv4: 'eth0' }, far: { ipv4: 'tunl0' } },
  { name: 'no encapsulation', pools: {}, near: PLAIN, far: {} },
  { name: 'VXLAN cross-subnet', pools: { ipv4: across('vxlanMode'), ipv6: across('vxlanMode') }, near: PLAIN, far: VXLAN },
];

/** Packets of `count` that came back. */
export async function ping(from, to, count = 3) {
  const text = await run([...within(from.namespace), 'sh', '-c', `ping -n -q -i 0.05 -W 1 -c ${count} ${to} || true`]);
  return Number(/(\d+) (?:packets )?received/.exec(text)?.[1] ?? 0);
}

/** The ways of a mode: family, target node and device. */
const waysOf = ({ near, far }, [, second, third]) =>
  [
    [second, near],
    [third, far],
  ].flatMap(([to, devices]) => Object.entries(devices).map(([family, device]) => ({ to, family, device })));

/** True once the pod of n1 reaches the other over the device it should. */
async function reached(nodes, { to, family, device }) {
  const way = await ip(nodes[0].namespace, 'route', 'get', to.pod[family]);
  if (!way.includes(` dev ${device} `)) throw new Error(`n1 to ${to.pod[family]}: ${way.trim().slice(0, 120)}, not by ${device}`);
  const back = await ping(nodes[0].pod, to.pod[family]);
  if (back < 3) throw new Error(`n1 to ${to.pod[family]} by ${device}: ${back} of 3 pings came back`);
  return true;
}

/** Bits a second of one TCP stream between two namespaces, received at `address` of `to`. */
export async function iperf(cluster, { from, to, address, seconds }) {
  const server = keepRunning([...within(to.namespace), 'iperf3', '-s', '-B', address], `${cluster.directory}/iperf3.log`);
  try {
    let bits = 0;
    await until(15_000, async () => {
      const said = JSON.parse(await run([...within(from.namespace), 'iperf3', '-J', '-t', String(seconds), '-c', address]));
      if (said.error !== undefined) throw new Error(said.error);
      bits = said.end.sum_received.bits_per_second;
      return bits > 0;
    });
    return bits;
  } finally {
    await server.stop();
  }
}

/** Throughput of the pod of n1 to that of another node, in words. */
async function throughput(nodes, cluster, { to, family }) {
  const bits = await iperf(cluster, { from: nodes[0].pod, to: to.pod, address: to.pod[family], seconds: 1 });
  return `${(bits / 1e9).toFixed(1)} Gbit/s`;
}

/** One mode from its manifests to packets: steps of `record`. */
export async function runMode(mode, { nodes, cluster, record, measured }) {
  const ways = waysOf(mode, nodes);
  await record({
    name: `${mode.name}: pods of other nodes answer`,
    limit: 30_000,
    act: () => cluster.write(mode.pools),
    look: async () => {
      cluster.alive();
      for (const way of ways) await reached(nodes, way);
      return true;
    },
    detail: ways.map(({ to, family, device }) => `${to.name} ${family === 'ipv4' ? 'v4' : 'v6'} by ${device}`).join(', '),
  });
  if (!measured) return;
  for (const way of ways) {
    // One node is enough for each family and device: the others differ in the router only.
    if (ways.find(({ family, device }) => family === way.family && device === way.device) !== way) continue;
    const heading = `${mode.name}: iperf3 to ${way.to.name}, ${way.family === 'ipv4' ? 'IPv4' : 'IPv6'} by ${way.device}`;
    await record({ name: heading, measure: () => throughput(nodes, cluster, way) });
  }
}

/** Whether iperf3 is here; says so where it is not. */
export async function hasIperf() {
  const here = await installed('iperf3');
  if (!here) process.stdout.write('iperf3 is not installed: throughput is not measured\n');
  return here;
}
