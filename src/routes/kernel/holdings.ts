/** What the kernel holds of ours, as far as we know: read once, then kept by what we did and what we were told. Pure. */
import { prefixKey } from 'bgp-ts/net';
import type { KernelHop, OwnNexthop, OwnRoute } from './table.ts';

const NONE: readonly OwnRoute[] = [];

/** Routes by prefix, nexthop objects by id, and how often each object is used. */
export class Holdings {
  readonly nexthops = new Map<number, OwnNexthop>();
  /** Ids of objects that no route and no group uses. */
  readonly idle = new Set<number>();
  private readonly routes = new Map<string, readonly OwnRoute[]>();
  private readonly uses = new Map<number, number>();
  private held = 0;

  /** Number of routes. */
  get count(): number {
    return this.held;
  }

  /** Routes of a prefix, one per metric. */
  at(key: string): readonly OwnRoute[] {
    return this.routes.get(key) ?? NONE;
  }

  /** Keys of every prefix held. */
  keys(): IterableIterator<string> {
    return this.routes.keys();
  }

  /** Routes and groups that use the object. */
  usesOf(id: number): number {
    return this.uses.get(id) ?? 0;
  }

  /** Takes a table in place of everything known. */
  replace(routes: readonly OwnRoute[], nexthops: readonly OwnNexthop[]): void {
    this.routes.clear();
    this.nexthops.clear();
    this.uses.clear();
    this.idle.clear();
    this.held = 0;
    for (const nexthop of nexthops) this.putNexthop(nexthop);
    for (const route of routes) this.put(prefixKey(route.prefix), route);
  }

  /** Adds a route, in place of the one with its prefix and metric; `key` is that of its prefix. */
  put(key: string, route: OwnRoute): void {
    const before = this.routes.get(key);
    if (before === undefined) this.routes.set(key, [route]);
    else {
      const old = before.find((one) => one.metric === route.metric);
      if (old !== undefined) this.forget(old);
      this.routes.set(key, before.length === 1 && old !== undefined ? [route] : [...before.filter((one) => one !== old), route]);
    }
    this.held += 1;
    if (route.nexthop !== 0) this.use(route.nexthop, 1);
  }

  /** Removes the route with this prefix and metric, if it is there; `key` is that of its prefix. */
  remove(key: string, route: OwnRoute): void {
    const before = this.at(key);
    const old = before.find((one) => one.metric === route.metric);
    if (old === undefined) return;
    this.forget(old);
    if (before.length === 1) this.routes.delete(key);
    else
      this.routes.set(
        key,
        before.filter((one) => one !== old),
      );
  }

  /** Adds or replaces a nexthop object. */
  putNexthop(nexthop: OwnNexthop): void {
    for (const member of this.nexthops.get(nexthop.id)?.group ?? []) this.use(member, -1);
    this.nexthops.set(nexthop.id, nexthop);
    for (const member of nexthop.group) this.use(member, 1);
    if (this.usesOf(nexthop.id) === 0) this.idle.add(nexthop.id);
  }

  /** Removes a nexthop object. */
  removeNexthop(id: number): void {
    for (const member of this.nexthops.get(id)?.group ?? []) this.use(member, -1);
    this.nexthops.delete(id);
    this.idle.delete(id);
  }

  private forget(route: OwnRoute): void {
    this.held -= 1;
    if (route.nexthop !== 0) this.use(route.nexthop, -1);
  }

  private use(id: number, more: number): void {
    const now = this.usesOf(id) + more;
    if (now > 0) {
      this.uses.set(id, now);
      if (this.idle.size > 0) this.idle.delete(id);
      return;
    }
    this.uses.delete(id);
    if (this.nexthops.has(id)) this.idle.add(id);
  }
}

/** True where both send packets the same way. */
export function hopsEqual(a: KernelHop, b: KernelHop): boolean {
  return a.interface === b.interface && a.onlink === b.onlink && gatewaysEqual(a, b);
}

function gatewaysEqual({ gateway: a }: KernelHop, { gateway: b }: KernelHop): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.family === b.family && a.words.every((word, index) => word === b.words[index]);
}
