/** A conf.d file: which template makes which file, with its check and reload commands (control-plane 7). */
import { posix } from 'node:path';
import { parse, TomlError } from 'smol-toml';

/** One `[template]`. Absent: as the file there already is, or the defaults of control-plane 7. */
export interface TemplateConf {
  /** For messages: the name of the conf.d file. */
  readonly name: string;
  /** Below the folder of templates. */
  readonly src: string;
  readonly dest: string;
  /** What is cut off the keys that the template asks for. `/` where none is given. */
  readonly prefix: string;
  /** Whole keys, prefix included: the template sees what is at or below them. */
  readonly keys: readonly string[];
  /** A template itself: `{{src}}` is the staged file. */
  readonly checkCommand: string | undefined;
  readonly reloadCommand: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Reads one file; `node` stands for `//NODENAME` in prefix and keys. Throws an error that names file and field. */
export function readConf(name: string, text: string, node: string): TemplateConf {
  const table = templateTable(name, text);
  const fail = (field: string, rule: string): never => {
    throw new Error(`${name}: ${field} ${rule}`);
  };
  for (const field of Object.keys(table)) if (!FIELDS.has(field)) fail(field, 'is no field of [template]');
  const string = (field: string): string | undefined => {
    const value = table[field];
    return value === undefined || typeof value === 'string' ? value : fail(field, 'is not a string');
  };
  const required = (field: string): string => {
    const value = string(field);
    return value === undefined || value === '' ? fail(field, 'is missing') : value;
  };
  const number = (field: string): number | undefined => {
    const value = table[field];
    if (value === undefined) return undefined;
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : fail(field, 'is not a whole number');
  };
  const placed = (path: string): string => path.replaceAll('//NODENAME', `/${node}`);
  const prefix = posix.join('/', placed(string('prefix') ?? '/'));
  const keys = table['keys'] ?? [];
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) return fail('keys', 'is not a list of strings');
  const mode = string('mode');
  if (mode !== undefined && !/^0?[0-7]{3,4}$/.test(mode)) fail('mode', 'is not an octal mode such as "0644"');
  return {
    name,
    src: required('src'),
    dest: required('dest'),
    prefix,
    keys: keys.length === 0 ? [prefix] : keys.map((key) => posix.join(prefix, placed(key))),
    checkCommand: string('check_cmd'),
    reloadCommand: string('reload_cmd'),
    mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
    uid: number('uid'),
    gid: number('gid'),
  };
}

const FIELDS: ReadonlySet<string> = new Set(['src', 'dest', 'prefix', 'keys', 'check_cmd', 'reload_cmd', 'mode', 'uid', 'gid']);

function templateTable(name: string, text: string): Readonly<Record<string, unknown>> {
  const document = parseToml(name, text);
  const table = document['template'];
  if (typeof table !== 'object' || table === null || Array.isArray(table)) throw new Error(`${name}: there is no [template]`);
  return Object.fromEntries(Object.entries(table));
}

function parseToml(name: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError)
      throw new Error(`${name}:${error.line}:${error.column}: ${error.message.split('\n')[0] ?? ''}`, { cause: error });
    throw error;
  }
}
