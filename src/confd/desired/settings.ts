/**
 * What holds for the whole node: BGPConfiguration `default` and `node.NAME`, the own Node and the options, resolved once into
 * plain values (control-plane 1.2, 2.1, 4.1, 5.3). Every stage reads these, never the configuration objects.
 */
import { type Address, formatAddress, type IpFamily, type Prefix } from 'bgp-ts/net';
import { CLUSTER_ROUTES_DEFAULT, type ClusterRoutes, ownsIpip } from '../../routes/pools.ts';
import { EXCLUDE_LABEL, type ServiceContext } from '../../routes/services.ts';
import type { BGPConfigurationResource, Community, Issue, NodeResource, SecretKeyRef, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { issueAbout, objectName } from './issues.ts';
import { chooseRouterId } from './router-id.ts';
import type { DesireOptions, EngineCapabilities } from './types.ts';

/** The global AS where nothing sets one (control-plane 1.2). */
const DEFAULT_AS_NUMBER = 64512;
/** Kernel metric of an ordinary route (control-plane 1.2). */
const DEFAULT_ROUTE_PRIORITY = 1024;

/** Communities to add to routes inside one range. `object` names the BGPConfiguration entry. */
export interface Advertisement {
  readonly cidr: Prefix;
  readonly communities: readonly Community[];
  readonly object: string;
  readonly index: number;
}

/** An own address with its network. */
export interface OwnAddress {
  readonly address: Address;
  readonly text: string;
  readonly network: Prefix;
}

/** What peers are computed from. */
export interface PeerSettings {
  readonly node: string;
  readonly globalAs: number;
  readonly asNumber: number;
  readonly globalPort?: number;
  readonly own: { readonly ipv4?: OwnAddress; readonly ipv6?: OwnAddress };
  /** '' = not a route reflector. */
  readonly clusterId: string;
  readonly mesh: { readonly enabled: boolean; readonly password?: SecretKeyRef; readonly restartTime?: number };
  readonly secretNamespace: string;
  readonly compat: boolean;
  readonly engine: EngineCapabilities;
  /** Sessions carry both families whatever their address. */
  readonly bothFamilies: boolean;
  /** As in PolicySettings: the mesh's reason. */
  readonly configObject: string;
}

/** What policies are computed from, beside pools, blocks and filters. */
export interface PolicySettings {
  readonly service: ServiceContext;
  readonly reflector: boolean;
  readonly advertisements: readonly Advertisement[];
  readonly priority: { readonly ipv4: number; readonly ipv6: number };
  readonly ownsIpip: boolean;
  readonly foreignClusterIPs: boolean;
  /** `BGPConfiguration/default`, or `linnet` where there is none. */
  readonly configObject: string;
  /** Where the cluster ranges come from: `linnet` with CALICO_ADVERTISE_CLUSTER_IPS. */
  readonly clusterObject: string;
  readonly compat: boolean;
}

/** All of it. Parts that did not change keep their identity from one call to the next. */
export interface Settings {
  readonly routerId: string;
  readonly listen: { readonly addresses: readonly Address[]; readonly port: number };
  readonly peers: PeerSettings;
  readonly policy: PolicySettings;
  readonly clusterRoutes: ClusterRoutes;
  readonly issues: readonly Issue[];
}

/** Resolves the settings of the own node; undefined until its Node exists. */
export function resolveSettings(snapshot: Snapshot, options: DesireOptions, previous: Settings | undefined): Settings | undefined {
  const node = snapshot.nodes.get(options.node);
  if (node === undefined) return undefined;
  const global = snapshot.configurations.get('default');
  const local = snapshot.configurations.get(`node.${options.node}`);
  const own = ownAddresses(node, options);
  const routerId = chooseRouterId(options.node, options.routerId, own.ipv4?.address);
  const port = local?.listenPort ?? global?.listenPort ?? 179;
  const addresses =
    global?.bindMode === 'NodeIP' ? [own.ipv4, own.ipv6].flatMap((entry) => (entry === undefined ? [] : [entry.address])) : [];
  const next: Settings = {
    routerId: routerId.id,
    listen: { addresses, port },
    peers: peerSettings(node, global, own, options),
    policy: policySettings(node, global, local, options),
    clusterRoutes: clusterRoutes(global),
    issues: routerId.refused === undefined ? [] : [routerIdIssue(node, routerId.refused)],
  };
  return previous === undefined ? next : keepSame(previous, next);
}

function keepSame(previous: Settings, next: Settings): Settings {
  if (sameData(previous, next)) return previous;
  const keep = <T>(before: T, after: T): T => (sameData(before, after) ? before : after);
  const service = keep(previous.policy.service, next.policy.service);
  return {
    ...next,
    listen: keep(previous.listen, next.listen),
    peers: keep(previous.peers, next.peers),
    policy: keep(previous.policy, { ...next.policy, service }),
    issues: keep(previous.issues, next.issues),
  };
}

function routerIdIssue(node: NodeResource, refused: string): Issue {
  const rule = 'is no legal BGP Identifier (a dotted quad, not 0.x, 127.x or 224.x and above); the node address or its hash is used';
  return issueAbout(node, { code: 'NODE_ROUTER_ID', field: 'CALICO_ROUTER_ID', got: JSON.stringify(refused), rule, severity: 'warning' });
}

function ownAddresses(node: NodeResource, options: DesireOptions): PeerSettings['own'] {
  const pick = (family: IpFamily): OwnAddress | undefined => {
    const chosen = options[family] ?? node.bgp[family];
    return chosen === undefined || chosen === 'none'
      ? undefined
      : { address: chosen.address, text: formatAddress(chosen.address), network: chosen.network };
  };
  const ipv4 = pick('ipv4');
  const ipv6 = pick('ipv6');
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

function peerSettings(
  node: NodeResource,
  global: BGPConfigurationResource | undefined,
  own: PeerSettings['own'],
  options: DesireOptions,
): PeerSettings {
  const globalAs = global?.asNumber ?? DEFAULT_AS_NUMBER;
  return {
    node: options.node,
    globalAs,
    asNumber: options.asNumber ?? node.bgp.asNumber ?? globalAs,
    ...(global?.listenPort === undefined ? {} : { globalPort: global.listenPort }),
    own,
    clusterId: node.bgp.routeReflectorClusterID ?? '',
    mesh: {
      enabled: global?.nodeToNodeMeshEnabled ?? true,
      ...(global?.nodeMeshPassword === undefined ? {} : { password: global.nodeMeshPassword }),
      ...(global?.nodeMeshMaxRestartTime === undefined ? {} : { restartTime: global.nodeMeshMaxRestartTime }),
    },
    secretNamespace: options.secretNamespace ?? 'kube-system',
    compat: options.compatCalico === true,
    engine: options.engine ?? {},
    bothFamilies: options.sessionFamilies === 'both',
    configObject: configObject(global),
  };
}

function policySettings(
  node: NodeResource,
  global: BGPConfigurationResource | undefined,
  local: BGPConfigurationResource | undefined,
  options: DesireOptions,
): PolicySettings {
  const compat = options.compatCalico === true;
  return {
    service: serviceContext(node, global, options),
    reflector: (node.bgp.routeReflectorClusterID ?? '') !== '',
    advertisements: advertisements(global, local, compat),
    priority: {
      ipv4: global?.ipv4NormalRoutePriority ?? DEFAULT_ROUTE_PRIORITY,
      ipv6: global?.ipv6NormalRoutePriority ?? DEFAULT_ROUTE_PRIORITY,
    },
    ownsIpip: ownsIpip(clusterRoutes(global)),
    foreignClusterIPs: options.foreignClusterIPs ?? compat,
    configObject: configObject(global),
    clusterObject: options.advertiseClusterIPs === undefined ? configObject(global) : 'linnet',
    compat,
  };
}

function clusterRoutes(global: BGPConfigurationResource | undefined): ClusterRoutes {
  return global?.programClusterRoutes ?? CLUSTER_ROUTES_DEFAULT.bgp;
}

function configObject(global: BGPConfigurationResource | undefined): string {
  return global === undefined ? 'linnet' : objectName(global.ref);
}

function serviceContext(node: NodeResource, global: BGPConfigurationResource | undefined, options: DesireOptions): ServiceContext {
  const compat = options.compatCalico === true;
  const label = node.labels.get(EXCLUDE_LABEL);
  return {
    // Kubernetes takes the label's presence as exclusion, Calico only the value `true` (control-plane 4.1).
    excluded: compat ? label === 'true' : label !== undefined,
    kubernetesNode: options.kubernetesNode ?? options.node,
    clusterCIDRs: options.advertiseClusterIPs === undefined ? (global?.serviceClusterIPs ?? []) : [options.advertiseClusterIPs],
    externalCIDRs: global?.serviceExternalIPs ?? [],
    loadBalancerCIDRs: global?.serviceLoadBalancerIPs ?? [],
    aggregation: global?.serviceLoadBalancerAggregation !== 'Disabled',
    publishAll: compat,
  };
}

/** A node's own list replaces the global one for the families it speaks of; Calico's replaces both (control-plane 1.2). */
function advertisements(
  global: BGPConfigurationResource | undefined,
  local: BGPConfigurationResource | undefined,
  compat: boolean,
): Advertisement[] {
  const own = resolveAdvertisements(local);
  const shared = resolveAdvertisements(global);
  if (local?.prefixAdvertisements === undefined) return shared;
  if (compat) return own;
  const spoken = new Set(local.prefixAdvertisements.map((entry) => entry.cidr.family));
  return [...own, ...shared.filter((entry) => !spoken.has(entry.cidr.family))];
}

function resolveAdvertisements(configuration: BGPConfigurationResource | undefined): Advertisement[] {
  if (configuration?.prefixAdvertisements === undefined) return [];
  const names = new Map((configuration.communities ?? []).map((entry) => [entry.name, entry.value]));
  return configuration.prefixAdvertisements.flatMap((entry, index) => {
    const values = entry.communities.flatMap((item) => ('kind' in item ? [item] : (names.get(item.name) ?? [])));
    const byText = new Map(values.map((value) => [value.text, value]));
    const communities = [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
    return communities.length === 0 ? [] : [{ cidr: entry.cidr, communities, object: objectName(configuration.ref), index }];
  });
}
