/**
 * PID 1 of a container gets the children of processes that ended before them, and has to collect each at its end: otherwise its process
 * number is lost for good (dataplane A36). The runtime collects the children it started by itself and must not be forestalled.
 */
import { readdir, readFile } from 'node:fs/promises';
import { reapChild } from 'netlink';

/** Between two looks at the processes, ms. */
const LOOK_MS = 5_000;

/** What is looked at, and what is done. */
export interface OrphanDeps {
  /** Children of ours that have ended and that nobody collected yet, by process number. */
  readonly ended: () => Promise<readonly number[]>;
  /** Collects one. */
  readonly reap: (pid: number) => void;
}

/** A turn: collects what was there in the turn before too. A child of the runtime's own is collected by it in between. */
export function orphanTurn({ ended, reap }: OrphanDeps): () => Promise<void> {
  let before: ReadonlySet<number> = new Set();
  return async () => {
    const now = await ended();
    for (const pid of now) if (before.has(pid)) reap(pid);
    before = new Set(now);
  };
}

/** Parent and state of a process, by the text of /proc/PID/stat: the name in it may hold anything. */
export function isEndedChild(stat: string, parent: number): boolean {
  const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 2);
  return state === 'Z' && Number(ppid) === parent;
}

async function endedChildren(): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    if (isEndedChild(await readFile(`/proc/${name}/stat`, 'latin1').catch(() => ''), process.pid)) found.push(Number(name));
  }
  return found;
}

/** Collects orphans while the process is PID 1; returns what ends it. Elsewhere somebody else does, and nothing is begun. */
export function collectOrphans(): () => void {
  if (process.pid !== 1) return () => undefined;
  const turn = orphanTurn({ ended: endedChildren, reap: reapChild });
  // Without the addon there is no way to collect them.
  const timer = setInterval(() => void turn().catch(() => clearInterval(timer)), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
