/** JSON manifests: Go's reader and ours agree on the values; this adds the place of a field and of a mistake. */
import type { Path } from '../../resources/fields.ts';
import { lineFinder, MAX_DEPTH, type ReadDocument } from './documents.ts';

/** Where a value's key or item begins, and the value itself. */
interface Place {
  readonly offset: number;
  readonly value: number;
  /** Filled when something below is asked for: places of all values of a long list would take ten times its text. */
  below?: ReadonlyMap<string | number, Place>;
}

interface Scan {
  readonly text: string;
  index: number;
}

const BLANK = /[ \t\r\n]*/y;
// JSON allows the control characters from U+007F on, unlike those below space.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const MARK = /[{}[\]]|"(?:[^"\\]+|\\.)*"/g;
const LITERAL = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null/y;

/** Reads a JSON text. Never throws. */
export function readJson(text: string): ReadDocument {
  const lineColumn = lineFinder(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const scan: Scan = { text, index: 0 };
    token(scan, BLANK);
    scanValue(scan, 0);
    return { ok: false, at: lineColumn(scan.index), problem: 'is not JSON: it makes no sense from here' };
  }
  const start = text.search(/\S/);
  const root: Place = { offset: start, value: start };
  return { ok: true, value, locate: (path) => lineColumn(offsetOf(text, root, path)) };
}

/** The deepest part of the path that is there. */
function offsetOf(text: string, root: Place, path: Path): number {
  let place = root;
  for (const key of path) {
    place.below ??= placesIn(text, place.value);
    const next = place.below.get(key);
    if (next === undefined) break;
    place = next;
  }
  return place.offset;
}

/** Places one level down in a text that is known to be JSON. */
function placesIn(text: string, value: number): ReadonlyMap<string | number, Place> {
  const places = new Map<string | number, Place>();
  const first = text[value];
  if (first !== '{' && first !== '[') return places;
  const scan: Scan = { text, index: value + 1 };
  if (symbol(scan, first === '{' ? '}' : ']')) return places;
  do {
    token(scan, BLANK);
    const offset = scan.index;
    let name: string | number = places.size;
    if (first === '{') {
      // The last of several equal keys holds, as in JSON.parse.
      name = unquote(token(scan, STRING) ?? '""');
      symbol(scan, ':');
      token(scan, BLANK);
    }
    places.set(name, { offset, value: scan.index });
    skipValue(scan);
  } while (symbol(scan, ','));
  return places;
}

/** Passes a value of a text that is known to be JSON: outside its strings only brackets count. */
function skipValue(scan: Scan): void {
  const first = scan.text[scan.index];
  if (first !== '{' && first !== '[') {
    token(scan, first === '"' ? STRING : LITERAL);
    return;
  }
  let depth = 0;
  MARK.lastIndex = scan.index;
  for (let found = MARK.exec(scan.text); found !== null; found = MARK.exec(scan.text)) {
    const [mark] = found;
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    if (depth === 0) break;
  }
  scan.index = MARK.lastIndex;
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

/** Reads over a value; false where the text is no JSON, and the cursor stands where it stops making sense. */
function scanValue(scan: Scan, depth: number): boolean {
  token(scan, BLANK);
  if (depth > MAX_DEPTH) return false;
  const first = scan.text[scan.index];
  if (first === '{') return scanMembers(scan, depth);
  if (first === '[') return scanItems(scan, depth);
  return token(scan, first === '"' ? STRING : LITERAL) !== undefined;
}

function scanMembers(scan: Scan, depth: number): boolean {
  scan.index += 1;
  if (symbol(scan, '}')) return true;
  do {
    token(scan, BLANK);
    if (token(scan, STRING) === undefined || !symbol(scan, ':') || !scanValue(scan, depth + 1)) return false;
  } while (symbol(scan, ','));
  return symbol(scan, '}');
}

function scanItems(scan: Scan, depth: number): boolean {
  scan.index += 1;
  if (symbol(scan, ']')) return true;
  do if (!scanValue(scan, depth + 1)) return false;
  while (symbol(scan, ','));
  return symbol(scan, ']');
}

function unquote(quoted: string): string {
  const parsed: unknown = JSON.parse(quoted);
  return typeof parsed === 'string' ? parsed : '';
}
