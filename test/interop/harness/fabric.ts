/**
 * Routed networks in namespaces: point-to-point links instead of the one LAN, pods behind nodes, and what an operator does to a
 * machine. Namespaces come from the lab's LAN, so that they go with it.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './exec.ts';
import type { Lab } from './lab.ts';
import type { Host } from './lan.ts';

/** One end of a link: the host, its interface and its addresses with length (`172.31.1.1/30`), of each family one at most. */
export interface LinkEnd {
  readonly host: Host;
  readonly device: string;
  readonly address: string;
  readonly ipv6?: string;
}

/** A network that is wired by hand. */
export interface Fabric {
  /** A host without any interface, which forwards packets. */
  host(name: string): Promise<Host>;
  link(one: LinkEnd, two: LinkEnd): Promise<void>;
  /** A pod behind a node as Calico makes one: its veth, and a host route of Felix (protocol 80). Its namespace is returned. */
  pod(node: Host, address: string, ipv6?: string): Promise<string>;
  /** Lets a host of the lab's LAN forward packets. */
  forward(host: Host): Promise<void>;
  /** `ip` in a namespace. */
  ip(namespace: string, ...words: readonly string[]): Promise<string>;
}

/** The interface that every pod's gateway address belongs to, as in Calico. */
const POD_GATEWAY = '169.254.1.1';
const POD_GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee';

/** Forwarding, and no filter on where packets come from: paths of the fabric are not symmetric. */
async function forward(namespace: string): Promise<void> {
  const switches = ['ip_forward=1', 'conf/all/rp_filter=0', 'conf/default/rp_filter=0', 'fib_multipath_hash_policy=1'];
  const script = switches.map((entry) => `echo ${entry.split('=')[1]} > /proc/sys/net/ipv4/${entry.split('=')[0]}`);
  script.push('echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
  await run('ip', ['netns', 'exec', namespace, 'sh', '-c', script.join('; ')]);
}

/** The link-local address of every gateway of a pod: the same on each of the node's interfaces to pods, since each is a link of its own. */
const POD_GATEWAY6 = 'fe80::ecee:eeff:feee:eeee';

/** Makes an empty fabric. */
export function makeFabric(lab: Lab): Fabric {
  // Numbers of the nodes of a LAN are small.
  let hosts = 100;
  let pods = 0;
  const ip = (namespace: string, ...words: readonly string[]): Promise<string> => run('ip', ['-n', namespace, ...words]);
  const bare = async (name: string): Promise<Host> => {
    const host = await lab.lan.host(name, ++hosts);
    await ip(host.namespace, 'link', 'del', 'eth0');
    return host;
  };
  return {
    ip,
    forward: ({ namespace }) => forward(namespace),
    host: async (name) => {
      const host = await bare(name);
      await forward(host.namespace);
      return host;
    },
    link: async (one, two) => {
      const [a, b] = [one.host.namespace, two.host.namespace];
      await run('ip', ['link', 'add', one.device, 'netns', a, 'type', 'veth', 'peer', 'name', two.device, 'netns', b]);
      for (const end of [one, two]) {
        await ip(end.host.namespace, 'addr', 'add', end.address, 'dev', end.device);
        if (end.ipv6 !== undefined) await ip(end.host.namespace, 'addr', 'add', end.ipv6, 'dev', end.device, 'nodad');
        await ip(end.host.namespace, 'link', 'set', end.device, 'up');
      }
    },
    pod: async (node, address, ipv6) => {
      const number = ++pods;
      const { namespace } = await bare(`pod${number}`);
      const device = `cali${number}`;
      await run('ip', ['link', 'add', device, 'netns', node.namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
      await ip(namespace, 'addr', 'add', `${address}/32`, 'dev', 'eth0');
      await ip(namespace, 'link', 'set', 'eth0', 'up');
      await ip(node.namespace, 'link', 'set', device, 'address', POD_GATEWAY_MAC, 'up');
      await ip(namespace, 'route', 'add', POD_GATEWAY, 'dev', 'eth0');
      await ip(namespace, 'neigh', 'add', POD_GATEWAY, 'lladdr', POD_GATEWAY_MAC, 'dev', 'eth0');
      await ip(namespace, 'route', 'add', 'default', 'via', POD_GATEWAY, 'dev', 'eth0');
      await ip(node.namespace, 'route', 'add', `${address}/32`, 'dev', device, 'scope', 'link', 'metric', '1024', 'proto', '80');
      if (ipv6 !== undefined) {
        await ip(namespace, 'addr', 'add', `${ipv6}/128`, 'dev', 'eth0', 'nodad');
        await ip(namespace, 'neigh', 'add', POD_GATEWAY6, 'lladdr', POD_GATEWAY_MAC, 'dev', 'eth0');
        await ip(namespace, 'route', 'add', 'default', 'via', POD_GATEWAY6, 'dev', 'eth0');
        await ip(node.namespace, 'route', 'add', `${ipv6}/128`, 'dev', device, 'metric', '1024', 'proto', '80');
      }
      return namespace;
    },
  };
}

/** Writes manifests into the lab's datastore, each file whole by rename. */
export function writeManifests(lab: Lab, files: { readonly [name: string]: string }): void {
  mkdirSync(lab.datastore.path, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const half = join(lab.datastore.path, `.${name}.new`);
    writeFileSync(half, text);
    renameSync(half, join(lab.datastore.path, name));
  }
}
