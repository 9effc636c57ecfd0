/**
 * Which routes of peers reach the kernel, and with which metric (control-plane 5.4, 5.5). Pure; the data comes from the
 * desired state.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressKey, isUnroutable, prefixContains, prefixContainsAddress } from 'bgp-ts/net';

/** The rule of one pool. */
export interface PoolRule {
  readonly prefix: Prefix;
  readonly verdict: 'accept' | 'reject';
  /** Where packets take the IPIP device: never, always, or to next hops outside the own network. */
  readonly tunnel: 'never' | 'always' | 'other-subnets';
}

/** The rules of one family, first match wins among pools. */
export interface FamilyRules {
  /** Never installed, with everything inside: Service ranges. */
  readonly rejected: readonly Prefix[];
  /** Next hops whose traffic WireGuard carries. */
  readonly wireguard: readonly Address[];
  readonly pools: readonly PoolRule[];
  /** Network of the node's own address. */
  readonly ownNetwork?: Prefix;
}

/** The rules of both families. */
export interface KernelRules {
  readonly ipv4: FamilyRules;
  readonly ipv6: FamilyRules;
}

/** A best route of a speaker. */
export interface BestRoute {
  readonly prefix: Prefix;
  /** Next hops of the best path and of those equal to it; the first is the best path's. */
  readonly nextHops: readonly Address[];
  /** LOCAL_PREF, 100 where none was received (BIRD 1.x's default). */
  readonly localPref: number;
}

/** Nothing is said against anything. */
export const NO_RULES: KernelRules = {
  ipv4: { rejected: [], wireguard: [], pools: [] },
  ipv6: { rejected: [], wireguard: [], pools: [] },
};

const HIGHEST = 2_147_483_647;

/** The kernel's metric for a LOCAL_PREF: 2147483647 - LOCAL_PREF, at least 1 so that it is never the kernel's own default. */
export function metricOf(localPref: number): number {
  return Math.max(1, HIGHEST - localPref);
}

/** What the rules say about a route: not for the kernel, or through the IPIP device or not. */
export function verdict(rules: KernelRules, route: BestRoute): 'reject' | 'plain' | 'tunnel' {
  const { prefix, nextHops } = route;
  // A link-local or multicast route from a peer would take the machine's own away.
  if (isUnroutable(prefix)) return 'reject';
  const { rejected, wireguard, pools, ownNetwork } = rules[prefix.family];
  if (rejected.some((range) => prefixContains(range, prefix))) return 'reject';
  const [first] = nextHops;
  if (first === undefined) return 'reject';
  if (wireguard.length > 0) {
    const name = addressKey(first);
    if (wireguard.some((address) => addressKey(address) === name)) return 'reject';
  }
  const pool = pools.find((one) => prefixContains(one.prefix, prefix));
  if (pool === undefined) return 'plain';
  if (pool.verdict === 'reject') return 'reject';
  // Several hops at once never take the device, as in Calico's BIRD (bird-behaviour, krt_tunnel).
  if (pool.tunnel === 'never' || nextHops.length > 1) return 'plain';
  const near = ownNetwork !== undefined && prefixContainsAddress(ownNetwork, first);
  return pool.tunnel === 'other-subnets' && near ? 'plain' : 'tunnel';
}
