/**
 * Which addresses of a Service this node announces, and why (control-plane 4). Pure functions of one Service, its
 * EndpointSlices and the node's settings; who calls them keeps the indexes. Imports values of bgp-ts only.
 */
import { type Address, formatPrefix, hostPrefix, type Prefix, prefixContainsAddress } from 'bgp-ts/net';

/** Kubernetes' label for nodes that must not attract service traffic; its presence counts, whatever the value. */
export const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** What a Service says, as far as routes need it. */
export interface ServiceFacts {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  readonly clusterIPs: readonly Address[];
  readonly ipFamilies: readonly ('IPv4' | 'IPv6')[];
  readonly externalIPs: readonly Address[];
  readonly loadBalancerIP?: Address;
  readonly ingressIPs: readonly Address[];
  readonly externalTrafficPolicy: 'Cluster' | 'Local' | '';
}

/** What an EndpointSlice of that Service says. */
export interface SliceFacts {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly { readonly nodeName: string; readonly ready: boolean }[];
}

/** The node's side: the same for every Service. */
export interface ServiceContext {
  /** The exclusion label applies to this node. */
  readonly excluded: boolean;
  readonly kubernetesNode: string;
  readonly clusterCIDRs: readonly Prefix[];
  readonly externalCIDRs: readonly Prefix[];
  readonly loadBalancerCIDRs: readonly Prefix[];
  /** serviceLoadBalancerAggregation. */
  readonly aggregation: boolean;
  /** Calico's choice: one address that justifies publication publishes every address (control-plane 4.2, compat). */
  readonly publishAll: boolean;
}

/** Where an address of a Service comes from. */
export type ServiceClass = 'cluster-ip' | 'external-ip' | 'lb-ip';
/** Which list of BGPConfiguration a range stands in. */
export type CidrClass = 'cluster-cidr' | 'external-cidr' | 'lb-cidr';

/** One decision and the rule that took it. */
export interface Verdict {
  readonly advertised: boolean;
  /** Such as `control-plane 4.2 (6)`. */
  readonly rule: string;
  readonly detail: string;
}

/** The decision about one address. */
export interface ServiceAddressVerdict extends Verdict {
  /** Host route as text. */
  readonly id: string;
  readonly prefix: Prefix;
  readonly class: ServiceClass;
}

/** The whole decision about one Service. `advertised` = at least one address is. */
export interface ServiceVerdict extends Verdict {
  readonly addresses: readonly ServiceAddressVerdict[];
}

/** A range of BGPConfiguration and whether the node originates it. */
export interface CidrVerdict extends Verdict {
  readonly id: string;
  readonly prefix: Prefix;
  readonly class: CidrClass;
}

const RULES = {
  slices: 'control-plane 4.2',
  excluded: 'control-plane 4.2 (1)',
  type: 'control-plane 4.2 (2)',
  clusterIP: 'control-plane 4.2 (3)',
  single: 'control-plane 4.2 (4)',
  aggregated: 'control-plane 4.2 (5)',
  endpoint: 'control-plane 4.2 (6)',
  published: 'control-plane 4.2 published addresses',
  cidr: 'control-plane 4.1',
} as const;

/** True for /32 and /128. */
export function isHostPrefix(prefix: Prefix): boolean {
  return prefix.length === (prefix.family === 'ipv4' ? 32 : 128);
}

/** Decides one Service. `slices` are all its EndpointSlices, in any order. */
export function evaluateService(service: ServiceFacts, slices: readonly SliceFacts[], context: ServiceContext): ServiceVerdict {
  const refusal = refuse(service, slices, context);
  if (refusal !== undefined) return { ...refusal, addresses: [] };
  const endpoints = readyEndpoints(service, slices, context.kubernetesNode);
  const addresses = context.publishAll ? publishAll(service, endpoints, context) : publishEach(service, endpoints, context);
  const decisive =
    addresses.find((address) => address.advertised) ?? addresses.find((address) => address.rule !== RULES.published) ?? addresses[0];
  if (decisive === undefined)
    return { advertised: false, rule: RULES.published, detail: 'no address inside a configured service CIDR', addresses };
  return { advertised: decisive.advertised, rule: decisive.rule, detail: decisive.detail, addresses };
}

/** Decides every configured range: all cluster CIDRs, the others unless they are single addresses (control-plane 4.1). */
export function evaluateCidrs(context: ServiceContext): CidrVerdict[] {
  const judge = (prefix: Prefix, cidrClass: CidrClass): CidrVerdict => ({
    id: formatPrefix(prefix),
    prefix,
    class: cidrClass,
    ...cidrVerdict(prefix, cidrClass, context),
  });
  return [
    ...context.clusterCIDRs.map((prefix) => judge(prefix, 'cluster-cidr')),
    ...context.externalCIDRs.map((prefix) => judge(prefix, 'external-cidr')),
    ...context.loadBalancerCIDRs.map((prefix) => judge(prefix, 'lb-cidr')),
  ];
}

function cidrVerdict(prefix: Prefix, cidrClass: CidrClass, context: ServiceContext): Verdict {
  const no = (detail: string): Verdict => ({ advertised: false, rule: RULES.cidr, detail });
  if (context.excluded) return no(`this node carries the label ${EXCLUDE_LABEL}`);
  if (cidrClass !== 'cluster-cidr' && isHostPrefix(prefix)) return no('a single address is announced per Service only');
  if (cidrClass === 'lb-cidr' && !context.aggregation) return no('serviceLoadBalancerAggregation is Disabled');
  return { advertised: true, rule: RULES.cidr, detail: 'every node originates the configured range' };
}

function refuse(service: ServiceFacts, slices: readonly SliceFacts[], context: ServiceContext): Verdict | undefined {
  const no = (rule: string, detail: string): Verdict => ({ advertised: false, rule, detail });
  if (context.excluded) return no(RULES.excluded, `this node carries the label ${EXCLUDE_LABEL}`);
  if (service.type === 'ExternalName') return no(RULES.type, 'type ExternalName has no addresses');
  if (service.clusterIPs.length === 0) return no(RULES.clusterIP, 'no cluster IP');
  if (slices.length === 0) return no(RULES.slices, 'no EndpointSlice');
  return undefined;
}

interface ReadyEndpoints {
  readonly local: boolean;
  readonly any: boolean;
}

function readyEndpoints(service: ServiceFacts, slices: readonly SliceFacts[], node: string): ReadyEndpoints {
  let any = false;
  for (const slice of slices) {
    // Either family's slice suffices for a dual-stack Service (control-plane 12).
    if (slice.addressType === 'FQDN' || !service.ipFamilies.includes(slice.addressType)) continue;
    for (const endpoint of slice.endpoints) {
      if (!endpoint.ready) continue;
      any = true;
      if (endpoint.nodeName === node) return { local: true, any };
    }
  }
  return { local: false, any };
}

function publishEach(service: ServiceFacts, endpoints: ReadyEndpoints, context: ServiceContext): ServiceAddressVerdict[] {
  return [
    ...service.clusterIPs.map((address) => judged(address, 'cluster-ip', judge(service, address, 'cluster-ip', endpoints, context))),
    ...service.externalIPs.map((address) => judged(address, 'external-ip', judge(service, address, 'external-ip', endpoints, context))),
    ...service.ingressIPs.map((address) => judged(address, 'lb-ip', judge(service, address, 'lb-ip', endpoints, context))),
  ];
}

function judged(address: Address, serviceClass: ServiceClass, verdict: Verdict): ServiceAddressVerdict {
  const prefix = hostPrefix(address);
  return {
    id: formatPrefix(prefix),
    prefix,
    class: serviceClass,
    advertised: verdict.advertised,
    rule: verdict.rule,
    detail: verdict.detail,
  };
}

const CLASS_NAMES = { 'cluster-ip': 'serviceClusterIPs', 'external-ip': 'serviceExternalIPs', 'lb-ip': 'serviceLoadBalancerIPs' } as const;

/** One address on its own merits: what does not justify publication is not published. */
function judge(
  service: ServiceFacts,
  address: Address,
  serviceClass: ServiceClass,
  endpoints: ReadyEndpoints,
  context: ServiceContext,
): Verdict {
  const cidrs = cidrsOf(serviceClass, context);
  if (!inside(address, cidrs))
    return { advertised: false, rule: RULES.published, detail: `not inside a range of ${CLASS_NAMES[serviceClass]}` };
  const local = service.externalTrafficPolicy === 'Local';
  if (service.externalTrafficPolicy === 'Cluster' && singleEntry(service, address, serviceClass, cidrs)) {
    return {
      advertised: true,
      rule: RULES.single,
      detail: `externalTrafficPolicy Cluster and a single-address entry of ${CLASS_NAMES[serviceClass]}`,
    };
  }
  if (!local && (serviceClass !== 'lb-ip' || context.aggregation)) {
    return { advertised: false, rule: RULES.aggregated, detail: 'externalTrafficPolicy is not Local: the range stands for it' };
  }
  return endpointVerdict(local, endpoints, context.kubernetesNode);
}

function endpointVerdict(local: boolean, endpoints: ReadyEndpoints, node: string): Verdict {
  if (local) {
    const detail = endpoints.local ? `ready endpoint on ${node}` : `no ready endpoint on ${node}`;
    return { advertised: endpoints.local, rule: RULES.endpoint, detail };
  }
  return { advertised: endpoints.any, rule: RULES.endpoint, detail: endpoints.any ? 'ready endpoint' : 'no ready endpoint' };
}

function singleEntry(service: ServiceFacts, address: Address, serviceClass: ServiceClass, cidrs: readonly Prefix[]): boolean {
  if (serviceClass === 'cluster-ip') return false;
  if (serviceClass === 'lb-ip' && service.type !== 'LoadBalancer') return false;
  return insideSingle(address, cidrs);
}

/** Calico: any one reason publishes all addresses, and cluster IPs need no containment (control-plane 4.2 [Q]). */
function publishAll(service: ServiceFacts, endpoints: ReadyEndpoints, context: ServiceContext): ServiceAddressVerdict[] {
  const verdict = serviceWide(service, endpoints, context);
  const clusterIPs = context.clusterCIDRs.length > 0 ? service.clusterIPs : [];
  return [
    ...clusterIPs.map((address) => judged(address, 'cluster-ip', verdict)),
    ...service.externalIPs
      .filter((address) => inside(address, context.externalCIDRs))
      .map((address) => judged(address, 'external-ip', verdict)),
    ...service.ingressIPs
      .filter((address) => inside(address, context.loadBalancerCIDRs))
      .map((address) => judged(address, 'lb-ip', verdict)),
  ];
}

function serviceWide(service: ServiceFacts, endpoints: ReadyEndpoints, context: ServiceContext): Verdict {
  const local = service.externalTrafficPolicy === 'Local';
  if (service.externalTrafficPolicy === 'Cluster') {
    const balanced = [...(service.loadBalancerIP === undefined ? [] : [service.loadBalancerIP]), ...service.ingressIPs];
    const single =
      (service.type === 'LoadBalancer' && balanced.some((address) => insideSingle(address, context.loadBalancerCIDRs))) ||
      service.externalIPs.some((address) => insideSingle(address, context.externalCIDRs));
    if (single) return { advertised: true, rule: RULES.single, detail: 'externalTrafficPolicy Cluster and a single-address entry' };
  }
  if (!local && context.aggregation) return { advertised: false, rule: RULES.aggregated, detail: 'externalTrafficPolicy is not Local' };
  return endpointVerdict(local, endpoints, context.kubernetesNode);
}

function cidrsOf(serviceClass: ServiceClass, context: ServiceContext): readonly Prefix[] {
  if (serviceClass === 'cluster-ip') return context.clusterCIDRs;
  return serviceClass === 'external-ip' ? context.externalCIDRs : context.loadBalancerCIDRs;
}

function inside(address: Address, cidrs: readonly Prefix[]): boolean {
  return cidrs.some((cidr) => prefixContainsAddress(cidr, address));
}

function insideSingle(address: Address, cidrs: readonly Prefix[]): boolean {
  return cidrs.some((cidr) => isHostPrefix(cidr) && prefixContainsAddress(cidr, address));
}
