/** Routes this speaker originates: rows of the source LOCAL, with what explain and policies need to know of each. */
import { addressOctets } from '../net/index.ts';
import type { Prefix } from '../net/types.ts';
import type { LocalRoute } from '../speaker-types.ts';
import { encodeAttributes, type Family } from '../wire/index.ts';
import { DEFAULT_PREFERENCE } from './attribute-store.ts';
import { putPath, removePath } from './import-path.ts';
import { LOCAL } from './limits.ts';
import type { SourceChain } from './path-table.ts';
import type { FamilyTables, Stores } from './tables.ts';

const UNSPECIFIED = { family: 'ipv4', words: [0, 0, 0, 0] } as const;
const NO_NEXT_HOP = new Uint8Array(0);

/** The local routes of one family, one per prefix. */
export class LocalRoutes {
  readonly chain: SourceChain = { head: -1, received: 0, accepted: 0, jobAt: -1 };
  private readonly stores: Stores;
  private readonly tables: FamilyTables;
  private readonly routes = new Map<number, LocalRoute>();

  constructor(stores: Stores, tables: FamilyTables) {
    this.stores = stores;
    this.tables = tables;
  }

  /** The route a row stands for. */
  at(row: number): LocalRoute | undefined {
    return this.routes.get(row);
  }

  /** Adds or replaces a route; the same route again does nothing. */
  set(route: LocalRoute): void {
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
      generation: 0,
    });
    this.routes.set(put, route);
  }

  /** Removes the route of a prefix, if there is one. */
  remove(prefix: Prefix): void {
    const { prefixes, paths } = this.tables;
    const [w0, w1, w2, w3] = prefix.words;
    const id = prefixes.find(w0, w1, w2, w3, prefix.length);
    const row = id < 0 ? -1 : paths.find(prefixes, id, LOCAL, 0);
    if (row >= 0) this.removeRow(row);
  }

  /** Makes these the only routes. */
  replace(routes: readonly LocalRoute[]): void {
    const kept = new Set<number>();
    for (const route of routes) {
      this.set(route);
      const [w0, w1, w2, w3] = route.prefix.words;
      kept.add(this.tables.prefixes.find(w0, w1, w2, w3, route.prefix.length));
    }
    const { paths } = this.tables;
    for (let row = this.chain.head; row >= 0; ) {
      const next = paths.nextInSource[row] ?? -1;
      if (!kept.has(paths.prefix[row] ?? -1)) this.removeRow(row);
      row = next;
    }
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
