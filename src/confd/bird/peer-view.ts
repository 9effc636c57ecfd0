/** Sessions and their filters as the templates read them. A memory keeps what was made of a peer that is still the same object. Pure. */
import { formatAddress, type IpFamily } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { DesiredFamily, DesiredPeer } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import { peerFilterLines } from './export-text.ts';
import type { Direction } from './filter-text.ts';
import { identifier, passwordFault } from './names.ts';
import { peerIssue } from './peer-issue.ts';

/** One session. Texts are '' and numbers of seconds '' where BIRD's default holds. */
export interface PeerView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** Its family, as BIRD 2 calls it. */
  readonly channel: IpFamily;
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

/** A peer that is wanted but not started, with why. */
export interface LeftOut {
  readonly peer: DesiredPeer;
  readonly issue: Issue;
}

/** What every session of a family is told. */
export interface PeerSetting {
  readonly flavor: 'bird1' | 'bird2';
  readonly listenPort: number;
  /** '' = every address. */
  readonly listenAddress: string;
}

/** What sessions of a family are viewed with. */
export interface PeerContext {
  readonly family: IpFamily;
  readonly functionName: string;
  readonly exports: DesiredFamily['exports'];
  readonly setting: PeerSetting;
}

/** What was made of which peer under which setting; grows and shrinks with the peers themselves. */
export interface PeerMemory {
  readonly views: WeakMap<DesiredPeer, { readonly setting: string; readonly view: PeerView }>;
}

/** An empty memory. */
export function createPeerMemory(): PeerMemory {
  return { views: new WeakMap() };
}

/** The sessions of one family with the filters they use; peers that BIRD cannot be given are in `left`. */
export function viewPeers(
  peers: readonly DesiredPeer[],
  context: PeerContext,
  { views: known }: PeerMemory,
): { readonly views: readonly PeerView[]; readonly filters: readonly FilterView[]; readonly left: readonly LeftOut[] } {
  const { setting } = context;
  const key = JSON.stringify(setting);
  const filters = new FilterTable(context);
  const left: LeftOut[] = [];
  const views = peers.flatMap((peer) => {
    const fault = peerFault(peer);
    if (fault !== undefined) {
      left.push({ peer, issue: fault });
      return [];
    }
    filters.add(peer);
    const before = known.get(peer);
    if (before?.setting === key) return [before.view];
    const view = peerView(peer, setting);
    known.set(peer, { setting: key, view });
    return [view];
  });
  return { views, filters: filters.list(), left };
}

/** The filters that peers name, each once. */
class FilterTable {
  readonly #context: PeerContext;
  readonly #filters = new Map<string, FilterView>();
  readonly #seen = new Set<Policy>();
  readonly #seenKeeping = new Set<Policy>();

  constructor(context: PeerContext) {
    this.#context = context;
  }

  add(peer: DesiredPeer): void {
    this.#use(peer.importPolicy, 'import', false);
    this.#use(peer.exportPolicy, 'export', keepsGateway(peer, this.#context.setting));
  }

  list(): readonly FilterView[] {
    return [...this.#filters.values()];
  }

  #use(policy: Policy, direction: Direction, keep: boolean): void {
    const seen = keep ? this.#seenKeeping : this.#seen;
    if (seen.has(policy)) return;
    seen.add(policy);
    const name = filterName(policy, keep);
    if (this.#filters.has(name)) return;
    const { family, functionName, exports } = this.#context;
    const lines = peerFilterLines(policy, { direction, family, functionName, exports, gatewayAsNextHop: keep });
    this.#filters.set(name, { name, comment: policy.name, lines });
  }
}

function filterName(policy: Policy, keep: boolean): string {
  return identifier(`Policy_${policy.name.replace(/ /g, '_')}${keep ? '_keep' : ''}`);
}

/** BIRD 2 must be told the gateway of a route to an external peer whose next hops stay. */
function keepsGateway(peer: DesiredPeer, { flavor }: PeerSetting): boolean {
  return flavor === 'bird2' && peer.nextHop === 'keep' && !peer.internal;
}

function peerFault(peer: DesiredPeer): Issue | undefined {
  const fault = peer.password === undefined ? undefined : passwordFault(peer.password.reveal());
  if (fault === undefined) return undefined;
  const rule = `${fault}; the peer is not started`;
  return peerIssue(peer, { code: 'PEER_PASSWORD_UNUSABLE', field: 'spec.password', got: '[hidden]', rule });
}

function peerView(peer: DesiredPeer, setting: PeerSetting): PeerView {
  const { listenPort, listenAddress } = setting;
  const source = peer.source === undefined ? '' : formatAddress(peer.source);
  return {
    id: peer.id,
    name: identifier(peer.id),
    address: formatAddress(peer.address),
    channel: peer.address.family,
    port: peer.port,
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    source,
    local: source === '' ? listenAddress : source,
    listenPort,
    strictBind: listenAddress !== '',
    ttlSecurity: peer.ttlSecurity,
    importFilter: filterName(peer.importPolicy, false),
    exportFilter: filterName(peer.exportPolicy, keepsGateway(peer, setting)),
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
