/**
 * Cuts a long `kind: List` (what `kubectl get -o yaml` prints) into its items by lines, so that each is read, and remembered, by
 * itself. Only a shortcut: where a part is no YAML alone (an alias to another item), the document is read as a whole.
 */
import type { Chunk } from './yaml-text.ts';

/** Characters from which cutting pays. */
export const LONG_LIST = 32 * 1024;

const KIND = /^kind: *["']?List["']?[ \t]*\r?$/m;
const ITEMS = /^items:[ \t]*\r?\n/m;
const NO_CONTENT = /^[ \t]*(?:#.*)?\r?$/;

/** Items, then what stands before and after them; undefined where the document is no such list, or short. */
export function splitList({ text, linesBefore }: Chunk, longFrom = LONG_LIST): readonly Chunk[] | undefined {
  const items = text.length < longFrom || !KIND.test(text) ? null : ITEMS.exec(text);
  if (items === null) return undefined;
  const lines = text.slice(items.index + items[0].length).split('\n');
  const indent = /^ *(?=- )/.exec(lines.find((line) => !NO_CONTENT.test(line)) ?? '')?.[0];
  if (indent === undefined) return undefined;
  const before = text.slice(0, items.index).split('\n').length;
  const dash = `${indent}- `;
  const chunks: Chunk[] = [];
  let start = -1;
  let end = 0;
  const close = (): void => {
    if (start < 0) return;
    const body = lines.slice(start, end).join('\n');
    // The dash becomes a blank, so that every column stays what it is.
    chunks.push({ text: `${indent} ${body.slice(indent.length + 1)}\n`, linesBefore: linesBefore + before + start });
  };
  for (; end < lines.length; end += 1) {
    const line = lines[end] ?? '';
    if (line.startsWith(dash)) {
      close();
      start = end;
    } else if (!NO_CONTENT.test(line) && !line.startsWith(`${indent} `)) break;
  }
  close();
  const head: Chunk = { text: text.slice(0, items.index + items[0].length), linesBefore, envelope: true };
  const tail: Chunk = { text: lines.slice(end).join('\n'), linesBefore: linesBefore + before + end, envelope: true };
  return [...chunks, head, tail];
}
