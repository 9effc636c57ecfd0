/** What vandals do to n1 while VXLAN cross-subnet runs, and what must be seen again: each a step with the time of its repair. */
import { address, ip, unaddress } from './lab.js';
import { ping } from './modes.js';
import { run, within } from './programs.js';

/** A repair may take this long, ms: the bar of a single object is 1000, but this machine may be busy. */
const LIMIT = 15_000;

const fdb = (node, ...words) => run(['bridge', '-n', node.namespace, 'fdb', ...words]);
const lines = (text) => text.split('\n').filter((line) => line !== '');

async function entries(node) {
  const found = [];
  for (const device of ['vxlan.calico', 'vxlan-v6.calico']) {
    found.push(...lines(await fdb(node, 'show', 'dev', device)).map((line) => ({ device, mac: line.split(' ')[0], line })));
  }
  return found.filter(({ line }) => line.includes(' dst '));
}

const routes = async (node) => [
  ...lines(await ip(node.namespace, 'route', 'show', 'proto', '80')),
  ...lines(await ip(node.namespace, '-6', 'route', 'show', 'proto', '80')),
];
const without = (line) => line.replaceAll(/nhid \d+ ?/g, '').trim();
/** Everything of the agent that a step may have damaged, as text without numbers that may change. */
async function state(node) {
  const devices = await ip(node.namespace, '-br', 'addr', 'show', 'type', 'vxlan');
  const mtus = await ip(node.namespace, '-o', 'link', 'show', 'type', 'vxlan');
  const rules = await ip(node.namespace, 'rule', 'show', 'to', '10.96.0.0/12');
  const parts = [
    ...(await routes(node)).map(without),
    ...(await entries(node)).map(({ line }) => line),
    ...lines(devices).map((line) =>
      line
        .replaceAll(/fe80\S*/g, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    ),
    ...lines(mtus).map((line) => `${/\d+: (\S+?)[@:]/.exec(line)?.[1]} ${/mtu \d+/.exec(line)?.[0]}`),
    ...lines(rules),
  ];
  for (const [flag, device] of [
    ['-4', 'vxlan.calico'],
    ['-6', 'vxlan-v6.calico'],
  ]) {
    parts.push(...lines(await ip(node.namespace, flag, 'neigh', 'show', 'dev', device, 'nud', 'permanent')));
  }
  return parts.filter((line) => !/foreign/.test(line)).sort();
}

/** True where the state is `right`; throws what is missing and what is too much. */
async function asBefore(node, right) {
  const now = await state(node);
  const missing = right.filter((line) => !now.includes(line));
  const more = now.filter((line) => !right.includes(line));
  if (missing.length + more.length > 0) throw new Error(`missing: ${missing.join('; ')}; too much: ${more.join('; ')}`);
  return true;
}

async function deleteEntries(node) {
  for (const { device, mac } of await entries(node)) await fdb(node, 'del', mac, 'dev', device);
}

async function deleteNeighbours(node) {
  await ip(node.namespace, 'neigh', 'flush', 'dev', 'vxlan.calico', 'nud', 'permanent');
  await ip(node.namespace, '-6', 'neigh', 'flush', 'dev', 'vxlan-v6.calico', 'nud', 'permanent');
}

const ACTS = [
  { name: 'one route deleted', act: (node) => ip(node.namespace, 'route', 'del', '10.244.3.0/26') },
  {
    name: 'all its nexthop objects and routes deleted, both families',
    act: async (node) => {
      await ip(node.namespace, 'nexthop', 'flush', 'proto', '80');
      for (const line of await routes(node))
        await ip(node.namespace, 'route', 'del', ...line.split(' ').slice(0, line.startsWith('blackhole') ? 2 : 1));
    },
  },
  { name: 'all forwarding entries deleted', act: deleteEntries },
  { name: 'all neighbours deleted', act: deleteNeighbours },
  { name: 'MTU of vxlan.calico changed to 1300', act: (node) => ip(node.namespace, 'link', 'set', 'vxlan.calico', 'mtu', '1300') },
  { name: 'tunnel address deleted', act: (node) => ip(node.namespace, 'addr', 'flush', 'dev', 'vxlan.calico') },
  { name: 'vxlan.calico set down', act: (node) => ip(node.namespace, 'link', 'set', 'vxlan.calico', 'down') },
  { name: 'vxlan.calico deleted', act: (node) => ip(node.namespace, 'link', 'del', 'vxlan.calico') },
  { name: 'rule of service loops deleted', act: (node) => ip(node.namespace, 'rule', 'del', 'to', '10.96.0.0/12') },
];

/** Everything as it was, with the foreign state in the way, after each act. */
export async function runVandals({ nodes, record }) {
  const [node] = nodes;
  const right = await state(node);
  for (const { name, act } of ACTS) {
    await record({
      name,
      limit: LIMIT,
      act: async () => {
        await act(node);
      },
      look: () => asBefore(node, right),
      detail: 'all as before',
    });
  }
  await record({
    name: 'foreign route laid on vxlan.calico',
    limit: 2 * LIMIT,
    act: () => ip(node.namespace, 'route', 'add', '10.99.0.0/16', 'dev', 'vxlan.calico', 'proto', '3'),
    look: async () => (await ip(node.namespace, 'route', 'show', '10.99.0.0/16')) === '',
    detail: 'gone; a fresh device is left alone for 10 s',
  });
}

/** `ping -i 0.05` of the pod of n1 for four seconds while `act` runs; the number lost, and what `act` gave. */
async function underPing(nodes, target, act) {
  const count = 80;
  const answer = ping(nodes[0].pod, target, count);
  const value = await act();
  return { lost: count - (await answer), value };
}

/** The parent goes over to eth1 with the addresses of the node, and back. */
export async function moveParent({ nodes, record }) {
  const [node, near] = nodes;
  for (const [from, to] of [
    ['eth0', 'eth1'],
    ['eth1', 'eth0'],
  ]) {
    let ended;
    await record({
      name: `addresses of n1 moved from ${from} to ${to}`,
      limit: LIMIT,
      act: () => {
        ended = underPing(nodes, near.pod.ipv4, async () => {
          await unaddress(node, from);
          await address(node, to);
        });
        // Looked at once the devices have followed; until then its failure is nobody's.
        ended.catch(() => undefined);
      },
      look: async () => {
        const vxlan = await ip(node.namespace, '-d', '-o', 'link', 'show', 'type', 'vxlan');
        const own = vxlan.split('\n').filter((line) => line.includes('.calico'));
        const all = await routes(node);
        return (
          own.length === 2 &&
          own.every((line) => line.includes(` dev ${to} `)) &&
          !all.some((line) => line.includes(` dev ${from} `)) &&
          all.some((line) => line.includes(` dev ${to} `))
        );
      },
      after: async () => {
        const { lost } = await ended;
        if (lost > 40) throw new Error(`${lost} of 80 pings (one each 50 ms) were lost`);
        return `devices and same-subnet routes follow; ${lost * 50} ms of pings lost`;
      },
    });
  }
}

/** kill -9: packets flow on; what is damaged meanwhile is repaired by the next start. */
export async function killAgent({ nodes, cluster, record }) {
  const [node, near, far] = nodes;
  const right = await state(node);
  await record({
    name: 'agent of n1 killed with SIGKILL',
    measure: async () => {
      await cluster.killAgent(node);
      for (const target of [near.pod.ipv4, far.pod.ipv4, near.pod.ipv6, far.pod.ipv6]) {
        const back = await ping(node.pod, target, 10);
        if (back < 10) throw new Error(`${10 - back} of 10 pings to ${target} were lost`);
      }
      return 'no packet lost';
    },
  });
  await record({
    name: 'entries and a route deleted, agent started again',
    limit: 30_000,
    act: async () => {
      await deleteEntries(node);
      await ip(node.namespace, 'route', 'del', '10.244.3.0/26');
      cluster.startAgent(node);
    },
    look: async () => (await asBefore(node, right)) && cluster.ready(node),
    detail: 'all as before, and ready',
  });
}

/** tunl0 deleted while pods use IPIP. */
export async function deleteTunnel({ nodes, record }) {
  const [node, near] = nodes;
  await record({
    name: 'IPIP: tunl0 deleted',
    limit: LIMIT,
    act: () => run([...within(node.namespace), 'sh', '-c', 'ip link del tunl0 || ip link set tunl0 down']),
    look: async () => (await ping(node.pod, near.pod.ipv4)) === 3,
    detail: 'pods answer again',
  });
}
