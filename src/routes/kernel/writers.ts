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
export function processText(process: string, file: 'comm' | 'cmdline'): string {
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

/**
 * Pid of a running process that `is` one of those looked for, in this thread's network namespace. `hidden`: one whose namespace is not shown counts
 * too. Undefined where none is seen.
 */
export function processHere(is: (process: string) => boolean, hidden: boolean): string | undefined {
  const here = namespaceOf('thread-self');
  if (here === undefined) return undefined;
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process) || !is(process)) continue;
    const namespace = namespaceOf(process);
    if (namespace === here || (hidden && namespace === undefined)) return process;
  }
  return undefined;
}

/** A running program in this network namespace that writes routes with the number: `bird (pid 17)`; undefined where none is seen. */
export function liveWriter(protocol: number): string | undefined {
  const programs = PROGRAMS[protocol] ?? [];
  if (programs.length === 0) return undefined;
  const commandOf = (process: string): string => processText(process, 'comm').trim();
  // BIRD and FRR run in containers of their own as well: one that hides its namespace need not be in ours.
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
