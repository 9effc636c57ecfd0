/** Why a prefix goes where it goes: everything the cluster wants for it and around it, best first, with the objects behind. Pure. */
import type { Prefix } from 'bgp-ts/net';
import { formatAddress, formatPrefix, prefixContains, prefixesEqual } from 'bgp-ts/net';
import type { Issue } from '../../src/confd/resources/types.ts';
import { compareClasses } from './classes.ts';
import type { EncapRoute, EncapWishes, Reason, RouteTarget } from './types.ts';

/** A route that counts for the prefix, or gives way to one. */
export interface ExplainedRoute {
  readonly prefix: string;
  readonly class: EncapRoute['class'];
  /** `via 10.1.2.0 on vxlan-v4`, `on vxlan-v4`, `blackhole`. */
  readonly target: string;
  /** '' for blackholes. */
  readonly node: string;
  readonly reasons: readonly Reason[];
  /** `chosen`; `outranked`: a better class has this prefix; `shadowed`: a longer prefix is chosen. */
  readonly verdict: 'chosen' | 'outranked' | 'shadowed';
}

/** The answer about one prefix. */
export interface EncapExplanation {
  readonly prefix: string;
  /** The routes that packets to all of the prefix follow or would follow, longest and best first; none: the cluster wants none. */
  readonly routes: readonly ExplainedRoute[];
  /** Ranges of services around it whose forwarded packets stop here. */
  readonly serviceLoops: readonly { readonly prefix: string; readonly action: 'drop' | 'reject'; readonly reasons: readonly Reason[] }[];
  /** What could not be honoured for objects that have to do with it, or for this node as a whole. */
  readonly issues: readonly Issue[];
}

/** A target in words, with the roles of devices. */
export function formatTarget(target: RouteTarget): string {
  if (target.kind === 'blackhole') return 'blackhole';
  return target.kind === 'link' ? `on ${target.device}` : `via ${formatAddress(target.gateway)} on ${target.device}`;
}

/** Why a route is wanted, from the resource to the rule, in that order. */
export function reasonsOf({ block, reasons }: Pick<EncapRoute, 'block' | 'reasons'>): readonly Reason[] {
  return block === undefined ? reasons : [{ object: block, rule: 'a block of another node' }, ...reasons];
}

/** Explains a prefix, or an address as one of full length. */
export function explainPrefix(wishes: EncapWishes, prefix: Prefix): EncapExplanation {
  const around = wishes.routes
    .filter((route) => prefixContains(route.prefix, prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length || compareClasses(a.class, b.class));
  const [chosen] = around;
  const loops = wishes.serviceLoops.filter((loop) => prefixContains(loop.prefix, prefix));
  const objects = new Set(around.flatMap((route) => reasonsOf(route).map(({ object }) => `${object.kind}/${object.name}`)));
  return {
    prefix: formatPrefix(prefix),
    routes: around.map((route) => ({
      prefix: formatPrefix(route.prefix),
      class: route.class,
      target: formatTarget(route.target),
      node: route.node ?? '',
      reasons: reasonsOf(route),
      verdict: route === chosen ? 'chosen' : chosen !== undefined && prefixesEqual(route.prefix, chosen.prefix) ? 'outranked' : 'shadowed',
    })),
    serviceLoops: loops.map((loop) => ({ ...loop, prefix: formatPrefix(loop.prefix) })),
    issues: wishes.issues.filter(
      ({ object, got }) =>
        object.name === wishes.node || objects.has(`${object.kind}/${object.name}`) || got === JSON.stringify(formatPrefix(prefix)),
    ),
  };
}
