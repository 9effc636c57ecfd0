/**
 * The embedded datastore: a directory of manifests as a Source. Watched live, with a slow poll for what no watch tells (links
 * to elsewhere, network file systems). While the directory is missing, what it last held stands, and the source is not in sync.
 */
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { type Log, SILENT_LOG } from '../../log.ts';
import type { Issue } from '../../resources/types.ts';
import type { Change, Source } from '../types.ts';
import { changedAt, isManifestName, listManifests, pathKind, type Root, rootOfPath } from './directory.ts';
import { createReader, type Reader } from './reader.ts';
import { createView, type View } from './view.ts';
import { createWake, type Noted, type Wake } from './wake.ts';
import { createWatcher, type Watcher } from './watcher.ts';

/** Ms between full looks at the directory: normally, while some watch could not be set, and while it is missing. */
export const POLL_MS = { watched: 30_000, blind: 2_000, missing: 500 } as const;
/** Files that are read at the same time. */
const READERS = 8;
const DIRECTORY_SCOPE = 'directory';

/** What a file source needs. */
export interface FileSourceOptions {
  /** A directory, or a single manifest. */
  readonly path: string;
  readonly clock: Clock;
  /** Default: nowhere. */
  readonly log?: Log;
  /** Ms between full looks at a watched directory, default `POLL_MS.watched`. */
  readonly pollMs?: number;
}

interface Session {
  readonly clock: Clock;
  readonly pollMs: number;
  readonly root: Root;
  readonly view: View;
  readonly reader: Reader;
  readonly watcher: Watcher;
  /** Directories of the last full look. */
  directories: ReadonlyMap<string, string>;
  /** The directory is there. */
  present: boolean;
  /** A first full look is over. */
  loaded: boolean;
}

/** Makes the source of one directory. Each `watch` reads it anew. */
export function createFileSource(options: FileSourceOptions): Source {
  return { watch: (signal) => watchFiles(options, signal) };
}

function missingIssue(path: string): Issue {
  return {
    code: 'DIRECTORY_MISSING',
    severity: 'error',
    object: { apiVersion: '', kind: 'Directory', namespace: '', name: path },
    field: '',
    got: '',
    rule: 'is not there or cannot be read',
    source: null,
    transient: true,
  };
}

async function* watchFiles(options: FileSourceOptions, signal: AbortSignal): AsyncGenerator<Change> {
  const { clock, log = SILENT_LOG, path, pollMs = POLL_MS.watched } = options;
  const wake = createWake(clock, signal);
  const root = await rootOfPath(path);
  const view = createView();
  const watcher = createWatcher(
    root.directory,
    (name) => wake.note(name),
    (directory, code) => log.warn({ directory: join(root.directory, directory), code }, 'cannot watch a directory, polling it'),
  );
  const session: Session = {
    clock,
    pollMs,
    root,
    view,
    reader: createReader(root, view, clock),
    watcher,
    directories: new Map(),
    present: true,
    loaded: false,
  };
  let told: boolean | undefined;
  try {
    while (!signal.aborted) {
      const writtenAt = await lookAround(session, wake.take());
      const { present } = session;
      const files = view.take();
      if (files !== undefined || told !== present) {
        const issues = told === present ? [] : [{ scope: DIRECTORY_SCOPE, issues: present ? [] : [missingIssue(path)] }];
        told = present;
        const change = files ?? { upsert: [], remove: [], issues: [] };
        yield { ...change, issues: [...change.issues, ...issues], inSync: present, ...(writtenAt === undefined ? {} : { writtenAt }) };
      }
      await rest(session, wake);
    }
  } finally {
    watcher.close();
  }
}

/** Sleeps until something is noted, a doubted file is due, or it is time to poll. */
async function rest({ clock, pollMs, reader, watcher, present }: Session, wake: Wake): Promise<void> {
  const now = clock.monotonic();
  const poll = !present ? POLL_MS.missing : watcher.blind ? POLL_MS.blind : pollMs;
  const doubts = reader.doubts();
  const due = Math.min(...doubts.values());
  if (due <= now + poll) {
    await wake.sleep(Math.max(0, due - now));
    for (const name of doubts.keys()) wake.note(name);
    return;
  }
  if (await wake.sleep(poll)) wake.note(undefined);
}

/** One round: looks at what was noted and feeds the view. Gives when the newest input was written. */
async function lookAround(session: Session, noted: Noted): Promise<number | undefined> {
  const { reader, root } = session;
  const names = new Set<string>();
  const written: number[] = [];
  let all = noted.everything;
  for (const name of noted.names) {
    const base = basename(name);
    if (base.startsWith('..')) {
      all = true;
      written.push((await changedAt(join(root.directory, name))) ?? 0);
    } else if (isManifestName(base) && !session.directories.has(name)) names.add(name);
    else all ||= await concernsDirectories(session, name);
  }
  const forced = new Set(names);
  if (all) for (const name of await listAll(session)) names.add(name);
  const trust = !session.loaded;
  const queue = [...names];
  const work = async (): Promise<void> => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const at = await reader.look(name, { force: forced.has(name), trust });
      if (at !== undefined) written.push(at);
    }
  };
  if (session.present) await Promise.all(Array.from({ length: READERS }, work));
  if (all && session.present) session.loaded = true;
  const newest = written.reduce((a, b) => Math.max(a, b), 0);
  return newest > 0 ? newest : undefined;
}

/** True where a name that is no manifest is, or was, a directory: then what is below it must be listed again. */
async function concernsDirectories({ root, directories }: Session, name: string): Promise<boolean> {
  if (basename(name).startsWith('.')) return false;
  if (directories.has(name)) return true;
  const kind = await pathKind(join(root.directory, name));
  if (kind.type === 'directory') return true;
  // A watched directory that is removed or renamed tells its own name.
  return kind.type === 'absent' && basename(name) === basename(join(root.directory, dirname(name)));
}

/** Every manifest there is or was; none where the directory is missing. */
async function listAll(session: Session): Promise<readonly string[]> {
  const { root, watcher, reader } = session;
  session.present = (await pathKind(root.directory)).type === 'directory';
  if (!session.present) {
    watcher.keepOnly(new Map());
    session.directories = new Map();
    return [];
  }
  const listing = await listManifests(root, '', (directory, id) => watcher.add(directory, id));
  watcher.keepOnly(listing.directories);
  session.directories = listing.directories;
  return [...listing.files, ...reader.names()];
}
