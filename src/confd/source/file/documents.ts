/** What a reader of one format gives for one document of a file. Lines and columns count from 1 within the document. */
import type { Path } from '../../resources/fields.ts';

/** A place in a text. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** A document's value and where its fields stand, or why it is none. `problem` never quotes the text: it may be a secret. */
export type ReadDocument =
  | { readonly ok: true; readonly value: unknown; readonly locate: (path: Path) => LineColumn }
  | { readonly ok: false; readonly at: LineColumn; readonly problem: string };

/** Deepest nesting of mappings and lists that is read. */
export const MAX_DEPTH = 100;

/** Line and column of an offset. */
export function lineColumn(text: string, offset: number): LineColumn {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf('\n'); next !== -1 && next < offset; next = text.indexOf('\n', start)) {
    line += 1;
    start = next + 1;
  }
  return { line, column: Math.max(offset, start) - start + 1 };
}
