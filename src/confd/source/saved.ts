/**
 * The last good state of a remote datastore, kept on the host: where the datastore is away when the daemon starts, what was
 * known is used and said to be old, and what it turns out to be later is compared with it. Nothing is announced that was not
 * announced before, and nothing is lost by a restart that meets an outage.
 */
import type { Clock } from '../clock.ts';
import { type Log, SILENT_LOG } from '../log.ts';
import { objectKey } from '../resources/issue.ts';
import type { Issue, ObjectRef, Resource } from '../resources/types.ts';
import { createMailbox } from './mailbox.ts';
import type { Change, Source } from './types.ts';

/** Ms that a datastore has to deliver its complete view before what was saved is used. */
export const PATIENCE_MS = 5_000;
/**
 * Ms before the first save, and between later ones at least and at most: a busy cluster is written once in a while, not with each change, and a
 * large one, of which saving takes long, less often.
 */
export const SAVE_MS = { first: 2_000, next: 30_000, most: 300_000 } as const;
/** Times that a save must have taken before the next: saving is at most half a percent of what a core does. */
const SAVE_SHARE = 200;

/** What was saved, and when (wall-clock ms). */
export interface SavedState {
  readonly at: number;
  readonly resources: readonly Resource[];
}

/** Where it is saved. Neither rejects: a file that cannot be read is none, one that cannot be written is told by `write`. */
export interface SavedFile {
  read(): Promise<SavedState | undefined>;
  /** Undefined: written; else why not. */
  write(state: SavedState): Promise<string | undefined>;
}

/** What the wrapper needs. */
export interface SavedOptions {
  readonly file: SavedFile;
  readonly clock: Clock;
  /** Default: nowhere. */
  readonly log?: Log;
}

interface Session extends SavedOptions {
  /** The datastore's objects as told so far. */
  readonly known: Map<string, Resource>;
  /** Objects that stand in for the datastore's now; undefined once it has delivered its own. */
  standIns: Map<string, ObjectRef> | undefined;
  /** The datastore's view was complete once. */
  complete: boolean;
  dirty: boolean;
}

type Item = { readonly change: Change } | 'impatient' | 'ended';

/** Wraps a source. */
export function saveSource(source: Source, options: SavedOptions): Source {
  return { watch: (signal) => watchSaved(source, options, signal) };
}

const SCOPE = 'saved state';

async function* watchSaved(source: Source, options: SavedOptions, signal: AbortSignal): AsyncGenerator<Change> {
  const session: Session = { ...options, known: new Map(), standIns: undefined, complete: false, dirty: false };
  const ending = new AbortController();
  const inner = AbortSignal.any([signal, ending.signal]);
  const mailbox = createMailbox<Item>(inner);
  const pump = async (): Promise<void> => {
    for await (const change of source.watch(inner)) mailbox.put({ change });
    mailbox.put('ended');
  };
  const pumping = pump();
  const first = options.clock.wait(PATIENCE_MS, inner).then(() => mailbox.put('impatient'));
  const saving = keepSaving(session, inner);
  try {
    yield* untilComplete(session, mailbox.next);
    for (let item = await mailbox.next(); item !== undefined && item !== 'ended'; item = await mailbox.next()) {
      if (item !== 'impatient') yield learn(session, item.change);
    }
  } finally {
    ending.abort();
    await Promise.all([pumping, first, saving]);
    await save(session);
  }
}

/**
 * What the source tells before its view is complete is passed on as long as nothing stands in for it. Once something does,
 * it is kept until the view is complete, and then the difference is told in one change.
 */
async function* untilComplete(session: Session, next: () => Promise<Item | undefined>): AsyncGenerator<Change> {
  for (let item = await next(); item !== undefined && item !== 'ended'; item = await next()) {
    if (item === 'impatient') {
      const change = await standIn(session);
      if (change !== undefined) yield change;
      continue;
    }
    const { standIns } = session;
    const change = learn(session, item.change);
    if (standIns === undefined) {
      yield change;
      if (change.inSync) return;
    } else if (change.inSync) {
      session.standIns = undefined;
      yield complete(session, standIns, change);
      return;
    } else yield { upsert: [], remove: [], issues: change.issues, inSync: false, usable: true };
  }
}

function learn(session: Session, change: Change): Change {
  for (const ref of change.remove) session.known.delete(objectKey(ref));
  for (const resource of change.upsert) session.known.set(objectKey(resource.ref), resource);
  session.complete ||= change.inSync;
  session.dirty ||= change.upsert.length + change.remove.length > 0;
  return change;
}

async function standIn(session: Session): Promise<Change | undefined> {
  const state = await session.file.read();
  if (state === undefined) return undefined;
  const log = session.log ?? SILENT_LOG;
  const since = new Date(state.at).toISOString();
  log.warn({ since, objects: state.resources.length }, 'the datastore has not answered: starting from its last good state');
  session.standIns = new Map(state.resources.map(({ ref }) => [objectKey(ref), ref]));
  const issue: Issue = {
    code: 'DATASTORE_SAVED_STATE',
    severity: 'warning',
    object: { apiVersion: 'v1', kind: 'Datastore', namespace: '', name: 'saved' },
    field: '',
    got: '',
    rule: `stands in for a datastore that has not answered yet: its last good state, of ${since}`,
    source: null,
    transient: true,
  };
  // What the datastore told in part is newer than what was saved.
  const older = state.resources.filter(({ ref }) => !session.known.has(objectKey(ref)));
  return {
    upsert: [...older, ...session.known.values()],
    remove: [],
    issues: [{ scope: SCOPE, issues: [issue] }],
    inSync: false,
    usable: true,
  };
}

function complete({ known }: Session, standIns: ReadonlyMap<string, ObjectRef>, change: Change): Change {
  const gone = [...standIns].flatMap(([key, ref]) => (known.has(key) ? [] : [ref]));
  return {
    ...change,
    upsert: [...known.values()],
    remove: [...change.remove, ...gone],
    issues: [...change.issues, { scope: SCOPE, issues: [] }],
  };
}

/** Saves now and then while something changes. */
async function keepSaving(session: Session, signal: AbortSignal): Promise<void> {
  for (let ms: number = SAVE_MS.first; !signal.aborted; ) {
    await session.clock.wait(ms, signal);
    if (signal.aborted) return;
    const began = session.clock.monotonic();
    const saved = await save(session);
    if (saved) ms = Math.min(SAVE_MS.most, Math.max(SAVE_MS.next, (session.clock.monotonic() - began) * SAVE_SHARE));
  }
}

/** Only a complete view is worth saving: what the datastore has not delivered yet is not gone. True where something was to save. */
async function save(session: Session): Promise<boolean> {
  if (!session.dirty || !session.complete) return false;
  session.dirty = false;
  const failure = await session.file.write({ at: session.clock.now(), resources: [...session.known.values()] });
  if (failure !== undefined) (session.log ?? SILENT_LOG).warn({ because: failure }, 'the last good state cannot be saved');
  return true;
}
