/** The YAML configuration file: one mapping of the keys in options.ts. Unknown and repeated keys are problems, not ignored. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { CONFIG_KEYS } from './options.ts';
import { type FileValue, namesSecret } from './read.ts';
import type { ConfigKey, ConfigProblem } from './types.ts';

/** What a configuration file says. */
export interface ConfigFile<K extends string = ConfigKey> {
  readonly values: ReadonlyMap<K, FileValue>;
  readonly problems: readonly ConfigProblem[];
}

/** Reads the text of the daemon's configuration file; `name` stands in positions. An empty file is an empty configuration. */
export function readConfigFile(text: string, name: string): ConfigFile {
  return readFileOf(CONFIG_KEYS, text, name);
}

/** As `readConfigFile`, of a program with these keys. */
export function readFileOf<K extends string>(keys: readonly K[], text: string, name: string): ConfigFile<K> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', uniqueKeys: true, stringKeys: true });
  const problems: ConfigProblem[] = [];
  const at = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  const refuse = (offset: number, key: string, value: string, rule: string): void => {
    problems.push({ origin: { kind: 'file', name: at(offset) }, key, value, rule });
  };
  // Where a line is no YAML nobody can say which key its text belongs to: of a file with a secret none is shown, nor what the parser quotes.
  const hides = namesSecret(text);
  const shown = (offset: number): string => (hides ? '[hidden]' : firstLine(text.slice(offset)));
  // A warning is a tag that nobody knows, whose value is not what it looks like: a password that begins with ! would be another.
  for (const { pos, code, message } of [...document.errors, ...document.warnings])
    refuse(pos[0], '', shown(pos[0]), `no YAML: ${hides ? code.toLowerCase().replaceAll('_', ' ') : firstLine(message)}`);
  const values = new Map<K, FileValue>();
  const root = document.contents;
  if (problems.length > 0 || root === null || (isScalar(root) && root.value === null)) return { values, problems };
  if (!isMap(root)) {
    refuse(0, '', shown(0), 'not a mapping of configuration keys');
    return { values, problems };
  }
  for (const pair of root.items) {
    const written = isScalar(pair.key) ? String(pair.key.value) : '';
    const key = keys.find((known) => known === written);
    const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
    const value = valueText(pair.value);
    if (key === undefined) refuse(offset, written, value ?? '', `not a known key; known are ${keys.join(', ')}`);
    else if (value === undefined) refuse(offset, key, '', 'not a plain value');
    else values.set(key, { text: value, position: at(offset) });
  }
  return { values, problems };
}

/** A scalar as it was written (so that `1.10` stays an AS number), or a mapping or list as the entries of options.ts. */
function valueText(node: unknown): string | undefined {
  if (isAlias(node)) return undefined;
  if (isScalar(node)) return typeof node.value === 'string' ? node.value : (node.source ?? '');
  if (isSeq(node)) return joined(node.items.map(valueText));
  if (!isMap(node)) return undefined;
  return joined(node.items.map((pair) => joined([valueText(pair.key), valueText(pair.value)], '=')));
}

function joined(parts: readonly (string | undefined)[], separator = ','): string | undefined {
  return parts.some((part) => part === undefined) ? undefined : parts.join(separator);
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 80);
}
