/**
 * Brings files into the view: reads what changed, tells half-written files from broken ones, and parses in slices.
 *
 * A file that looks half-written (empty, broken, without its last newline, or short of objects it had) or that vanished is not
 * believed before it stayed so for a moment: editors and copying tools write in place or rename the old file away first.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { errorCode, type FileStamp, pathKind, type Root } from './directory.ts';
import { type FileName, fileIssue, type Manifest, readManifest } from './manifest.ts';
import type { View } from './view.ts';

/** Ms that a file must stay as it is before a suspicious state of it is believed. */
export const SETTLE_MS = 120;
/** Ms after which it is believed although it keeps changing. */
const SETTLE_LIMIT_MS = 2_000;
/** Largest manifest that is read, octets. */
export const MAX_FILE_OCTETS = 64 * 1024 * 1024;
/** Ms of parsing after which other work gets its turn. */
const SLICE_MS = 8;

/** A suspicious state: which one, since when, and when the file was first suspicious. */
interface Doubt {
  readonly state: string;
  readonly since: number;
  readonly first: number;
}

interface Known {
  readonly stamp: FileStamp | undefined;
  readonly hash: string;
  readonly manifest: Manifest | undefined;
}

/** Files of one root on their way into a view. */
export interface Reader {
  /** Looks at one name; `force` reads it although its stamp is the known one. Gives when it was written, if it changed. */
  look(name: string, options: { readonly force: boolean; readonly trust: boolean }): Promise<number | undefined>;
  /** Names known to exist. */
  names(): readonly string[];
  /** Names whose state is doubted, and the monotonic ms when they should be looked at again. */
  doubts(): ReadonlyMap<string, number>;
}

function stampText(stamp: FileStamp | undefined): string {
  return stamp === undefined ? 'absent' : `${stamp.ino}:${stamp.size}:${stamp.mtimeMs}:${stamp.ctimeMs}`;
}

/** Gives other work a turn whenever a slice is used up. */
function breather(clock: Clock): () => Promise<void> {
  let start = clock.monotonic();
  return async () => {
    if (clock.monotonic() - start < SLICE_MS) return;
    await nextTurn();
    start = clock.monotonic();
  };
}

type ReadText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly code: string; readonly rule: string };

async function readText(path: string, size: number): Promise<ReadText> {
  if (size > MAX_FILE_OCTETS) return { ok: false, code: 'FILE_SIZE', rule: `is larger than ${MAX_FILE_OCTETS} octets` };
  try {
    const octets = await readFile(path);
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets) };
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, code: 'FILE_ENCODING', rule: 'is not UTF-8' };
    return { ok: false, code: 'FILE_UNREADABLE', rule: `cannot be read: ${errorCode(error)}` };
  }
}

/** True for a reading that a writer in the middle of its work could have left. */
function looksHalfWritten(text: string, manifest: Manifest, before: readonly string[]): boolean {
  if (manifest.broken || text.trim() === '') return true;
  if (!text.endsWith('\n') && !/[}\]]\s*$/.test(text)) return true;
  const now = new Set(manifest.claims.map(({ key }) => key));
  return before.some((key) => !now.has(key));
}

/** Makes a reader that feeds `view`. */
export function createReader(root: Root, view: View, clock: Clock): Reader {
  const known = new Map<string, Known>();
  const doubted = new Map<string, Doubt>();
  const breathe = breather(clock);

  /** True once a suspicious state has stood long enough to be believed. */
  const believed = (name: string, state: string): boolean => {
    const now = clock.monotonic();
    const doubt = doubted.get(name);
    const since = doubt?.state === state ? doubt.since : now;
    const first = doubt?.first ?? now;
    if (now - since >= SETTLE_MS || now - first >= SETTLE_LIMIT_MS) return true;
    doubted.set(name, { state, since, first });
    return false;
  };

  const forget = (name: string): number | undefined => {
    doubted.delete(name);
    known.delete(name);
    view.set(name, undefined);
    return clock.now();
  };

  const accept = (name: string, entry: Known): number | undefined => {
    doubted.delete(name);
    known.set(name, entry);
    return entry.stamp === undefined ? undefined : Math.max(entry.stamp.mtimeMs, entry.stamp.ctimeMs);
  };

  const fail = (file: FileName, stamp: FileStamp | undefined, code: string, rule: string): number | undefined => {
    const before = known.get(file.name);
    view.setIssues(file.name, [fileIssue(file, code, rule)]);
    return accept(file.name, { stamp, hash: '', manifest: before?.manifest });
  };

  const read = async (file: FileName, stamp: FileStamp, trust: boolean): Promise<number | undefined> => {
    const before = known.get(file.name);
    const found = await readText(file.path, stamp.size);
    if (!found.ok) return trust || believed(file.name, stampText(stamp)) ? fail(file, stamp, found.code, found.rule) : undefined;
    const hash = createHash('sha1').update(found.text).digest('base64');
    if (before?.hash === hash) {
      accept(file.name, { ...before, stamp });
      return undefined;
    }
    const manifest = await readManifest(file, found.text, before?.manifest, breathe);
    const suspicious = !trust && looksHalfWritten(found.text, manifest, view.keysOf(file.name));
    if (suspicious && !believed(file.name, stampText(stamp))) return undefined;
    view.set(file.name, manifest);
    return accept(file.name, { stamp, hash, manifest });
  };

  return {
    async look(name, { force, trust }) {
      const file = { name, path: join(root.directory, name) };
      const kind = await pathKind(file.path);
      if (kind.type === 'file') {
        const same = stampText(known.get(name)?.stamp) === stampText(kind.stamp);
        if (same && !force) {
          doubted.delete(name);
          return undefined;
        }
        return read(file, kind.stamp, trust);
      }
      if (kind.type === 'error') return fail(file, undefined, 'FILE_UNREADABLE', `cannot be read: ${kind.code}`);
      if (!known.has(name)) {
        doubted.delete(name);
        return undefined;
      }
      return trust || believed(name, 'absent') ? forget(name) : undefined;
    },
    names: () => [...known.keys()],
    doubts: () => new Map([...doubted].map(([name, { since, first }]) => [name, Math.min(since + SETTLE_MS, first + SETTLE_LIMIT_MS)])),
  };
}
