/** A synchroniser of the speaker over a kernel in memory and a clock that is turned by hand. */
import type { Address } from 'bgp-ts/net';
import { formatPrefix } from 'bgp-ts/net';
import type { KernelRules } from '../../../src/routes/kernel/rules.ts';
import { NO_RULES } from '../../../src/routes/kernel/rules.ts';
import type { KernelSync } from '../../../src/routes/kernel/sync.ts';
import { createKernelSync } from '../../../src/routes/kernel/sync.ts';
import type { KernelStatus, LearnedChange } from '../../../src/routes/kernel/sync-types.ts';
import type { AlienRoute, OwnRoute } from '../../../src/routes/kernel/table.ts';
import { address, prefix } from '../../worlds/build.ts';
import type { FakeKernel, HandClock } from './fake-kernel.ts';
import { makeFakeKernel, makeHandClock } from './fake-kernel.ts';

/** Index of the one interface. */
export const ETH0 = 2;
/** A route of the kernel's own to a network on the link. */
export const connected = (text: string, protocol = 2): AlienRoute => ({
  prefix: prefix(text),
  metric: 0,
  protocol,
  unicast: true,
  hops: [{ interface: ETH0, onlink: false }],
});
/** LOCAL_PREF of an ordinary route: metric 1024. */
export const ORDINARY = 2_147_482_623;
/** What the speaker says of a prefix; no next hops: it is gone. */
export const change = (to: string, nextHops: readonly string[], localPref = ORDINARY) => ({
  prefix: prefix(to),
  ...(nextHops.length === 0 ? {} : { best: { nextHops: nextHops.map(address), localPref } }),
});

/** Everything of one life. */
export interface World {
  readonly kernel: FakeKernel;
  readonly clock: HandClock;
  readonly sync: KernelSync;
  readonly learned: LearnedChange[];
  /** Messages of failures, in order. */
  readonly failures: string[];
  /** Times that it said it had recovered. */
  recovered: number;
  status: KernelStatus | undefined;
}

/** Starts one and lets it read. */
export function makeWorld(kernel = makeFakeKernel(), rules: KernelRules = NO_RULES): World {
  const clock = makeHandClock();
  const learned: LearnedChange[] = [];
  const foreign = [connected('10.0.0.0/24'), connected('fd00::/64')];
  for (const route of foreign) kernel.foreign.set(`${formatPrefix(route.prefix)} ${route.metric}`, route);
  kernel.links.set(ETH0, { index: ETH0, name: 'eth0', up: true });
  kernel.addresses.push({ interface: ETH0, address: address('10.0.0.1'), network: prefix('10.0.0.0/24'), primary: true });
  const world: World = {
    kernel,
    clock,
    learned,
    failures: [],
    recovered: 0,
    status: undefined,
    sync: createKernelSync({
      kernel,
      now: clock.now,
      after: clock.after,
      learned: (more) => learned.push(more),
      status: (status) => {
        world.status = status;
      },
      failed: (error) => world.failures.push(error.message),
      recovered: () => {
        world.recovered += 1;
      },
    }),
  };
  world.sync.start();
  world.sync.configure({ statics: [], rules, learn: { ignoredInterfaces: [] } });
  clock.turn(5);
  return world;
}

/** What the kernel holds of ours: `PREFIX METRIC via GATEWAY,...` or `PREFIX METRIC blackhole`, sorted. */
export function shown(kernel: FakeKernel): string[] {
  const hop = (id: number): string[] => {
    const object = kernel.objects.get(id);
    if (object === undefined) return ['?'];
    return object.hop === undefined ? object.group.flatMap(hop) : [gatewayText(object.hop.gateway)];
  };
  const way = (route: OwnRoute): string => {
    if (route.kind === 'blackhole') return 'blackhole';
    return `via ${(route.nexthop === 0 ? route.hops.map((one) => gatewayText(one.gateway)) : hop(route.nexthop)).sort().join(',')}`;
  };
  return [...kernel.own.values()].map((route) => `${formatPrefix(route.prefix)} ${route.metric} ${way(route)}`).sort();
}

const gatewayText = (gateway: Address | undefined): string =>
  gateway === undefined ? 'link' : formatPrefix({ ...gateway, length: 0 }).replace(/\/0$/, '');
