/**
 * What the kernel should hold: the best routes of the speaker under the rules, and the routes of the configuration, each
 * with its hops resolved. Pure.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressKey, prefixKey } from 'bgp-ts/net';
import { hopsEqual } from './holdings.ts';
import type { ResolvedHop } from './nexthop-book.ts';
import type { Target } from './plan.ts';
import type { Machine, RouteProvider } from './provider.ts';
import type { ResolveInput, StaticVia } from './resolve.ts';
import { Aliens, resolve } from './resolve.ts';
import type { BestRoute, KernelRules } from './rules.ts';
import { metricOf, NO_RULES, verdict } from './rules.ts';
import type { KernelHop } from './table.ts';

/** A route of the configuration: a blackhole, or a way to a peer. */
export interface StaticRoute {
  readonly prefix: Prefix;
  /** Absent: a blackhole. */
  readonly gateway?: Address;
}

/** One change of the speaker's choice; without `best` the prefix is gone, or the speaker's own. */
export interface BestChange {
  readonly prefix: Prefix;
  readonly best?: Omit<BestRoute, 'prefix'>;
}

interface Entry extends BestRoute {
  readonly epoch: number;
  /** Keys of the next hops. */
  readonly names: readonly string[];
}

interface HopEntry {
  readonly address: Address;
  readonly tunnel: boolean;
  hop: KernelHop | undefined;
}

/** IPv6 routes without a metric get the kernel's default (IP6_RT_PRIO_USER). */
const DEFAULT_METRIC = { ipv4: 0, ipv6: 1024 } as const;

/** Name of Linux's IPIP device, as Calico uses it. */
const TUNNEL = 'tunl0';

/** Everything the speaker and the configuration want, and the next hops behind it. */
export class Wanted implements Omit<RouteProvider, 'aliensChanged' | 'evict' | 'isForeign' | 'turned'> {
  readonly aliens = new Aliens();
  private readonly best = new Map<string, Entry>();
  private statics = new Map<string, StaticRoute>();
  private vias = new Map<string, StaticVia>();
  private rules: KernelRules = NO_RULES;
  private own: ReadonlySet<string> = new Set();
  private tunnel: number | undefined;
  private epoch = 0;
  private readonly hops = new Map<string, HopEntry>();

  /** Number of routes of the speaker. */
  get count(): number {
    return this.best.size;
  }

  /** Keys of every prefix that something is said about. */
  keys(): Iterable<string> {
    return new Set([...this.statics.keys(), ...this.best.keys()]);
  }

  /** Takes a change; returns the key of its prefix. */
  change({ prefix, best }: BestChange): string {
    const key = prefixKey(prefix);
    if (best === undefined) this.best.delete(key);
    else {
      const { nextHops, localPref } = best;
      this.best.set(key, { prefix, nextHops, localPref, epoch: this.epoch, names: nextHops.map(addressKey) });
    }
    return key;
  }

  /** The speaker begins anew: what it said before is stale until it says it again, or `dropStale`. */
  beginEpoch(): void {
    this.epoch += 1;
  }

  /** Forgets what the speaker did not say again; returns the keys. */
  dropStale(): string[] {
    const gone = [...this.best].filter(([, entry]) => entry.epoch !== this.epoch).map(([key]) => key);
    for (const key of gone) this.best.delete(key);
    return gone;
  }

  /** Takes the routes of the configuration and the rules; returns the keys of routes that came, went or changed. */
  configure(statics: readonly StaticRoute[], rules: KernelRules): ReadonlySet<string> {
    const before = this.statics;
    this.statics = new Map(statics.map((route) => [prefixKey(route.prefix), route]));
    const way = (route: StaticRoute | undefined): string | undefined =>
      route && (route.gateway === undefined ? 'blackhole' : addressKey(route.gateway));
    const changed = new Set<string>();
    for (const key of [...before.keys(), ...this.statics.keys()]) if (way(before.get(key)) !== way(this.statics.get(key))) changed.add(key);
    this.vias = new Map();
    for (const [key, { prefix, gateway }] of this.statics) if (gateway !== undefined) this.vias.set(key, { prefix, gateway });
    this.rules = rules;
    return changed;
  }

  /** Takes the node's own addresses and its interfaces. */
  setMachine({ addresses, links }: Machine): void {
    this.own = new Set(addresses.map((one) => addressKey(one.address)));
    this.tunnel = [...links.values()].find((link) => link.name === TUNNEL && link.up)?.index;
  }

  /** What the kernel should hold for a prefix. */
  target(key: string): Target | undefined {
    const fixed = this.statics.get(key);
    if (fixed !== undefined) return this.staticTarget(fixed);
    const route = this.best.get(key);
    if (route === undefined) return undefined;
    const allowed = verdict(this.rules, route);
    if (allowed === 'reject') return undefined;
    const hops = this.hopsOf(route.nextHops, route.names, allowed === 'tunnel');
    return hops.length === 0 ? undefined : { prefix: route.prefix, metric: metricOf(route.localPref), hops };
  }

  /** True where the prefix, for which there is no target, would have one if a next hop led anywhere. */
  isUnreachable(key: string): boolean {
    const route = this.best.get(key);
    return this.statics.has(key) || (route !== undefined && verdict(this.rules, route) !== 'reject');
  }

  /**
   * Resolves every next hop in use again. `moved` lead elsewhere now; `keys` are the prefixes over next hops that came to
   * lead somewhere, or nowhere.
   */
  resolveAgain(): { readonly moved: readonly ResolvedHop[]; readonly keys: ReadonlySet<string> } {
    const moved: ResolvedHop[] = [];
    const flipped = new Set<string>();
    const input = this.resolveInput();
    for (const [key, entry] of this.hops) {
      const before = entry.hop;
      entry.hop = resolve(input, entry.address, entry.tunnel);
      if (before === undefined || entry.hop === undefined) {
        if (before !== entry.hop) flipped.add(addressKey(entry.address));
      } else if (!hopsEqual(before, entry.hop)) moved.push({ key, hop: entry.hop });
    }
    return { moved, keys: this.over(flipped) };
  }

  /** Forgets next hops that nothing uses. */
  prune(): void {
    const used = new Set<string>();
    for (const { names } of this.best.values()) for (const name of names) used.add(name);
    for (const { gateway } of this.vias.values()) used.add(addressKey(gateway));
    for (const [key, { address }] of this.hops) if (!used.has(addressKey(address))) this.hops.delete(key);
  }

  /** Prefixes over any of these next hops. */
  private over(flipped: ReadonlySet<string>): Set<string> {
    const keys = new Set<string>();
    if (flipped.size === 0) return keys;
    for (const [key, { names }] of this.best) if (names.some((name) => flipped.has(name))) keys.add(key);
    for (const [key, { gateway }] of this.vias) if (flipped.has(addressKey(gateway))) keys.add(key);
    return keys;
  }

  private staticTarget({ prefix, gateway }: StaticRoute): Target | undefined {
    const metric = DEFAULT_METRIC[prefix.family];
    if (gateway === undefined) return { prefix, metric, hops: [] };
    const hops = this.hopsOf([gateway], [addressKey(gateway)], false);
    return hops.length === 0 ? undefined : { prefix, metric, hops };
  }

  private hopsOf(nextHops: readonly Address[], names: readonly string[], tunnel: boolean): ResolvedHop[] {
    const hops: ResolvedHop[] = [];
    for (const [index, address] of nextHops.entries()) {
      const name = names[index] ?? '';
      const key = tunnel ? `${name}%${TUNNEL}` : name;
      let entry = this.hops.get(key);
      if (entry === undefined) {
        entry = { address, tunnel, hop: resolve(this.resolveInput(), address, tunnel) };
        this.hops.set(key, entry);
      }
      if (entry.hop !== undefined) hops.push({ key, hop: entry.hop });
    }
    return hops.length < 2 ? hops : hops.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  private resolveInput(): ResolveInput {
    return { aliens: this.aliens, statics: this.vias, own: this.own, tunnel: this.tunnel };
  }
}
