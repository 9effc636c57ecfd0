/**
 * Local workloads that peer with this node, beside the objects of a datastore: the directory `endpoint-status` that Felix writes
 * (control-plane 1.1), watched, and looked at every 30 s where watching misses something. A directory that is not there is empty.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { parseWorkload, workloadRef } from '../resources/local-workload.ts';
import type { Issue, LocalWorkloadResource } from '../resources/types.ts';
import { createMailbox } from './mailbox.ts';
import type { Change, Source } from './types.ts';

/** Between two looks without a cause, ms: Calico's own fallback. */
export const LOOK_MS = 30_000;

/** Files of one burst are read together, ms. */
const GATHER_MS = 20;

/** What the joined source needs. */
export interface WorkloadOptions {
  /** The directory `endpoint-status` itself. */
  readonly directory: string;
  readonly clock: Clock;
}

/** The objects of `main` with the local workloads among them; complete when both are. */
export function withWorkloads(main: Source, options: WorkloadOptions): Source {
  return { watch: (signal) => joinBoth(main, options, signal) };
}

type Item = { readonly from: 'main'; readonly change: Change } | { readonly from: 'workloads'; readonly change: Change };

async function* joinBoth(main: Source, options: WorkloadOptions, outer: AbortSignal): AsyncGenerator<Change> {
  const ending = new AbortController();
  const signal = AbortSignal.any([outer, ending.signal]);
  const mailbox = createMailbox<Item>(signal);
  const pump = async (source: Source, from: Item['from']): Promise<void> => {
    for await (const change of source.watch(signal)) mailbox.put({ from, change });
  };
  const pumps = [pump(main, 'main'), pump({ watch: (end) => looks(options, end) }, 'workloads')];
  const inSync = { main: false, workloads: false };
  const usable = { main: false, workloads: false };
  try {
    for (let item = await mailbox.next(); item !== undefined && !signal.aborted; item = await mailbox.next()) {
      inSync[item.from] = item.change.inSync;
      usable[item.from] = item.change.usable ?? item.change.inSync;
      yield { ...item.change, inSync: inSync.main && inSync.workloads, usable: usable.main && usable.workloads };
    }
  } finally {
    ending.abort();
    await Promise.all(pumps);
  }
}

/** What a file came to when it was last read. */
interface Known {
  readonly text: string;
  readonly workload: LocalWorkloadResource | undefined;
}

async function* looks({ directory, clock }: WorkloadOptions, signal: AbortSignal): AsyncGenerator<Change> {
  const known = new Map<string, Known>();
  const bell = createBell(directory);
  try {
    for (let first = true; !signal.aborted; first = false) {
      bell.rearm();
      const change = await look(directory, known);
      if (first || change.upsert.length + change.remove.length + change.issues.length > 0) yield change;
      const cut = new AbortController();
      const ring = (): void => cut.abort();
      bell.onRing(ring);
      signal.addEventListener('abort', ring, { once: true });
      await clock.wait(LOOK_MS, cut.signal);
      signal.removeEventListener('abort', ring);
      await clock.wait(GATHER_MS, signal);
    }
  } finally {
    bell.close();
  }
}

/** What the directory `endpoint-status` holds now, once; nothing where there is none. */
export async function readWorkloads(directory: string): Promise<Change> {
  return await look(directory, new Map());
}

/** Rings when something in the directory changed, also when that was while nobody listened. Without a directory its parent is watched. */
function createBell(directory: string) {
  let watcher: FSWatcher | undefined;
  let rung = false;
  let ring: (() => void) | undefined;
  const notice = (): void => {
    rung = true;
    ring?.();
  };
  const open = (path: string): FSWatcher | undefined => {
    try {
      return watch(path, notice).on('error', () => undefined);
    } catch {
      return undefined;
    }
  };
  return {
    /** Watches anew what the name stands for now; what happens from here on rings. */
    rearm: () => {
      watcher?.close();
      watcher = open(directory) ?? open(join(directory, '..'));
      rung = false;
    },
    onRing: (call: () => void) => {
      ring = call;
      if (rung) call();
    },
    close: () => watcher?.close(),
  };
}

/** Reads the directory; what is different from what is known. */
async function look(directory: string, known: Map<string, Known>): Promise<Change> {
  const upsert: LocalWorkloadResource[] = [];
  const remove: ReturnType<typeof workloadRef>[] = [];
  const issues: { scope: string; issues: readonly Issue[] }[] = [];
  const names = await readdir(directory).catch((): string[] => []);
  const there = new Set<string>();
  for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    // Gone, or something other than a file.
    if (text === undefined) continue;
    there.add(name);
    const before = known.get(name);
    if (before?.text === text) continue;
    const parsed = parseWorkload(name, text);
    issues.push({ scope: scopeOf(name), issues: parsed.issues });
    // A file that cannot be read keeps its last good form: it may be half-written.
    const workload = parsed.issues.length > 0 ? before?.workload : parsed.workload;
    known.set(name, { text, workload });
    if (parsed.issues.length > 0) continue;
    if (workload !== undefined) upsert.push(workload);
    else if (before?.workload !== undefined) remove.push(workloadRef(name));
  }
  for (const [name, { workload }] of [...known]) {
    if (there.has(name)) continue;
    known.delete(name);
    issues.push({ scope: scopeOf(name), issues: [] });
    if (workload !== undefined) remove.push(workloadRef(name));
  }
  return { upsert, remove, issues, inSync: true };
}

const scopeOf = (name: string): string => `endpoint-status/${name}`;
