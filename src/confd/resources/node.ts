/** Node in both forms: Kubernetes with the annotations of control-plane 9.3, and Calico's own (1.6). */
import { type Address, type Prefix, parseAddress } from 'bgp-ts/net';
import { type At, fault, fields, inside, isAbsent, isRecord, list, member, type Parser, tolerant } from './fields.ts';
import { type Metadata, parseJson, textMap } from './metadata.ts';
import type { NodeResource } from './types.ts';
import { address, asNumber, cidr, clusterId, flag, mac, nodeAddress } from './values.ts';

/** What a Node gives beside its reference; labels are in it because annotations add some. */
export type NodeBody = Omit<NodeResource, 'ref' | 'source'>;

const CALICO_BGP = {
  ipv4Address: nodeAddress('ipv4'),
  ipv6Address: nodeAddress('ipv6'),
  asNumber,
  routeReflectorClusterID: clusterId,
  // Of tunnels, what is malformed counts as absent: IPAM writes them, and a bad one must not cost the node its sessions.
  ipv4IPIPTunnelAddr: tolerant(address('ipv4')),
} as const;

const CALICO_SPEC = {
  bgp: fields(CALICO_BGP, { name: 'bgp' }),
  ipv4VXLANTunnelAddr: tolerant(address('ipv4')),
  ipv6VXLANTunnelAddr: tolerant(address('ipv6')),
  vxlanTunnelMACAddr: tolerant(mac),
  vxlanTunnelMACAddrV6: tolerant(mac),
  wireguard: fields({ interfaceIPv4Address: address('ipv4'), interfaceIPv6Address: address('ipv6') }, { name: 'wireguard' }),
} as const;

const readCalicoNode = fields(
  {
    spec: fields(CALICO_SPEC, {
      ignored: ['orchRefs', 'addresses', 'interfaces'],
    }),
    status: fields(
      { podCIDRs: list(cidr(), { of: 'IP prefixes' }) },
      { name: 'status', ignored: ['wireguardPublicKey', 'wireguardPublicKeyV6'] },
    ),
  },
  { ignored: ['apiVersion', 'kind', 'metadata'] },
);

type NodeAddress = NonNullable<NodeResource['bgp']['ipv4']>;

interface BgpFields {
  readonly ipv4Address?: NodeAddress;
  readonly ipv6Address?: NodeAddress;
  readonly asNumber?: number;
  readonly routeReflectorClusterID?: string;
}

function bgpOf(found: BgpFields): NodeResource['bgp'] {
  const { ipv4Address, ipv6Address, asNumber, routeReflectorClusterID } = found;
  return {
    ...(ipv4Address === undefined ? {} : { ipv4: ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6: ipv6Address }),
    ...(asNumber === undefined ? {} : { asNumber }),
    ...(routeReflectorClusterID === undefined ? {} : { routeReflectorClusterID }),
  };
}

type Tunnels = NonNullable<NodeResource['tunnels']>;

/** What is written of the tunnels, or nothing: most nodes of a cluster without encapsulation have none. */
function tunnelsOf(found: { readonly [K in keyof Tunnels]: Tunnels[K] | undefined }): { readonly tunnels?: Tunnels } {
  const { vxlanV4, vxlanV4MAC, vxlanV6, vxlanV6MAC, ipip } = found;
  const tunnels: Tunnels = {
    ...(vxlanV4 === undefined ? {} : { vxlanV4 }),
    ...(vxlanV4MAC === undefined ? {} : { vxlanV4MAC }),
    ...(vxlanV6 === undefined ? {} : { vxlanV6 }),
    ...(vxlanV6MAC === undefined ? {} : { vxlanV6MAC }),
    ...(ipip === undefined ? {} : { ipip }),
  };
  return Object.keys(tunnels).length === 0 ? {} : { tunnels };
}

function wireguardOf(ipv4: Address | undefined, ipv6: Address | undefined): NodeResource['wireguard'] {
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** Parses a Calico Node (projectcalico.org/v3). Every field of it is held to its rule. */
export function calicoNode(raw: unknown, root: At, metadata: Metadata): NodeBody | undefined {
  const found = readCalicoNode(raw, root);
  if (found === undefined) return undefined;
  const { bgp = {}, wireguard = {}, ...spec } = found.spec ?? {};
  return {
    kind: 'Node',
    form: 'calico',
    labels: metadata.labels,
    bgp: bgpOf(bgp),
    wireguard: wireguardOf(wireguard.interfaceIPv4Address, wireguard.interfaceIPv6Address),
    ...tunnelsOf({
      vxlanV4: spec.ipv4VXLANTunnelAddr,
      vxlanV4MAC: spec.vxlanTunnelMACAddr,
      vxlanV6: spec.ipv6VXLANTunnelAddr,
      vxlanV6MAC: spec.vxlanTunnelMACAddrV6,
      ipip: bgp.ipv4IPIPTunnelAddr,
    }),
    podCIDRs: found.status?.podCIDRs ?? [],
    internalIPs: [],
    unschedulable: false,
  };
}

const PREFIX = 'projectcalico.org/';

// Annotations are text; an invalid one is as good as absent (control-plane 9.3).
const ANNOTATIONS = {
  IPv4Address: tolerant(nodeAddress('ipv4')),
  IPv6Address: tolerant(nodeAddress('ipv6')),
  ASNumber: tolerant(asNumber),
  RouteReflectorClusterID: tolerant(clusterId),
  IPv4WireguardInterfaceAddr: tolerant(address('ipv4')),
  IPv6WireguardInterfaceAddr: tolerant(address('ipv6')),
  IPv4VXLANTunnelAddr: tolerant(address('ipv4')),
  IPv6VXLANTunnelAddr: tolerant(address('ipv6')),
  VXLANTunnelMACAddr: tolerant(mac),
  VXLANTunnelMACAddrV6: tolerant(mac),
  IPv4IPIPTunnelAddr: tolerant(address('ipv4')),
  labels: tolerant<ReadonlyMap<string, string>>((value, at) => {
    const json = typeof value === 'string' ? parseJson(value) : undefined;
    return isRecord(json) ? textMap(json, at) : fault(at, value, 'is not the JSON of a mapping of labels');
  }),
} as const;

function annotation<K extends keyof typeof ANNOTATIONS>(
  key: K,
  metadata: Metadata,
  at: At,
): ReturnType<(typeof ANNOTATIONS)[K]> | undefined;
function annotation(key: keyof typeof ANNOTATIONS, metadata: Metadata, at: At): unknown {
  const value = metadata.annotations.get(PREFIX + key);
  return isAbsent(value) ? undefined : ANNOTATIONS[key](value, inside(at, PREFIX + key));
}

const KUBERNETES_SPEC = {
  podCIDR: tolerant(cidr()),
  podCIDRs: list(tolerant(cidr()), { of: 'IP prefixes' }),
  unschedulable: flag,
} as const;

/** Status comes from the cluster, not from a user: it is read as far as it can be, and nothing of it is an error. */
const anyStatus: Parser<Readonly<Record<string, unknown>>> = (value) => (isRecord(value) ? value : undefined);

const readKubernetesNode = fields(
  {
    spec: fields(KUBERNETES_SPEC, { ignored: ['providerID', 'taints', 'configSource', 'externalID'] }),
    status: anyStatus,
  },
  { ignored: ['apiVersion', 'kind', 'metadata'] },
);

/** Parses a Kubernetes Node. Only what BGP needs of it is looked at, so a status heartbeat gives an equal result. */
export function kubernetesNode(raw: unknown, root: At, metadata: Metadata): NodeBody | undefined {
  const found = readKubernetesNode(raw, root);
  if (found === undefined) return undefined;
  const at = inside(inside(root, 'metadata'), 'annotations');
  const bgp: { -readonly [K in keyof BgpFields]: BgpFields[K] } = {};
  const ipv4Address = annotation('IPv4Address', metadata, at);
  const ipv6Address = annotation('IPv6Address', metadata, at);
  const as = annotation('ASNumber', metadata, at);
  const cluster = annotation('RouteReflectorClusterID', metadata, at);
  if (ipv4Address !== undefined) bgp.ipv4Address = ipv4Address;
  if (ipv6Address !== undefined) bgp.ipv6Address = ipv6Address;
  if (as !== undefined) bgp.asNumber = as;
  if (cluster !== undefined) bgp.routeReflectorClusterID = cluster;
  const ready = readyOf(found.status);
  return {
    kind: 'Node',
    form: 'kubernetes',
    labels: new Map([...metadata.labels, ...(annotation('labels', metadata, at) ?? [])]),
    bgp: bgpOf(bgp),
    wireguard: wireguardOf(annotation('IPv4WireguardInterfaceAddr', metadata, at), annotation('IPv6WireguardInterfaceAddr', metadata, at)),
    ...tunnelsOf({
      vxlanV4: annotation('IPv4VXLANTunnelAddr', metadata, at),
      vxlanV4MAC: annotation('VXLANTunnelMACAddr', metadata, at),
      vxlanV6: annotation('IPv6VXLANTunnelAddr', metadata, at),
      vxlanV6MAC: annotation('VXLANTunnelMACAddrV6', metadata, at),
      ipip: annotation('IPv4IPIPTunnelAddr', metadata, at),
    }),
    podCIDRs: podCidrs(found.spec ?? {}),
    ...(ready === undefined ? {} : { ready }),
    internalIPs: addressesOf(found.status),
    unschedulable: found.spec?.unschedulable ?? false,
  };
}

function podCidrs(spec: { readonly podCIDR?: Prefix; readonly podCIDRs?: readonly Prefix[] }): readonly Prefix[] {
  const { podCIDR, podCIDRs = [] } = spec;
  return podCIDRs.length > 0 || podCIDR === undefined ? podCIDRs : [podCIDR];
}

function entries(status: Readonly<Record<string, unknown>> | undefined, key: string): readonly Readonly<Record<string, unknown>>[] {
  const found = status === undefined ? undefined : member(status, key);
  return Array.isArray(found) ? found.filter(isRecord) : [];
}

function readyOf(status: Readonly<Record<string, unknown>> | undefined): boolean | undefined {
  const condition = entries(status, 'conditions').find((entry) => entry['type'] === 'Ready');
  return condition === undefined ? undefined : condition['status'] === 'True' || condition['status'] === true;
}

/** InternalIP before ExternalIP; host names are no addresses. */
function addressesOf(status: Readonly<Record<string, unknown>> | undefined): readonly Address[] {
  const listed = entries(status, 'addresses');
  return ['InternalIP', 'ExternalIP'].flatMap((type) =>
    listed.flatMap((entry) => {
      const found = entry['type'] === type && typeof entry['address'] === 'string' ? parseAddress(entry['address']) : undefined;
      return found === undefined ? [] : [found];
    }),
  );
}
