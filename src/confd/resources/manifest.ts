/**
 * Typed resources back as manifests, in the forms that parse-object.ts takes: what the daemon keeps on its host is as readable
 * for people, for `linnet check` and for the version before or after this one as what they write themselves.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { SERVICE_LABEL } from './endpoint-slice.ts';
import { isSecretValue } from './secret-value.ts';
import type {
  BGPConfigurationResource,
  BGPFilterResource,
  BGPFilterRule,
  BGPPeerResource,
  Community,
  EndpointSliceResource,
  FelixConfigurationResource,
  NodeResource,
  Resource,
  SecretKeyRef,
  SecretResource,
  Selector,
  ServiceResource,
} from './types.ts';

/** An object as it could stand in a file. A Secret's values are in it, base64 as always. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/**
 * The manifest whose parsing gives the resource again; undefined for what is no object of a datastore. Fields that this daemon
 * does not use are not in it.
 */
export function toManifest(resource: Resource): Manifest | undefined {
  const body = bodyOf(resource);
  if (body === undefined) return undefined;
  const { apiVersion, kind, namespace, name } = resource.ref;
  const { annotations, labels = Object.fromEntries(resource.labels), ...rest } = body;
  const metadata = {
    name,
    ...(namespace === '' ? {} : { namespace }),
    ...(resource.labels.size === 0 && body['labels'] === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { apiVersion, kind, metadata, ...rest };
}

type Body = Readonly<Record<string, unknown>>;

function bodyOf(resource: Resource): Body | undefined {
  switch (resource.kind) {
    case 'Node':
      return resource.form === 'calico' ? calicoNode(resource) : kubernetesNode(resource);
    case 'IPPool':
    case 'BlockAffinity':
      return { spec: plainFields(resource) };
    case 'BGPConfiguration':
      return { spec: configuration(resource) };
    case 'FelixConfiguration':
      return { spec: felixConfiguration(resource) };
    case 'BGPPeer':
      return { spec: peer(resource) };
    case 'BGPFilter':
      return { spec: filter(resource) };
    case 'Service':
      return service(resource);
    case 'EndpointSlice':
      return slice(resource);
    case 'Secret':
      return { data: secretData(resource) };
    case 'LocalWorkload':
      return undefined;
  }
}

const isAddressOrPrefix = (value: object): value is Address | Prefix => 'family' in value && 'words' in value;
const isCommunity = (value: object): value is Community => 'standard' in value && 'large' in value && 'text' in value;
const isSelector = (value: object): value is Selector => 'matches' in value && 'text' in value;

/** A value as a manifest writes it. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isSecretValue(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (isAddressOrPrefix(value)) return 'length' in value ? formatPrefix(value) : formatAddress(value);
  if (isCommunity(value) || isSelector(value)) return value.text;
  return plainRecord(value);
}

function plainRecord(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

const COMMON: ReadonlySet<string> = new Set(['kind', 'ref', 'labels', 'source']);

/** All fields but those that every resource has, and those of `left`. */
function plainFields(resource: object, ...left: readonly string[]): Record<string, unknown> {
  const own = Object.entries(resource).filter(([key]) => !COMMON.has(key) && !left.includes(key));
  return Object.fromEntries(own.map(([key, item]) => [key, plain(item)]));
}

const nodeAddress = (found: NodeResource['bgp']['ipv4']): string | undefined =>
  found === undefined ? undefined : `${formatAddress(found.address)}/${found.network.length}`;

/** Only what is there. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function calicoNode({ bgp, wireguard, podCIDRs, tunnels = {} }: NodeResource): Body {
  const { ipv4, ipv6, ...rest } = bgp;
  return {
    spec: {
      bgp: present({
        ipv4Address: nodeAddress(ipv4),
        ipv6Address: nodeAddress(ipv6),
        ipv4IPIPTunnelAddr: plain(tunnels.ipip),
        ...rest,
      }),
      ...present({
        ipv4VXLANTunnelAddr: plain(tunnels.vxlanV4),
        vxlanTunnelMACAddr: tunnels.vxlanV4MAC,
        ipv6VXLANTunnelAddr: plain(tunnels.vxlanV6),
        vxlanTunnelMACAddrV6: tunnels.vxlanV6MAC,
      }),
      wireguard: plainRecord(present({ interfaceIPv4Address: wireguard.ipv4, interfaceIPv6Address: wireguard.ipv6 })),
    },
    status: { podCIDRs: podCIDRs.map(formatPrefix) },
  };
}

function kubernetesNode({ bgp, wireguard, podCIDRs, unschedulable, ready, internalIPs, tunnels = {} }: NodeResource): Body {
  const annotations = present({
    IPv4Address: nodeAddress(bgp.ipv4),
    IPv6Address: nodeAddress(bgp.ipv6),
    ASNumber: bgp.asNumber?.toString(),
    RouteReflectorClusterID: bgp.routeReflectorClusterID,
    IPv4WireguardInterfaceAddr: plain(wireguard.ipv4),
    IPv6WireguardInterfaceAddr: plain(wireguard.ipv6),
    IPv4VXLANTunnelAddr: plain(tunnels.vxlanV4),
    VXLANTunnelMACAddr: tunnels.vxlanV4MAC,
    IPv6VXLANTunnelAddr: plain(tunnels.vxlanV6),
    VXLANTunnelMACAddrV6: tunnels.vxlanV6MAC,
    IPv4IPIPTunnelAddr: plain(tunnels.ipip),
  });
  return {
    annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`projectcalico.org/${key}`, value])),
    spec: { podCIDRs: podCIDRs.map(formatPrefix), unschedulable },
    status: {
      ...(ready === undefined ? {} : { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] }),
      addresses: internalIPs.map((address) => ({ type: 'InternalIP', address: formatAddress(address) })),
    },
  };
}

const passwordOf = (ref: SecretKeyRef | undefined): unknown => (ref === undefined ? undefined : { secretKeyRef: ref });
const seconds = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${value}s`);
const cidrs = (prefixes: readonly Prefix[] | undefined): unknown => prefixes?.map((prefix) => ({ cidr: formatPrefix(prefix) }));

function configuration(resource: BGPConfigurationResource): Body {
  const { nodeMeshPassword, nodeMeshMaxRestartTime, prefixAdvertisements } = resource;
  return present({
    ...plainFields(resource, 'scope'),
    nodeMeshPassword: passwordOf(nodeMeshPassword),
    nodeMeshMaxRestartTime: seconds(nodeMeshMaxRestartTime),
    serviceLoadBalancerIPs: cidrs(resource.serviceLoadBalancerIPs),
    serviceExternalIPs: cidrs(resource.serviceExternalIPs),
    serviceClusterIPs: cidrs(resource.serviceClusterIPs),
    prefixAdvertisements: prefixAdvertisements?.map(({ cidr, communities }) => ({
      cidr: formatPrefix(cidr),
      communities: communities.map((entry) => ('name' in entry ? entry.name : entry.text)),
    })),
  });
}

function felixConfiguration(resource: FelixConfigurationResource): Body {
  const { routeRefreshInterval, netlinkTimeout, healthTimeoutOverrides, interfacePrefix } = resource;
  return present({
    ...plainFields(resource, 'scope'),
    routeRefreshInterval: seconds(routeRefreshInterval),
    netlinkTimeout: seconds(netlinkTimeout),
    interfacePrefix: interfacePrefix?.join(','),
    healthTimeoutOverrides: healthTimeoutOverrides?.map(({ name, timeout }) => ({ name, timeout: seconds(timeout) })),
  });
}

function peer(resource: BGPPeerResource): Body {
  const { peerIP, password, maxRestartTime, keepaliveTime, nextHopMode } = resource;
  return present({
    ...plainFields(resource),
    peerIP: peerIP === undefined ? undefined : peerText(peerIP),
    password: passwordOf(password),
    maxRestartTime: seconds(maxRestartTime),
    keepaliveTime: seconds(keepaliveTime),
    // Stands beside nextHopMode only where it says nothing.
    keepOriginalNextHop: nextHopMode === undefined ? resource.keepOriginalNextHop : undefined,
  });
}

function peerText({ address, port }: NonNullable<BGPPeerResource['peerIP']>): string {
  const text = formatAddress(address);
  if (port === undefined) return text;
  return address.family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}

function filter({ exportV4, importV4, exportV6, importV6 }: BGPFilterResource): Body {
  const rules = (list: readonly BGPFilterRule[]): unknown => list.map(filterRule);
  return { exportV4: rules(exportV4), importV4: rules(importV4), exportV6: rules(exportV6), importV6: rules(importV6) };
}

function filterRule({ community, operations, ...rest }: BGPFilterRule): Body {
  return {
    ...plainRecord(rest),
    ...(community === undefined ? {} : { communities: { values: [community.text] } }),
    ...(operations.length === 0 ? {} : { operations: operations.map(operation) }),
  };
}

function operation(found: BGPFilterRule['operations'][number]): Body {
  switch (found.kind) {
    case 'addCommunity':
      return { addCommunity: { value: found.value.text } };
    case 'prependASPath':
      return { prependASPath: { prefix: found.prefix } };
    case 'setPriority':
      return { setPriority: { value: found.value } };
  }
}

function service(resource: ServiceResource): Body {
  const { ingressIPs, externalTrafficPolicy } = resource;
  return {
    spec: {
      ...plainFields(resource, 'ingressIPs', 'externalTrafficPolicy'),
      ...(resource.clusterIPs.length === 0 ? { clusterIP: 'None' } : {}),
      ...(externalTrafficPolicy === '' ? {} : { externalTrafficPolicy }),
    },
    status: { loadBalancer: { ingress: ingressIPs.map((ip) => ({ ip: formatAddress(ip) })) } },
  };
}

function slice({ service: owner, addressType, endpoints }: EndpointSliceResource): Body {
  const entry = ({ nodeName, ready }: EndpointSliceResource['endpoints'][number]): unknown => ({
    ...(nodeName === '' ? {} : { nodeName }),
    conditions: { ready },
  });
  const labels = owner === '' ? {} : { labels: { [SERVICE_LABEL]: owner } };
  return { ...labels, addressType, endpoints: endpoints.map(entry) };
}

function secretData({ data }: SecretResource): Record<string, string> {
  return Object.fromEntries([...data].map(([key, value]) => [key, base64(value.reveal())]));
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (octet) => String.fromCharCode(octet)).join(''));
}
