/** State over a restart as one JSON object a file: `schema` names the form, the other members are the state's own. */
import { readFile } from 'node:fs/promises';
import { replaceFile } from './replace.ts';

/** Members of a state's object, `schema` among them; what a newer version added is there too. */
export type StateFields = Readonly<Record<string, unknown>>;

/** The members of a parsed value that is an object of `schema`; undefined for any other. */
export function stateFields(value: unknown, schema: string): StateFields | undefined {
  if (typeof value !== 'object' || value === null || !('schema' in value) || value.schema !== schema) return undefined;
  return { ...value };
}

/**
 * Reads a file of `schema`. Undefined where there is none; and, after `unusable` was told why, where it cannot be read, is torn or has
 * another schema: state is a convenience, and a run without it is the first one.
 */
export async function readState(
  path: string,
  schema: string,
  unusable: (because: string) => void = () => undefined,
): Promise<StateFields | undefined> {
  try {
    const fields = stateFields(JSON.parse(await readFile(path, 'utf8')), schema);
    if (fields === undefined) unusable(`it does not say schema ${schema}`);
    return fields;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) unusable(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Replaces the file: on the disk when this settles. `mode` as in `replaceFile`. Rejects with the system's error. */
export function writeState(path: string, schema: string, fields: StateFields, mode?: number): Promise<void> {
  return replaceFile(path, `${JSON.stringify({ schema, ...fields })}\n`, mode);
}
