/**
 * Two writers of one protocol number would remove each other's routes for ever, so the second does not start. Another of our
 * own kind is known by a lock that the kernel itself keeps, per network namespace; BIRD and FRR by their processes.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';

/** Programs that write routes with a number of their own (/etc/iproute2/rt_protos). */
const PROGRAMS: { readonly [protocol: number]: readonly string[] } = { 11: ['zebra'], 12: ['bird', 'bird6'] };

/** Text of a file of `/proc/PID`, '' where the process ended meanwhile or is not shown. */
export function processText(process: string, file: 'comm' | 'cmdline' | 'status' | 'net/netlink'): string {
  try {
    return readFileSync(`/proc/${process}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/net`);
  } catch {
    // It ended meanwhile, or has more capabilities than we and does not show it.
    return undefined;
  }
}

/** Port ids of the rtnetlink sockets of this network namespace: columns `sk Eth Pid` of /proc/net/netlink, with rtnetlink's number 0 as Eth. */
function routePorts(): ReadonlySet<string> {
  const lines = processText('thread-self', 'net/netlink').split('\n');
  return new Set(
    lines.map((line) => line.split(/\s+/)).flatMap(([, protocol, port = '']) => (protocol === '0' && port !== '0' ? [port] : [])),
  );
}

/** True where a process has a port that the kernel named after it (netlink_autobind): after its pid in whatever pid namespace it is in. */
function hasPort(process: string, ports: ReadonlySet<string>): boolean {
  const [, pids = ''] = /^NSpid:\s+(.+)$/m.exec(processText(process, 'status')) ?? [];
  return pids.split(/\s+/).some((pid) => ports.has(pid));
}

/**
 * Pid of a running process that `is` one of those looked for, in this thread's network namespace. One whose namespace is not shown counts where it has
 * an rtnetlink socket in ours, or, with `hidden`, always. Undefined where none is seen.
 */
export function processHere(is: (process: string) => boolean, hidden: boolean): string | undefined {
  const here = namespaceOf('thread-self');
  if (here === undefined) return undefined;
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process) || !is(process)) continue;
    const namespace = namespaceOf(process);
    if (namespace === here || (namespace === undefined && (hidden || hasPort(process, routePorts())))) return process;
  }
  return undefined;
}

/** A running program in this network namespace that writes routes with the number: `bird (pid 17)`; undefined where none is seen. */
export function liveWriter(protocol: number): string | undefined {
  const programs = PROGRAMS[protocol] ?? [];
  if (programs.length === 0) return undefined;
  const commandOf = (process: string): string => processText(process, 'comm').trim();
  // BIRD and FRR run in containers of their own as well: one with more capabilities than ours hides its namespace, and need not be in ours.
  const process = processHere((one) => programs.includes(commandOf(one)), false);
  return process === undefined ? undefined : `${commandOf(process)} (pid ${process})`;
}

/** Holds the number for this network namespace until the server is closed or the process ends; undefined where it is held. */
export function holdNumber(protocol: number): Promise<Server | undefined> {
  return holdName(`linnet-routes-${protocol}`);
}

/** Holds a name for this network namespace until the server is closed or the process ends; undefined where it is held. */
export function holdName(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    // An abstract socket: its name lives in the namespace, and leaves nothing behind.
    server.listen(`\0${name}`, () => resolve(server));
    server.unref();
  });
}
