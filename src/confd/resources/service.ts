/** Service, with the defaults an API server would fill in (control-plane 4.2). */
import { type Address, addressesEqual, parseAddress } from 'bgp-ts/net';
import { type At, fault, fields, inside, isRecord, list, member, type Parser, tolerant, withRules } from './fields.ts';
import { NO_LABELS } from './metadata.ts';
import type { ServiceResource } from './types.ts';
import { address, oneOf } from './values.ts';

const NONE = 'None';

const clusterIP: Parser<Address | typeof NONE> = (value, at) =>
  value === NONE
    ? NONE
    : ((typeof value === 'string' ? parseAddress(value) : undefined) ?? fault(at, value, 'is not an IP address or None'));

const SPEC = {
  type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
  clusterIP,
  clusterIPs: list(clusterIP, { of: 'IP addresses', max: 2 }),
  ipFamilies: list(oneOf('IPv4', 'IPv6'), { of: 'IP families', max: 2 }),
  externalIPs: list(address(), { of: 'IP addresses' }),
  // The API server does not check this one: what it means is the load balancer's affair.
  loadBalancerIP: tolerant(address()),
  externalTrafficPolicy: oneOf('Cluster', 'Local'),
} as const;

const OTHER_FIELDS = [
  'ports selector sessionAffinity sessionAffinityConfig loadBalancerSourceRanges externalName healthCheckNodePort',
  'publishNotReadyAddresses ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution',
].flatMap((names) => names.split(' '));

function isExternal(raw: Readonly<Record<string, unknown>>): boolean {
  const { type, externalIPs } = raw;
  return type === 'LoadBalancer' || type === 'NodePort' || (Array.isArray(externalIPs) && externalIPs.length > 0);
}

const readSpec = withRules(fields(SPEC, { ignored: OTHER_FIELDS }), [
  {
    field: 'clusterIPs',
    broken: (set, raw) =>
      set('clusterIP') && Array.isArray(raw['clusterIPs']) && raw['clusterIPs'].length > 0 && raw['clusterIPs'][0] !== raw['clusterIP'],
    rule: 'does not begin with spec.clusterIP',
  },
  {
    field: 'externalTrafficPolicy',
    broken: (set, raw) => set('externalTrafficPolicy') && !isExternal(raw),
    rule: 'is for services that can be reached from outside',
  },
]);

const readIngress = fields({ ip: address() }, { name: 'an ingress', ignored: ['hostname', 'ipMode', 'ports'] });
const readStatus = fields(
  { loadBalancer: fields({ ingress: list(readIngress, { of: 'ingress points' }) }, { name: 'loadBalancer' }) },
  { name: 'status', ignored: ['conditions'] },
);
const readService = fields({ spec: readSpec, status: readStatus }, { ignored: ['apiVersion', 'kind', 'metadata'] });

type Spec = Exclude<ReturnType<typeof readSpec>, undefined>;
const familyName = ({ family }: Address): 'IPv4' | 'IPv6' => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** What a Service gives beside its reference. No label of it counts. */
export type ServiceBody = Omit<ServiceResource, 'ref' | 'source'>;

/** Parses a Service: clusterIPs and ipFamilies follow from clusterIP, the traffic policy from the type, where absent. */
export function service(raw: unknown, root: At): ServiceBody | undefined {
  const found = readService(raw, root);
  if (found === undefined) return undefined;
  const spec = found.spec ?? {};
  const clusterIPs = clusterAddresses(spec);
  checkFamilies(spec, clusterIPs, raw, root);
  const type = spec.type ?? 'ClusterIP';
  const external = type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  return {
    kind: 'Service',
    labels: NO_LABELS,
    type,
    clusterIPs,
    ipFamilies: spec.ipFamilies !== undefined && spec.ipFamilies.length > 0 ? spec.ipFamilies : clusterIPs.map(familyName),
    externalIPs: spec.externalIPs ?? [],
    ...(spec.loadBalancerIP === undefined ? {} : { loadBalancerIP: spec.loadBalancerIP }),
    ingressIPs: (found.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    externalTrafficPolicy: spec.externalTrafficPolicy ?? (external ? 'Cluster' : ''),
  };
}

function clusterAddresses({ clusterIP: first, clusterIPs = [] }: Spec): readonly Address[] {
  const listed = clusterIPs.length > 0 || first === undefined ? clusterIPs : [first];
  return listed.flatMap((found) => (found === NONE ? [] : [found]));
}

function checkFamilies(spec: Spec, clusterIPs: readonly Address[], raw: unknown, root: At): void {
  const at = inside(root, 'spec');
  const written = isRecord(raw) ? member(raw, 'spec') : undefined;
  if (!isRecord(written)) return;
  const [first, second] = clusterIPs;
  if (first !== undefined && second !== undefined && (first.family === second.family || addressesEqual(first, second))) {
    fault(inside(at, 'clusterIPs'), member(written, 'clusterIPs'), 'are two of one family');
  }
  const { ipFamilies = [] } = spec;
  if (ipFamilies.length === 2 && ipFamilies[0] === ipFamilies[1]) fault(inside(at, 'ipFamilies'), ipFamilies, 'names a family twice');
  else if (clusterIPs.some((found, index) => ipFamilies[index] !== undefined && ipFamilies[index] !== familyName(found))) {
    fault(inside(at, 'ipFamilies'), ipFamilies, 'are not the families of the cluster IPs');
  }
}
