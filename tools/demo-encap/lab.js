/**
 * The machines of the demo as network namespaces: n1 and n2 on one bridge (172.31.0.0/24, fd00:31::/64), n3 on another (172.31.1.0/24,
 * fd00:32::/64), a router that knows no pods between them, and pods behind veths as a CNI plugin leaves them. Names begin with `lnt` and
 * the pid, as those of the tests: what a crash leaves, the next sweep of either finds.
 */
import { execFileSync } from 'node:child_process';
import { run, within } from './programs.js';

const GATEWAY = '169.254.1.1';
const GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee';
/** What the kernel makes of that MAC. */
const GATEWAY_V6 = 'fe80::ecee:eeff:feee:eeee';
/** Networks by bridge. */
const NETWORKS = { br0: { ipv4: '172.31.0.', ipv6: 'fd00:31::' }, br1: { ipv4: '172.31.1.', ipv6: 'fd00:32::' } };
const ROUTER = { ipv4: '254', ipv6: 'fe' };

const tag = `lnt${process.pid}x1`;
const made = [];

/** `ip` in a namespace. */
export const ip = (namespace, ...words) => run(['ip', '-n', namespace, ...words]);

async function makeNamespace(name) {
  const namespace = `${tag}-${name}`;
  made.push(namespace);
  await run(['ip', 'netns', 'add', namespace]);
  await ip(namespace, 'link', 'set', 'lo', 'up');
  // A node with two interfaces in one network answers ARP for an address on either, and packets came in by the one that does not have it.
  const switches = [
    'ipv4/conf/all/arp_ignore=1',
    'ipv4/ip_forward=1',
    'ipv4/conf/all/rp_filter=0',
    'ipv4/conf/default/rp_filter=0',
    'ipv6/conf/all/forwarding=1',
  ];
  const script = [...switches, 'ipv6/conf/all/accept_dad=0', 'ipv6/conf/default/accept_dad=0']
    .map((entry) => `echo ${entry.split('=')[1]} > /proc/sys/net/${entry.split('=')[0]}`)
    .join('; ');
  await run([...within(namespace), 'sh', '-c', script]);
  return namespace;
}

async function makeRouter() {
  const namespace = await makeNamespace('lan');
  for (const [bridge, { ipv4, ipv6 }] of Object.entries(NETWORKS)) {
    await ip(namespace, 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0');
    await ip(namespace, 'addr', 'add', `${ipv4}${ROUTER.ipv4}/24`, 'dev', bridge);
    await ip(namespace, 'addr', 'add', `${ipv6}${ROUTER.ipv6}/64`, 'dev', bridge, 'nodad');
    await ip(namespace, 'link', 'set', bridge, 'up');
  }
  return namespace;
}

/** An interface of a node on its bridge, up and without addresses. */
async function plug(router, node, device) {
  const port = `${node.name}${device}`;
  await run(['ip', 'link', 'add', device, 'netns', node.namespace, 'type', 'veth', 'peer', 'name', port, 'netns', router]);
  await ip(router, 'link', 'set', port, 'master', node.bridge, 'up');
  await ip(node.namespace, 'link', 'set', device, 'up');
}

/** Gives a node its addresses of both families on a device, and with them its way out. */
export async function address(node, device) {
  const { ipv4, ipv6 } = NETWORKS[node.bridge];
  await ip(node.namespace, 'addr', 'add', `${node.ipv4}/24`, 'dev', device);
  await ip(node.namespace, 'addr', 'add', `${node.ipv6}/64`, 'dev', device, 'nodad');
  await ip(node.namespace, 'route', 'add', 'default', 'via', `${ipv4}${ROUTER.ipv4}`, 'dev', device);
  await ip(node.namespace, '-6', 'route', 'add', 'default', 'via', `${ipv6}${ROUTER.ipv6}`, 'dev', device);
}

/** Takes them off again. */
export async function unaddress(node, device) {
  await ip(node.namespace, '-6', 'route', 'del', 'default', 'dev', device);
  await ip(node.namespace, 'addr', 'del', `${node.ipv6}/64`, 'dev', device);
  await ip(node.namespace, 'addr', 'del', `${node.ipv4}/24`, 'dev', device);
}

async function makePod(number, node) {
  const namespace = await makeNamespace(`p${number}`);
  const pod = { name: `p${number}`, namespace, ipv4: `10.244.${number}.1`, ipv6: `fd44:${number}::1` };
  const device = `cali${number}`;
  await run(['ip', 'link', 'add', device, 'netns', node.namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  await ip(node.namespace, 'link', 'set', device, 'address', GATEWAY_MAC, 'up');
  await ip(namespace, 'link', 'set', 'eth0', 'mtu', '1430', 'up');
  for (const [flag, own, gateway] of [
    ['-4', `${pod.ipv4}/32`, GATEWAY],
    ['-6', `${pod.ipv6}/128`, GATEWAY_V6],
  ]) {
    await ip(namespace, flag, 'addr', 'add', own, 'dev', 'eth0');
    await ip(namespace, flag, 'neigh', 'replace', gateway, 'lladdr', GATEWAY_MAC, 'dev', 'eth0');
    await ip(namespace, flag, 'route', 'add', 'default', 'via', gateway, 'dev', 'eth0', 'onlink');
    await ip(node.namespace, flag, 'route', 'add', own, 'dev', device);
  }
  return pod;
}

async function makeNode(router, number) {
  const bridge = number === 3 ? 'br1' : 'br0';
  const { ipv4, ipv6 } = NETWORKS[bridge];
  const name = `n${number}`;
  const blocks = { ipv4: `10.244.${number}.0/26`, ipv6: `fd44:${number}::/122` };
  const node = { name, number, bridge, namespace: await makeNamespace(name), ipv4: ipv4 + number, ipv6: ipv6 + number, blocks };
  await plug(router, node, 'eth0');
  await address(node, 'eth0');
  return { ...node, pod: await makePod(number, node) };
}

/** The whole laboratory: its nodes in order, each with its pod. n1 has a second interface, eth1, without addresses. */
export async function makeLab() {
  const router = await makeRouter();
  const nodes = [];
  for (const number of [1, 2, 3]) nodes.push(await makeNode(router, number));
  await plug(router, nodes[0], 'eth1');
  return { nodes };
}

/** Removes every namespace and what runs in it. Synchronous: it is the last thing that is done, also on the way out. */
export function removeLab() {
  const quiet = (...words) => {
    try {
      return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      // Gone already.
      return '';
    }
  };
  for (const namespace of made.splice(0).reverse()) {
    for (const pid of quiet('netns', 'pids', namespace).split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    quiet('netns', 'del', namespace);
  }
}
