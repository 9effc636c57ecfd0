/**
 * Whose job the routes of an IPPool are, this daemon's or Felix's (control-plane 5.5): two owners never share a route. Pure.
 */
import { type Prefix, prefixContains } from 'bgp-ts/net';

/** BGPConfiguration programClusterRoutes; anything else counts as the default, EnabledNoEncapOnly. */
export type ClusterRoutes = 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';

/** What a pool says, as far as ownership goes. */
export interface PoolFacts {
  readonly cidr: Prefix;
  readonly ipipMode: 'Never' | 'Always' | 'CrossSubnet';
  readonly vxlanMode: 'Never' | 'Always' | 'CrossSubnet';
}

/** True where this daemon writes the kernel routes of the pool; VXLAN pools are always Felix's. */
export function ownsPool(pool: PoolFacts, mode: ClusterRoutes): boolean {
  if (pool.vxlanMode !== 'Never') return false;
  if (pool.ipipMode !== 'Never') return ownsIpip(mode);
  return mode === 'Enabled' || mode === 'EnabledNoEncapOnly';
}

/** True where this daemon writes the routes of IPIP pools. */
export function ownsIpip(mode: ClusterRoutes): boolean {
  return mode === 'Enabled' || mode === 'EnabledIPIPOnly';
}

/** True where this daemon writes kernel routes for the prefix: the first pool around it decides, and outside every pool it does. */
export function ownsPrefix(prefix: Prefix, pools: readonly PoolFacts[], mode: ClusterRoutes): boolean {
  const around = pools.find((pool) => prefixContains(pool.cidr, prefix));
  return around === undefined || ownsPool(around, mode);
}
