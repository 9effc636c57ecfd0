/** What belongs to single rows of a table, found by row: a map that never moves more than a page at once. */

/** Rows of a page: a map of a million entries that grows is one unit of work of some 50 ms. */
const PAGE_BITS = 12;

/** Values by row, a number from 0 on. */
export class RowMap<T> {
  private readonly pages = new Map<number, Map<number, T>>();

  /** The row's value, if any. */
  get(row: number): T | undefined {
    return this.pages.get(row >>> PAGE_BITS)?.get(row);
  }

  set(row: number, value: T): void {
    const page = this.pages.get(row >>> PAGE_BITS);
    if (page === undefined) this.pages.set(row >>> PAGE_BITS, new Map([[row, value]]));
    else page.set(row, value);
  }

  /** Forgets the row's value; a page without any is given back. */
  delete(row: number): void {
    const page = this.pages.get(row >>> PAGE_BITS);
    if (page?.delete(row) === true && page.size === 0) this.pages.delete(row >>> PAGE_BITS);
  }
}
