/**
 * The seam between who wants routes and who keeps the kernel so: the speaker's choice (speaker.ts) is one provider, the agent's
 * encapsulation another; each has a protocol number and a synchroniser of its own. Types only.
 */
import type { ResolvedHop } from './nexthop-book.ts';
import type { Target } from './plan.ts';
import type { Aliens } from './resolve.ts';
import type { AlienRoute, KernelAddress, KernelLink, OwnRoute } from './table.ts';

/** This machine's interfaces by index, and their addresses. */
export interface Machine {
  readonly links: ReadonlyMap<number, KernelLink>;
  readonly addresses: readonly KernelAddress[];
}

/** What is wanted, and what the synchroniser tells of the kernel. Keys are those of prefixes. */
export interface RouteProvider {
  /** Routes of others, kept up to date by the synchroniser. */
  readonly aliens: Aliens;
  /** Number of routes wanted, installed or not. */
  readonly count: number;
  /** Keys of every prefix that something is said about. */
  keys(): Iterable<string>;
  /** What the kernel should hold for a prefix; undefined: nothing. */
  target(key: string): Target | undefined;
  /** True where the prefix, for which there is no target, would have one if a next hop led anywhere. */
  isUnreachable(key: string): boolean;
  /** Resolves every next hop in use again: `moved` lead elsewhere now, `keys` are over next hops that came to lead somewhere or nowhere. */
  resolveAgain(): { readonly moved: readonly ResolvedHop[]; readonly keys: ReadonlySet<string> };
  /** Forgets next hops that nothing uses. */
  prune(): void;
  /** Interfaces or addresses changed. */
  setMachine(machine: Machine): void;
  /** Routes of others at a prefix changed. */
  aliensChanged(key: string): void;
  /** Routes of others that must go from a prefix; they do not count as taken. */
  evict(key: string): readonly AlienRoute[];
  /** A route with our number that is not ours all the same: it counts as another writer's. */
  isForeign(route: OwnRoute, links: Machine['links']): boolean;
  /** A turn is over; `idle`: nothing is due any more. */
  turned(idle: boolean): void;
}
