/**
 * A LAN of network namespaces: one namespace holds the bridge, each host has one of its own with `eth0` on it. Names start
 * with `lnt` and the pid of the maker, so that whatever a crashed run left is found and removed by the next one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { run } from './exec.ts';

/** A host of the LAN: its namespace and both its addresses. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** One LAN, removed with everything in it by `close`. */
export interface Lan {
  /** Adds a host; `number` (1-254) ends both its addresses. */
  host(name: string, number: number): Promise<Host>;
  /** A namespace with nothing in it but its loopback. */
  bare(name: string): Promise<string>;
  /** Another interface of a host on the LAN, up and without addresses. `port` names the bridge's end. */
  uplink(host: Host, device: string, port: string): Promise<void>;
  close(): Promise<void>;
}

const OURS = /^lnt(\d+)x\d+/;
let made = 0;
const open = new Set<string>();

function ipSync(args: readonly string[]): string {
  try {
    return execFileSync('ip', [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // Already gone, or another sweep was faster: either way there is nothing left to remove.
    return '';
  }
}

/** Kills what runs in a namespace and removes it. Does nothing where it is gone already. */
function removeSync(namespace: string): void {
  for (const pid of ipSync(['netns', 'pids', namespace]).split('\n')) {
    if (/^\d+$/.test(pid)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself between the two calls.
      }
    }
  }
  ipSync(['netns', 'del', namespace]);
  // Programs that an agent pinned, which a namespace does not take along.
  rmSync(`/sys/fs/bpf/linnet-${namespace}`, { recursive: true, force: true });
  open.delete(namespace);
}

/** Removes namespaces whose maker no longer runs. Called before a LAN is made, and by the runner at its end. */
export function sweepLeftovers(): void {
  for (const line of ipSync(['netns', 'list']).split('\n')) {
    const name = line.split(' ')[0] ?? '';
    const maker = OURS.exec(name)?.[1];
    if (maker !== undefined && !existsSync(`/proc/${maker}`)) removeSync(name);
  }
}

process.once('exit', () => {
  for (const namespace of [...open]) removeSync(namespace);
});

// A runner that is told to stop ends its workers with SIGTERM, which by itself runs no exit handler.
process.once('SIGTERM', () => process.exit(143));

/** Whether this process may make namespaces: root, with `ip` at hand. */
export function mayMakeNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = `lnt${process.pid}x0-probe`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' });
  } catch {
    return false;
  }
  removeSync(probe);
  return true;
}

async function addNamespace(name: string): Promise<void> {
  await run('ip', ['netns', 'add', name]);
  open.add(name);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** Both networks of a LAN, a /24 and a /64, without the number of the host. */
export interface LanNetworks {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Makes a LAN, 10.97.0.0/24 and fd97::/64 by default; several may exist side by side, as namespaces do not meet. */
export async function makeLan(networks: LanNetworks = { ipv4: '10.97.0.', ipv6: 'fd97::' }): Promise<Lan> {
  sweepLeftovers();
  const tag = `lnt${process.pid}x${++made}`;
  const bridge = `${tag}-lan`;
  const namespaces = [bridge];
  await addNamespace(bridge);
  await run('ip', ['-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0']);
  await run('ip', ['-n', bridge, 'link', 'set', 'br0', 'up']);
  const bare = async (name: string): Promise<string> => {
    const namespace = `${tag}-${name}`;
    namespaces.push(namespace);
    await addNamespace(namespace);
    return namespace;
  };
  const plug = async (namespace: string, device: string, port: string): Promise<void> => {
    await run('ip', ['link', 'add', device, 'netns', namespace, 'type', 'veth', 'peer', 'name', port, 'netns', bridge]);
    await run('ip', ['-n', bridge, 'link', 'set', port, 'master', 'br0', 'up']);
  };
  return {
    bare,
    uplink: async ({ namespace }, device, port) => {
      await plug(namespace, device, port);
      await run('ip', ['-n', namespace, 'link', 'set', device, 'up']);
    },
    host: async (name, number) => {
      const namespace = await bare(name);
      const host = { name, namespace, ipv4: `${networks.ipv4}${number}`, ipv6: `${networks.ipv6}${number.toString(16)}` };
      await plug(namespace, 'eth0', `p${number}`);
      await run('ip', ['-n', namespace, 'addr', 'add', `${host.ipv4}/24`, 'dev', 'eth0']);
      // No duplicate address detection: an address that is tentative for a second cannot be bound or dialled from.
      await run('ip', ['-n', namespace, 'addr', 'add', `${host.ipv6}/64`, 'dev', 'eth0', 'nodad']);
      await run('ip', ['netns', 'exec', namespace, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad']);
      await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
      return host;
    },
    close: () => {
      for (const namespace of namespaces.reverse()) removeSync(namespace);
      return Promise.resolve();
    },
  };
}
