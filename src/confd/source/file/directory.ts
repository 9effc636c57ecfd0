/**
 * Which files of a directory are manifests: names that end in .yaml, .yml or .json, in it and below it. Hidden names are
 * skipped, and links are followed; so a mounted ConfigMap (`a.yaml -> ..data/a.yaml`, `..data -> ..2026_01_01/`) is read once.
 */
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Deepest directory below the root that is read. */
const MAX_DIRECTORY_DEPTH = 16;

const MANIFEST = /\.(?:ya?ml|json)$/;

/** What tells one state of a file from another without reading it. */
export interface FileStamp {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** What a path is just now. */
export type PathKind =
  | { readonly type: 'file'; readonly stamp: FileStamp }
  | { readonly type: 'directory'; readonly id: string }
  | { readonly type: 'absent' }
  | { readonly type: 'error'; readonly code: string };

/** Where manifests are: a directory, or one file in it. */
export interface Root {
  readonly directory: string;
  /** Set where the source is a single file. */
  readonly only: string | undefined;
}

/** Manifests and directories under a root, names relative to it with `/`, '' for the root itself. */
export interface Listing {
  readonly files: ReadonlySet<string>;
  readonly directories: ReadonlyMap<string, string>;
}

/** True for a name, without directories, that can be a manifest. */
export function isManifestName(name: string): boolean {
  return !name.startsWith('.') && MANIFEST.test(name);
}

/** Code of a system error such as ENOENT; 'UNKNOWN' for anything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

/** What is at a path, links followed. Never throws. */
export async function pathKind(path: string): Promise<PathKind> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return { type: 'directory', id: `${found.dev}:${found.ino}` };
    const { ino, size, mtimeMs, ctimeMs } = found;
    return found.isFile() ? { type: 'file', stamp: { ino, size, mtimeMs, ctimeMs } } : { type: 'absent' };
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { type: 'absent' } : { type: 'error', code };
  }
}

/** When a name last changed what it means: for a link that is the link itself. Undefined where it is gone. */
export async function changedAt(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).ctimeMs;
  } catch {
    return undefined;
  }
}

/** Root of a path that a user gave: a file stands for itself alone. */
export async function rootOfPath(path: string): Promise<Root> {
  const kind = await pathKind(path);
  return kind.type === 'file' ? { directory: dirname(path), only: basename(path) } : { directory: path, only: undefined };
}

/**
 * Lists everything below `from` (relative, '' for all). `enter` is called with each directory before it is read, so that a
 * watch set there misses nothing. Directories that cannot be read are left out; a directory is read once, also through links.
 */
export async function listManifests(root: Root, from: string, enter: (directory: string, id: string) => void): Promise<Listing> {
  const files = new Set<string>();
  const directories = new Map<string, string>();
  const seen = new Set<string>();
  const visit = async (directory: string, depth: number): Promise<void> => {
    const path = join(root.directory, directory);
    const kind = await pathKind(path);
    if (kind.type !== 'directory' || seen.has(kind.id) || depth > MAX_DIRECTORY_DEPTH) return;
    seen.add(kind.id);
    directories.set(directory, kind.id);
    enter(directory, kind.id);
    for (const entry of await entriesOf(path)) {
      if (entry.name.startsWith('.') || (root.only !== undefined && entry.name !== root.only)) continue;
      const name = directory === '' ? entry.name : `${directory}/${entry.name}`;
      const type = entry.isSymbolicLink() ? (await pathKind(join(root.directory, name))).type : entry.isDirectory() ? 'directory' : 'file';
      if (type === 'directory') await visit(name, depth + 1);
      else if (type === 'file' && isManifestName(entry.name)) files.add(name);
    }
  };
  await visit(from, from === '' ? 0 : from.split('/').length);
  return { files, directories };
}

async function entriesOf(path: string) {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
