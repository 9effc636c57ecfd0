/**
 * A mixed cluster in namespaces: node-1 on the native engine, node-2 on Linnet driving BIRD 2, node-3 on BIRD 1.6 with a configuration in
 * the manner of Calico, a router outside, pods behind node-1 and node-2.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { daemons } from '../../confd/bird/daemons.ts';
import { run, start } from '../harness/exec.ts';
import { makeFabric, writeManifests } from '../harness/fabric.ts';
import { list, number, text } from '../harness/json.ts';
import type { Lab } from '../harness/lab.ts';
import { makeLab } from '../harness/lab.ts';
import type { Host } from '../harness/lan.ts';
import type { LinnetNode } from '../harness/linnet.ts';
import { makeLinnet } from '../harness/linnet.ts';
import type { Router } from '../harness/routers.ts';
import { makeRouter } from '../harness/routers.ts';
import { until } from '../harness/wait.ts';

/** A spec as written. */
export type Spec = { readonly [field: string]: unknown };

/** The objects that change; nodes, pool and blocks stay. */
export interface Objects {
  readonly configuration: Spec;
  readonly peers: { readonly [name: string]: Spec };
  /** Nodes that are reflectors, by name. */
  readonly clusterIds?: { readonly [node: string]: string };
}

/** The cluster while it runs. */
export interface MixedCluster {
  readonly lab: Lab;
  readonly hosts: readonly [Host, Host, Host];
  readonly tor: Router;
  readonly native: LinnetNode;
  readonly onBird: LinnetNode;
  readonly pods: readonly [string, string];
  /** Writes the objects and waits until every engine has taken them. */
  apply(objects: Objects): Promise<void>;
  /** birdc of the BIRD 1.6 on node-3. */
  bird16(question: string): Promise<string>;
  /** `ip` on a node, by its number 1-3. */
  ip(node: 1 | 2 | 3, ...words: readonly string[]): Promise<string>;
  /** The metrics of node-1. */
  metrics(): Promise<string>;
  /** Whether the router passes what nodes announce on to the other nodes. */
  reflectAtTor(on: boolean): Promise<void>;
  /** What the router shows of a prefix, every attribute; '' where it has none. */
  atTor(prefix: string): Promise<string>;
}

const LAUNCHER = fileURLToPath(new URL('../../../bin/linnet.js', import.meta.url));
const CALICO = 'projectcalico.org/v3';

/** Addresses of the pods behind node-1 and node-2. */
export const POD_ADDRESSES = ['10.244.1.5', '10.244.2.5'] as const;
/** What the router announces: a plain route, and one with the cluster's AS in its path. */
export const FROM_TOR = { plain: '198.18.0.0/24', looped: '198.18.1.0/24' } as const;
/** The router: its AS and address. */
export const TOR = { as: 65000, address: '10.97.0.254' } as const;
/** A network of an interface of node-1, inside the pool. */
export const DEVICE_NETWORK = { device: 'extra0', prefix: '10.244.200.0/24', address: '10.244.200.1/24' } as const;

function document(kind: string, name: string, spec: Spec, more: Spec = {}): string {
  return stringify({ apiVersion: CALICO, kind, metadata: { name, ...more }, spec });
}

function fixedManifests(hosts: readonly Host[]): { [name: string]: string } {
  const affinity = ({ name }: Host, at: number): string =>
    document('BlockAffinity', `${name}-block`, {
      node: name,
      type: 'host',
      cidr: `10.244.${at + 1}.0/26`,
      state: 'confirmed',
      deleted: false,
    });
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp', namespace: 'kube-system' }, stringData: { key: 'orchid' } };
  const pool = document('IPPool', 'pods', { cidr: '10.244.0.0/16', ipipMode: 'Never', vxlanMode: 'Never' });
  const filter = document('BGPFilter', 'without-three', {
    exportV4: [{ action: 'Reject', matchOperator: 'In', cidr: '10.244.3.0/24' }],
  });
  return { 'fixed.yaml': [pool, filter, ...hosts.map(affinity), stringify(secret)].join('---\n') };
}

function changingManifests(hosts: readonly Host[], { configuration, peers, clusterIds = {} }: Objects): string {
  const nodes = hosts.map(({ name, ipv4 }) => {
    const id = clusterIds[name];
    const bgp = { ipv4Address: `${ipv4}/24`, ...(id === undefined ? {} : { routeReflectorClusterID: id }) };
    return document('Node', name, { bgp }, { labels: { name, role: id === undefined ? 'client' : 'reflector' } });
  });
  const written = Object.entries(peers).map(([name, spec]) => document('BGPPeer', name, spec));
  return [document('BGPConfiguration', 'default', configuration), ...nodes, ...written].join('---\n');
}

function torConfiguration(hosts: readonly Host[], passing = false): string {
  const sessions = hosts.map(
    ({ name, ipv4 }) => `protocol bgp ${name.replaceAll('-', '_')} {
  local ${TOR.address} as ${TOR.as}; neighbor ${ipv4} as 64512;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export filter to_nodes; };
}`,
  );
  return `router id ${TOR.address};
log stderr all;
debug protocols { states, events };
protocol device {}
protocol static { ipv4; route ${FROM_TOR.plain} blackhole; route ${FROM_TOR.looped} blackhole; }
filter to_nodes {
  if source != RTS_STATIC then ${passing ? 'accept' : 'reject'};
  if net = ${FROM_TOR.looped} then bgp_path.prepend(64512);
  accept;
}
${sessions.join('\n')}
`;
}

/** BIRD 1.6 on a node, as Calico runs it, on what `linnet render` makes of the manifests. */
function bird16On(lab: Lab, host: Host) {
  const directory = join(lab.directory, `bird16-${host.name}`);
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'bird.ctl');
  const program = daemons('bird1')[0]?.program ?? '';
  const ask = (question: string): Promise<string> => run('birdc', ['-s', socket, ...question.split(' ')]);
  const render = (): Promise<string> =>
    run(process.execPath, [LAUNCHER, 'render', '--path', lab.datastore.path, '--node', host.name, '--flavor', 'bird1', '--out', directory]);
  return {
    ask,
    start: async () => {
      await render();
      const place = ['-f', '-c', join(directory, 'bird.cfg'), '-s', socket, '-P', join(directory, 'bird.pid')];
      lab.adopt(start('ip', ['netns', 'exec', host.namespace, program, ...place], join(directory, 'bird.log')));
      await until('BIRD 1.6 answers', 10, () => ask('show status'));
    },
    reconfigure: async () => {
      const before = readFileSync(join(directory, 'bird.cfg'), 'utf8');
      await render();
      const answer = await ask('configure');
      if (!/Reconfigured|Reconfiguration in progress/.test(answer)) throw new Error(`BIRD 1.6: ${answer}\n${before}`);
    },
  };
}

/** GET over the daemon's unix socket. */
function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve(body));
    });
    call.once('error', reject);
    call.end();
  });
}

/** How many states the engine was handed so far. */
async function applied(runDirectory: string): Promise<number> {
  const body = await get(join(runDirectory, 'linnet.sock'), '/metrics');
  const counts = [...body.matchAll(/^linnet_config_applied_total\{[^}]*\} (\d+)$/gm)].map((match) => Number(match[1]));
  if (counts.length === 0) throw new Error('no linnet_config_applied_total');
  return counts.reduce((sum, one) => sum + one, 0);
}

/** Starts everything; the first objects are in place. */
export async function makeMixedCluster(first: Objects): Promise<MixedCluster> {
  const lab = await makeLab('mixed cluster');
  const fabric = makeFabric(lab);
  const hosts = [await lab.lan.host('node-1', 1), await lab.lan.host('node-2', 2), await lab.lan.host('node-3', 3)] as const;
  const torHost = await lab.lan.host('tor', 254);
  for (const host of hosts) await fabric.forward(host);
  const [one, two] = hosts;
  const far = 'extra1';
  await fabric.ip(one.namespace, 'link', 'add', DEVICE_NETWORK.device, 'type', 'veth', 'peer', 'name', far);
  await fabric.ip(one.namespace, 'link', 'set', far, 'up');
  await fabric.ip(one.namespace, 'addr', 'add', DEVICE_NETWORK.address, 'dev', DEVICE_NETWORK.device);
  await fabric.ip(one.namespace, 'link', 'set', DEVICE_NETWORK.device, 'up');
  const pods = [await fabric.pod(one, POD_ADDRESSES[0]), await fabric.pod(two, POD_ADDRESSES[1])] as const;
  writeManifests(lab, { ...fixedManifests(hosts), 'changing.yaml': changingManifests(hosts, first) });
  const tor = makeRouter(lab, 'bird2', torHost, torConfiguration(hosts));
  const at = (host: Host): string => join(lab.directory, `linnet-${host.name}`);
  const native = lab.adopt(makeLinnet(one, at(one), lab.datastore.path));
  const onBird = lab.adopt(makeLinnet(two, at(two), lab.datastore.path, { more: ['--engine', 'bird2'] }));
  const third = bird16On(lab, hosts[2]);
  await tor.start();
  native.start();
  onBird.start();
  await third.start();
  const runs = [one, two].map((host) => join(at(host), 'run'));
  return {
    lab,
    hosts,
    tor,
    native,
    onBird,
    pods,
    apply: async (objects) => {
      const before = await Promise.all(runs.map(applied));
      writeManifests(lab, { 'changing.yaml': changingManifests(hosts, objects) });
      await third.reconfigure();
      await until('both daemons have applied it', 20, async () => {
        const now = await Promise.all(runs.map(applied));
        if (now.some((count, index) => count <= (before[index] ?? 0))) throw new Error(`applied ${before} → ${now}`);
      });
    },
    bird16: third.ask,
    metrics: () => get(join(at(one), 'run', 'linnet.sock'), '/metrics'),
    ip: (node, ...words) => fabric.ip((hosts[node - 1] ?? one).namespace, ...words),
    reflectAtTor: (on) => tor.reconfigure(torConfiguration(hosts, on)),
    atTor: async (prefix) => {
      const socket = join(lab.directory, 'bird2-tor', 'bird.ctl');
      // A route that is not there is an error of birdc's.
      return await run('birdc', ['-s', socket, 'show', 'route', prefix, 'all']).catch((error: unknown) => {
        if (String(error).includes('Network not found')) return '';
        throw error;
      });
    },
  };
}

/** State and start of the sessions of a node by address of the peer, as its own API says. */
export async function sessionsOf(node: LinnetNode): Promise<ReadonlyMap<string, { readonly up: boolean; readonly since: number }>> {
  const peers = list(await node.ask('peers'), 'peers');
  return new Map(
    peers.map((peer) => [
      text(peer, 'remote', 'address'),
      { up: text(peer, 'state') === 'established', since: number(peer, 'since') ?? 0 },
    ]),
  );
}
