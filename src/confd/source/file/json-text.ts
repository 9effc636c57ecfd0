/** JSON manifests: Go's reader and ours agree on the values; this adds the place of a field and of a mistake. */
import type { Path } from '../../resources/fields.ts';
import { lineFinder, MAX_DEPTH, type ReadDocument } from './documents.ts';

/** Where a value's key or item begins, and what is below it. Nothing is kept below `MAX_DEPTH`. */
interface Place {
  readonly offset: number;
  readonly below: Map<string | number, Place>;
}

interface Scan {
  readonly text: string;
  index: number;
}

const BLANK = /[ \t\r\n]*/y;
// JSON allows the control characters from U+007F on, unlike those below space.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const LITERAL = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null/y;

/** Reads a JSON text. Never throws. */
export function readJson(text: string): ReadDocument {
  const lineColumn = lineFinder(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const scan: Scan = { text, index: 0 };
    scanDocument(scan);
    return { ok: false, at: lineColumn(scan.index), problem: 'is not JSON: it makes no sense from here' };
  }
  let places: Place | undefined;
  const locate = (path: Path): number => {
    places ??= scanDocument({ text, index: 0 });
    return offsetOf(places, path);
  };
  return { ok: true, value, locate: (path) => lineColumn(locate(path)) };
}

/** The deepest part of the path that is there. */
function offsetOf(root: Place, path: Path): number {
  let place = root;
  for (const key of path) {
    const next = place.below.get(key);
    if (next === undefined) break;
    place = next;
  }
  return place.offset;
}

/** Reads one token at the cursor; its text, or undefined where there is none. */
function token(scan: Scan, pattern: RegExp): string | undefined {
  pattern.lastIndex = scan.index;
  const match = pattern.exec(scan.text);
  if (match === null) return undefined;
  scan.index += match[0].length;
  return match[0];
}

function symbol(scan: Scan, character: string): boolean {
  token(scan, BLANK);
  if (scan.text[scan.index] !== character) return false;
  scan.index += 1;
  return true;
}

/** All places of a text; of a text that is no JSON, up to where it stops making sense, where the cursor then stands. */
function scanDocument(scan: Scan): Place {
  token(scan, BLANK);
  const root: Place = { offset: scan.index, below: new Map() };
  scanValue(scan, root, 0);
  return root;
}

/** Skips a value, noting what is in it; false where the text is no JSON. */
function scanValue(scan: Scan, place: Place, depth: number): boolean {
  token(scan, BLANK);
  if (depth > MAX_DEPTH) return false;
  const first = scan.text[scan.index];
  if (first === '{') return scanMembers(scan, place, depth);
  if (first === '[') return scanItems(scan, place, depth);
  return token(scan, first === '"' ? STRING : LITERAL) !== undefined;
}

function scanMembers(scan: Scan, place: Place, depth: number): boolean {
  scan.index += 1;
  if (symbol(scan, '}')) return true;
  do {
    token(scan, BLANK);
    const member: Place = { offset: scan.index, below: new Map() };
    const key = token(scan, STRING);
    if (key === undefined || !symbol(scan, ':')) return false;
    // The last of several equal keys holds, as in JSON.parse.
    place.below.set(unquote(key), member);
    if (!scanValue(scan, member, depth + 1)) return false;
  } while (symbol(scan, ','));
  return symbol(scan, '}');
}

function scanItems(scan: Scan, place: Place, depth: number): boolean {
  scan.index += 1;
  if (symbol(scan, ']')) return true;
  let index = 0;
  do {
    token(scan, BLANK);
    const item: Place = { offset: scan.index, below: new Map() };
    place.below.set(index, item);
    index += 1;
    if (!scanValue(scan, item, depth + 1)) return false;
  } while (symbol(scan, ','));
  return symbol(scan, ']');
}

function unquote(quoted: string): string {
  const parsed: unknown = JSON.parse(quoted);
  return typeof parsed === 'string' ? parsed : '';
}
