/**
 * What no golden configuration of Calico pins (control-plane 12), one clause a number in the order of the text; the last case fails where a
 * number has none. Asked of the desired state, which every engine is given, and of what both flavours of BIRD are told.
 */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { createRenderer, type Flavor } from '../../src/confd/bird/render.ts';
import { createDesire, desire } from '../../src/confd/desired/desire.ts';
import type { Desired, DesiredPeer, DesireOptions } from '../../src/confd/desired/types.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../src/confd/native/translate.ts';
import { transportMap } from '../../src/confd/native/transport.ts';
import { parseObject } from '../../src/confd/resources/parse-object.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import { address, configuration, filter, node, peer, prefix, service, slice, snapshotOf } from '../worlds/build.ts';
import { bgpRoute, decide, staticRoute, type TestRoute } from '../worlds/route.ts';

const CLAUSES = 23;
const covered = new Set<number>();

/** A describe block for one clause. */
function clause(number: number, text: string, body: () => void): void {
  covered.add(number);
  describe(`12.${number} ${text}`, body);
}

const me = node('me', { ipv4: '10.0.0.10/24' });
const noMesh = configuration('default', { nodeToNodeMeshEnabled: false });
const reflector = node('me', { ipv4: '10.0.0.10/24', cluster: '1.1.1.1' });

function desired(resources: readonly Resource[], options: Partial<DesireOptions> = {}): Desired {
  const found = desire(snapshotOf(resources), { node: 'me', programme: true, ...options }).desired;
  if (found === undefined) throw new Error('nothing is desired');
  return found;
}

const peers = (resources: readonly Resource[], options: Partial<DesireOptions> = {}): readonly DesiredPeer[] =>
  desired(resources, options).peers;

function one(resources: readonly Resource[], id: string, options: Partial<DesireOptions> = {}): DesiredPeer {
  const found = peers(resources, options).find((entry) => entry.id === id);
  if (found === undefined) throw new Error(`no peer ${id}`);
  return found;
}

const originated = (resources: readonly Resource[], options: Partial<DesireOptions> = {}): string[] =>
  desired(resources, options).advertise.map((route) => route.id);

function exported(resources: readonly Resource[], route: TestRoute): boolean {
  const ibgp = peer('ibgp', { peerIP: '10.0.0.99', asNumber: 64512 });
  return decide(one([...resources, ibgp], 'Global_10_0_0_99').exportPolicy, route).accept;
}

async function birdText(flavor: Flavor, resources: readonly Resource[]): Promise<string> {
  const render = await createRenderer(flavor);
  return [...render(desired(resources), {}).files.values()].join('\n');
}

const FLAVORS: readonly Flavor[] = ['bird1', 'bird2'];

clause(1, 'the passive side is told by text, not by number', () => {
  // As text 10.0.0.9 is greater than 10.0.0.10.
  it.each([
    ['10.0.0.9', true],
    ['10.0.0.11', true],
    ['10.0.0.1', false],
  ])('own 10.0.0.10, peer %s: passive %s', (ip, passive) => {
    const id = `Mesh_${ip.replace(/\./g, '_')}`;
    expect(one([me, node('you', { ipv4: `${ip}/24` })], id).passive).toBe(passive);
    const global = peer('g', { peerIP: ip, asNumber: 64512 });
    expect(one([me, noMesh, node('you', { ipv4: `${ip}/24` }), global], id.replace('Mesh', 'Global')).passive).toBe(passive);
  });

  it('a peer of one node is never passive', () => {
    const own = peer('n', { node: 'me', peerIP: '10.0.0.9', asNumber: 64512 });
    expect(one([me, noMesh, node('you', { ipv4: '10.0.0.9/24' }), own], 'Node_10_0_0_9').passive).toBe(false);
  });
});

clause(2, 'a reflector is in no mesh, on either side', () => {
  it.each<[string, Resource[]]>([
    ['its own node', [reflector, node('you', { ipv4: '10.0.0.9/24' })]],
    ['another node', [me, node('you', { ipv4: '10.0.0.9/24', cluster: '1.1.1.1' })]],
  ])('%s', (_, resources) => {
    expect(peers(resources)).toEqual([]);
  });
});

clause(3, 'who has the same cluster id is no client', () => {
  it.each([
    ['1.1.1.1', false],
    ['2.2.2.2', true],
    [undefined, true],
  ])('peer of cluster %s: client %s', async (cluster, client) => {
    const you = node('you', { ipv4: '10.0.0.9/24', ...(cluster === undefined ? {} : { cluster }) });
    const resources = [reflector, noMesh, you, peer('p', { nodeSelector: 'all()', peerSelector: 'all()' })];
    expect(one(resources, 'Node_10_0_0_9').reflectorClient).toBe(client);
    for (const flavor of FLAVORS) expect(/^\s*rr client;/m.test(await birdText(flavor, resources))).toBe(client);
  });
});

it('12.3 a fellow reflector is told of clients with the id of the cluster', () => {
  const resources = [
    reflector,
    noMesh,
    node('you', { ipv4: '10.0.0.9/24', cluster: '1.1.1.1' }),
    peer('p', { nodeSelector: 'all()', peerSelector: 'all()' }),
    peer('tor', { peerIP: '10.0.0.99', asNumber: 65001 }),
  ];
  const translate = createTranslator({
    session: SESSION_DEFAULTS,
    sessionFamilies: 'peer',
    listenPort: undefined,
    transport: transportMap([]),
  });
  const { peers: made } = translate(desired(resources)).config;
  expect(made.map(({ id, clusterId }) => [id, clusterId])).toEqual([
    ['Global_10_0_0_99', undefined],
    ['Node_10_0_0_9', 0x01010101],
  ]);
});

clause(4, 'keepOriginalNextHop is for external peers only', () => {
  it.each<[number, DesiredPeer['nextHop']]>([
    [64512, 'auto'],
    [65001, 'keep'],
  ])('AS %i: next hop %s', (asNumber, nextHop) => {
    const legacy = peer('p', { peerIP: '10.0.0.9', asNumber, keepOriginalNextHop: true });
    expect(one([me, noMesh, legacy], 'Global_10_0_0_9').nextHop).toBe(nextHop);
  });
});

clause(5, 'port 179 and no port are one session', () => {
  it('the lowest name has it', () => {
    const pair = [peer('b', { peerIP: '10.0.0.9:179', asNumber: 65002 }), peer('a', { peerIP: '10.0.0.9', asNumber: 65001 })];
    expect(peers([me, noMesh, ...pair]).map(({ id, remoteAs }) => [id, remoteAs])).toEqual([['Global_10_0_0_9', 65001]]);
  });

  it('another port is another one', () => {
    const pair = [peer('b', { peerIP: '10.0.0.9:1790', asNumber: 65002 }), peer('a', { peerIP: '10.0.0.9', asNumber: 65001 })];
    expect(peers([me, noMesh, ...pair])).toHaveLength(2);
  });
});

clause(6, 'a peerIP is a node where the address and the AS are', () => {
  const port = configuration('node.you', { listenPort: 1790 });

  it.each([
    [64512, 1790],
    [65001, 179],
  ])('AS %i: port %i', (asNumber, expected) => {
    const you = node('you', { ipv4: '10.0.0.9/24' });
    const [found] = peers([me, noMesh, you, port, peer('p', { peerIP: '10.0.0.9', asNumber })]);
    expect(found?.port).toBe(expected);
  });

  it('a port in peerIP stands', () => {
    const [found] = peers([
      me,
      noMesh,
      node('you', { ipv4: '10.0.0.9/24' }),
      port,
      peer('p', { peerIP: '10.0.0.9:1791', asNumber: 64512 }),
    ]);
    expect(found?.port).toBe(1791);
  });
});

clause(7, 'the AS of a Node overrides the global one', () => {
  it('its own and that of a peer', () => {
    const nodes = [node('me', { ipv4: '10.0.0.10/24', as: 65001 }), node('you', { ipv4: '10.0.0.9/24', as: 65002 })];
    expect(one(nodes, 'Mesh_10_0_0_9')).toMatchObject({ localAs: 65001, remoteAs: 65002, internal: false });
  });
});

const ranges = configuration('default', {
  nodeToNodeMeshEnabled: false,
  serviceExternalIPs: [prefix('50.0.0.0/24'), prefix('50.1.0.1/32')],
  serviceLoadBalancerIPs: [prefix('80.0.0.0/24'), prefix('80.1.0.1/32')],
});

clause(8, 'single addresses are no ranges to announce', () => {
  it('neither external nor load balancer ones', () => {
    expect(originated([me, ranges])).toEqual(['50.0.0.0/24', '80.0.0.0/24']);
  });
});

clause(9, 'without aggregation there is no range, and every Service goes by itself', () => {
  it('load balancer range, and the address of a Service of policy Cluster', () => {
    const single = configuration('default', { ...ranges, serviceLoadBalancerAggregation: 'Disabled' });
    const web = service('web', { type: 'LoadBalancer', policy: 'Cluster', clusterIPs: ['10.96.0.1'], ingressIPs: ['80.0.0.7'] });
    expect(originated([me, single, web, slice('s', 'web', ['you'])])).toEqual(['50.0.0.0/24', '80.0.0.7/32']);
    expect(originated([me, ranges, web, slice('s', 'web', ['you'])])).toEqual(['50.0.0.0/24', '80.0.0.0/24']);
  });
});

clause(10, 'a reflector passes load balancer and external addresses of other nodes on', () => {
  const single = configuration('default', {
    nodeToNodeMeshEnabled: false,
    serviceLoadBalancerAggregation: 'Disabled',
    serviceExternalIPs: [prefix('50.1.0.1/32')],
    serviceLoadBalancerIPs: [prefix('80.0.0.0/24')],
  });

  it.each(['80.0.0.1/32', '50.1.0.1/32'])('%s', async (vip) => {
    expect(exported([me, single], bgpRoute(vip))).toBe(false);
    expect(exported([reflector, single], bgpRoute(vip))).toBe(true);
    const accepting = vip.startsWith('80') ? '80.0.0.0/24' : '50.1.0.1/32';
    for (const flavor of FLAVORS) expect(await birdText(flavor, [reflector, single])).toContain(accepting);
  });

  it('cluster IPs of other nodes are not: the range is', () => {
    const cluster = configuration('default', { nodeToNodeMeshEnabled: false, serviceClusterIPs: [prefix('10.96.0.0/16')] });
    expect(exported([reflector, cluster], bgpRoute('10.96.0.1/32'))).toBe(false);
    expect(exported([reflector, cluster], bgpRoute('10.96.0.0/16'))).toBe(true);
  });
});

clause(11, 'a hashed router id is legal', () => {
  it('for any name', () => {
    for (let n = 0; n < 200; n += 1) {
      const name = `node-${n}`;
      const found = desire(snapshotOf([node(name, { ipv6: 'fd00::1/64' })]), { node: name, routerId: 'hash' }).desired;
      const first = Number(found?.routerId.split('.')[0]);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(224);
    }
  });
});

clause(12, 'prefixLength is cut to what fits inside the CIDR', () => {
  it.each<[{ min?: number; max?: number }, string, boolean]>([
    [{ min: 8 }, '77.0.0.0/16', true],
    [{ min: 8 }, '77.0.0.0/15', false],
    [{ max: 24 }, '77.0.1.0/24', true],
    [{ max: 24 }, '77.0.1.0/25', false],
    [{}, '77.0.1.1/32', true],
  ])('%j: %s %s', (prefixLength, to, accept) => {
    const rule = { cidr: prefix('77.0.0.0/16'), matchOperator: 'In', prefixLength, action: 'Accept' } as const;
    const filtered = peer('p', { peerIP: '10.0.0.9', asNumber: 65001, filters: ['f'] });
    const { exportPolicy } = one([me, noMesh, filtered, filter('f', { exportV4: [rule] })], 'Global_10_0_0_9');
    expect(decide(exportPolicy, staticRoute(to)).accept).toBe(accept);
  });
});

const secure = (name: string, ip: string): Resource => ({ ...node(name, { ipv4: `${ip}/24` }), wireguard: { ipv4: address('10.9.0.1') } });

clause(13, 'routes over nodes with WireGuard are left to its device', () => {
  it('those of nodes that have it', async () => {
    const cluster = [secure('me', '10.0.0.10'), secure('you', '10.0.0.9'), node('them', { ipv4: '10.0.0.8/24' })];
    expect(desired(cluster).programme?.ipv4.kernel.wireguard.map(formatAddress)).toEqual(['10.0.0.9']);
    for (const flavor of FLAVORS) expect(await birdText(flavor, cluster)).toMatch(/bgp_next_hop\s*=\s*10\.0\.0\.9/);
  });
});

clause(14, 'keepaliveTime reaches the session', () => {
  it('on every engine', async () => {
    const resources = [me, noMesh, peer('p', { peerIP: '10.0.0.9', asNumber: 65001, keepaliveTime: 7 })];
    const translate = createTranslator({
      session: SESSION_DEFAULTS,
      sessionFamilies: 'peer',
      listenPort: undefined,
      transport: transportMap([]),
    });
    expect(translate(desired(resources)).config.peers[0]?.keepaliveTime).toBe(7);
    for (const flavor of FLAVORS) expect(await birdText(flavor, resources)).toMatch(/keepalive time 7;/);
  });
});

clause(15, 'CALICO_ADVERTISE_CLUSTER_IPS goes before the configuration', () => {
  it('as the only cluster range', () => {
    const cluster = configuration('default', { serviceClusterIPs: [prefix('10.96.0.0/16')] });
    expect(originated([me, cluster], { advertiseClusterIPs: prefix('10.97.0.0/16') })).toEqual(['10.97.0.0/16']);
    expect(originated([me, cluster])).toEqual(['10.96.0.0/16']);
  });
});

const local = service('web', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['10.96.0.1'], ingressIPs: ['80.0.0.7'] });

clause(16, 'only an endpoint that is ready counts', () => {
  it.each([
    ['me', true],
    ['!me', false],
    ['you', false],
  ])('%s: %s', (endpoint, announced) => {
    expect(originated([me, ranges, local, slice('s', 'web', [endpoint])]).includes('80.0.0.7/32')).toBe(announced);
  });
});

clause(17, 'a single address in the configuration is announced under policy Cluster', () => {
  it.each<[string, Partial<Parameters<typeof service>[1]>]>([
    ['80.1.0.1/32', { type: 'LoadBalancer', ingressIPs: ['80.1.0.1'] }],
    ['50.1.0.1/32', { externalIPs: ['50.1.0.1'] }],
  ])('%s', (id, parts) => {
    const web = service('web', { policy: 'Cluster', clusterIPs: ['10.96.0.1'], ...parts });
    expect(originated([me, ranges, web, slice('s', 'web', ['you'])])).toContain(id);
  });
});

clause(18, 'an external IP outside the ranges is not announced', () => {
  it.each([
    ['50.0.0.7', true],
    ['51.0.0.7', false],
  ])('%s: %s', (ip, announced) => {
    const web = service('web', { type: 'NodePort', policy: 'Local', clusterIPs: ['10.96.0.1'], externalIPs: [ip] });
    expect(originated([me, ranges, web, slice('s', 'web', ['me'])]).includes(`${ip}/32`)).toBe(announced);
  });
});

clause(19, 'an endpoint without a word on readiness is ready', () => {
  it('as Kubernetes has it', () => {
    const read = parseObject({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'], nodeName: 'me', conditions: {} }],
      ports: [],
    });
    expect(JSON.stringify(read)).toContain('"ready":true');
  });
});

clause(20, 'a slice of either family is enough for a Service of both', () => {
  it.each(['IPv4', 'IPv6'] as const)('%s', (family) => {
    const both = { ...local, ipFamilies: ['IPv4', 'IPv6'] as const };
    expect(originated([me, ranges, both, slice('s', 'web', ['me'], family)])).toContain('80.0.0.7/32');
  });
});

clause(21, 'an address of two Services goes when the last of them goes', () => {
  it('step by step', () => {
    const other = { ...local, ref: { ...local.ref, name: 'other' } };
    const slices = [slice('s', 'web', ['me']), slice('t', 'other', ['me'])];
    const engine = createDesire({ node: 'me' });
    const step = (resources: readonly Resource[], changed: readonly string[]): boolean => {
      const result = engine.update(snapshotOf([me, ranges, ...slices, ...resources]), {
        changed: changed.map((key) => ({ kind: 'Service' as const, key })),
        issuesChanged: false,
      });
      return result.desired?.advertise.some((route) => formatPrefix(route.prefix) === '80.0.0.7/32') === true;
    };
    expect(step([local, other], [])).toBe(true);
    expect(step([other], ['default/web'])).toBe(true);
    expect(step([], ['default/other'])).toBe(false);
  });
});

clause(22, 'an address that only the status has counts', () => {
  it('for the single load balancer address', () => {
    const web = service('web', { type: 'LoadBalancer', policy: 'Cluster', clusterIPs: ['10.96.0.1'], ingressIPs: ['80.1.0.1'] });
    expect(web.loadBalancerIP).toBeUndefined();
    expect(originated([me, ranges, web, slice('s', 'web', ['you'])])).toContain('80.1.0.1/32');
  });
});

clause(23, 'a node without WireGuard leaves nothing to it', () => {
  it('whatever the others have', () => {
    expect(desired([me, secure('you', '10.0.0.9')]).programme?.ipv4.kernel.wireguard).toEqual([]);
  });
});

it('every clause has its number', () => {
  expect([...covered].sort((a, b) => a - b)).toEqual(Array.from({ length: CLAUSES }, (_, index) => index + 1));
});
