/**
 * Where next hops lead by the routes of this machine that the speaker was given: out of which interface, and how far. What BIRD
 * knows of a recursive next hop (control-plane 2.5, gateway recursive). A speaker without such routes knows of none, and takes all alike.
 */
import type { Address, Prefix } from '../net/index.ts';
import { addressKey, PrefixTrie, prefixContainsAddress, prefixKey, readAddress } from '../net/index.ts';
import type { LocalRoute } from '../speaker-types.ts';

/** Way of one next hop. `cost` compares (RFC 4271 section 9.1.2.2 e): 0 on a link of this machine, or not known; 1 over a gateway. */
export interface Way {
  readonly interface: string | undefined;
  readonly cost: number;
}

/** Next hops remembered at most; beyond, all are looked up anew. */
const MAX_ASKED = 65_536;

/** Changed routes that are compared with each next hop; where more changed, all next hops are looked up anew. */
const FEW = 16;

interface Asked {
  readonly address: Address;
  way: Way;
}

/** The way where nothing is known of any. */
export const ANY_WAY: Way = { interface: undefined, cost: 0 };
const NONE: Way = { interface: undefined, cost: 1 };

/** Routes of this machine as ways, and the next hops that were asked for. */
export class Ways {
  private readonly routes = new PrefixTrie<Way>();
  private readonly taken = new Map<string, LocalRoute>();
  private readonly asked = new Map<string, Asked>();
  private askedInVain = false;

  /** True where there are no routes to ask for. That somebody would have asked is remembered. */
  isBlind(): boolean {
    if (this.routes.size > 0) return false;
    this.askedInVain = true;
    return true;
  }

  /** The way to a next hop of 4, 16 or 32 octets; none for the empty one, which is this speaker itself. */
  to(nextHop: Uint8Array): Way {
    if (nextHop.length === 0) return ANY_WAY;
    const address = readAddress(nextHop, 0, nextHop.length === 4 ? 'ipv4' : 'ipv6');
    if (address === undefined) return NONE;
    const key = addressKey(address);
    let entry = this.asked.get(key);
    if (entry === undefined) {
      if (this.asked.size >= MAX_ASKED) this.asked.clear();
      entry = { address, way: this.find(address) };
      this.asked.set(key, entry);
    }
    return entry.way;
  }

  /** Takes routes that came or changed and prefixes that went. True where a next hop that was asked for has another way now. */
  change(set: readonly LocalRoute[], remove: readonly Prefix[]): boolean {
    const wasEmpty = this.routes.size === 0;
    const changed: Prefix[] = [];
    for (const prefix of remove) if (this.drop(prefix)) changed.push(prefix);
    for (const route of set) if (this.take(route)) changed.push(route.prefix);
    return this.findAgain(wasEmpty, changed);
  }

  /** Takes these in place of all; else as `change`. */
  replace(routes: readonly LocalRoute[]): boolean {
    const wasEmpty = this.routes.size === 0;
    const changed: Prefix[] = [];
    const kept = new Set<string>();
    for (const route of routes) {
      if (route.interface === undefined) continue;
      kept.add(prefixKey(route.prefix));
      if (this.take(route)) changed.push(route.prefix);
    }
    for (const [key, { prefix }] of this.taken) if (!kept.has(key) && this.drop(prefix)) changed.push(prefix);
    return this.findAgain(wasEmpty, changed);
  }

  /** Routes that name no interface lead nowhere else. True where something changed. */
  private take(route: LocalRoute): boolean {
    const key = prefixKey(route.prefix);
    if (route.interface === undefined) return this.drop(route.prefix);
    if (this.taken.get(key) === route) return false;
    this.taken.set(key, route);
    this.routes.set(route.prefix, { interface: route.interface, cost: route.nextHop === undefined ? 0 : 1 });
    return true;
  }

  private drop(prefix: Prefix): boolean {
    if (!this.taken.delete(prefixKey(prefix))) return false;
    this.routes.delete(prefix);
    return true;
  }

  /** Looks the next hops up again that are in one of the prefixes. */
  private findAgain(wasEmpty: boolean, within: readonly Prefix[]): boolean {
    if (within.length === 0) return false;
    let changed = wasEmpty && this.askedInVain && this.routes.size > 0;
    if (changed) this.askedInVain = false;
    for (const entry of this.asked.values()) {
      if (within.length <= FEW && !within.some((prefix) => prefixContainsAddress(prefix, entry.address))) continue;
      const way = this.find(entry.address);
      if (way.interface === entry.way.interface && way.cost === entry.way.cost) continue;
      entry.way = way;
      changed = true;
    }
    return changed;
  }

  private find(address: Address): Way {
    if (this.routes.size === 0) return ANY_WAY;
    return this.routes.longestMatch(address)?.value ?? NONE;
  }
}
