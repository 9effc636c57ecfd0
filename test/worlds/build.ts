/** Resources for tests, written short: every field has the value an object without it would have. */
import { type Address, type Prefix, parseAddress, parseAddressWithLength, parsePrefix, prefixFromAddress } from 'bgp-ts/net';
import type {
  BGPConfigurationResource,
  BGPFilterResource,
  BGPFilterRule,
  BGPPeerResource,
  BlockAffinityResource,
  Community,
  EndpointSliceResource,
  IPPoolResource,
  LocalWorkloadResource,
  NodeResource,
  ObjectRef,
  Resource,
  SecretResource,
  Selector,
  ServiceResource,
  Snapshot,
} from '../../src/confd/resources/types.ts';

/** Parses or fails the test. */
export function address(text: string): Address {
  const value = parseAddress(text);
  if (value === undefined) throw new Error(`no address: ${text}`);
  return value;
}

/** Parses or fails the test. */
export function prefix(text: string): Prefix {
  const value = parsePrefix(text);
  if (value === undefined) throw new Error(`no prefix: ${text}`);
  return value;
}

function ref(kind: string, name: string, namespace = ''): ObjectRef {
  const core = kind === 'Service' || kind === 'Secret';
  const apiVersion = core ? 'v1' : kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'projectcalico.org/v3';
  return { apiVersion, kind, namespace, name };
}

const labels = (of: Readonly<Record<string, string>> | undefined): ReadonlyMap<string, string> => new Map(Object.entries(of ?? {}));

function interfaceAddress(text: string): { readonly address: Address; readonly network: Prefix } {
  const parsed = parseAddressWithLength(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  const network = parsed === undefined ? undefined : prefixFromAddress(parsed.address, parsed.length);
  if (parsed === undefined || network === undefined) throw new Error(`no address: ${text}`);
  return { address: parsed.address, network };
}

/** Short form of a Node. */
export interface NodeParts {
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly as?: number;
  readonly cluster?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly podCIDRs?: readonly string[];
}

export function node(name: string, parts: NodeParts = {}): NodeResource {
  return {
    kind: 'Node',
    ref: ref('Node', name),
    labels: labels(parts.labels),
    form: 'calico',
    bgp: {
      ...(parts.ipv4 === undefined ? {} : { ipv4: interfaceAddress(parts.ipv4) }),
      ...(parts.ipv6 === undefined ? {} : { ipv6: interfaceAddress(parts.ipv6) }),
      ...(parts.as === undefined ? {} : { asNumber: parts.as }),
      ...(parts.cluster === undefined ? {} : { routeReflectorClusterID: parts.cluster }),
    },
    wireguard: {},
    podCIDRs: (parts.podCIDRs ?? []).map(prefix),
    internalIPs: [],
    unschedulable: false,
  };
}

export function pool(
  name: string,
  cidr: string,
  parts: Partial<Pick<IPPoolResource, 'ipipMode' | 'vxlanMode' | 'disableBGPExport'>> = {},
): IPPoolResource {
  return {
    kind: 'IPPool',
    ref: ref('IPPool', name),
    labels: new Map(),
    cidr: prefix(cidr),
    ipipMode: 'Never',
    vxlanMode: 'Never',
    disableBGPExport: false,
    ...parts,
  };
}

type ConfigurationParts = Partial<Omit<BGPConfigurationResource, 'kind' | 'ref' | 'labels' | 'scope'>>;

/** `name` is `default` or `node.NAME`. */
export function configuration(name: string, parts: ConfigurationParts = {}): BGPConfigurationResource {
  const scope = name === 'default' ? ({ kind: 'default' } as const) : ({ kind: 'node', node: name.slice('node.'.length) } as const);
  return { kind: 'BGPConfiguration', ref: ref('BGPConfiguration', name), labels: new Map(), scope, ...parts };
}

type PeerParts = Partial<
  Omit<BGPPeerResource, 'kind' | 'ref' | 'labels' | 'peerIP' | 'nodeSelector' | 'peerSelector' | 'localWorkloadSelector' | 'reachableBy'>
> & {
  /** `10.0.0.1`, `10.0.0.1:179`, `fd00::1`, `[fd00::1]:179`. */
  readonly peerIP?: string;
  /** `key`, `!key` or `key=value`; `all()`. */
  readonly nodeSelector?: string;
  readonly peerSelector?: string;
  readonly localWorkloadSelector?: string;
  readonly reachableBy?: string;
};

export function peer(name: string, parts: PeerParts = {}): BGPPeerResource {
  const { peerIP, nodeSelector, peerSelector, localWorkloadSelector, reachableBy, ...rest } = parts;
  return {
    kind: 'BGPPeer',
    ref: ref('BGPPeer', name),
    labels: new Map(),
    keepOriginalNextHop: false,
    sourceAddress: 'UseNodeIP',
    ttlSecurity: 0,
    filters: [],
    reversePeering: 'Auto',
    ...(peerIP === undefined ? {} : { peerIP: endpoint(peerIP) }),
    ...(nodeSelector === undefined ? {} : { nodeSelector: selector(nodeSelector) }),
    ...(peerSelector === undefined ? {} : { peerSelector: selector(peerSelector) }),
    ...(localWorkloadSelector === undefined ? {} : { localWorkloadSelector: selector(localWorkloadSelector) }),
    ...(reachableBy === undefined ? {} : { reachableBy: address(reachableBy) }),
    ...rest,
  };
}

function endpoint(text: string): { readonly address: Address; readonly port?: number } {
  const bracketed = /^\[(.*)\]:([0-9]+)$/.exec(text) ?? /^([0-9.]+):([0-9]+)$/.exec(text);
  return bracketed === null ? { address: address(text) } : { address: address(bracketed[1] ?? ''), port: Number(bracketed[2]) };
}

/** A selector of one term: `key`, `!key`, `key=value`, or `all()`. */
export function selector(text: string): Selector {
  const matches = (of: ReadonlyMap<string, string>): boolean => {
    if (text === 'all()') return true;
    const [key = '', value] = text.replace('!', '').split('=');
    const hit = value === undefined ? of.has(key) : of.get(key) === value;
    return text.startsWith('!') ? !hit : hit;
  };
  return { text, matches };
}

type FilterParts = { readonly [list in 'exportV4' | 'importV4' | 'exportV6' | 'importV6']?: readonly Partial<BGPFilterRule>[] };

export function filter(name: string, parts: FilterParts): BGPFilterResource {
  const rules = (list: readonly Partial<BGPFilterRule>[] | undefined): BGPFilterRule[] =>
    (list ?? []).map((rule) => ({ action: 'Accept', operations: [], ...rule }));
  const lists = {
    exportV4: rules(parts.exportV4),
    importV4: rules(parts.importV4),
    exportV6: rules(parts.exportV6),
    importV6: rules(parts.importV6),
  };
  return { kind: 'BGPFilter', ref: ref('BGPFilter', name), labels: new Map(), ...lists };
}

export function community(text: string): Community {
  const numbers = text.split(':').map(Number);
  const [a = 0, b = 0, c] = numbers;
  return c === undefined
    ? { kind: 'standard', standard: ((a << 16) | b) >>> 0, large: [0, 0, 0], text }
    : { kind: 'large', standard: 0, large: [a, b, c], text };
}

export function affinity(
  onNode: string,
  cidr: string,
  state: BlockAffinityResource['state'] = 'confirmed',
  type = 'host',
): BlockAffinityResource {
  const name = `${onNode}-${cidr.replace(/[./:]/g, '-')}`;
  return { kind: 'BlockAffinity', ref: ref('BlockAffinity', name), labels: new Map(), node: onNode, type, cidr: prefix(cidr), state };
}

interface ServiceParts {
  readonly type?: ServiceResource['type'];
  readonly policy?: ServiceResource['externalTrafficPolicy'];
  readonly clusterIPs?: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly ingressIPs?: readonly string[];
  readonly loadBalancerIP?: string;
  readonly ipFamilies?: ServiceResource['ipFamilies'];
  readonly labels?: Readonly<Record<string, string>>;
}

/** In namespace `default`. */
export function service(name: string, parts: ServiceParts = {}): ServiceResource {
  const clusterIPs = (parts.clusterIPs ?? []).map(address);
  return {
    kind: 'Service',
    ref: ref('Service', name, 'default'),
    labels: labels(parts.labels),
    type: parts.type ?? 'ClusterIP',
    clusterIPs,
    ipFamilies: parts.ipFamilies ?? [...new Set(clusterIPs.map((ip) => (ip.family === 'ipv4' ? 'IPv4' : 'IPv6')))],
    externalIPs: (parts.externalIPs ?? []).map(address),
    ingressIPs: (parts.ingressIPs ?? []).map(address),
    externalTrafficPolicy: parts.policy ?? '',
    ...(parts.loadBalancerIP === undefined ? {} : { loadBalancerIP: address(parts.loadBalancerIP) }),
  };
}

/** Endpoints are `node` or `!node` for one that is not ready. In namespace `default`. */
export function slice(
  name: string,
  of: string,
  endpoints: readonly string[],
  addressType: EndpointSliceResource['addressType'] = 'IPv4',
): EndpointSliceResource {
  return {
    kind: 'EndpointSlice',
    ref: ref('EndpointSlice', name, 'default'),
    labels: new Map([['kubernetes.io/service-name', of]]),
    service: of,
    addressType,
    endpoints: endpoints.map((text) => ({ nodeName: text.replace('!', ''), ready: !text.startsWith('!') })),
  };
}

/** In namespace `kube-system`. */
export function secret(name: string, data: Readonly<Record<string, string>>): SecretResource {
  const values = Object.entries(data).map(([key, text]) => [key, { reveal: () => text, toJSON: () => '[hidden]' }] as const);
  return { kind: 'Secret', ref: ref('Secret', name, 'kube-system'), labels: new Map(), data: new Map(values) };
}

/** A workload of the own node that peers by the BGPPeer of this name. */
export function workload(name: string, bgpPeer: string, ipv4?: string, ipv6?: string): LocalWorkloadResource {
  return {
    kind: 'LocalWorkload',
    ref: ref('LocalWorkload', name),
    labels: new Map(),
    bgpPeer,
    interface: `cali${name}`,
    ...(ipv4 === undefined ? {} : { ipv4: address(ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6: address(ipv6) }),
  };
}

/** Key of a resource in its map of a Snapshot. */
export function keyOf(resource: Resource): string {
  return resource.ref.namespace === '' ? resource.ref.name : `${resource.ref.namespace}/${resource.ref.name}`;
}

/** A snapshot of these resources; later ones replace earlier ones of the same name. */
export function snapshotOf(resources: readonly Resource[]): Snapshot {
  const of = <K extends Resource['kind']>(kind: K): ReadonlyMap<string, Extract<Resource, { kind: K }>> =>
    new Map(resources.flatMap((resource) => (isKind(resource, kind) ? [[keyOf(resource), resource]] : [])));
  return {
    nodes: of('Node'),
    pools: of('IPPool'),
    configurations: of('BGPConfiguration'),
    peers: of('BGPPeer'),
    filters: of('BGPFilter'),
    affinities: of('BlockAffinity'),
    services: of('Service'),
    slices: of('EndpointSlice'),
    secrets: of('Secret'),
    workloads: of('LocalWorkload'),
    felix: of('FelixConfiguration'),
    issues: [],
  };
}

function isKind<K extends Resource['kind']>(resource: Resource, kind: K): resource is Extract<Resource, { kind: K }> {
  return resource.kind === kind;
}
