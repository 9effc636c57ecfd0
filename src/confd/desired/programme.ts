/**
 * What an engine needs that writes kernel routes and learns interfaces by itself, as BIRD does: the base export policies, the
 * rules of kernel programming (control-plane 5.4, 5.5) and the settings of its log and interfaces (control-plane 1.2).
 */
import type { Address, IpFamily, Prefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import { ownsIpip, ownsPool } from '../../routes/pools.ts';
import { isHostPrefix } from '../../routes/services.ts';
import type { IPPoolResource, Snapshot } from '../resources/types.ts';
import { objectName } from './issues.ts';
import type { PolicySettings, Settings } from './settings.ts';
import type { DesiredKernel, DesiredPool, DesiredProgramme } from './types.ts';

/** What the programme is made from. `pools` are sorted by CIDR; `exportPolicy` gives the policy to a peer without filters. */
export interface ProgrammeInputs {
  readonly settings: Settings;
  readonly pools: readonly IPPoolResource[];
  readonly exportPolicy: (family: IpFamily, internal: boolean) => Policy;
}

/** The programme of the own node. */
export function programme(snapshot: Snapshot, inputs: ProgrammeInputs): DesiredProgramme {
  const { settings } = inputs;
  const global = snapshot.configurations.get('default');
  const own = snapshot.configurations.get(`node.${settings.peers.node}`);
  const family = (name: IpFamily): DesiredProgramme['ipv4'] => ({
    priority: settings.policy.priority[name],
    exports: { internal: inputs.exportPolicy(name, true), external: inputs.exportPolicy(name, false) },
    kernel: kernel(snapshot, inputs, name),
  });
  return {
    logLevel: logLevel(own?.logSeverityScreen ?? global?.logSeverityScreen),
    ignoredInterfaces: global?.ignoredInterfaces ?? [],
    ipv4: family('ipv4'),
    ipv6: family('ipv6'),
  };
}

/** Only debug and info are kept; without a word it is info (control-plane 1.2). */
function logLevel(severity: string | undefined): DesiredProgramme['logLevel'] {
  const level = (severity ?? 'info').toLowerCase();
  return level === 'debug' || level === 'info' ? level : 'none';
}

function kernel(snapshot: Snapshot, inputs: ProgrammeInputs, family: IpFamily): DesiredKernel {
  const { settings, pools } = inputs;
  const rejected = serviceRanges(settings.policy).filter((prefix) => prefix.family === family);
  return {
    rejected,
    wireguard: wireguardPeers(snapshot, settings.peers.node, family),
    pools: pools.filter((pool) => pool.cidr.family === family).flatMap((pool) => poolRule(pool, settings)),
  };
}

/** Service ranges are never programmed; Calico's own gap, single addresses and unaggregated ranges, only with compat (control-plane 4.1, 4.3). */
function serviceRanges({ service, compat }: PolicySettings): readonly Prefix[] {
  if (!compat) return [...service.clusterCIDRs, ...service.externalCIDRs, ...service.loadBalancerCIDRs];
  const wide = (prefix: Prefix): boolean => !isHostPrefix(prefix);
  const balanced = service.aggregation ? service.loadBalancerCIDRs : [];
  return [...service.clusterCIDRs, ...service.externalCIDRs.filter(wide), ...balanced.filter(wide)];
}

/** Traffic to nodes that also speak WireGuard goes through its device, which Felix routes (control-plane 5.4 (3)). */
function wireguardPeers(snapshot: Snapshot, own: string, family: IpFamily): readonly Address[] {
  if (snapshot.nodes.get(own)?.wireguard[family] === undefined) return [];
  return [...snapshot.nodes.values()]
    .filter((node) => node.ref.name !== own && node.wireguard[family] !== undefined)
    .sort((a, b) => (a.ref.name < b.ref.name ? -1 : 1))
    .flatMap((node) => node.bgp[family]?.address ?? []);
}

/** The matrix of control-plane 5.5; IPv6 knows rejects only, and IPv4 needs an own address. */
function poolRule(pool: IPPoolResource, settings: Settings): readonly DesiredPool[] {
  const rule = (verdict: 'accept' | 'reject', tunnel: DesiredPool['tunnel']): readonly DesiredPool[] => [
    { prefix: pool.cidr, verdict, tunnel, object: objectName(pool.ref) },
  ];
  const { clusterRoutes: mode } = settings;
  if (pool.cidr.family === 'ipv4' && settings.peers.own.ipv4 === undefined) return [];
  if (!ownsPool(pool, mode)) return rule('reject', 'never');
  if (pool.cidr.family === 'ipv6') return [];
  if (pool.ipipMode === 'Never' || !ownsIpip(mode)) return rule('accept', 'never');
  return rule('accept', pool.ipipMode === 'Always' ? 'always' : 'other-subnets');
}
