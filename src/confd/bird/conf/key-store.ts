/** Questions that templates ask of the keys: by name, by pattern, by folder. */
import { posix } from 'node:path';
import type { KeyView } from './key-view.ts';

/** A key with its value. */
export interface KeyPair {
  readonly key: string;
  readonly value: string;
}

/** The keys that one template may see, without their prefix. */
export interface KeyStore {
  exists(key: string): boolean;
  /** Throws where there is no such key. */
  get(key: string): KeyPair;
  /** Keys that fit a pattern, in byte order: `*` any run without `/`, `?` one such character, `[a-z]` one of them. */
  gets(pattern: string): readonly KeyPair[];
  /** Names of keys and folders right below a folder. */
  ls(folder: string): readonly string[];
  /** Names of folders right below a folder. */
  lsdir(folder: string): readonly string[];
}

/** Opens the keys at or below `keys`, with `prefix` cut off. */
export function keyStore(view: KeyView, prefix: string, keys: readonly string[]): KeyStore {
  const cut = prefix === '/' ? '' : prefix;
  const visible = (key: string): boolean => key.startsWith(cut) && keys.some((wanted) => key.startsWith(wanted));
  const own = new Map([...view].filter(([key]) => visible(key)).map(([key, value]) => [posix.join('/', key.slice(cut.length)), value]));
  const sorted = [...own].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]): KeyPair => ({ key, value }));
  const below = (folder: string): readonly string[] => {
    const start = posix.join('/', folder, '/');
    return sorted.flatMap(({ key }) => (key.startsWith(start) ? [key.slice(start.length)] : []));
  };
  return {
    exists: (key) => own.has(key),
    get: (key) => {
      const value = own.get(key);
      if (value === undefined) throw new Error(`there is no key ${key}`);
      return { key, value };
    },
    gets: (pattern) => {
      const wanted = globExpression(pattern);
      return sorted.filter(({ key }) => wanted.test(key));
    },
    ls: (folder) => [...new Set(below(folder).map((rest) => rest.split('/')[0] ?? ''))],
    lsdir: (folder) => [...new Set(below(folder).flatMap((rest) => (rest.includes('/') ? [rest.slice(0, rest.indexOf('/'))] : [])))],
  };
}

function globExpression(pattern: string): RegExp {
  const parts = pattern.split(/(\[\^?[^\]]+\]|[*?])/);
  const source = parts.map((part) => {
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return /^\[.+\]$/.test(part) ? part : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 'u');
}
