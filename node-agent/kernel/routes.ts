/**
 * Keeps the kernel's routes equal to what the cluster wants, through the synchroniser that the BGP daemon has as well, with a
 * protocol number of its own. Pure but for its seams.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { formatPrefix, prefixKey } from 'bgp-ts/net';
import { createRouteSync } from '../../src/routes/kernel/route-sync.ts';
import type { KernelStatus, RouteSyncDeps } from '../../src/routes/kernel/sync-types.ts';
import type { AlienRoute, Kernel, KernelLink, Operation, OwnNexthop } from '../../src/routes/kernel/table.ts';
import { reasonsOf } from '../encap/explain.ts';
import type { EncapRoute, EncapWishes } from '../encap/types.ts';
import type { ForeignDevices } from './routes-provider.ts';
import { EncapProvider, FOREIGN_DEVICES } from './routes-provider.ts';
import type { RouteSources } from './routes-sources.ts';
import { describeOperation, objectWays } from './routes-words.ts';
import type { ConntrackKernel } from './types.ts';

/** What others wrote on a device of ours stays so long after the device is seen first, ms: they may not know yet that it is ours. */
export const GRACE_MS = 10_000;

/** The seams. */
export interface RouteDeps extends Omit<RouteSyncDeps, 'removalsFirst'> {
  /** Connections of prefixes that another node answers for now are forgotten through it; absent: they stay. */
  readonly conntrack?: Pick<ConntrackKernel, 'forget'>;
  /** Some of them could not be forgotten. That is not tried again: by then others, with the node that answers now, would go. */
  readonly remembered?: (because: string) => void;
  /** Default FOREIGN_DEVICES. */
  readonly foreign?: ForeignDevices;
  /** Preferred sources; default none. */
  readonly sources?: RouteSources;
  /** Default GRACE_MS. */
  readonly graceMs?: number;
}

/** The routes kept in order. */
export interface RouteKeeper {
  /** Reads the kernel and begins; nothing is written before the first `set`. */
  start(): void;
  /** The whole of what is wanted. With the first, routes of a life before that nobody wants go. */
  set(wishes: Pick<EncapWishes, 'routes' | 'addresses'>): void;
  status(): KernelStatus;
  /** The route of the best class wanted for exactly this prefix. */
  wanted(prefix: Prefix): EncapRoute | undefined;
  /** Wanted routes in whose place another writer's is, in words, `most` of them at most. */
  hindered(most: number): readonly string[];
  /** Preferred sources that no interface has. */
  missingSources(): readonly Address[];
  /** Does what is due now; for tests, benchmarks and dry runs. */
  flush(): void;
  /** Ends; the routes stay. */
  stop(): void;
}

/** Makes a keeper; nothing is read before `start`. */
export function createRouteKeeper(deps: RouteDeps): RouteKeeper {
  const { foreign = FOREIGN_DEVICES, sources = {}, graceMs = GRACE_MS } = deps;
  const seen = new Map<number, number>();
  let first = true;
  const provider = new EncapProvider({
    foreign,
    sources,
    isSettled: (index) => deps.now() - (seen.get(index) ?? deps.now()) >= graceMs,
    devicesSeen: (indexes) => {
      for (const index of seen.keys()) if (!indexes.has(index)) seen.delete(index);
      const fresh = [...indexes].filter((index) => !seen.has(index));
      for (const index of fresh) seen.set(index, first ? -Infinity : deps.now());
      if (fresh.length > 0 && !first) deps.after(graceMs, () => sync.touch(provider.trespassed()));
      first = false;
    },
    ownersChanged: (routes) => forget(deps, routes),
  });
  const sync = createRouteSync({ ...deps, removalsFirst: true }, provider);
  let begun = false;
  return {
    start: () => sync.start(),
    set: (wishes) => {
      const keys = provider.set(wishes);
      sync.touch(keys);
      sync.touch(provider.trespassed());
      sync.resolve();
      if (!begun) sync.settled();
      begun = true;
    },
    status: () => sync.status(),
    wanted: (prefix) => provider.at(prefixKey(prefix)),
    hindered: (most) => hindered(provider, sync.taken(), most),
    missingSources: () => provider.missingSources(),
    flush: () => sync.flush(),
    stop: () => sync.stop(),
  };
}

/** Packets of old connections would go on to where the address was (Felix' order: routes away, connections, routes there). */
function forget({ conntrack, remembered }: RouteDeps, routes: readonly EncapRoute[]): void {
  if (conntrack === undefined) return;
  try {
    const { failed } = conntrack.forget(routes.map((route) => route.prefix));
    if (failed > 0) remembered?.(`the kernel keeps ${failed}`);
  } catch (error) {
    remembered?.(error instanceof Error ? error.message : String(error));
  }
}

function hindered(provider: EncapProvider, keys: Iterable<string>, most: number): readonly string[] {
  const words: string[] = [];
  for (const key of keys) {
    if (words.length === most) break;
    const wanted = provider.at(key);
    const taken = provider.takenBy(key);
    if (wanted !== undefined && taken !== undefined) words.push(hindranceText(wanted, taken));
  }
  return words;
}

/** One thing that a dry run would have done. */
export interface PlannedRoute {
  readonly operation: Operation;
  /** `add 10.1.2.0/26 via 10.1.2.0 dev vxlan.calico`. */
  readonly step: string;
  /** Class and object of the route; '' where nothing wants it. */
  readonly because: string;
}

/** What would be done for these wishes now: the same keeper over a kernel that is read and not written. Throws where it cannot be read. */
export function planRoutes(
  kernel: Pick<Kernel, 'protocol' | 'nexthopObjects' | 'read'>,
  wishes: Pick<EncapWishes, 'routes' | 'addresses' | 'devices'>,
  { foreign = FOREIGN_DEVICES, sources = {} }: Pick<RouteDeps, 'foreign' | 'sources'> = {},
): readonly PlannedRoute[] {
  const operations: Operation[] = [];
  let links: readonly KernelLink[] = [];
  let nexthops: readonly OwnNexthop[] = [];
  const keeper = createRouteKeeper({
    foreign,
    sources,
    kernel: {
      protocol: kernel.protocol,
      nexthopObjects: kernel.nexthopObjects,
      read: () => {
        const table = kernel.read();
        links = withDevices(table.links, wishes.devices);
        nexthops = table.nexthops;
        return { ...table, links };
      },
      apply: (more) => {
        operations.push(...more);
        return { failures: [], lost: false };
      },
      watch: () => undefined,
      close: () => undefined,
    },
    // Nothing comes due but what `flush` does.
    now: () => 0,
    after: () => () => undefined,
    status: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  keeper.start();
  keeper.set(wishes);
  keeper.flush();
  keeper.stop();
  const names = new Map(links.map((link) => [link.index, link.name]));
  const objects = objectWays(nexthops, names);
  return operations.map((operation) => {
    const step = describeOperation(operation, names, objects);
    const wanted = 'route' in operation ? keeper.wanted(operation.route.prefix) : undefined;
    return { operation, step, because: wanted === undefined ? '' : reasonText(wanted) };
  });
}

/** As the links will be when the devices are there: what is missing has an index that no interface has. */
function withDevices(links: readonly KernelLink[], devices: EncapWishes['devices']): KernelLink[] {
  const names = new Set(devices.map((device) => device.name));
  const there = new Set(links.map((link) => link.name));
  const missing = [...names].filter((name) => !there.has(name));
  return [
    ...links.map((link) => (names.has(link.name) ? { ...link, up: true } : link)),
    ...missing.map((name, at) => ({ index: -1 - at, name, up: true })),
  ];
}

function reasonText(route: EncapRoute): string {
  const { class: name } = route;
  const [first] = reasonsOf(route);
  return first === undefined ? name : `${name}: ${first.object.kind}/${first.object.name}, ${first.rule}`;
}

/** `10.1.2.0/26 (vxlan-tunnel): another writer (protocol 3, metric 0) has this prefix`. */
function hindranceText({ prefix, class: name }: EncapRoute, { protocol, metric }: AlienRoute): string {
  return `${formatPrefix(prefix)} (${name}): another writer (protocol ${protocol}, metric ${metric}) has this prefix`;
}
