/** Service routes, one case per clause of control-plane 4.1 and 4.2, and the facts of section 12. The own node is `me`. */
import { describe, expect, it } from 'vitest';
import { evaluateCidrs, evaluateService, type ServiceContext, type ServiceFacts, type SliceFacts } from '../../src/routes/services.ts';
import { address, prefix, service, slice } from '../worlds/build.ts';

const context: ServiceContext = {
  excluded: false,
  kubernetesNode: 'me',
  clusterCIDRs: [prefix('10.96.0.0/16'), prefix('fd00:96::/112')],
  externalCIDRs: [prefix('50.0.0.0/24'), prefix('50.1.0.1/32')],
  loadBalancerCIDRs: [prefix('80.0.0.0/24'), prefix('80.1.0.1/32')],
  aggregation: true,
  publishAll: false,
};
const calico = { publishAll: true };
const here = [slice('s-1', 's', ['me'])];
const there = [slice('s-1', 's', ['other'])];

type Parts = NonNullable<Parameters<typeof service>[1]>;
const local: Parts = {
  type: 'LoadBalancer',
  policy: 'Local',
  clusterIPs: ['10.96.0.1'],
  externalIPs: ['50.0.0.1'],
  ingressIPs: ['80.0.0.1'],
};
const cluster: Parts = { ...local, policy: 'Cluster' };

function published(facts: ServiceFacts, slices: readonly SliceFacts[], parts: Partial<ServiceContext> = {}): string[] {
  return evaluateService(facts, slices, { ...context, ...parts })
    .addresses.flatMap((entry) => (entry.advertised ? [entry.id] : []))
    .sort();
}

const everyLocal = ['10.96.0.1/32', '50.0.0.1/32', '80.0.0.1/32'];

describe('4.2 whether and what a Service publishes here', () => {
  it.each<[string, Parts, readonly SliceFacts[], Partial<ServiceContext>, string[], string[]]>([
    ['(1) not from an excluded node', local, here, { excluded: true }, [], []],
    ['(2) not ExternalName', { ...local, type: 'ExternalName' }, here, {}, [], []],
    ['(2) NodePort counts', { ...local, type: 'NodePort' }, here, {}, everyLocal, everyLocal],
    ['(3) not without a cluster IP', { ...local, clusterIPs: [] }, here, {}, [], []],
    ['not without an EndpointSlice', local, [], {}, [], []],
    [
      '(4) Cluster: a load balancer IP that is a single entry, and only that one [Q]',
      { ...cluster, ingressIPs: ['80.1.0.1'] },
      there,
      {},
      ['80.1.0.1/32'],
      ['10.96.0.1/32', '50.0.0.1/32', '80.1.0.1/32'],
    ],
    [
      '(4) Cluster: even without a ready endpoint',
      { ...cluster, ingressIPs: ['80.1.0.1'] },
      [slice('s-1', 's', [])],
      {},
      ['80.1.0.1/32'],
      ['10.96.0.1/32', '50.0.0.1/32', '80.1.0.1/32'],
    ],
    [
      '(4) Cluster: spec.loadBalancerIP that is not in the status yet publishes nothing',
      { ...cluster, ingressIPs: [], loadBalancerIP: '80.1.0.1' },
      there,
      {},
      [],
      ['10.96.0.1/32', '50.0.0.1/32'],
    ],
    [
      '(4) a single load balancer entry needs type LoadBalancer',
      { ...cluster, type: 'NodePort', ingressIPs: ['80.1.0.1'] },
      there,
      {},
      [],
      [],
    ],
    [
      '(4) Cluster: an external IP that is a single entry [Q]',
      { ...cluster, externalIPs: ['50.1.0.1', '50.0.0.9'] },
      there,
      {},
      ['50.1.0.1/32'],
      ['10.96.0.1/32', '50.0.0.9/32', '50.1.0.1/32', '80.0.0.1/32'],
    ],
    ['(5) Cluster and aggregation: the range stands for it', cluster, here, {}, [], []],
    ['(6) Local with a ready endpoint here', local, here, {}, everyLocal, everyLocal],
    ['(6) Local without one here', local, there, {}, [], []],
    ['(6) Local with one here that is not ready (12)', local, [slice('s-1', 's', ['!me', 'other'])], {}, [], []],
    ['(6) any of several slices', local, [...there, slice('s-2', 's', ['me'])], {}, everyLocal, everyLocal],
    ['(6) a slice of a family the Service has not', local, [slice('s-1', 's', ['me'], 'IPv6')], {}, [], []],
    ['(6) a slice of host names', local, [slice('s-1', 's', ['me'], 'FQDN')], {}, [], []],
    [
      '(6) either family of a dual-stack Service (12)',
      { ...local, clusterIPs: ['10.96.0.1', 'fd00:96::1'] },
      [slice('s-1', 's', ['me'], 'IPv6')],
      {},
      [...everyLocal, 'fd00:96::1/128'],
      [...everyLocal, 'fd00:96::1/128'],
    ],
    [
      'aggregation Disabled: Cluster publishes its load balancer IP from every node with any ready endpoint [Q]',
      cluster,
      there,
      { aggregation: false },
      ['80.0.0.1/32'],
      everyLocal,
    ],
    ['aggregation Disabled: without a ready endpoint nothing', cluster, [slice('s-1', 's', ['!other'])], { aggregation: false }, [], []],
    [
      'aggregation Disabled: a plain ClusterIP Service publishes nothing [Q]',
      { type: 'ClusterIP', clusterIPs: ['10.96.0.1'] },
      there,
      { aggregation: false },
      [],
      ['10.96.0.1/32'],
    ],
    [
      'addresses outside the ranges stay home (12)',
      { ...local, externalIPs: ['51.0.0.1'], ingressIPs: ['81.0.0.1'] },
      here,
      {},
      ['10.96.0.1/32'],
      ['10.96.0.1/32'],
    ],
    [
      'cluster IPs need a cluster range of their own [Q]',
      { ...local, clusterIPs: ['10.200.0.1'] },
      here,
      {},
      ['50.0.0.1/32', '80.0.0.1/32'],
      ['10.200.0.1/32', '50.0.0.1/32', '80.0.0.1/32'],
    ],
    [
      'no cluster ranges: no cluster IPs',
      local,
      here,
      { clusterCIDRs: [] },
      ['50.0.0.1/32', '80.0.0.1/32'],
      ['50.0.0.1/32', '80.0.0.1/32'],
    ],
  ])('%s', (_, parts, slices, settings, fixed, asCalico) => {
    expect(published(service('s', parts), slices, settings)).toEqual([...fixed].sort());
    expect(published(service('s', parts), slices, { ...settings, ...calico })).toEqual([...asCalico].sort());
  });

  it.each<[string, Parts, readonly SliceFacts[], Partial<ServiceContext>, string, string]>([
    [
      'excluded',
      local,
      here,
      { excluded: true },
      'control-plane 4.2 (1)',
      'this node carries the label node.kubernetes.io/exclude-from-external-load-balancers',
    ],
    ['type', { ...local, type: 'ExternalName' }, here, {}, 'control-plane 4.2 (2)', 'type ExternalName has no addresses'],
    ['endpoint', local, there, {}, 'control-plane 4.2 (6)', 'no ready endpoint on me'],
    ['advertised', local, here, {}, 'control-plane 4.2 (6)', 'ready endpoint on me'],
    ['aggregated', cluster, here, {}, 'control-plane 4.2 (5)', 'externalTrafficPolicy is not Local: the range stands for it'],
    [
      'nothing inside',
      { ...local, clusterIPs: ['9.9.9.9'], externalIPs: [], ingressIPs: [] },
      here,
      {},
      'control-plane 4.2 published addresses',
      'not inside a range of serviceClusterIPs',
    ],
  ])('keeps the rule that decided: %s', (_, parts, slices, settings, rule, detail) => {
    expect(evaluateService(service('s', parts), slices, { ...context, ...settings })).toMatchObject({ rule, detail });
  });
});

describe('4.1 configured ranges', () => {
  const ranges = (parts: Partial<ServiceContext>): string[] =>
    evaluateCidrs({ ...context, ...parts }).flatMap((cidr) => (cidr.advertised ? [cidr.id] : []));

  it.each<[string, Partial<ServiceContext>, string[]]>([
    [
      'ranges go out, single external and load balancer addresses do not (12)',
      {},
      ['10.96.0.0/16', 'fd00:96::/112', '50.0.0.0/24', '80.0.0.0/24'],
    ],
    ['cluster ranges of any length', { clusterCIDRs: [prefix('10.96.0.1/32')] }, ['10.96.0.1/32', '50.0.0.0/24', '80.0.0.0/24']],
    ['load balancer ranges only with aggregation (12)', { aggregation: false }, ['10.96.0.0/16', 'fd00:96::/112', '50.0.0.0/24']],
    ['none from an excluded node', { excluded: true }, []],
  ])('%s', (_, parts, expected) => {
    expect(ranges(parts)).toEqual(expected);
  });

  it('say why not', () => {
    expect(
      evaluateCidrs({ ...context, aggregation: false })
        .filter((cidr) => !cidr.advertised)
        .map((cidr) => `${cidr.id} ${cidr.detail}`),
    ).toEqual([
      '50.1.0.1/32 a single address is announced per Service only',
      '80.0.0.0/24 serviceLoadBalancerAggregation is Disabled',
      '80.1.0.1/32 a single address is announced per Service only',
    ]);
  });

  it('judges addresses, not text', () => {
    expect(address('::ffff:10.96.0.1').family).toBe('ipv6');
    expect(published(service('s', { ...local, clusterIPs: ['::ffff:10.96.0.1'], ipFamilies: ['IPv4'] }), here)).toEqual([
      '50.0.0.1/32',
      '80.0.0.1/32',
    ]);
  });
});
