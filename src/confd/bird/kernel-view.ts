/** Which routes reach the kernel, as BIRD's kernel filter needs it (control-plane 5.4, 5.5). Pure. */
import { formatAddress, formatPrefix, type IpFamily } from 'bgp-ts/net';
import type { Desired, DesiredFamily, DesiredPool } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import { objectIssue } from './peer-issue.ts';

/** The rule of one pool. */
export interface PoolView {
  readonly prefix: string;
  readonly accept: boolean;
  /** Accepted only where the next hop is inside this network; '' = any. */
  readonly onlyInside: string;
}

/** The parts of the kernel filter. Lists are prefixes or addresses as text. */
export interface KernelView {
  readonly priority: number;
  readonly installed: readonly string[];
  readonly rejected: readonly string[];
  readonly wireguard: readonly string[];
  readonly pools: readonly PoolView[];
}

/** Builds it; pools that this BIRD cannot serve are reported. */
export function kernelView(desired: Desired, programme: DesiredFamily, family: IpFamily, issues: Issue[]): KernelView {
  const { kernel } = programme;
  return {
    priority: programme.priority,
    installed: [...new Set(desired.install.filter((route) => route.prefix.family === family).map((route) => formatPrefix(route.prefix)))],
    rejected: [...new Set(kernel.rejected.map(formatPrefix))],
    wireguard: kernel.wireguard.map(formatAddress),
    pools: kernel.pools.map((pool) => poolView(pool, desired, family, issues)),
  };
}

/** Routes through the IPIP device need Calico's fork of BIRD; any other would send them out bare, so they are left to nobody. */
function poolView(pool: DesiredPool, desired: Desired, family: IpFamily, issues: Issue[]): PoolView {
  const prefix = formatPrefix(pool.prefix);
  const network = desired.networks[family];
  if (pool.verdict === 'reject') return { prefix, accept: false, onlyInside: '' };
  if (pool.tunnel === 'never') return { prefix, accept: true, onlyInside: '' };
  const rule = "needs routes through tunl0, which only Calico's fork of BIRD writes; set programClusterRoutes so that Felix does";
  issues.push(
    objectIssue(pool.object, {
      code: 'POOL_IPIP_UNSUPPORTED_BY_BIRD',
      field: 'spec.ipipMode',
      got: JSON.stringify(prefix),
      rule,
      severity: 'warning',
    }),
  );
  const inside = pool.tunnel === 'other-subnets' && network !== undefined;
  return { prefix, accept: inside, onlyInside: inside ? formatPrefix(network) : '' };
}
