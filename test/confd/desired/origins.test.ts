/** What a node originates and installs: ranges, Services, blocks, counted by source (control-plane 4, 6). The own node is `me`. */
import { describe, expect, it } from 'vitest';
import { createDesire, desire } from '../../../src/confd/desired/desire.ts';
import type { DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource, SnapshotDelta } from '../../../src/confd/resources/types.ts';
import { affinity, configuration, keyOf, node, pool, prefix, service, slice, snapshotOf } from '../../worlds/build.ts';

const me = node('me', { ipv4: '10.0.0.1/24' });
const config = configuration('default', {
  serviceClusterIPs: [prefix('10.96.0.0/16')],
  serviceExternalIPs: [prefix('50.0.0.0/24')],
  serviceLoadBalancerIPs: [prefix('80.0.0.0/24')],
});
const ranges = ['10.96.0.0/16', '50.0.0.0/24', '80.0.0.0/24'];
const local = service('s', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.1'], ingressIPs: ['80.0.0.1'] });
const labelled = (value: string): Resource =>
  node('me', { ipv4: '10.0.0.1/24', labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': value } });

function result(resources: readonly Resource[], options: Partial<DesireOptions> = {}) {
  return desire(snapshotOf(resources), { node: 'me', ...options });
}

const advertised = (resources: readonly Resource[], options: Partial<DesireOptions> = {}): string[] =>
  (result(resources, options).desired?.advertise ?? []).map((entry) => entry.id);
const touched = (...resources: readonly Resource[]): SnapshotDelta => ({
  changed: resources.map((resource) => ({ kind: resource.kind, key: keyOf(resource) })),
  issuesChanged: false,
});

describe('4 services', () => {
  it('originates ranges and Local addresses with their reasons', () => {
    const { desired } = result([me, config, local, slice('s-1', 's', ['me'])]);
    expect(
      desired?.advertise.map((entry) => [entry.id, entry.class, entry.reasons.map((reason) => `${reason.object} ${reason.rule}`).join()]),
    ).toEqual([
      ['10.96.0.0/16', 'cluster-cidr', 'BGPConfiguration/default control-plane 4.1'],
      ['10.96.0.1/32', 'cluster-ip', 'Service/default/s control-plane 4.2 (6)'],
      ['50.0.0.0/24', 'external-cidr', 'BGPConfiguration/default control-plane 4.1'],
      ['80.0.0.0/24', 'lb-cidr', 'BGPConfiguration/default control-plane 4.1'],
      ['80.0.0.1/32', 'lb-ip', 'Service/default/s control-plane 4.2 (6)'],
    ]);
    expect(desired?.install).toEqual([]);
  });

  it.each<[string, Resource[], Partial<DesireOptions>, string[]]>([
    ['the exclusion label by its presence [Q]', [labelled('')], {}, []],
    ['Calico wants it to say true [Q]', [labelled('')], { compatCalico: true }, ranges],
    ['and it does', [labelled('true')], { compatCalico: true }, []],
    [
      'CALICO_ADVERTISE_CLUSTER_IPS takes the place of serviceClusterIPs (12)',
      [me],
      { advertiseClusterIPs: prefix('10.97.0.0/16') },
      ['10.97.0.0/16', '50.0.0.0/24', '80.0.0.0/24'],
    ],
    [
      'the Kubernetes name of the node counts for endpoints',
      [me, local, slice('s-1', 's', ['k8s-me'])],
      { kubernetesNode: 'k8s-me' },
      ['10.96.0.0/16', '10.96.0.1/32', '50.0.0.0/24', '80.0.0.0/24', '80.0.0.1/32'],
    ],
    ['node.NAME cannot set ranges', [me, configuration('node.me', { serviceClusterIPs: [prefix('10.98.0.0/16')] })], {}, ranges],
  ])('%s', (_, resources, options, expected) => {
    expect(advertised([config, ...resources], options)).toEqual(expected);
  });

  it("a range from CALICO_ADVERTISE_CLUSTER_IPS is not the configuration's", () => {
    const { desired } = result([me, config], { advertiseClusterIPs: prefix('10.97.0.0/16') });
    expect(desired?.advertise[0]).toMatchObject({ id: '10.97.0.0/16', reasons: [{ object: 'linnet', rule: 'control-plane 4.1' }] });
  });

  it('an IP of two Services goes when both are gone, and one from the configuration stays (12)', () => {
    const other = service('t', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.2'], ingressIPs: ['80.0.0.1'] });
    const slices = [slice('s-1', 's', ['me']), slice('t-1', 't', ['me'])];
    const both = result([me, config, local, other, ...slices]).desired?.advertise.find((entry) => entry.id === '80.0.0.1/32');
    expect(both?.reasons.map((reason) => reason.object)).toEqual(['Service/default/s', 'Service/default/t']);
    expect(advertised([me, config, other, ...slices])).toContain('80.0.0.1/32');
    expect(advertised([me, config, ...slices])).not.toContain('80.0.0.1/32');
    const configured = configuration('default', { serviceClusterIPs: [prefix('10.96.0.1/32')] });
    expect(result([me, configured, local, slice('s-1', 's', ['me'])]).desired?.advertise).toMatchObject([
      { id: '10.96.0.1/32', class: 'cluster-cidr', reasons: [{ object: 'BGPConfiguration/default' }, { object: 'Service/default/s' }] },
    ]);
  });

  it('step by step as well', () => {
    const other = service('t', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.2'], ingressIPs: ['80.0.0.1'] });
    const rest = [me, config, slice('s-1', 's', ['me']), slice('t-1', 't', ['me'])];
    const engine = createDesire({ node: 'me' });
    const objects = (result: ReturnType<typeof engine.update>): string[] =>
      (result.desired?.advertise.find((entry) => entry.id === '80.0.0.1/32')?.reasons ?? []).map((reason) => reason.object);
    expect(objects(engine.update(snapshotOf([...rest, local, other]), touched()))).toEqual(['Service/default/s', 'Service/default/t']);
    expect(objects(engine.update(snapshotOf([...rest, other]), touched(local)))).toEqual(['Service/default/t']);
    expect(objects(engine.update(snapshotOf(rest), touched(other)))).toEqual([]);
  });

  it('evaluates a Service again when one of its slices is deleted, whatever the name of the slice (4.3)', () => {
    const same = slice('s', 's', ['other']);
    const mine = slice('s-1', 's', ['me']);
    const engine = createDesire({ node: 'me' });
    const ids = (result: ReturnType<typeof engine.update>): string[] => (result.desired?.advertise ?? []).map((entry) => entry.id);
    expect(ids(engine.update(snapshotOf([me, config, local, same, mine]), touched()))).toContain('80.0.0.1/32');
    expect(ids(engine.update(snapshotOf([me, config, local, mine]), touched(same)))).toContain('80.0.0.1/32');
    expect(ids(engine.update(snapshotOf([me, config, local]), touched(mine)))).not.toContain('80.0.0.1/32');
  });

  it('evaluates both Services when a slice moves from one to the other', () => {
    const other = service('t', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.2'] });
    const engine = createDesire({ node: 'me' });
    engine.update(snapshotOf([me, config, local, other, slice('x', 's', ['me'])]), touched());
    const moved = slice('x', 't', ['me']);
    const after = engine.update(snapshotOf([me, config, local, other, moved]), touched(moved));
    expect(after.desired?.advertise.map((entry) => entry.id)).toEqual(['10.96.0.0/16', '10.96.0.2/32', '50.0.0.0/24', '80.0.0.0/24']);
  });
});

describe('6 blocks', () => {
  it('own blocks are originated and installed as blackholes; those of other nodes and pending ones are not', () => {
    const { desired } = result([
      me,
      affinity('me', '192.168.1.0/26'),
      affinity('you', '192.168.2.0/26'),
      affinity('me', '192.168.3.0/26', 'pending'),
      affinity('me', '192.168.4.1/32'),
    ]);
    expect(desired?.advertise).toMatchObject([
      { id: '192.168.1.0/26', class: 'block', reasons: [{ object: 'BlockAffinity/me-192-168-1-0-26', rule: 'control-plane 6' }] },
    ]);
    expect(desired?.install).toMatchObject([{ id: '192.168.1.0/26', kind: 'blackhole' }]);
  });

  it('a block of a pool that Felix programs is originated, not installed (5.5)', () => {
    const encapsulated = pool('p', '192.168.0.0/16', { ipipMode: 'Always' });
    const block = affinity('me', '192.168.1.0/26');
    const install = (...resources: readonly Resource[]): string[] =>
      (result([me, block, ...resources]).desired?.install ?? []).map((route) => route.id);
    expect(install(encapsulated)).toEqual([]);
    expect(advertised([me, block, encapsulated])).toEqual(['192.168.1.0/26']);
    expect(install(encapsulated, configuration('default', { programClusterRoutes: 'Enabled' }))).toEqual(['192.168.1.0/26']);
    expect(install(pool('p', '192.168.0.0/16'))).toEqual(['192.168.1.0/26']);
  });

  it('pod CIDRs take the place of affinities with USE_POD_CIDR', () => {
    const world = [node('me', { ipv4: '10.0.0.1/24', podCIDRs: ['172.16.1.0/24'] }), affinity('me', '192.168.1.0/26')];
    expect(advertised(world, { usePodCIDR: true })).toEqual(['172.16.1.0/24']);
    expect(advertised(world)).toEqual(['192.168.1.0/26']);
  });
});

describe('explain', () => {
  const engine = createDesire({ node: 'me' });
  engine.update(
    snapshotOf([
      me,
      config,
      local,
      slice('s-1', 's', ['me']),
      service('t', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.2'], ingressIPs: ['80.0.0.2'] }),
      slice('t-1', 't', ['you']),
      service('u', { clusterIPs: ['10.96.0.3'] }),
      affinity('me', '192.168.1.0/26'),
    ]),
    touched(),
  );

  it.each<[string, string[]]>([
    [
      '80.0.0.1/32',
      ['configuration covers control-plane 4.1', 'service advertised control-plane 4.2 (6)', 'originate advertised control-plane 4.2 (6)'],
    ],
    [
      '80.0.0.2/32',
      [
        'configuration covers control-plane 4.1',
        'service not-advertised control-plane 4.2 (6)',
        'originate not-advertised control-plane 4, 6',
      ],
    ],
    [
      '10.96.0.3/32',
      ['configuration covers control-plane 4.1', 'service not-advertised control-plane 4.2', 'originate not-advertised control-plane 4, 6'],
    ],
    ['192.168.1.0/26', ['block advertised control-plane 6', 'originate advertised control-plane 6']],
    ['192.168.1.5/32', ['block covers control-plane 6', 'originate not-advertised control-plane 4, 6']],
    ['80.0.0.0/24', ['configuration advertised control-plane 4.1', 'originate advertised control-plane 4.1']],
    ['9.9.9.9/32', []],
  ])('%s', (text, expected) => {
    expect(engine.explain(prefix(text)).map((step) => `${step.stage} ${step.verdict} ${step.citation}`)).toEqual(expected);
  });
  it('says of what covers an address why this node does not originate it', () => {
    const out = createDesire({ node: 'me' });
    out.update(snapshotOf([labelled(''), config, affinity('me', '192.168.1.0/26', 'pending')]), touched());
    const steps = (text: string) => out.explain(prefix(text)).map((step) => `${step.stage} ${step.verdict}`);
    expect(steps('80.0.0.9/32')).toEqual(['configuration not-advertised', 'originate not-advertised']);
    expect(steps('192.168.1.5/32')).toEqual(['block not-advertised', 'originate not-advertised']);
  });
});
