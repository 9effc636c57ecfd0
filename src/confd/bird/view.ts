/**
 * The desired state as the one view model that the templates of both flavours read: plain objects in which every field is
 * always there (an absent value is '', false or an empty list), because templates treat an unknown name as an error. Pure.
 */
import { formatAddress, formatPrefix, type IpFamily } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { Desired, DesiredFamily, DesiredProgramme } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import { exportFunctionLines } from './export-text.ts';
import { type KernelView, kernelView } from './kernel-view.ts';
import {
  createPeerMemory,
  type FilterView,
  type LeftOut,
  type PeerMemory,
  type PeerSetting,
  type PeerView,
  viewPeers,
} from './peer-view.ts';

/** What the BIRD at hand is told beside the desired state; from configuration. */
export interface ViewOptions {
  /** Seconds proposed as hold time; absent: BIRD's own 240, as Calico's nodes do. */
  readonly holdTime?: number;
  /** Seconds that a restarted BIRD waits for its neighbours before it announces anything; absent: BIRD's own 240. */
  readonly recoveryWait?: number;
  /** Port to listen on instead of the resources' one. */
  readonly listenPort?: number;
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
export function buildView(desired: Desired, flavor: 'bird1' | 'bird2', options: ViewOptions, memory = createPeerMemory()): Viewed {
  const issues: Issue[] = [];
  const left: LeftOut[] = [];
  const programme = desired.programme ?? NO_PROGRAMME;
  const listenPort = options.listenPort ?? desired.listen.port;
  const family = (name: IpFamily): FamilyView =>
    familyView({ desired, programme: programme[name], family: name, flavor, listenPort, issues, left, memory });
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
  readonly memory: PeerMemory;
}

/** What every session of a family is told. */
function settingOf({ desired, family, flavor, listenPort }: FamilyParts): PeerSetting {
  const listen = desired.listen.addresses.find((address) => address.family === family);
  return { flavor, listenPort, listenAddress: listen === undefined ? '' : formatAddress(listen) };
}

function familyView(parts: FamilyParts): FamilyView {
  const { desired, programme, family, flavor, issues, left } = parts;
  const digit = family === 'ipv4' ? '4' : '6';
  const enabled = desired.addresses[family] !== undefined;
  const { listenAddress } = settingOf(parts);
  const functionName = flavor === 'bird1' ? 'calico_export_to_bgp_peers' : `calico_export_to_bgp_peers_v${digit}`;
  const peers = !enabled ? [] : desired.peers.filter((peer) => peer.address.family === family && peer.heldBy === undefined);
  const found = viewPeers(peers, { family, functionName, exports: programme.exports, setting: settingOf(parts) }, parts.memory);
  left.push(...found.left);
  return {
    family,
    digit,
    enabled,
    listenAddress,
    statics: enabled ? staticViews(desired, family) : [],
    kernel: kernelView(desired, programme, family, issues),
    exportFunction: { name: functionName, comment: 'every peer', lines: exportFunctionLines(programme.exports, family) },
    filters: found.filters,
    peers: found.views,
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
