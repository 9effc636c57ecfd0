/** JSON manifests: Go's reader and ours agree on the values; this adds the place of a field and of a mistake. */
import type { Path } from '../../resources/fields.ts';
import { type LineColumn, lineColumn, MAX_DEPTH, type ReadDocument } from './documents.ts';

interface Scan {
  readonly text: string;
  index: number;
  /** The path that is looked for, and the offset of its deepest part seen so far. */
  readonly wanted: Path;
  found: number;
}

const BLANK = /[ \t\r\n]*/y;
// JSON allows the control characters from U+007F on, unlike those below space.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const LITERAL = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null/y;

/** Reads a JSON text. Never throws. */
export function readJson(text: string): ReadDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const scan = newScan(text, []);
    scanDocument(scan);
    return { ok: false, at: lineColumn(text, scan.index), problem: 'is not JSON: it makes no sense from here' };
  }
  return { ok: true, value, locate: (path) => locate(text, path) };
}

function locate(text: string, path: Path): LineColumn {
  const scan = newScan(text, path);
  scanDocument(scan);
  return lineColumn(text, scan.found);
}

function newScan(text: string, wanted: Path): Scan {
  return { text, index: 0, wanted, found: 0 };
}

/** Reads one token at the cursor; its text, or undefined where there is none. */
function token(scan: Scan, pattern: RegExp): string | undefined {
  pattern.lastIndex = scan.index;
  const match = pattern.exec(scan.text);
  if (match === null) return undefined;
  scan.index += match[0].length;
  return match[0];
}

function blanks(scan: Scan): void {
  token(scan, BLANK);
}

function symbol(scan: Scan, character: string): boolean {
  blanks(scan);
  if (scan.text[scan.index] !== character) return false;
  scan.index += 1;
  return true;
}

function scanDocument(scan: Scan): boolean {
  blanks(scan);
  scan.found = scan.index;
  return scanValue(scan, 0, true);
}

/** Skips a value; false where the text is no JSON, with the cursor where it stops making sense. */
function scanValue(scan: Scan, depth: number, onPath: boolean): boolean {
  blanks(scan);
  if (depth > MAX_DEPTH) return false;
  const first = scan.text[scan.index];
  if (first === '{') return scanMembers(scan, depth, onPath);
  if (first === '[') return scanItems(scan, depth, onPath);
  return token(scan, first === '"' ? STRING : LITERAL) !== undefined;
}

/** True where this member or item lies on the wanted path; remembers its place. */
function step(scan: Scan, key: string | number, depth: number, onPath: boolean, start: number): boolean {
  if (!onPath || scan.wanted[depth] !== key) return false;
  scan.found = start;
  return true;
}

function scanMembers(scan: Scan, depth: number, onPath: boolean): boolean {
  scan.index += 1;
  if (symbol(scan, '}')) return true;
  do {
    blanks(scan);
    const start = scan.index;
    const key = token(scan, STRING);
    if (key === undefined || !symbol(scan, ':')) return false;
    const on = step(scan, unquote(key), depth, onPath, start);
    if (!scanValue(scan, depth + 1, on)) return false;
  } while (symbol(scan, ','));
  return symbol(scan, '}');
}

function scanItems(scan: Scan, depth: number, onPath: boolean): boolean {
  scan.index += 1;
  if (symbol(scan, ']')) return true;
  let index = 0;
  do {
    blanks(scan);
    const on = step(scan, index, depth, onPath, scan.index);
    index += 1;
    if (!scanValue(scan, depth + 1, on)) return false;
  } while (symbol(scan, ','));
  return symbol(scan, ']');
}

function unquote(quoted: string): string {
  const parsed: unknown = JSON.parse(quoted);
  return typeof parsed === 'string' ? parsed : '';
}
