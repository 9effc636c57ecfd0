/** YAML manifests: splits a file into documents, reads each into plain values, and finds the place of any field. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Pair, parseDocument, type YAMLMap } from 'yaml';
import type { Path } from '../../resources/fields.ts';
import { isRecord } from '../../resources/fields.ts';
import { scalarText } from '../../resources/values.ts';
import { lineFinder, MAX_DEPTH, type ReadDocument } from './documents.ts';
import { plainScalar } from './plain-scalars.ts';

/** One document's text and the lines before it in its file. */
export interface Chunk {
  readonly text: string;
  readonly linesBefore: number;
  /** It is what stands around the items of a List: it must be YAML, and holds no object. */
  readonly envelope?: true;
}

// A line that begins with a document marker ends any scalar, so splitting by lines is what a YAML reader does (YAML 1.2, 9.1.2).
const MARKER = /^(?:---|\.\.\.)(?=[ \t\r\n]|$)/gm;
const NOTHING = /^(?:[ \t]*(?:#.*)?\r?(?:\n|$)|%.*(?:\n|$)|(?:---|\.\.\.)[ \t]*(?:#.*)?\r?(?:\n|$))*$/;

/** Documents of a file, those without content left out. */
export function splitYaml(text: string): readonly Chunk[] {
  const starts = [0];
  for (const marker of text.matchAll(MARKER)) if (marker.index > 0) starts.push(marker.index);
  const chunks: Chunk[] = [];
  let linesBefore = 0;
  for (const [index, start] of starts.entries()) {
    const chunk = text.slice(start, starts[index + 1] ?? text.length);
    const body = chunk.startsWith('...') ? `   ${chunk.slice(3)}` : chunk;
    if (!NOTHING.test(body)) chunks.push({ text: body, linesBefore });
    linesBefore += countLines(chunk);
  }
  return chunks;
}

function countLines(text: string): number {
  let count = 0;
  for (let next = text.indexOf('\n'); next !== -1; next = text.indexOf('\n', next + 1)) count += 1;
  return count;
}

/** Stops the conversion of a document; caught in this file. */
class Unreadable extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.offset = offset;
  }
}

interface Conversion {
  /** Values of anchors seen so far: an alias means the latest one before it. */
  readonly anchors: Map<string, unknown>;
  readonly nodes: Map<string, unknown>;
}

/** Reads one document. Never throws. */
export function readYaml(text: string): ReadDocument {
  const lineColumn = lineFinder(text);
  try {
    const document = parseDocument(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) return { ok: false, at: lineColumn(error.pos[0]), problem: problemOf(error.message) };
    const conversion: Conversion = { anchors: new Map(), nodes: new Map() };
    const value = toValue(document.contents, conversion, 0);
    return { ok: true, value, locate: (path) => lineColumn(offsetOf(document, conversion, path)) };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, at: lineColumn(error.offset), problem: error.message };
    // The package recurses over nested collections and runs out of stack before our own bound is reached.
    if (error instanceof RangeError) return { ok: false, at: { line: 1, column: 1 }, problem: `is nested deeper than ${MAX_DEPTH}` };
    throw error;
  }
}

/** The package's words without the piece of text that some of them quote. */
function problemOf(message: string): string {
  const [words = ''] = message.replace(/ !\S+ (?=tag )/, ' ').split(/: ["'`{[|>!]| \\|\n/, 1);
  return `is not YAML: ${words.replace(/ at line \d.*$/, '').replace(/"[^"]*" is repeated/, 'a key is repeated')}`;
}

function startOf(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}

function toValue(node: unknown, conversion: Conversion, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Unreadable(`is nested deeper than ${MAX_DEPTH}`, startOf(node));
  if (isAlias(node)) {
    if (!conversion.anchors.has(node.source)) throw new Unreadable('has an alias without an anchor before it', startOf(node));
    return conversion.anchors.get(node.source);
  }
  const value = convert(node, conversion, depth);
  if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
    conversion.anchors.set(node.anchor, value);
    conversion.nodes.set(node.anchor, node);
  }
  return value;
}

function convert(node: unknown, conversion: Conversion, depth: number): unknown {
  if (isMap(node)) return toRecord(node, conversion, depth);
  if (isSeq(node)) return node.items.map((item) => toValue(item, conversion, depth + 1));
  if (!isScalar(node) || typeof node.value !== 'string') return null;
  const isText = node.type !== 'PLAIN' || node.tag === 'tag:yaml.org,2002:str' || node.tag === '!';
  const isTyped = node.tag?.startsWith('tag:yaml.org,2002:') === true && node.tag !== 'tag:yaml.org,2002:str';
  return isText && !isTyped ? node.value : plainScalar(node.value);
}

function keyText(key: unknown): string | undefined {
  if (key === null) return 'null';
  if (!isScalar(key) || typeof key.value !== 'string') return undefined;
  return key.type === 'PLAIN' ? (scalarText(plainScalar(key.value)) ?? 'null') : key.value;
}

const isMerge = (key: unknown): boolean => isScalar(key) && key.type === 'PLAIN' && key.value === '<<';

function toRecord(map: YAMLMap, conversion: Conversion, depth: number): Readonly<Record<string, unknown>> {
  const out = new Map<string, unknown>();
  const merged: unknown[] = [];
  for (const pair of map.items) {
    const value = toValue(pair.value, conversion, depth + 1);
    if (isMerge(pair.key)) {
      merged.push(...(Array.isArray(value) ? value : [value]));
      continue;
    }
    const key = keyText(pair.key);
    if (key === undefined) throw new Unreadable('has a key that is no text', startOf(pair.key));
    if (out.has(key)) throw new Unreadable('has a key twice in one mapping', startOf(pair.key));
    out.set(key, value);
  }
  // Keys of the mapping itself win over merged ones, earlier merged mappings over later ones.
  for (const source of merged) {
    if (!isRecord(source)) throw new Unreadable('merges what is no mapping', startOf(map));
    for (const [key, value] of Object.entries(source)) if (!out.has(key)) out.set(key, value);
  }
  return recordOf(out);
}

/** `__proto__` becomes an ordinary member, as with JSON.parse. */
function recordOf(entries: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(entries);
}

/** Start of a mapping's key or a list's item; for what is not there, of the nearest thing around it. */
function offsetOf(document: Document, conversion: Conversion, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const key of path) {
    if (isAlias(node)) node = conversion.nodes.get(node.source);
    if (isMap(node)) {
      const pair = findPair(node, String(key), conversion);
      if (pair === undefined) return offset;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number' && key < node.items.length) {
      node = node.items[key];
      offset = startOf(node);
    } else {
      return offset;
    }
  }
  return offset;
}

function findPair(map: YAMLMap, key: string, conversion: Conversion): Pair | undefined {
  const own = map.items.find((pair) => !isMerge(pair.key) && keyText(pair.key) === key);
  if (own !== undefined) return own;
  for (const pair of map.items) {
    if (!isMerge(pair.key)) continue;
    const sources: readonly unknown[] = isSeq(pair.value) ? pair.value.items : [pair.value];
    for (const source of sources) {
      const target = isAlias(source) ? conversion.nodes.get(source.source) : source;
      const found = isMap(target) && target !== map ? findPair(target, key, conversion) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
