/**
 * Whose the devices are. Another agent of ours is known by a lock that the kernel keeps for the network namespace; Felix by its
 * process. Devices of a Felix that no longer runs lack the mark that ours carry (DEVICE_MARK): the plan sees to those.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended meanwhile, or is none of our business to look at.
    return '';
  }
}

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/net`);
  } catch {
    return undefined;
  }
}

/** Felix runs under its own name or as one of the parts of calico-node, which has others without interest here. */
function isFelix(process: string): boolean {
  const name = read(`/proc/${process}/comm`).trim();
  if (name === 'calico-felix') return true;
  return name === 'calico-node' && /(^|\0)--?felix(\0|=|$)/.test(read(`/proc/${process}/cmdline`));
}

/** A Felix in this thread's network namespace, or in one that is not shown, as `calico-node -felix (pid 17)`; undefined where none is to be seen. */
export function liveFelix(): string | undefined {
  const here = namespaceOf('thread-self');
  if (here === undefined) return undefined;
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process) || !isFelix(process)) continue;
    // A process with more capabilities than ours does not show its namespace; a machine has one Felix, in the namespace of the machine.
    const namespace = namespaceOf(process);
    if (namespace !== undefined && namespace !== here) continue;
    const words = read(`/proc/${process}/cmdline`).split('\0').filter(Boolean);
    return `${words.slice(0, 2).join(' ')} (pid ${process})`;
  }
  return undefined;
}

/** Holds the devices of this network namespace until the server is closed or the process ends; undefined where another agent has them. */
export function holdDevices(): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    // An abstract socket: its name lives in the namespace, and leaves nothing behind.
    server.listen('\0linnet-node-agent-devices', () => resolve(server));
    server.unref();
  });
}
