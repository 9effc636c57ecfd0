/**
 * Random clusters, small on purpose so that things meet: nodes that share addresses, BGPPeers that ask for the same session, Services
 * that share an IP, Secrets and filters that come and go. A world changes step by step and says what changed.
 */
import type { BGPFilterRule, Resource, Snapshot, SnapshotDelta } from '../../src/confd/resources/types.ts';
import {
  affinity,
  community,
  configuration,
  filter,
  keyOf,
  node,
  peer,
  pool,
  prefix,
  secret,
  service,
  slice,
  snapshotOf,
  workload,
} from './build.ts';
import type { Random } from './random.ts';

/** Node the desired state is computed for. */
export const SELF = 'n0';

/** A changing cluster. */
export interface World {
  snapshot(): Snapshot;
  /** Changes a few objects; names those that were touched. */
  step(): SnapshotDelta;
}

const NODES = ['n0', 'n1', 'n2', 'n3', 'n4'] as const;
const CIDRS = {
  cluster: ['10.96.0.0/24', 'fd00:96::/112', '10.96.0.7/32'],
  external: ['50.0.0.0/24', '50.1.0.1/32'],
  lb: ['80.0.0.0/24', '80.1.0.1/32', 'fd00:80::/112'],
} as const;

/** A world of about a dozen objects. */
export function createWorld(random: Random): World {
  const objects = new Map<string, Resource>();
  const put = (resource: Resource): void => {
    objects.set(`${resource.kind} ${keyOf(resource)}`, resource);
  };
  put(makeNode(random, SELF));
  for (let index = 0; index < 14; index += 1) put(makeAny(random));
  return {
    snapshot: () => snapshotOf([...objects.values()]),
    step: () => {
      const changed: { kind: Resource['kind']; key: string }[] = [];
      for (let index = 0; index <= random.below(3); index += 1) {
        const made = makeAny(random);
        const id = `${made.kind} ${keyOf(made)}`;
        if (random.oneIn(3)) objects.delete(id);
        else objects.set(id, made);
        changed.push({ kind: made.kind, key: keyOf(made) });
      }
      return { changed, issuesChanged: false };
    },
  };
}

function makeAny(random: Random): Resource {
  const makers: readonly [(random: Random) => Resource, ...((random: Random) => Resource)[]] = [
    (r) => makeNode(r, r.pick(NODES)),
    (r) => makeNode(r, r.pick(NODES)),
    makePeer,
    makePeer,
    makeService,
    makeService,
    makeSlice,
    makeSlice,
    makeConfiguration,
    makeFilter,
    makePool,
    makeBlock,
    (r) =>
      workload(
        r.pick(['w0', 'w1']),
        r.pick(['p0', 'p1', 'p2']),
        r.pick([undefined, '10.9.0.1', '10.0.0.3']),
        r.pick([undefined, 'fd00:9::1']),
      ),
    (r) => secret(r.pick(['s0', 's1']), { [r.pick(['a', 'b'])]: r.pick(['one', 'two']) }),
  ];
  return random.pick(makers)(random);
}

function makeNode(random: Random, name: string): Resource {
  const last = random.oneIn(4) ? random.pick([1, 2, 3, 4, 5]) : Number(name.slice(1)) + 1;
  const pick = <T>(of: () => T): T | undefined => (random.oneIn(4) ? of() : undefined);
  const ipv4 = random.oneIn(6) ? undefined : `10.0.0.${last}/24`;
  const ipv6 = random.oneIn(2) ? undefined : `fd00::${last}/64`;
  const as = pick(() => random.pick([64512, 65001, 65002]));
  const cluster = pick(() => random.pick(['1.1.1.1', '2.2.2.2']));
  const labels: Record<string, string> = {};
  for (const key of random.some(['rr', 'rack'])) labels[key] = random.pick(['a', 'b']);
  if (random.oneIn(9)) labels['node.kubernetes.io/exclude-from-external-load-balancers'] = random.pick(['true', '']);
  return node(name, {
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(as === undefined ? {} : { as }),
    ...(cluster === undefined ? {} : { cluster }),
    labels,
    podCIDRs: random.some(['172.16.0.0/24', '172.16.1.0/24']),
  });
}

const SELECTORS = ['all()', 'rr', '!rr', 'rack=a', 'rack=b'] as const;

type PeerParts = NonNullable<Parameters<typeof peer>[1]>;

function makePeer(random: Random): Resource {
  const local = random.pick<PeerParts>([{}, { node: random.pick(NODES) }, { nodeSelector: random.pick(SELECTORS) }]);
  const remote = random.pick<PeerParts>([
    { peerSelector: random.pick(SELECTORS), ...optional(random, 3, { localASNumber: 65010 }) },
    {
      peerIP: random.pick(['10.0.0.1', '10.0.0.2', '10.0.0.3:179', '10.0.0.3:1790', '10.9.9.9', 'fd00::3', '[fd00::2]:1790']),
      ...optional(random, 1, { asNumber: random.pick([64512, 65001, 0]) }),
    },
    { localWorkloadSelector: 'rr', asNumber: 65001 },
  ]);
  const extras = {
    ...optional(random, 4, { password: { name: random.pick(['s0', 's1']), key: random.pick(['a', 'b']) } }),
    ...optional(random, 5, { ttlSecurity: 1 }),
    ...optional(random, 4, { numAllowedLocalASNumbers: 2 }),
    ...optional(random, 4, { keepOriginalNextHop: true }),
    ...optional(random, 4, { nextHopMode: random.pick(['Auto', 'Self', 'Keep'] as const) }),
    ...optional(random, 4, { reversePeering: 'Manual' as const }),
    ...optional(random, 5, { sourceAddress: 'None' as const }),
    ...(remote.peerIP === undefined
      ? {}
      : optional(random, 6, { reachableBy: remote.peerIP.includes('fd00') ? 'fd00::fe' : '10.0.0.254' })),
    filters: random.some(['f0', 'f1', 'f2']),
  };
  return peer(random.pick(['p0', 'p1', 'p2', 'p3']), { ...local, ...remote, ...extras });
}

function optional<T extends object>(random: Random, n: number, parts: T): Partial<T> {
  return random.oneIn(n) ? parts : {};
}

function makeService(random: Random): Resource {
  return service(random.pick(['a', 'b', 'c']), {
    type: random.pick(['ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer', 'ExternalName']),
    policy: random.pick(['', 'Local', 'Cluster']),
    clusterIPs: random.some(['10.96.0.7', 'fd00:96::7', '10.97.0.1']),
    externalIPs: random.some(['50.0.0.1', '50.1.0.1', '51.0.0.1']),
    ingressIPs: random.some(['80.0.0.1', '80.1.0.1', 'fd00:80::1', '50.0.0.1']),
    ...optional(random, 4, { loadBalancerIP: '80.1.0.1' }),
    labels: random.oneIn(2) ? { any: 'thing' } : {},
  });
}

function makeSlice(random: Random): Resource {
  const endpoints = random.some(['n0', '!n0', 'n1', '!n2']);
  return slice(
    random.pick(['a', 'a-1', 'a-2', 'b-1', 'c-1']),
    random.pick(['a', 'b', 'c', '']),
    endpoints,
    random.pick(['IPv4', 'IPv6', 'FQDN']),
  );
}

function makeConfiguration(random: Random): Resource {
  const name = random.pick(['default', 'default', 'default', 'node.n0', 'node.n1', 'node.n2']);
  const communities = [{ name: 'named', value: community('100:1') }];
  const prefixAdvertisements = random.some(['192.168.0.0/16', '10.96.0.0/24', 'fd00:96::/112']).map((cidr) => ({
    cidr: prefix(cidr),
    communities: random.some([community('5:5'), community('1:2:3'), { name: 'named' }, { name: 'nobody' }]),
  }));
  const shared = {
    ...optional(random, 3, { listenPort: random.pick([179, 1790]) }),
    ...optional(random, 3, { communities, prefixAdvertisements }),
  };
  if (name !== 'default') return configuration(name, shared);
  return configuration(name, {
    ...shared,
    nodeToNodeMeshEnabled: !random.oneIn(4),
    ...optional(random, 3, { asNumber: 64600 }),
    serviceClusterIPs: random.some(CIDRS.cluster).map(prefix),
    serviceExternalIPs: random.some(CIDRS.external).map(prefix),
    serviceLoadBalancerIPs: random.some(CIDRS.lb).map(prefix),
    ...optional(random, 3, { serviceLoadBalancerAggregation: 'Disabled' as const }),
    ...optional(random, 5, { nodeMeshPassword: { name: 's0', key: 'a' } }),
    ...optional(random, 5, { nodeMeshMaxRestartTime: 30 }),
    ...optional(random, 5, { ipv4NormalRoutePriority: 500 }),
    ...optional(random, 5, { programClusterRoutes: 'Enabled' as const }),
    ...optional(random, 5, { bindMode: 'NodeIP' as const }),
  });
}

function makeFilter(random: Random): Resource {
  const rule = (cidr: string): Partial<BGPFilterRule> => ({
    ...optional(random, 2, { cidr: prefix(cidr), matchOperator: random.pick(['Equal', 'NotEqual', 'In', 'NotIn'] as const) }),
    ...optional(random, 3, { peerType: random.pick(['eBGP', 'iBGP'] as const) }),
    ...optional(random, 4, { source: 'RemotePeers' as const }),
    ...optional(random, 4, { interface: random.pick(['*', 'eth*']) }),
    ...optional(random, 4, { community: community('9:9') }),
    ...optional(random, 4, { priority: 100 }),
    action: random.pick(['Accept', 'Reject'] as const),
  });
  const some = (cidr: string): Partial<BGPFilterRule>[] => random.some([rule(cidr), rule(cidr)]);
  return filter(random.pick(['f0', 'f1']), {
    exportV4: some('192.168.0.0/16'),
    importV4: some('192.168.0.0/16'),
    exportV6: some('fd00:1::/64'),
    importV6: some('fd00:1::/64'),
  });
}

function makePool(random: Random): Resource {
  const cidr = random.pick(['192.168.0.0/16', '172.16.0.0/16', 'fd00:1::/48']);
  return pool(random.pick(['pool0', 'pool1', 'pool2']), cidr, {
    disableBGPExport: random.oneIn(3),
    ipipMode: random.pick(['Never', 'Always']),
  });
}

function makeBlock(random: Random): Resource {
  const cidr = random.pick(['192.168.1.0/26', '192.168.1.64/26', '192.168.2.1/32', 'fd00:1::/122']);
  return affinity(
    random.pick(['n0', 'n0', 'n1']),
    cidr,
    random.pick(['confirmed', 'confirmed', 'pending', 'pendingDeletion']),
    random.pick(['host', 'host', '', 'virtual']),
  );
}
