/**
 * Which routes of the kernel become the speaker's own (control-plane 2.5, bird-behaviour "Kernel side"): routes of workloads
 * and of administrators, and the networks of interfaces; not what other routing daemons wrote, nor Felix's routes to other
 * nodes. Pure.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { prefixKey } from 'bgp-ts/net';
import type { AlienRoute, KernelAddress, KernelLink } from './table.ts';

/** A route learned from this machine. */
export interface LearnedRoute {
  readonly prefix: Prefix;
  readonly protocol: 'kernel' | 'device';
  /** Name of the interface; absent where the kernel names one that is gone. */
  readonly interface?: string;
  /** The kernel's gateway; absent where the destination is on the link. */
  readonly nextHop?: Address;
  /** Kernel metric, 0 = none; only of kernel routes. */
  readonly metric?: number;
  /** How it compares with routes of peers; absent: as in BIRD. */
  readonly rank?: { readonly preference: number; readonly localPref: number };
}

/** What is left out. */
export interface LearnOptions {
  /** Patterns of interfaces whose networks are not learned (BGPConfiguration.ignoredInterfaces); `*` stands for any run. */
  readonly ignoredInterfaces: readonly string[];
  /**
   * Kernel metric of an ordinary route (NormalRoutePriority). With it routes of the kernel are ranked against those of peers as
   * the kernel itself ranks them: by metric, which is 2147483647 - LOCAL_PREF. Absent: as BIRD, below whatever peers say, so that
   * a route it calls best may be one the kernel does not use (bird-behaviour, metric and preference scheme).
   */
  readonly normalMetric?: { readonly ipv4: number; readonly ipv6: number };
  /**
   * Everything that is not the kernel's own or ours, as BIRD's `learn` takes it: blackholes, what other daemons wrote, and Felix's routes
   * to other nodes (control-plane 5.5, known gap). Default false.
   */
  readonly everything?: boolean;
}

/** Interfaces of workloads and of kube-proxy (control-plane 2.5). */
const NOT_DIRECT: readonly string[] = ['cali*', 'kube-ipvs*'];

/**
 * Writers whose routes are not ours to pass on: redirects, the kernel's own (interfaces are learned by address), router
 * advertisements, and routing daemons (numbers of /etc/iproute2/rt_protos).
 */
const NOT_LEARNED: ReadonlySet<number> = new Set([1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 42, 186, 187, 188, 189, 192]);

/** What BIRD leaves out too: redirects and the kernel's own; ours is no alien. */
const NEVER_LEARNED: ReadonlySet<number> = new Set([1, 2]);

/** Devices of encapsulation: what Felix' side routes there directly are tunnel addresses of other nodes, which announce those themselves. */
const TUNNELS: ReadonlySet<string> = new Set(['vxlan.calico', 'vxlan-v6.calico', 'tunl0']);

/** LOCAL_PREF of metric 0. */
const HIGHEST = 2_147_483_647;

/** Felix: its routes over a gateway lead to other nodes, which announce those themselves. */
const FELIX = 80;

/** True for a route of the kernel that the speaker announces. */
export function isLearned(route: AlienRoute, everything = false): boolean {
  if (everything) return !NEVER_LEARNED.has(route.protocol) && (!route.unicast || route.hops.length > 0);
  if (!route.unicast || NOT_LEARNED.has(route.protocol)) return false;
  const [hop] = route.hops;
  if (hop === undefined) return false;
  return route.protocol !== FELIX || hop.gateway === undefined;
}

/** The preferred one of a prefix's routes that is learned, by the kernel's own order. */
export function learnKernel(
  routes: readonly AlienRoute[],
  links: ReadonlyMap<number, KernelLink>,
  { normalMetric, everything }: LearnOptions,
): LearnedRoute | undefined {
  const isTunnelAddress = ({ protocol, hops: [hop] }: AlienRoute): boolean =>
    everything !== true && protocol === FELIX && hop !== undefined && TUNNELS.has(links.get(hop.interface)?.name ?? '');
  const route = routes.find((one) => isLearned(one, everything) && !isTunnelAddress(one));
  if (route === undefined) return undefined;
  // Blackholes have no way: the kernel names lo.
  const hop = route.unicast ? route.hops[0] : undefined;
  const name = hop === undefined ? undefined : links.get(hop.interface)?.name;
  return {
    prefix: route.prefix,
    protocol: 'kernel',
    ...(name === undefined ? {} : { interface: name }),
    ...(hop?.gateway === undefined ? {} : { nextHop: hop.gateway }),
    metric: route.metric,
    ...(normalMetric === undefined ? {} : { rank: rankOf(route.metric, normalMetric[route.prefix.family]) }),
  };
}

/** The same as a peer's route of that metric has after import (control-plane 5.2): preference 200 where it is raised, else 100. */
function rankOf(metric: number, normal: number): { readonly preference: number; readonly localPref: number } {
  return { preference: metric < normal ? 200 : 100, localPref: Math.max(0, HIGHEST - metric) };
}

/** The networks of interfaces that are up, by key; of two interfaces in one network the lower index counts. */
export function learnDevices(
  addresses: Iterable<KernelAddress>,
  links: ReadonlyMap<number, KernelLink>,
  options: LearnOptions,
): Map<string, LearnedRoute> {
  const matchers = [...options.ignoredInterfaces, ...NOT_DIRECT].map(globMatcher);
  const found = new Map<string, LearnedRoute>();
  const sorted = [...addresses].sort((a, b) => a.interface - b.interface);
  for (const { interface: index, network, primary } of sorted) {
    const link = links.get(index);
    if (link === undefined || !link.up || !primary || matchers.some((matches) => matches(link.name))) continue;
    const key = prefixKey(network);
    if (!found.has(key)) found.set(key, { prefix: network, protocol: 'device', interface: link.name });
  }
  return found;
}

/** Whether two learned routes of one prefix are the same. */
export function learnedEqual(a: LearnedRoute | undefined, b: LearnedRoute | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const sameHop = a.nextHop === b.nextHop || (a.nextHop?.words.every((word, index) => word === b.nextHop?.words[index]) ?? false);
  const sameRank = a.rank?.preference === b.rank?.preference && a.rank?.localPref === b.rank?.localPref;
  return sameHop && sameRank && a.protocol === b.protocol && a.interface === b.interface && a.metric === b.metric;
}

/** A test for names against a pattern in which `*` stands for any run and `?` for one character; everything else for itself. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const source = [...pattern].map((char) => {
    if (char === '*') return '.*';
    return char === '?' ? '.' : char.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  });
  const expression = new RegExp(`^${source.join('')}$`, 's');
  return (name) => expression.test(name);
}
