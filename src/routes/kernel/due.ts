/** Prefixes that have to be looked at, in portions. Pure. */

/** Keys that wait their turn, each once; one of a portion begun may come twice. */
export class Due {
  private fresh = new Set<string>();
  /** Taken out as a whole where they are many: one by one each costs as much as being put in. */
  private begun: readonly string[] = [];
  private at = 0;

  /** Keys that wait. */
  get size(): number {
    return this.begun.length - this.at + this.fresh.size;
  }

  /** Makes a prefix due. */
  add(key: string): void {
    this.fresh.add(key);
  }

  /** Takes out the next ones, `most` of them at most. */
  take(most: number): readonly string[] {
    if (this.at === this.begun.length) {
      this.begun = [...this.fresh];
      this.fresh = new Set();
      this.at = 0;
    }
    const portion = this.begun.slice(this.at, this.at + most);
    this.at += portion.length;
    if (this.at === this.begun.length) {
      this.begun = [];
      this.at = 0;
    }
    return portion;
  }
}
