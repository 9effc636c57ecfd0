/** What an engine that programs the kernel itself is told, one case per clause of control-plane 1.2, 5.4 and 5.5. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { createDesire, desire } from '../../../src/confd/desired/desire.ts';
import type { DesiredProgramme, DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { address, configuration, node, pool, prefix, snapshotOf } from '../../worlds/build.ts';

const me = node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64' });

function programmeOf(resources: readonly Resource[], options: Partial<DesireOptions> = {}): DesiredProgramme {
  const { desired } = desire(snapshotOf(resources), { node: 'me', programme: true, ...options });
  if (desired?.programme === undefined) throw new Error('no programme');
  return desired.programme;
}

it('is there only where it is asked for', () => {
  expect(desire(snapshotOf([me]), { node: 'me' }).desired).not.toHaveProperty('programme');
});

it('stays the same object while nothing in it changed', () => {
  const engine = createDesire({ node: 'me', programme: true });
  const first = engine.update(snapshotOf([me]), { changed: [], issuesChanged: false }).desired;
  const second = engine.update(snapshotOf([me, node('you', { ipv4: '10.0.0.2/24' })]), {
    changed: [{ kind: 'Node', key: 'you' }],
    issuesChanged: false,
  }).desired;
  expect(second).not.toBe(first);
  expect(second?.programme).toBe(first?.programme);
});

it.each([
  [undefined, undefined, 'info'],
  ['Debug', undefined, 'debug'],
  ['Warning', undefined, 'none'],
  ['Debug', 'Info', 'info'],
])('log level %s, of the node %s', (global, own, level) => {
  const of = (severity: string | undefined) => (severity === undefined ? {} : { logSeverityScreen: severity });
  expect(programmeOf([me, configuration('default', of(global)), configuration('node.me', of(own))]).logLevel).toBe(level);
});

it('names ignored interfaces', () => {
  expect(programmeOf([me, configuration('default', { ignoredInterfaces: ['eth9*'] })]).ignoredInterfaces).toEqual(['eth9*']);
});

describe('service ranges are not programmed', () => {
  const ranges = {
    serviceClusterIPs: [prefix('10.96.0.0/16'), prefix('fd96::/112')],
    serviceExternalIPs: [prefix('50.0.0.0/24'), prefix('50.0.1.1/32')],
    serviceLoadBalancerIPs: [prefix('80.0.0.0/24')],
  };
  it.each<[string, Partial<DesireOptions>, 'Enabled' | 'Disabled', string[]]>([
    ['all of them', {}, 'Disabled', ['10.96.0.0/16', '50.0.0.0/24', '50.0.1.1/32', '80.0.0.0/24']],
    ['as Calico does it', { compatCalico: true }, 'Enabled', ['10.96.0.0/16', '50.0.0.0/24', '80.0.0.0/24']],
    ['as Calico does it without aggregation', { compatCalico: true }, 'Disabled', ['10.96.0.0/16', '50.0.0.0/24']],
  ])('%s', (_what, options, serviceLoadBalancerAggregation, rejected) => {
    const { ipv4 } = programmeOf([me, configuration('default', { ...ranges, serviceLoadBalancerAggregation })], options);
    expect(ipv4.kernel.rejected.map(formatPrefix)).toEqual(rejected);
  });
});

describe('WireGuard', () => {
  const wireguard = { ipv4: address('10.9.0.1') };
  const you = { ...node('you', { ipv4: '10.0.0.2/24' }), wireguard };
  it('next hops that have it are left to its device, where this node has it too', () => {
    const { ipv4, ipv6 } = programmeOf([{ ...me, wireguard }, you, node('them', { ipv4: '10.0.0.3/24' })]);
    expect([ipv4.kernel.wireguard.map(formatAddress), ipv6.kernel.wireguard]).toEqual([['10.0.0.2'], []]);
  });
  it('says nothing where this node has none', () => {
    expect(programmeOf([me, you]).ipv4.kernel.wireguard).toEqual([]);
  });
});

describe('pools', () => {
  const pools = [
    pool('plain', '10.1.0.0/16'),
    pool('always', '10.2.0.0/16', { ipipMode: 'Always' }),
    pool('cross', '10.3.0.0/16', { ipipMode: 'CrossSubnet' }),
    pool('vxlan', '10.4.0.0/16', { vxlanMode: 'Always' }),
    pool('hidden', '10.5.0.0/16', { disableBGPExport: true }),
    pool('six', 'fd01::/48'),
    pool('six-vxlan', 'fd02::/48', { vxlanMode: 'CrossSubnet' }),
  ];
  const rules = (mode: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly', of: Resource = me) => {
    const { ipv4, ipv6 } = programmeOf([of, ...pools, configuration('default', { programClusterRoutes: mode })]);
    const text = (family: DesiredProgramme['ipv4']): string[] =>
      family.kernel.pools.map(({ object, verdict, tunnel }) => `${object.slice('IPPool/'.length)} ${verdict} ${tunnel}`);
    return { ipv4: text(ipv4), ipv6: text(ipv6) };
  };
  it.each([
    ['Enabled', ['plain accept never', 'always accept always', 'cross accept other-subnets', 'vxlan reject never', 'hidden accept never']],
    [
      'EnabledIPIPOnly',
      ['plain reject never', 'always accept always', 'cross accept other-subnets', 'vxlan reject never', 'hidden reject never'],
    ],
    [
      'EnabledNoEncapOnly',
      ['plain accept never', 'always reject never', 'cross reject never', 'vxlan reject never', 'hidden accept never'],
    ],
    ['Disabled', ['plain reject never', 'always reject never', 'cross reject never', 'vxlan reject never', 'hidden reject never']],
  ] as const)('with programClusterRoutes %s', (mode, expected) => {
    expect(rules(mode).ipv4).toEqual(expected);
  });
  it('IPv6 knows rejects only', () => {
    expect([rules('Enabled').ipv6, rules('Disabled').ipv6]).toEqual([
      ['six-vxlan reject never'],
      ['six reject never', 'six-vxlan reject never'],
    ]);
  });
  it('IPv4 says nothing on a node without an address', () => {
    expect(rules('Enabled', node('me', { ipv6: 'fd00::1/64' })).ipv4).toEqual([]);
  });
});

it('gives the priorities and the export policies of peers without filters', () => {
  const { ipv4, ipv6 } = programmeOf([me, configuration('default', { ipv4NormalRoutePriority: 80 })]);
  expect([ipv4.priority, ipv6.priority]).toEqual([80, 1024]);
  expect([ipv4.exports.internal.name, ipv6.exports.external.name]).toEqual(['export ipv4 internal', 'export ipv6 external']);
});
