/** Tables for people: aligned columns, no wrapping, no borders. */

/** Lays a table out as lines; the last column is not padded. Rows shorter than the head are filled with blanks. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  );
}

/** Prints a table to stdout. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  process.stdout.write(`${formatTable(head, rows).join('\n')}\n`);
}
