/** The order of route classes (dataplane 3.1), and the class of a route by what it is for. Pure. */
import type { Encapsulation, RouteClass } from './types.ts';
import { ROUTE_CLASSES } from './types.ts';

const RANKS: ReadonlyMap<RouteClass, number> = new Map(ROUTE_CLASSES.map((name, rank) => [name, rank]));

/** Place of a class, 0 = best. */
function classRank(name: RouteClass): number {
  return RANKS.get(name) ?? ROUTE_CLASSES.length;
}

/** Of two routes to one prefix the better comes first: negative, 0 or positive. */
export function compareClasses(a: RouteClass, b: RouteClass): number {
  return classRank(a) - classRank(b);
}

/** Class of a route to another node's addresses; `direct`: the node is in our own network and its pool wraps across networks only. */
export function remoteClass(encapsulation: Encapsulation, direct: boolean): RouteClass {
  if (encapsulation === 'none') return 'no-encap';
  return `${encapsulation}-${direct ? 'same-subnet' : 'tunnel'}`;
}

/** Class of the blackhole of an own block. */
export function blackholeClass(encapsulation: Encapsulation): RouteClass {
  return encapsulation === 'none' ? 'blackhole-no-encap' : `blackhole-${encapsulation}`;
}
