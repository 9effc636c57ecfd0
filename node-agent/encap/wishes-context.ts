/** What the parts of the wishes look at, worked out once: own addresses, pools and what they mean here, nodes in order. Pure. */
import type { Prefix } from 'bgp-ts/net';
import { formatPrefix, prefixContains } from 'bgp-ts/net';
import { gotText } from '../../src/confd/resources/issue.ts';
import type { FelixFields, IPPoolResource, Issue, NodeResource, Snapshot } from '../../src/confd/resources/types.ts';
import { CLUSTER_ROUTES_DEFAULT, programmerOf } from '../../src/routes/pools.ts';
import type { Encapsulation, IpFamily } from './types.ts';

/** What is asked for. `felix` are the settings in force here, those of the node above those of the cluster. */
export interface EncapInput {
  readonly snapshot: Snapshot;
  readonly felix: FelixFields;
  /** Name of this node. */
  readonly node: string;
  /** Pod CIDRs of Nodes stand for blocks (control-plane 6, USE_POD_CIDR). Default false. */
  readonly usePodCIDR?: boolean;
  /** Derived MACs by node and family, kept by the caller from one call to the next: 10,000 hashes are a third of a call. */
  readonly macs?: Map<string, string>;
}

/** A pool and what it means on this node. */
export interface PoolUse {
  readonly pool: IPPoolResource;
  readonly cidr: Prefix;
  /** Place among the pools. */
  readonly index: number;
  readonly encapsulation: Encapsulation;
  /** Wraps only what leaves the own network. */
  readonly crossSubnet: boolean;
  /** Its routes are this agent's; otherwise somebody else's or, with an issue, nobody's. */
  readonly ours: boolean;
}

/** An own address with its network. */
export type OwnAddress = NonNullable<NodeResource['bgp']['ipv4']>;

/** All of it. Parts add to `issues`. */
export interface EncapContext extends EncapInput {
  readonly self: NodeResource | undefined;
  readonly own: { readonly ipv4?: OwnAddress; readonly ipv6?: OwnAddress };
  /** In the order that decides (src/routes/pools.ts). */
  readonly pools: readonly PoolUse[];
  /** Nodes but this one, by name. */
  readonly others: readonly NodeResource[];
  /** Encapsulations that are on: said so by FelixConfiguration, or used by a pool (IPv6: by a pool only). */
  readonly enabled: { readonly vxlan: { readonly ipv4: boolean; readonly ipv6: boolean }; readonly ipip: boolean };
  readonly issues: Issue[];
}

/** The parts of an issue that differ. */
export interface IssueParts {
  readonly code: string;
  readonly field: string;
  readonly got: unknown;
  readonly rule: string;
  readonly severity?: 'error' | 'warning';
  readonly transient?: boolean;
}

/** Notes an issue about an object. */
export function complain(
  context: Pick<EncapContext, 'issues'>,
  about: Pick<NodeResource, 'ref'> & Pick<NodeResource, 'source'>,
  parts: IssueParts,
): void {
  const { code, field, got, rule, severity = 'error', transient = false } = parts;
  const value = got === undefined ? '' : gotText(got);
  context.issues.push({ code, severity, object: about.ref, field, got: value, rule, source: about.source ?? null, transient });
}

/** What packets to a pool are wrapped in. */
function encapsulationOf(pool: IPPoolResource): Encapsulation {
  if (pool.vxlanMode !== 'Never') return 'vxlan';
  return pool.ipipMode === 'Never' ? 'none' : 'ipip';
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Works it out. */
export function makeContext(input: EncapInput): EncapContext {
  const { snapshot, felix } = input;
  const self = snapshot.nodes.get(input.node);
  const issues: Issue[] = [];
  const sorted = [...snapshot.pools.values()].sort((a, b) => byText(formatPrefix(a.cidr), formatPrefix(b.cidr)));
  const wraps = (encapsulation: Encapsulation, family: IpFamily): boolean =>
    sorted.some((pool) => pool.cidr.family === family && encapsulationOf(pool) === encapsulation);
  const enabled = {
    vxlan: { ipv4: felix.vxlanEnabled ?? wraps('vxlan', 'ipv4'), ipv6: wraps('vxlan', 'ipv6') },
    ipip: felix.ipipEnabled ?? wraps('ipip', 'ipv4'),
  };
  const others = [...snapshot.nodes.values()].filter((node) => node !== self).sort((a, b) => byText(a.ref.name, b.ref.name));
  const context = { ...input, self, own: self?.bgp ?? {}, others, enabled, issues };
  complainOverlaps(context, sorted);
  return { ...context, pools: sorted.map((pool, index) => poolUse(context, pool, index)) };
}

/** Calico's API admits no pool inside another; of a file or a datastore both may come. Where they disagree the two writers may as well. */
function complainOverlaps(context: Pick<EncapContext, 'issues'>, sorted: readonly IPPoolResource[]): void {
  for (const pool of sorted) {
    const outer = sorted.find((one) => one !== pool && prefixContains(one.cidr, pool.cidr));
    if (outer === undefined) continue;
    const rule = `lies inside IPPool/${outer.ref.name}: pools must not overlap, and it is not certain which of them counts`;
    complain(context, pool, { code: 'POOL_OVERLAP', field: 'spec.cidr', got: formatPrefix(pool.cidr), rule, severity: 'warning' });
  }
}

function poolUse(context: Omit<EncapContext, 'pools'>, pool: IPPoolResource, index: number): PoolUse {
  const encapsulation = encapsulationOf(pool);
  const crossSubnet = encapsulation === 'vxlan' ? pool.vxlanMode === 'CrossSubnet' : pool.ipipMode === 'CrossSubnet';
  return { pool, cidr: pool.cidr, index, encapsulation, crossSubnet, ours: isOurs(context, pool, encapsulation) };
}

/** An overlap is left to the BGP daemon, which does not read FelixConfiguration; what neither writes stays so. Both are told. */
function isOurs(context: Omit<EncapContext, 'pools'>, pool: IPPoolResource, encapsulation: Encapsulation): boolean {
  const { snapshot, felix, enabled } = context;
  const bgp = snapshot.configurations.get('default')?.programClusterRoutes ?? CLUSTER_ROUTES_DEFAULT.bgp;
  const own = felix.programClusterRoutes ?? CLUSTER_ROUTES_DEFAULT.felix;
  const programmer = programmerOf(pool, bgp, own);
  if (programmer === 'both' || programmer === 'nobody') {
    const said = `programClusterRoutes is ${bgp} in BGPConfiguration and ${own} in FelixConfiguration`;
    const rule =
      programmer === 'both'
        ? `gives the routes of this pool two writers: ${said}; they are left to the BGP daemon`
        : `leaves the routes of this pool to nobody: ${said}`;
    const field = encapsulation === 'ipip' ? 'spec.ipipMode' : 'spec.cidr';
    const got = encapsulation === 'ipip' ? pool.ipipMode : formatPrefix(pool.cidr);
    complain(context, pool, { code: programmer === 'both' ? 'POOL_TWO_WRITERS' : 'POOL_NO_WRITER', field, got, rule });
    return false;
  }
  if (programmer === 'bgp') return false;
  const off = encapsulation === 'vxlan' ? !enabled.vxlan[pool.cidr.family] : encapsulation === 'ipip' && !enabled.ipip;
  if (!off) return true;
  const [field, got] = encapsulation === 'vxlan' ? ['spec.vxlanMode', pool.vxlanMode] : ['spec.ipipMode', pool.ipipMode];
  complain(context, pool, { code: 'POOL_ENCAP_OFF', field, got, rule: `needs ${encapsulation}, which FelixConfiguration turns off` });
  return false;
}
