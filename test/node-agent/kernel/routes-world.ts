/** A machine with two interfaces, a tunnel and a workload, in a small cluster, and the agent's routes over it; the kernel is in memory. */
import { addressKey, formatPrefix } from 'bgp-ts/net';
import { encapWishes } from '../../../node-agent/encap/wishes.ts';
import { createRouteKeeper, type RouteKeeper } from '../../../node-agent/kernel/routes.ts';
import type { RouteSources } from '../../../node-agent/kernel/routes-sources.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import type { AlienRoute, KernelHop, OwnRoute } from '../../../src/routes/kernel/table.ts';
import { type FakeKernel, type HandClock, makeFakeKernel, makeHandClock } from '../../routes/kernel/fake-kernel.ts';
import { address, affinity, node, pool, prefix, snapshotOf } from '../../worlds/build.ts';

export const ETH0 = 2;
export const ETH1 = 3;
export const VXLAN = 10;
export const CALI = 20;

export const NODES = ['1', '2', '3'].map((at) => ({
  ...node(`n${at}`, { ipv4: `172.31.${at === '3' ? 9 : 0}.${at}/24` }),
  tunnels: { vxlanV4: address(`10.1.${at}.0`) },
}));
export const POOL = pool('vx', '10.1.0.0/16', { vxlanMode: 'CrossSubnet' });
export const BLOCKS = [
  affinity('n1', '10.1.1.0/26'),
  affinity('n2', '10.1.2.0/26'),
  affinity('n2', '10.1.2.64/26'),
  affinity('n3', '10.1.3.0/26'),
];
export const ALL: readonly Resource[] = [...NODES, POOL, ...BLOCKS];

export const wishesOf = (resources: readonly Resource[]) => encapWishes({ snapshot: snapshotOf(resources), felix: {}, node: 'n1' });

export interface World {
  readonly kernel: FakeKernel;
  readonly clock: HandClock;
  readonly keeper: RouteKeeper;
  readonly forgotten: string[];
  /** How connection tracking answers; an error is thrown. */
  conntrack: { readonly removed: number; readonly failed: number } | Error;
  /** Why connections were not forgotten. */
  readonly remembered: string[];
}

export function link(kernel: FakeKernel, index: number, name: string, up = true): void {
  kernel.links.set(index, { index, name, up });
}

export function carry(kernel: FakeKernel, index: number): void {
  kernel.addresses.length = 0;
  kernel.addresses.push({ interface: index, address: address('172.31.0.1'), network: prefix('172.31.0.0/24'), primary: true });
}

export function alien(kernel: FakeKernel, to: string, hop: Partial<KernelHop>, protocol: number, metric = 0): AlienRoute {
  const route = { prefix: prefix(to), metric, protocol, unicast: true, hops: [{ interface: ETH0, onlink: false, ...hop }] };
  kernel.foreign.set(`${to} ${metric}`, route);
  return route;
}

export function machine(nexthopObjects = true): FakeKernel {
  const kernel = makeFakeKernel(nexthopObjects, 80);
  link(kernel, ETH0, 'eth0');
  link(kernel, ETH1, 'eth1');
  link(kernel, VXLAN, 'vxlan.calico');
  link(kernel, CALI, 'cali1a');
  carry(kernel, ETH0);
  return kernel;
}

export function makeWorld(kernel = machine(), resources = ALL, sources: RouteSources = {}): World {
  const clock = makeHandClock();
  const forgotten: string[] = [];
  const tracking: Pick<World, 'conntrack' | 'remembered'> = { conntrack: { removed: 0, failed: 0 }, remembered: [] };
  const keeper = createRouteKeeper({
    kernel,
    sources,
    now: clock.now,
    after: clock.after,
    status: () => undefined,
    failed: (error) => {
      throw error;
    },
    conntrack: {
      forget: (prefixes) => {
        forgotten.push(...prefixes.map(formatPrefix));
        if (tracking.conntrack instanceof Error) throw tracking.conntrack;
        return tracking.conntrack;
      },
    },
    remembered: (because) => tracking.remembered.push(because),
  });
  keeper.start();
  keeper.set(wishesOf(resources));
  clock.turn(5);
  return Object.assign(tracking, { kernel, clock, keeper, forgotten });
}

/** `PREFIX via GATEWAY INDEX`, sorted. */
export function shown({ own, objects }: FakeKernel): string[] {
  const way = (route: OwnRoute): string => {
    if (route.kind === 'blackhole') return 'blackhole';
    const object = objects.get(route.nexthop)?.hop;
    const hops = object === undefined ? route.hops : [object];
    return hops.map((hop) => `${hop.gateway === undefined ? 'link' : `via ${addressKey(hop.gateway)}`} ${hop.interface}`).join();
  };
  return [...own.values()].map((route) => `${formatPrefix(route.prefix)} ${way(route)}`).sort();
}
