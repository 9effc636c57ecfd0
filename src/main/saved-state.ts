/**
 * The file of the last good state: a line of JSON for the whole, then a manifest on each line. Its owner alone may read it,
 * since Secrets are in it.
 */
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { toManifest } from '../confd/resources/manifest.ts';
import { parseObject } from '../confd/resources/parse-object.ts';
import type { Resource } from '../confd/resources/types.ts';
import type { SavedFile, SavedState } from '../confd/source/saved.ts';
import { replaceFile } from '../files/replace.ts';
import { stateFields } from '../files/state-file.ts';

/** Name in the state directory. */
export const SAVED_NAME = 'last-good.jsonl';
/** Schema of the first line. A reader takes any version 1 and what it knows of each manifest. */
const SCHEMA = 'linnet.last-good/v1';
/** Objects between two turns of the event loop: about two ms, so that a change is not kept waiting. */
const SLICE = 100;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The file of one node; what another node left there is not read. */
export function savedFile(path: string, node: string): SavedFile {
  return {
    read: () => read(path, node).catch(() => undefined),
    write: (state) => write(path, node, state).then(() => undefined, messageOf),
  };
}

async function read(path: string, node: string): Promise<SavedState | undefined> {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  let header: { readonly at: number; readonly count: number } | undefined;
  const resources: Resource[] = [];
  let count = 0;
  for await (const line of lines) {
    const value: unknown = JSON.parse(line);
    if (header === undefined) {
      header = readHeader(value, node);
      if (header === undefined) return undefined;
      continue;
    }
    count += 1;
    const { outcome } = parseObject(value);
    // What an older or newer version cannot read is left out: all else is still better than nothing.
    if (outcome.type === 'resource') resources.push(outcome.resource);
    if (count % SLICE === 0) await pause();
  }
  return header === undefined || header.count !== count ? undefined : { at: header.at, resources };
}

function readHeader(value: unknown, node: string): { readonly at: number; readonly count: number } | undefined {
  const { node: owner, at, count } = stateFields(value, SCHEMA) ?? {};
  return owner === node && typeof at === 'number' && typeof count === 'number' ? { at, count } : undefined;
}

const pause = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function write(path: string, node: string, state: SavedState): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, lines(node, state));
}

function* lines(node: string, { at, resources }: SavedState): Generator<string> {
  const manifests = resources.filter(({ kind }) => kind !== 'LocalWorkload');
  yield `${JSON.stringify({ schema: SCHEMA, node, at, count: manifests.length })}\n`;
  for (let begin = 0; begin < manifests.length; begin += SLICE) {
    const slice = manifests.slice(begin, begin + SLICE);
    yield slice.map((resource) => `${JSON.stringify(toManifest(resource))}\n`).join('');
  }
}
