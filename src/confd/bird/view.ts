/**
 * The desired state as the one view model that the templates of both flavours read: plain objects in which every field is
 * always there (an absent value is '', false or an empty list), because templates treat an unknown name as an error. Pure.
 */
import { formatAddress, formatPrefix, type IpFamily } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { Desired, DesiredFamily, DesiredPeer, DesiredProgramme } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import { exportFunctionLines, peerFilterLines } from './export-text.ts';
import type { Direction } from './filter-text.ts';
import { type KernelView, kernelView } from './kernel-view.ts';
import { identifier, passwordFault } from './names.ts';
import { peerIssue } from './peer-issue.ts';

/** What the BIRD at hand is told beside the desired state; from configuration. */
export interface ViewOptions {
  /** Seconds proposed as hold time; absent: BIRD's own 240, as Calico's nodes do. */
  readonly holdTime?: number;
  /** Seconds that a restarted BIRD waits for its neighbours before it announces anything; absent: BIRD's own 240. */
  readonly recoveryWait?: number;
  /** Port to listen on instead of the resources' one. */
  readonly listenPort?: number;
}

/** One session. Texts are '' and numbers of seconds '' where BIRD's default holds. */
export interface PeerView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly remoteAs: number;
  readonly localAs: number;
  /** Own address of the session, '' = chosen by the kernel. */
  readonly source: string;
  /** Own address for a daemon that listens per session: `source`, or the only address to listen on. */
  readonly local: string;
  readonly listenPort: number;
  readonly strictBind: boolean;
  /** Hops of TTL security, 0 = off. */
  readonly ttlSecurity: number;
  readonly importFilter: string;
  readonly exportFilter: string;
  readonly passive: boolean;
  readonly reflectorClient: boolean;
  readonly clusterId: string;
  readonly nextHopSelf: boolean;
  readonly nextHopKeep: boolean;
  readonly password: string;
  readonly restartTime: string;
  readonly keepaliveTime: string;
  readonly allowLocalAs: number;
}

/** A filter by name, its statements line by line. */
export interface FilterView {
  readonly name: string;
  readonly comment: string;
  readonly lines: readonly string[];
}

/** A route that BIRD originates or installs. `gateway` '' = blackhole. */
export interface StaticView {
  readonly prefix: string;
  readonly gateway: string;
}

/** One address family; `enabled` false where the node has no address in it. */
export interface FamilyView {
  readonly family: IpFamily;
  /** 4 or 6. */
  readonly digit: string;
  readonly enabled: boolean;
  /** Address to listen on, '' = every one. */
  readonly listenAddress: string;
  readonly statics: readonly StaticView[];
  readonly kernel: KernelView;
  /** Name and body of the function with the export steps that every peer shares. */
  readonly exportFunction: FilterView;
  readonly filters: readonly FilterView[];
  readonly peers: readonly PeerView[];
}

/** Everything a template can say. */
export interface BirdView {
  readonly node: string;
  readonly routerId: string;
  readonly asNumber: number;
  readonly holdTime: string;
  readonly recoveryWait: string;
  readonly listenPort: number;
  /** True where `listen` has to be said at all: another port than 179, or one address. */
  readonly listens: boolean;
  readonly debugAll: boolean;
  readonly debugStates: boolean;
  readonly ignoredInterfaces: readonly string[];
  readonly ipv4: FamilyView;
  readonly ipv6: FamilyView;
}

/** A peer that is wanted but not started, with why. */
export interface LeftOut {
  readonly peer: DesiredPeer;
  readonly issue: Issue;
}

/** The view and what could not be put into it. */
export interface Viewed {
  readonly view: BirdView;
  /** Peers of it that BIRD could not be given. */
  readonly left: readonly LeftOut[];
  /** Everything else. */
  readonly issues: readonly Issue[];
}

const NO_POLICY: Policy = { name: 'none', terms: [], otherwise: 'reject' };
const NO_FAMILY: DesiredFamily = {
  priority: 1024,
  exports: { internal: NO_POLICY, external: NO_POLICY },
  kernel: { rejected: [], wireguard: [], pools: [] },
};
const NO_PROGRAMME: DesiredProgramme = { logLevel: 'info', ignoredInterfaces: [], ipv4: NO_FAMILY, ipv6: NO_FAMILY };

/** Builds the view. A peer that BIRD could not be given is left out and named by an issue; `flavor` 'bird2' has both families in one daemon. */
export function buildView(desired: Desired, flavor: 'bird1' | 'bird2', options: ViewOptions): Viewed {
  const issues: Issue[] = [];
  const left: LeftOut[] = [];
  const programme = desired.programme ?? NO_PROGRAMME;
  const listenPort = options.listenPort ?? desired.listen.port;
  const family = (name: IpFamily): FamilyView =>
    familyView({ desired, programme: programme[name], family: name, flavor, listenPort, issues, left });
  const view: BirdView = {
    node: desired.node,
    routerId: desired.routerId,
    asNumber: desired.asNumber,
    holdTime: options.holdTime === undefined ? '' : String(options.holdTime),
    recoveryWait: options.recoveryWait === undefined ? '' : String(options.recoveryWait),
    listenPort,
    listens: listenPort !== 179 || desired.listen.addresses.length > 0,
    debugAll: programme.logLevel === 'debug',
    debugStates: programme.logLevel === 'info',
    ignoredInterfaces: [...programme.ignoredInterfaces, 'cali*', 'kube-ipvs*'],
    ipv4: family('ipv4'),
    ipv6: family('ipv6'),
  };
  return { view, issues, left };
}

interface FamilyParts {
  readonly desired: Desired;
  readonly programme: DesiredFamily;
  readonly family: IpFamily;
  readonly flavor: 'bird1' | 'bird2';
  readonly listenPort: number;
  readonly issues: Issue[];
  readonly left: LeftOut[];
}

function familyView(parts: FamilyParts): FamilyView {
  const { desired, programme, family, flavor, issues, left } = parts;
  const digit = family === 'ipv4' ? '4' : '6';
  const enabled = desired.addresses[family] !== undefined;
  const listen = desired.listen.addresses.find((address) => address.family === family);
  const functionName = flavor === 'bird1' ? 'calico_export_to_bgp_peers' : `calico_export_to_bgp_peers_v${digit}`;
  const filters = new Map<string, FilterView>();
  const peers = !enabled ? [] : desired.peers.filter((peer) => peer.address.family === family && peer.heldBy === undefined);
  const views = peers.flatMap((peer) => {
    const fault = peerFault(peer);
    if (fault !== undefined) left.push({ peer, issue: fault });
    return fault === undefined ? [peerView(peer, parts, filters, functionName)] : [];
  });
  return {
    family,
    digit,
    enabled,
    listenAddress: listen === undefined ? '' : formatAddress(listen),
    statics: enabled ? staticViews(desired, family) : [],
    kernel: kernelView(desired, programme, family, issues),
    exportFunction: { name: functionName, comment: 'every peer', lines: exportFunctionLines(programme.exports, family) },
    filters: [...filters.values()],
    peers: views,
  };
}

function staticViews(desired: Desired, family: IpFamily): readonly StaticView[] {
  const routes = new Map<string, StaticView>();
  for (const { id, prefix } of desired.advertise)
    if (prefix.family === family) routes.set(id, { prefix: formatPrefix(prefix), gateway: '' });
  for (const { id, prefix, gateway } of desired.install) {
    if (prefix.family === family)
      routes.set(id, { prefix: formatPrefix(prefix), gateway: gateway === undefined ? '' : formatAddress(gateway) });
  }
  return [...routes.values()];
}

function peerFault(peer: DesiredPeer): Issue | undefined {
  const fault = peer.password === undefined ? undefined : passwordFault(peer.password.reveal());
  if (fault === undefined) return undefined;
  return peerIssue(peer, {
    code: 'PEER_PASSWORD_UNUSABLE',
    field: 'spec.password',
    got: '[hidden]',
    rule: `${fault}; the peer is not started`,
  });
}

function peerView(peer: DesiredPeer, parts: FamilyParts, filters: Map<string, FilterView>, functionName: string): PeerView {
  const { desired, family, listenPort } = parts;
  const gatewayAsNextHop = parts.flavor === 'bird2' && peer.nextHop === 'keep' && !peer.internal;
  const context = { family, functionName, exports: parts.programme.exports };
  const filter = (policy: Policy, direction: Direction): string => {
    const keep = gatewayAsNextHop && direction === 'export';
    const name = identifier(`Policy_${policy.name.replace(/ /g, '_')}${keep ? '_keep' : ''}`);
    const lines = filters.get(name)?.lines ?? peerFilterLines(policy, { ...context, direction, gatewayAsNextHop: keep });
    filters.set(name, { name, comment: policy.name, lines });
    return name;
  };
  const listen = desired.listen.addresses.find((address) => address.family === family);
  const source = peer.source === undefined ? '' : formatAddress(peer.source);
  return {
    id: peer.id,
    name: identifier(peer.id),
    address: formatAddress(peer.address),
    port: peer.port,
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    source,
    local: source === '' && listen !== undefined ? formatAddress(listen) : source,
    listenPort,
    strictBind: listen !== undefined,
    ttlSecurity: peer.ttlSecurity,
    importFilter: filter(peer.importPolicy, 'import'),
    exportFilter: filter(peer.exportPolicy, 'export'),
    passive: peer.passive,
    reflectorClient: peer.reflectorClient,
    clusterId: peer.clusterId ?? '',
    nextHopSelf: peer.nextHop === 'self',
    nextHopKeep: peer.nextHop === 'keep',
    password: peer.password?.reveal() ?? '',
    restartTime: peer.restartTime === undefined ? '' : String(peer.restartTime),
    keepaliveTime: peer.keepaliveTime === undefined ? '' : String(peer.keepaliveTime),
    allowLocalAs: peer.allowLocalAs,
  };
}
