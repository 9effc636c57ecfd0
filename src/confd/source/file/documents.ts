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

/**
 * Finds lines and columns in a text. The lines are counted once, on the first question, so that asking for every object of a
 * long list costs no more than reading it.
 */
export function lineFinder(text: string): (offset: number) => LineColumn {
  let starts: readonly number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: Math.max(offset - (starts[low] ?? 0), 0) + 1 };
  };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let next = text.indexOf('\n'); next !== -1; next = text.indexOf('\n', next + 1)) starts.push(next + 1);
  return starts;
}
