import { formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { globMatcher, isLearned, learnDevices, learnKernel } from '../../../src/routes/kernel/learn.ts';
import type { AlienRoute, KernelAddress, KernelLink } from '../../../src/routes/kernel/table.ts';
import { address, prefix } from '../../worlds/build.ts';

const links = new Map<number, KernelLink>(
  ['lo', 'eth0', 'cali12ab', 'kube-ipvs0', 'tunl0', 'docker0', 'down0'].map((name, at) => [
    at + 1,
    { index: at + 1, name, up: name !== 'down0' },
  ]),
);
const route = (protocol: number, gateway?: string, more: Partial<AlienRoute> = {}): AlienRoute => ({
  prefix: prefix('10.1.0.5/32'),
  metric: 1024,
  protocol,
  unicast: true,
  hops: [{ ...(gateway === undefined ? {} : { gateway: address(gateway) }), interface: 3, onlink: false }],
  ...more,
});

const BIRD = { ignoredInterfaces: [] };

describe('routes of the kernel', () => {
  it.each([
    ['a workload’s, by Felix', route(80), true],
    ['a workload’s, by hand', route(3), true],
    ['an administrator’s with a gateway', route(4, '10.0.0.9'), true],
    ['Felix’s to another node', route(80, '10.0.0.9'), false],
    ['the kernel’s own', route(2), false],
    ['a redirect', route(1, '10.0.0.9'), false],
    ['a router advertisement’s', route(9, '10.0.0.9'), false],
    ['FRR’s', route(186, '10.0.0.9'), false],
    ['BIRD’s', route(12, '10.0.0.9'), false],
    ['a blackhole', route(4, undefined, { unicast: false, hops: [] }), false],
    ['one over a dead link', route(4, undefined, { hops: [] }), false],
  ])('%s', (_what, one, learned) => expect(isLearned(one)).toBe(learned));

  it('are learned with interface, gateway and metric, the kernel’s preferred one first', () => {
    const felix = route(80, '10.0.0.9', { metric: 0 });
    expect(learnKernel([felix, route(3), route(4, '10.0.0.9', { metric: 2048 })], links, BIRD)).toEqual({
      prefix: prefix('10.1.0.5/32'),
      protocol: 'kernel',
      interface: 'cali12ab',
      metric: 1024,
    });
    expect(learnKernel([felix], links, BIRD)).toBeUndefined();
  });

  it.each([
    [1024, { preference: 100, localPref: 2_147_482_623 }],
    [512, { preference: 200, localPref: 2_147_483_135 }],
    [0, { preference: 200, localPref: 2_147_483_647 }],
    [4_294_967_295, { preference: 100, localPref: 0 }],
  ])('with metric %i rank among routes of peers as the kernel ranks them', (metric, rank) => {
    const normalMetric = { ipv4: 1024, ipv6: 1024 };
    expect(learnKernel([route(80, undefined, { metric })], links, { ...BIRD, normalMetric })?.rank).toEqual(rank);
  });
});

describe('networks of interfaces', () => {
  const at = (index: number, network: string, primary = true): KernelAddress => ({
    interface: index,
    address: address(network.replace(/\/.*/, '')),
    network: prefix(network),
    primary,
  });

  it('are those of every interface that is up, but for workloads, kube-proxy and what is ignored', () => {
    const addresses = [
      at(1, '127.0.0.0/8', false),
      at(2, '10.0.0.0/24'),
      at(3, '169.254.1.1/32'),
      at(4, '10.96.0.1/32'),
      at(5, '10.1.0.64/32'),
      at(6, '172.17.0.0/16'),
      at(7, '10.7.0.0/24'),
      at(2, '10.8.0.0/24', false),
    ];
    const learn = (ignoredInterfaces: string[]): string[] =>
      [...learnDevices(addresses, links, { ignoredInterfaces }).values()].map((one) => `${formatPrefix(one.prefix)} ${one.interface}`);
    expect(learn([])).toEqual(['10.0.0.0/24 eth0', '10.1.0.64/32 tunl0', '172.17.0.0/16 docker0']);
    expect(learn(['docker*', 'tun?0'])).toEqual(['10.0.0.0/24 eth0']);
  });
});

describe('interface patterns', () => {
  it.each([
    ['cali*', 'cali12', true],
    ['cali*', 'xcali12', false],
    ['*.calico', 'vxlan.calico', true],
    ['*.calico', 'vxlanXcalico', false],
    ['eth?', 'eth10', false],
    ['*', '', true],
    ['a+(b', 'a+(b', true],
  ])('%s on %s: %s', (pattern, name, matches) => expect(globMatcher(pattern)(name)).toBe(matches));
});

describe('everything, as BIRD learns', () => {
  const blackhole = route(3, undefined, { unicast: false, hops: [] });

  it.each<[string, AlienRoute, boolean]>([
    ['the kernel’s own', route(2), false],
    ['a redirect', route(1), false],
    ['another daemon’s', route(186), true],
    ['Felix’s to another node', route(80, '10.0.0.9'), true],
    ['a blackhole', blackhole, true],
    ['one over links that are down', route(3, undefined, { hops: [] }), false],
  ])('%s', (_, alien, expected) => {
    expect(isLearned(alien, true)).toBe(expected);
  });

  it('a blackhole has no interface and no next hop', () => {
    const learned = learnKernel([blackhole], links, { ignoredInterfaces: [], everything: true });
    expect(learned).toEqual({ prefix: blackhole.prefix, protocol: 'kernel', metric: 1024 });
    expect(learnKernel([blackhole], links, { ignoredInterfaces: [] })).toBeUndefined();
  });
});
