/**
 * Where a BGP next hop leads (RFC 4271 section 5.1.3): through the routes of others in the main table, never through routes
 * that came by BGP themselves, so that no two can lean on each other. Pure.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressKey, PrefixTrie, prefixKey } from 'bgp-ts/net';
import type { AlienRoute, KernelHop } from './table.ts';

const NONE: readonly AlienRoute[] = [];

/** Routes of others by prefix, kept as they change. */
export class Aliens {
  private readonly routes = new Map<string, readonly AlienRoute[]>();
  private readonly trie = new PrefixTrie<readonly AlienRoute[]>();

  /** Forgets everything. */
  clear(): void {
    this.trie.clear();
    this.routes.clear();
  }

  /** Routes of a prefix by metric, the preferred one first. */
  at(key: string): readonly AlienRoute[] {
    return this.routes.get(key) ?? NONE;
  }

  /** Keys of every prefix. */
  keys(): IterableIterator<string> {
    return this.routes.keys();
  }

  /** Adds a route, in place of the one with its prefix, metric and writer. */
  put(route: AlienRoute): void {
    const key = prefixKey(route.prefix);
    // IPv4 replaces a route by prefix and metric, whoever wrote it, and says nothing about the one that is gone.
    const replaces = (one: AlienRoute): boolean => (route.prefix.family === 'ipv4' ? one.metric === route.metric : isSame(one, route));
    const others = this.at(key).filter((one) => !replaces(one));
    this.store(
      key,
      [...others, route].sort((a, b) => a.metric - b.metric),
    );
  }

  /** Removes a route. */
  remove(route: AlienRoute): void {
    const key = prefixKey(route.prefix);
    const left = this.at(key).filter((one) => !isSame(one, route));
    if (left.length > 0) this.store(key, left);
    else if (this.routes.delete(key)) this.trie.delete(route.prefix);
  }

  /** The preferred route of the longest prefix around an address. */
  lookup(address: Address): AlienRoute | undefined {
    return this.trie.longestMatch(address)?.value[0];
  }

  private store(key: string, routes: readonly AlienRoute[]): void {
    const [first] = routes;
    if (first === undefined) return;
    this.routes.set(key, routes);
    this.trie.set(first.prefix, routes);
  }
}

function isSame(a: AlienRoute, b: AlienRoute): boolean {
  return a.metric === b.metric && a.protocol === b.protocol;
}

/** A route to a peer that the configuration asks for (reachableBy, control-plane 6). */
export interface StaticVia {
  readonly prefix: Prefix;
  readonly gateway: Address;
}

/** What resolution looks at. */
export interface ResolveInput {
  readonly aliens: Aliens;
  /** By key of a host prefix. */
  readonly statics: ReadonlyMap<string, StaticVia>;
  /** Keys of the node's own addresses. */
  readonly own: ReadonlySet<string>;
  /** Index of the IPIP device, where there is one. */
  readonly tunnel: number | undefined;
}

/** The link and gateway for a next hop; undefined where nothing leads there. */
export function resolve(input: ResolveInput, nextHop: Address, tunnel: boolean): KernelHop | undefined {
  const name = addressKey(nextHop);
  if (input.own.has(name)) return undefined;
  if (tunnel && input.tunnel !== undefined) return { gateway: nextHop, interface: input.tunnel, onlink: true };
  const fixed = input.statics.get(`${name}/${nextHop.family === 'ipv4' ? 32 : 128}`);
  if (fixed !== undefined && addressKey(fixed.gateway) !== name) return resolveNear(input, fixed.gateway);
  return resolveNear(input, nextHop);
}

/** Through one route of the kernel: on its link, or by its gateway. */
function resolveNear(input: ResolveInput, address: Address): KernelHop | undefined {
  const route = input.aliens.lookup(address);
  const hop = route?.unicast === true ? route.hops[0] : undefined;
  if (hop === undefined || input.own.has(addressKey(address))) return undefined;
  return hop.gateway === undefined ? { gateway: address, interface: hop.interface, onlink: hop.onlink } : hop;
}
