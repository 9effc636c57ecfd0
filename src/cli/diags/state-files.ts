/** The state directory for a bundle: what it holds, and the contents of what is known to be harmless, without Secrets. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../confd/resources/fields.ts';
import { SAVED_NAME } from '../../main/saved-state.ts';

/** What the directory gives. */
export interface StateFiles {
  /** Names below `state/` and their texts. */
  readonly files: readonly { readonly name: string; readonly content: string }[];
  /** Values of Secrets that were left out. */
  readonly secrets: readonly string[];
}

/** Contents of other files are not taken: only what this program is known to write there. */
const PLAIN = ['restart.json', 'peers.json'];

/** Reads it; a directory that cannot be read gives its error as the list. */
export async function readStateFiles(directory: string): Promise<StateFiles> {
  const names = await readdir(directory).catch((error: unknown) => String(error));
  if (typeof names === 'string') return { files: [{ name: 'list.txt', content: `${names}\n` }], secrets: [] };
  const files: { name: string; content: string }[] = [{ name: 'list.txt', content: await list(directory, names) }];
  for (const name of PLAIN.filter((one) => names.includes(one))) {
    files.push({ name, content: await readFile(join(directory, name), 'utf8').catch((error: unknown) => String(error)) });
  }
  if (!names.includes(SAVED_NAME)) return { files, secrets: [] };
  const saved = withoutSecrets(await readFile(join(directory, SAVED_NAME), 'utf8').catch(() => ''));
  return { files: [...files, { name: SAVED_NAME, content: saved.text }], secrets: saved.secrets };
}

async function list(directory: string, names: readonly string[]): Promise<string> {
  const rows = await Promise.all(
    [...names].sort().map(async (name) => {
      const found = await stat(join(directory, name)).catch(() => undefined);
      const what = found === undefined ? 'unreadable' : `${(found.mode & 0o7777).toString(8)} ${found.size} ${found.mtime.toISOString()}`;
      return `${what} ${name}\n`;
    }),
  );
  return rows.join('');
}

/** The lines of a saved state that are manifests of anything but Secrets; and every value in the Secrets. */
export function withoutSecrets(text: string): { readonly text: string; readonly secrets: readonly string[] } {
  const kept: string[] = [];
  const secrets: string[] = [];
  for (const line of text.split('\n')) {
    const value = parsed(line);
    if (value === undefined) continue;
    if (value['kind'] !== 'Secret') kept.push(`${line}\n`);
    else secrets.push(...valuesOf(value));
  }
  return { text: kept.join(''), secrets };
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function valuesOf(secret: Readonly<Record<string, unknown>>): readonly string[] {
  const texts = ['data', 'stringData'].flatMap((key) => {
    const fields = secret[key];
    return isRecord(fields) ? Object.values(fields).filter((value) => typeof value === 'string') : [];
  });
  return texts.flatMap((text) => [text, Buffer.from(text, 'base64').toString('utf8')]);
}
