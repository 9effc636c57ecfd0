/** Doing something in another network namespace: sockets made there stay there. */
import { closeSync, openSync } from 'node:fs';
import { addon } from '../addon.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Runs `action` with this thread in the network namespace of `path` (such as /var/run/netns/NAME) and comes back, also after
 * a throw. `action` is synchronous: an await inside would let other work of the thread run in the wrong namespace. Throws
 * where the file is missing or the process may not enter.
 */
export function inNamespace<T>(path: string, action: () => T extends PromiseLike<unknown> ? never : T): T {
  // /proc/self names the main thread, which may be elsewhere.
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      addon().setns(there, CLONE_NEWNET);
    } finally {
      closeSync(there);
    }
    try {
      return action();
    } finally {
      addon().setns(home, CLONE_NEWNET);
    }
  } finally {
    closeSync(home);
  }
}
