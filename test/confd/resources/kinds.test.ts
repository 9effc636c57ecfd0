/** Each kind: its fields, its defaults and what it takes for absent. */
import { inspect } from 'node:util';
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import { secretValue } from '../../../src/confd/resources/secret-value.ts';
import { calico, good, service } from './objects.ts';

describe('BGPPeer', () => {
  it('has its defaults', () => {
    expect(good('BGPPeer', calico('BGPPeer', { peerIP: '192.0.2.1' }))).toMatchObject({
      keepOriginalNextHop: false,
      sourceAddress: 'UseNodeIP',
      ttlSecurity: 0,
      filters: [],
      reversePeering: 'Auto',
    });
  });

  it('has every field as written', () => {
    const found = good(
      'BGPPeer',
      calico('BGPPeer', {
        node: 'node-1',
        peerIP: '[fd00::1]:1790',
        asNumber: '1.10',
        localASNumber: 65001,
        nextHopMode: 'Keep',
        password: { secretKeyRef: { name: 's', key: 'k' } },
        sourceAddress: 'None',
        maxRestartTime: '1m30s',
        keepaliveTime: '20500ms',
        numAllowedLocalASNumbers: 2,
        ttlSecurity: 255,
        reachableBy: 'fd00::2',
        filters: ['b', 'a'],
        reversePeering: 'Manual',
      }),
    );
    expect(found).toMatchObject({
      node: 'node-1',
      asNumber: 65546,
      localASNumber: 65001,
      nextHopMode: 'Keep',
      password: { name: 's', key: 'k' },
      sourceAddress: 'None',
      maxRestartTime: 90,
      keepaliveTime: 21,
      numAllowedLocalASNumbers: 2,
      ttlSecurity: 255,
      filters: ['b', 'a'],
      reversePeering: 'Manual',
    });
    expect(found.peerIP?.port).toBe(1790);
  });

  it('counts null and empty text as absent, as Go does', () => {
    const found = good(
      'BGPPeer',
      calico('BGPPeer', { node: '', nodeSelector: null, peerIP: '192.0.2.1', peerSelector: '', asNumber: null }),
    );
    expect(found).not.toHaveProperty('node');
    expect(found).not.toHaveProperty('peerSelector');
  });
});

describe('BGPConfiguration', () => {
  it.each([
    ['default', { kind: 'default' }],
    ['node.kube-1', { kind: 'node', node: 'kube-1' }],
  ])('%s has its scope', (name, scope) => {
    expect(good('BGPConfiguration', calico('BGPConfiguration', {}, { name })).scope).toEqual(scope);
  });

  it('skips empty CIDR entries', () => {
    const { serviceClusterIPs } = good(
      'BGPConfiguration',
      calico('BGPConfiguration', { serviceClusterIPs: [{ cidr: '10.0.0.0/16' }, {}] }, { name: 'default' }),
    );
    expect(serviceClusterIPs?.map(formatPrefix)).toEqual(['10.0.0.0/16']);
  });

  it('of a node has nothing that only default may say', () => {
    const found = good('BGPConfiguration', calico('BGPConfiguration', { asNumber: 1, listenPort: 1790 }, { name: 'node.a' }), [
      'BGPConfiguration/node.a spec.asNumber: 1 is ignored: only BGPConfiguration/default may set it',
    ]);
    expect(found).not.toHaveProperty('asNumber');
    expect(found.listenPort).toBe(1790);
  });

  it.each([
    [
      'communities',
      Array.from({ length: 501 }, (_, index) => ({ name: `c${index}`, value: '1:1' })),
      'entries are more than 500 communities',
    ],
    ['prefixAdvertisements', Array.from({ length: 501 }, () => ({ cidr: '10.0.0.0/8' })), 'entries are more than 500 advertised prefixes'],
  ])('has at most 500 %s', (field, entries, rule) => {
    const base = { prefixAdvertisements: [{ cidr: '10.0.0.0/8' }] };
    const { issues } = parseObject(calico('BGPConfiguration', { ...base, [field]: entries }, { name: 'default' }));
    expect(issues.map(formatIssue)).toEqual([`BGPConfiguration/default spec.${field}: 501 ${rule}`]);
    expect(parseObject(calico('BGPConfiguration', { ...base, [field]: entries.slice(1) }, { name: 'default' })).issues).toEqual([]);
  });

  it('has at most 50 communities of one prefix', () => {
    const entry = (count: number): object => ({ prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: Array(count).fill('1:1') }] });
    expect(parseObject(calico('BGPConfiguration', entry(50), { name: 'default' })).issues).toEqual([]);
    expect(parseObject(calico('BGPConfiguration', entry(51), { name: 'default' })).issues.map(({ rule }) => rule)).toEqual([
      'entries are more than 50 communities',
    ]);
  });
});

describe('Node', () => {
  it('of Kubernetes is read from its annotations, spec and status', () => {
    const node = good('Node', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: 'n1',
        labels: { a: '1', b: '1' },
        annotations: {
          'projectcalico.org/IPv4Address': '10.0.0.1/24',
          'projectcalico.org/ASNumber': '64513',
          'projectcalico.org/RouteReflectorClusterID': '224.0.0.1',
          'projectcalico.org/IPv4WireguardInterfaceAddr': '10.1.0.1',
          'projectcalico.org/labels': '{"b":"2","c":"3"}',
        },
      },
      spec: { podCIDR: '10.2.0.0/24', podCIDRs: ['10.2.0.0/24', 'fd00::/64'], unschedulable: true },
      status: {
        addresses: [
          { type: 'Hostname', address: 'n1' },
          { type: 'ExternalIP', address: '192.0.2.9' },
          { type: 'InternalIP', address: '10.0.0.1' },
        ],
        conditions: [{ type: 'Ready', status: 'False' }],
      },
    });
    expect(node.form).toBe('kubernetes');
    expect([...node.labels]).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]);
    expect(node.bgp).toMatchObject({ asNumber: 64513, routeReflectorClusterID: '224.0.0.1' });
    expect(node.bgp.ipv4 && formatPrefix(node.bgp.ipv4.network)).toBe('10.0.0.0/24');
    expect(node.wireguard.ipv4 && formatAddress(node.wireguard.ipv4)).toBe('10.1.0.1');
    expect(node.podCIDRs.map(formatPrefix)).toEqual(['10.2.0.0/24', 'fd00::/64']);
    expect(node.internalIPs.map(formatAddress)).toEqual(['10.0.0.1', '192.0.2.9']);
    expect([node.ready, node.unschedulable]).toEqual([false, true]);
  });

  it('takes an invalid annotation for an absent one', () => {
    const node = good(
      'Node',
      { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', annotations: { 'projectcalico.org/ASNumber': 'none' } } },
      ['Node/n1 metadata.annotations[projectcalico.org/ASNumber]: "none" is not 1-4294967295 or x.y: ignored'],
    );
    expect(node.bgp).toEqual({});
  });

  it('survives a status of any shape', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (status) => {
        expect(parseObject({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status }).outcome.type).toBe('resource');
      }),
    );
  });
});

describe('Service, as an API server would fill it in', () => {
  it.each<[object, object]>([
    [{ clusterIP: '10.96.0.1' }, { type: 'ClusterIP', ipFamilies: ['IPv4'], externalTrafficPolicy: '' }],
    [{ clusterIP: 'fd00::1' }, { ipFamilies: ['IPv6'] }],
    [{ clusterIP: 'None' }, { clusterIPs: [], ipFamilies: [] }],
    [{ clusterIPs: ['10.96.0.1', 'fd00::1'], clusterIP: '10.96.0.1' }, { ipFamilies: ['IPv4', 'IPv6'] }],
    [{ type: 'NodePort' }, { externalTrafficPolicy: 'Cluster' }],
    [{ type: 'LoadBalancer' }, { externalTrafficPolicy: 'Cluster' }],
    [{ externalIPs: ['192.0.2.1'] }, { externalTrafficPolicy: 'Cluster' }],
    [{ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, { externalTrafficPolicy: 'Local' }],
    [{ type: 'ExternalName' }, { externalTrafficPolicy: '', clusterIPs: [] }],
    [
      { type: 'LoadBalancer', clusterIP: '', externalIPs: null },
      { clusterIPs: [], externalIPs: [] },
    ],
  ])('%j', (spec, wanted) => {
    expect(good('Service', service(spec))).toMatchObject(wanted);
  });

  it('clusterIPs come from clusterIP, ingress addresses from status, host names are left out', () => {
    const found = good(
      'Service',
      service({ clusterIP: '10.96.0.1' }, { loadBalancer: { ingress: [{ hostname: 'x' }, { ip: '192.0.2.1' }] } }),
    );
    expect(found.clusterIPs.map(formatAddress)).toEqual(['10.96.0.1']);
    expect(found.ingressIPs.map(formatAddress)).toEqual(['192.0.2.1']);
    expect(found.ref.namespace).toBe('default');
  });
});

describe('EndpointSlice', () => {
  it('absent conditions are ready, only false is not', () => {
    const slice = good('EndpointSlice', {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's', namespace: 'team', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], nodeName: 'a' },
        { addresses: ['10.0.0.2'], conditions: {} },
        { addresses: ['10.0.0.3'], conditions: { ready: null } },
        { addresses: ['10.0.0.4'], conditions: { ready: false, serving: true } },
      ],
    });
    expect(slice.service).toBe('web');
    expect(slice.ref.namespace).toBe('team');
    expect(slice.endpoints).toEqual([
      { nodeName: 'a', ready: true },
      { nodeName: '', ready: true },
      { nodeName: '', ready: true },
      { nodeName: '', ready: false },
    ]);
  });
});

describe('BlockAffinity', () => {
  it.each<[string, object, string]>([
    ['v3', { deleted: false }, 'resource'],
    ['v3', { deleted: true }, 'deleted'],
    ['v1', { deleted: 'false' }, 'resource'],
    ['v1', { deleted: 'true' }, 'deleted'],
    ['v1', {}, 'resource'],
  ])('%s with %j: %s', (version, spec, wanted) => {
    const apiVersion = version === 'v3' ? 'projectcalico.org/v3' : 'crd.projectcalico.org/v1';
    const found = parseObject({
      apiVersion,
      kind: 'BlockAffinity',
      metadata: { name: 'b' },
      spec: { node: 'n', cidr: '10.0.0.0/26', ...spec },
    });
    expect(found.outcome.type).toBe(wanted);
    expect(found.issues).toEqual([]);
  });

  it('an empty state is confirmed, an empty type is host', () => {
    expect(good('BlockAffinity', calico('BlockAffinity', { node: 'n', cidr: '10.0.0.0/26', state: '', type: '' }))).toMatchObject({
      state: 'confirmed',
      type: 'host',
    });
  });
});

describe('Secret', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data: { a: 'aHVudGVyMg==', b: 'eA==' },
    stringData: { b: 'y' },
  };

  it('decodes data and lets stringData win', () => {
    const { data } = good('Secret', secret);
    expect([...data].map(([key, value]) => [key, value.reveal()])).toEqual([
      ['a', 'hunter2'],
      ['b', 'y'],
    ]);
  });

  it('shows nothing, however it is printed', () => {
    const value = secretValue('hunter2');
    const shown = [
      String(value),
      `${value}`,
      JSON.stringify({ value }),
      inspect(value),
      inspect({ value }, { showHidden: true, depth: 9 }),
    ];
    expect(shown.join('\n')).not.toContain('hunter2');
    expect(shown[0]).toBe('[hidden]');
  });
});
