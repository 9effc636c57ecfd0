/** Routes this speaker originates: rows of the source LOCAL, with what explain and policies need to know of each. */
import { addressOctets } from '../net/index.ts';
import type { Prefix } from '../net/types.ts';
import type { LocalRoute } from '../speaker-types.ts';
import { encodeAttributes, type Family } from '../wire/index.ts';
import { DEFAULT_PREFERENCE } from './attribute-store.ts';
import { generationOf, putPath, removePath } from './import-path.ts';
import { JOB_CHUNK, LOCAL, LOCAL_CHUNK } from './limits.ts';
import type { SourceChain } from './path-table.ts';
import { RowMap } from './row-map.ts';
import type { FamilyTables, Stores } from './tables.ts';

const UNSPECIFIED = { family: 'ipv4', words: [0, 0, 0, 0] } as const;
const NO_NEXT_HOP = new Uint8Array(0);

const MAX_UNSWEPT = 14;

/** Something to be done to the routes of a family, as far as it has not been done. */
type Change =
  | { readonly kind: 'set'; readonly routes: readonly LocalRoute[]; at: number }
  | { readonly kind: 'remove'; readonly prefixes: readonly Prefix[]; at: number }
  /** What no `set` since `replace` confirmed goes. */
  | { readonly kind: 'sweep' };

/**
 * The local routes of one family, one per prefix. Changes are taken in order and in chunks: small ones at once where nothing is
 * waiting, the rest by `step`, so that a complete set of a million routes is no long slice.
 */
export class LocalRoutes {
  readonly chain: SourceChain = { head: -1, received: 0, accepted: 0, jobAt: -1 };
  /** Counts replacements modulo 16: rows of others are to go. */
  private generation = 0;
  private waiting: Change[] = [];
  /** Replacements since the last one that was finished. */
  private unswept = 0;
  private readonly stores: Stores;
  private readonly tables: FamilyTables;
  private readonly routes = new RowMap<LocalRoute>();

  constructor(stores: Stores, tables: FamilyTables) {
    this.stores = stores;
    this.tables = tables;
  }

  /** The route a row stands for. */
  at(row: number): LocalRoute | undefined {
    return this.routes.get(row);
  }

  /** True where `step` has something to do. */
  hasWork(): boolean {
    return this.waiting.length > 0;
  }

  /** Removes some and adds or replaces others; the same route again does nothing. Those of the other family are passed over. */
  change(set: readonly LocalRoute[], remove: readonly Prefix[]): void {
    const isFirst = this.waiting.length === 0;
    if (remove.length > 0) this.waiting.push({ kind: 'remove', prefixes: remove, at: 0 });
    if (set.length > 0) this.waiting.push({ kind: 'set', routes: set, at: 0 });
    if (isFirst && set.length + remove.length <= JOB_CHUNK) while (this.step());
  }

  /** Makes these the only routes; what of earlier changes has not been done is void. */
  replace(routes: readonly LocalRoute[]): void {
    // The count has four bits: rows of a set that was never swept must not come round to be of this one.
    this.unswept = this.waiting.length === 0 ? 0 : this.unswept + 1;
    if (this.unswept === MAX_UNSWEPT) while (this.step());
    this.generation = (this.generation + 1) & 15;
    this.chain.jobAt = this.chain.head;
    this.waiting = [{ kind: 'set', routes, at: 0 }, { kind: 'sweep' }];
    if (routes.length + this.chain.received <= JOB_CHUNK) while (this.step());
  }

  /** One chunk; true while more waits. */
  step(): boolean {
    const [change] = this.waiting;
    if (change !== undefined && this.stepChange(change)) this.waiting.shift();
    return this.waiting.length > 0;
  }

  /** A chunk of one change; true when all of it is done. */
  private stepChange(change: Change): boolean {
    switch (change.kind) {
      case 'set':
        for (let n = LOCAL_CHUNK; n > 0 && change.at < change.routes.length; n--) {
          const route = change.routes[change.at++];
          if (route !== undefined && familyOf(route.prefix) === this.tables.family) this.set(route);
        }
        return change.at >= change.routes.length;
      case 'remove':
        for (let n = JOB_CHUNK; n > 0 && change.at < change.prefixes.length; n--) {
          const prefix = change.prefixes[change.at++];
          if (prefix !== undefined && familyOf(prefix) === this.tables.family) this.remove(prefix);
        }
        return change.at >= change.prefixes.length;
      case 'sweep':
        return this.sweep();
      default: {
        const never: never = change;
        return never;
      }
    }
  }

  private set(route: LocalRoute): void {
    const { prefixes, paths } = this.tables;
    const [w0, w1, w2, w3] = route.prefix.words;
    const prefix = prefixes.ensure(w0, w1, w2, w3, route.prefix.length);
    const set = this.stores.attributes.intern(
      localOctets(route),
      route.nextHop === undefined ? NO_NEXT_HOP : addressOctets(route.nextHop),
      {
        preference: route.rank?.preference ?? DEFAULT_PREFERENCE[route.protocol],
        local: {
          protocol: route.protocol,
          ...(route.interface !== undefined && { interface: route.interface }),
          ...(route.metric !== undefined && { metric: route.metric }),
        },
      },
    );
    const row = paths.find(prefixes, prefix, LOCAL, 0);
    const put = putPath(this.stores, this.tables, this.chain, {
      row,
      prefix,
      source: LOCAL,
      pathId: 0,
      received: set,
      chosen: set,
      flags: 0,
      generation: this.generation,
    });
    this.routes.set(put, route);
  }

  private remove(prefix: Prefix): void {
    const { prefixes, paths } = this.tables;
    const [w0, w1, w2, w3] = prefix.words;
    const id = prefixes.find(w0, w1, w2, w3, prefix.length);
    const row = id < 0 ? -1 : paths.find(prefixes, id, LOCAL, 0);
    if (row >= 0) this.removeRow(row);
  }

  /** Removes a chunk of the rows that are not of this generation. New rows stand before `jobAt`, which began at the head. */
  private sweep(): boolean {
    const { paths } = this.tables;
    for (let n = JOB_CHUNK; n > 0 && this.chain.jobAt >= 0; n--) {
      const row = this.chain.jobAt;
      this.chain.jobAt = paths.nextInSource[row] ?? -1;
      if (generationOf(this.tables, row) !== this.generation) this.removeRow(row);
    }
    return this.chain.jobAt < 0;
  }

  private removeRow(row: number): void {
    this.routes.delete(row);
    removePath(this.stores, this.tables, this.chain, row);
  }
}

/** Canonical attributes of an originated route: ORIGIN IGP, empty AS_PATH (RFC 4271 section 5.1.2), its communities. */
function localOctets(route: LocalRoute): Uint8Array {
  return encodeAttributes({
    origin: 'igp',
    asPath: [],
    nextHop: UNSPECIFIED,
    ...(route.rank !== undefined && { localPref: route.rank.localPref }),
    ...(route.communities !== undefined && route.communities.length > 0 && { communities: route.communities }),
  });
}

/** Family of a prefix. */
export function familyOf(prefix: Prefix): Family {
  return prefix.family === 'ipv4' ? 'ipv4-unicast' : 'ipv6-unicast';
}
