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

/** The pool whose rule counts for a prefix: the first around it, of pools in the order of their CIDRs as text. */
export function poolAround<Pool extends Pick<PoolFacts, 'cidr'>>(prefix: Prefix, pools: readonly Pool[]): Pool | undefined {
  return pools.find((pool) => prefixContains(pool.cidr, prefix));
}

/** True where this daemon writes kernel routes for the prefix: the first pool around it decides, and outside every pool it does. */
export function ownsPrefix(prefix: Prefix, pools: readonly PoolFacts[], mode: ClusterRoutes): boolean {
  const around = poolAround(prefix, pools);
  return around === undefined || ownsPool(around, mode);
}

/** What programClusterRoutes is where it is not written: of BGPConfiguration (control-plane 1.2), and of FelixConfiguration (dataplane 3.1). */
export const CLUSTER_ROUTES_DEFAULT: { readonly bgp: ClusterRoutes; readonly felix: ClusterRoutes } = {
  bgp: 'EnabledNoEncapOnly',
  felix: 'EnabledIPIPOnly',
};

/**
 * Who writes the routes of a pool by what the two configurations say: `both` and `nobody` are the user's contradictions, and
 * nothing but these two fields decides (control-plane 5.5). VXLAN pools are Felix's side's whatever they say.
 */
export function programmerOf(pool: PoolFacts, bgp: ClusterRoutes, felix: ClusterRoutes): 'bgp' | 'felix' | 'both' | 'nobody' {
  if (pool.vxlanMode !== 'Never') return 'felix';
  const [daemon, agent] = [ownsPool(pool, bgp), ownsPool(pool, felix)];
  if (daemon) return agent ? 'both' : 'bgp';
  return agent ? 'felix' : 'nobody';
}
