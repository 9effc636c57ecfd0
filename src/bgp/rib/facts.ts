/** What policy conditions see of an attribute set; decoded only when a condition asks. */
import type { RouteFacts } from '../policy/index.ts';
import type { RouteProtocol } from '../policy/types.ts';
import type { PathAttributes } from '../wire/index.ts';
import { type AttributeStore, HAS_LOCAL_PREF } from './attribute-store.ts';

class SetFacts implements RouteFacts {
  readonly protocol: RouteProtocol;
  readonly metric: number | undefined;
  readonly localPref: number | undefined;
  private readonly store: AttributeStore;
  private readonly id: number;
  private decoded: PathAttributes | undefined;

  constructor(store: AttributeStore, id: number) {
    const local = store.extrasOf(id).local;
    this.store = store;
    this.id = id;
    this.protocol = local?.protocol ?? 'bgp';
    this.metric = local?.metric;
    const present = ((store.flags[id] ?? 0) & HAS_LOCAL_PREF) !== 0;
    this.localPref = local === undefined || present ? store.localPref(id) : undefined;
  }

  /** Of a route of this machine its own, of others the one that leads to the next hop (control-plane 5.6). */
  get interface(): string | undefined {
    return this.protocol === 'bgp' ? this.store.way(this.id).interface : this.store.extrasOf(this.id).local?.interface;
  }

  get communities(): readonly number[] {
    return this.attributes.communities ?? [];
  }

  get largeCommunities(): readonly (readonly [number, number, number])[] {
    return this.attributes.largeCommunities ?? [];
  }

  get asPath(): readonly number[] {
    const asns: number[] = [];
    for (const segment of this.attributes.asPath) {
      if (segment.type !== 'sequence') break;
      asns.push(...segment.asns);
    }
    return asns;
  }

  private get attributes(): PathAttributes {
    this.decoded ??= this.store.decode(this.id, 'ipv4');
    return this.decoded;
  }
}

/** Facts of a stored set, for as long as the set is held. */
export function factsOf(store: AttributeStore, id: number): RouteFacts {
  return new SetFacts(store, id);
}
