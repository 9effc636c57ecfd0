/** List and watch as requests and answers: paths to ask for, and what a page or an event says. Total: any text gives a result. */
import { isRecord, member } from '../../resources/fields.ts';
import type { Watched } from './kinds.ts';

/**
 * Objects asked for at once. What is parsed of a page dies young where it is small: with 500 the daemon of a node among 5,000 takes
 * 60 MB more while it lists (npm run bench:cluster).
 */
export const PAGE_SIZE = 150;

function query(watched: Watched, more: Readonly<Record<string, string>>): string {
  const { labelSelector, fieldSelector } = watched;
  const all = new URLSearchParams({
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...more,
  });
  return `${watched.path}?${all.toString()}`;
}

/** Path of one page; the first has no token. */
export function listPath(watched: Watched, token: string): string {
  return query(watched, { limit: String(PAGE_SIZE), ...(token === '' ? {} : { continue: token }) });
}

/** Path of a watch from a version on. */
export function watchPath(watched: Watched, resourceVersion: string, seconds: number): string {
  return query(watched, { watch: '1', allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds: String(seconds) });
}

/**
 * Path of a watch that begins with a list: each object as an event, then a bookmark that says so, then what changes. The server
 * answers from its memory where pages may come from its database, and no page is ever held as a whole. One that cannot do it answers 422.
 */
export function streamedListPath(watched: Watched, seconds: number): string {
  return query(watched, {
    watch: '1',
    allowWatchBookmarks: 'true',
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    resourceVersion: '',
    timeoutSeconds: String(seconds),
  });
}

/** One page of a list. `token` is '' on the last one. */
export interface ListPage {
  readonly resourceVersion: string;
  readonly token: string;
  readonly items: readonly unknown[];
}

/** One event of a watch. `listed`: a bookmark after the last object of a streamed list. `gone`: the version is too old, everything must be listed again (410). */
export type WatchEvent =
  | { readonly type: 'changed' | 'deleted'; readonly object: unknown; readonly resourceVersion: string }
  | { readonly type: 'bookmark'; readonly resourceVersion: string; readonly listed: boolean }
  | { readonly type: 'gone' }
  | { readonly type: 'error'; readonly message: string };

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown, key: string): string {
  const found = isRecord(value) ? member(value, key) : undefined;
  return typeof found === 'string' ? found : '';
}

/** Reads a page; items get the kind and version that typed lists leave out. Undefined where the text is no list. */
export function readListPage(text: string, watched: Watched): ListPage | undefined {
  const value = json(text);
  const items = isRecord(value) ? member(value, 'items') : undefined;
  if (!isRecord(value) || !(Array.isArray(items) || items === null)) return undefined;
  const metadata = member(value, 'metadata');
  const resourceVersion = textOf(metadata, 'resourceVersion');
  if (resourceVersion === '') return undefined;
  return { resourceVersion, token: textOf(metadata, 'continue'), items: (items ?? []).map((item: unknown) => named(item, watched)) };
}

function named(item: unknown, { apiVersion, kind }: Watched): unknown {
  return isRecord(item) ? { ...item, apiVersion, kind } : item;
}

/** Annotation of the bookmark that ends a streamed list. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

const annotationsOf = (metadata: unknown): unknown => (isRecord(metadata) ? member(metadata, 'annotations') : undefined);

/** Reads one line of a watch. */
export function readWatchEvent(line: string, watched: Watched): WatchEvent {
  const value = json(line);
  const object = isRecord(value) ? member(value, 'object') : undefined;
  const metadata = isRecord(object) ? member(object, 'metadata') : undefined;
  const resourceVersion = textOf(metadata, 'resourceVersion');
  switch (textOf(value, 'type')) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'changed', object: named(object, watched), resourceVersion };
    case 'DELETED':
      return { type: 'deleted', object: named(object, watched), resourceVersion };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion, listed: textOf(annotationsOf(metadata), INITIAL_EVENTS_END) === 'true' };
    case 'ERROR':
      return isRecord(object) && member(object, 'code') === 410
        ? { type: 'gone' }
        : { type: 'error', message: textOf(object, 'message').slice(0, 300) };
    default:
      return { type: 'error', message: 'an event that is none' };
  }
}

/** What a Status answer says, for messages; '' where it says nothing. One line of at most 300 characters. */
export function statusMessage(text: string): string {
  return textOf(json(text), 'message').slice(0, 300).replaceAll(/\s+/g, ' ');
}
