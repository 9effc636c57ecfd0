/** The cluster of the demo: its manifests, and on each node a BGP daemon and an agent that read them. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { keepRunning, run, within } from './programs.js';

const LINNET = resolve(import.meta.dirname, '../../bin/linnet.js');
const AGENT = resolve(import.meta.dirname, '../../bin/node-agent.js');

const calico = (kind, name, spec) => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

/** Every object; `pools` says how the pool of each family is encapsulated. */
function objects(nodes, pools) {
  const described = nodes.flatMap(({ name, number, ipv4, ipv6, blocks }) => [
    calico('Node', name, {
      bgp: { ipv4Address: `${ipv4}/24`, ipv6Address: `${ipv6}/64`, ipv4IPIPTunnelAddr: `10.244.${number}.62` },
      ipv4VXLANTunnelAddr: `10.244.${number}.63`,
      vxlanTunnelMACAddr: `66:00:00:00:04:0${number}`,
      ipv6VXLANTunnelAddr: `fd44:${number}::3f`,
      vxlanTunnelMACAddrV6: `66:00:00:00:06:0${number}`,
    }),
    ...Object.entries(blocks).map(([family, cidr]) =>
      calico('BlockAffinity', `${name}-${family}`, { node: name, type: 'host', state: 'confirmed', cidr, deleted: false }),
    ),
  ]);
  return [
    ...described,
    calico('IPPool', 'v4', { cidr: '10.244.0.0/16', ...pools.ipv4 }),
    calico('IPPool', 'v6', { cidr: 'fd44::/16', ...pools.ipv6 }),
    calico('BGPConfiguration', 'default', { asNumber: 64512, serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }),
  ];
}

function paths(directory, nodes) {
  const words = new Map();
  for (const { name, namespace } of nodes) {
    const place = join(directory, name);
    mkdirSync(place);
    const own = ['--run-dir', join(place, 'agent'), '--state-dir', join(place, 'agent-state'), '--mtu-file', join(place, 'mtu')];
    words.set(name, [
      '--node',
      name,
      '--path',
      join(directory, 'manifests'),
      ...own,
      '--endpoint-status-path-prefix',
      place,
      '--instance',
      namespace,
    ]);
  }
  return words;
}

/** The cluster on these nodes; nothing runs yet. */
export function makeCluster(nodes) {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-demo-encap-'));
  const manifests = join(directory, 'manifests');
  mkdirSync(manifests);
  const words = paths(directory, nodes);
  const daemons = new Map();
  const agents = new Map();
  const log = (name, program) => join(directory, `${program}-${name}.log`);
  const startAgent = ({ name, namespace }) =>
    agents.set(name, keepRunning([...within(namespace), process.execPath, AGENT, 'run', ...words.get(name)], log(name, 'agent')));
  const startDaemon = ({ name, namespace }) => {
    const place = join(directory, name);
    const files = ['--datastore', 'file', '--path', manifests, '--run-dir', join(place, 'bgp'), '--state-dir', join(place, 'bgp-state')];
    const command = [process.execPath, LINNET, 'run', '--node', name, ...files];
    daemons.set(name, keepRunning([...within(namespace), ...command], log(name, 'linnet')));
  };
  return {
    directory,
    /** Replaces the manifests as a whole. */
    write: (pools) => {
      const draft = join(directory, 'cluster.new');
      writeFileSync(draft, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects(nodes, pools) }));
      renameSync(draft, join(manifests, 'cluster.json'));
    },
    start: () => {
      for (const node of nodes) {
        startDaemon(node);
        startAgent(node);
      }
    },
    startAgent,
    killAgent: ({ name }) => agents.get(name).stop('SIGKILL'),
    alive: () => {
      for (const one of [...daemons.values(), ...agents.values()]) one.alive();
    },
    /** Whether the agent of a node calls itself ready. */
    ready: async ({ namespace }) => {
      const probe = `fetch('http://localhost:9099/readiness').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
      await run([...within(namespace), process.execPath, '-e', probe]);
      return true;
    },
    /** States of the BGP sessions of a node. */
    sessions: async ({ name }) => {
      const socket = join(directory, name, 'bgp', 'linnet.sock');
      return JSON.parse(await run([process.execPath, LINNET, 'peers', '--api', socket, '-o', 'json']));
    },
    /** Words of a command of the agent, for people to type. */
    command: ({ name, namespace }, what) => [...within(namespace), 'node', AGENT, what, ...words.get(name)].join(' '),
    /** What a command of the agent prints, or why it cannot. */
    ask: ({ name, namespace }, ...what) =>
      run([...within(namespace), process.execPath, AGENT, ...what, ...words.get(name)]).catch((error) => error.message),
    /** Everything of the agent out of the kernel; it must have ended. */
    cleanup: ({ name, namespace }) => run([...within(namespace), process.execPath, AGENT, 'cleanup', ...words.get(name)]),
    stop: () => Promise.all([...daemons.values(), ...agents.values()].map((one) => one.stop())),
    stopAgents: () => Promise.all([...agents.values()].map((one) => one.stop())),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
      for (const { namespace } of nodes) rmSync(`/sys/fs/bpf/linnet-${namespace}`, { recursive: true, force: true });
    },
  };
}
