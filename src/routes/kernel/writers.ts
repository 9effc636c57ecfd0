/**
 * Two writers of one protocol number would remove each other's routes for ever, so the second does not start. Another of our
 * own kind is known by a lock that the kernel itself keeps, per network namespace; BIRD and FRR by their processes.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer } from 'node:net';

/** Programs that write routes with a number of their own (/etc/iproute2/rt_protos). */
const PROGRAMS: { readonly [protocol: number]: readonly string[] } = { 11: ['zebra'], 12: ['bird', 'bird6'] };

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/net`);
  } catch {
    // It ended meanwhile, or is none of our business to look at.
    return undefined;
  }
}

function commandOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** A running program in this network namespace that writes routes with the number: `bird (pid 17)`; undefined where none is seen. */
export function liveWriter(protocol: number): string | undefined {
  const programs = PROGRAMS[protocol] ?? [];
  const here = namespaceOf('thread-self');
  if (programs.length === 0 || here === undefined) return undefined;
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process) || !programs.includes(commandOf(process))) continue;
    if (namespaceOf(process) === here) return `${commandOf(process)} (pid ${process})`;
  }
  return undefined;
}

/** Holds the number for this network namespace until the server is closed or the process ends; undefined where it is held. */
export function holdNumber(protocol: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    // An abstract socket: its name lives in the namespace, and leaves nothing behind.
    server.listen(`\0linnet-routes-${protocol}`, () => resolve(server));
    server.unref();
  });
}
