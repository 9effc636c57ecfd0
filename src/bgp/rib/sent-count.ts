/** What a group's members have been told, counted anew by an audit: routes by audience, and uses of each export. */
import { grow, int32 } from './grow.ts';

/** Columns that are counted. */
interface Told {
  readonly exports: Int32Array;
  readonly sources: Uint16Array;
  originator(id: number): number;
}

/** Routes of one source with one ORIGINATOR_ID. */
export interface Audience {
  readonly source: number;
  readonly originator: number;
  routes: number;
}

/** Key of an audience. */
export const audienceKey = (source: number, originator: number): number => originator * 65_536 + source;

/** A count under way. */
export class SentCount {
  total = 0;
  readonly audiences = new Map<number, Audience>();
  /** By export id. */
  uses: Int32Array<ArrayBuffer> = new Int32Array(64);

  /** Counts the prefixes, or slots, from an id up to another. */
  add(told: Told, from: number, end: number): void {
    for (let at = from; at < end; at++) {
      const id = told.exports[at] ?? 0;
      if (id === 0) continue;
      const [source, originator] = [told.sources[at] ?? 0, told.originator(id)];
      const key = audienceKey(source, originator);
      const audience = this.audiences.get(key) ?? { source, originator, routes: 0 };
      if (audience.routes === 0) this.audiences.set(key, audience);
      audience.routes++;
      this.total++;
      this.uses = grow(this.uses, id + 1, int32);
      this.uses[id] = (this.uses[id] ?? 0) + 1;
    }
  }
}
