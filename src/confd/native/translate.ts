/**
 * From the desired state of a node to the configuration of its speaker. Pure; a translator remembers what it made of which
 * entry, so that an entry that is the same object is not translated again. What this engine cannot do is refused by name
 * and the peer is not started (contracts.md, Behaviour decided).
 */
import type { Endpoint, LocalRoute, PeerConfig, SessionKind, SpeakerConfig } from 'bgp-ts';
import { prefixLimitOf } from 'bgp-ts';
import type { Address } from 'bgp-ts/net';
import { addressKey, numberFromAddress, parseAddress } from 'bgp-ts/net';
import type { Family } from 'bgp-ts/wire';
import type { AdvertisedRoute, Desired, DesiredPeer, EngineCapabilities } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import type { TransportMap } from './transport.ts';
import { unsupported } from './unsupported.ts';

/** Timers and choices of the sessions made from Calico resources. */
export interface SessionDefaults {
  /** Seconds proposed as hold time. */
  readonly holdTime: number;
  /** Seconds between connection attempts. */
  readonly connectRetryTime: number;
  /** Seconds before the first attempt. */
  readonly connectDelay: number;
  /** Seconds of graceful restart where no resource names them. */
  readonly restartTime: number;
  /** Several paths of a prefix (RFC 7911) also to peers that are told our own next hop for all of them. */
  readonly pathsToSelf: boolean;
  /** Sessions speak as BIRD 1.6 does where that is not what the RFCs say. */
  readonly birdDialect: boolean;
}

/** Ours: a dead node is noticed in 90 s (bgp-speaker 4.14), the first attempt is made at once. */
export const SESSION_DEFAULTS: SessionDefaults = {
  holdTime: 90,
  connectRetryTime: 5,
  connectDelay: 0,
  restartTime: 120,
  pathsToSelf: false,
  birdDialect: false,
};

/** What BIRD does under Calico (control-plane 2.5). */
export const CALICO_SESSION_DEFAULTS: SessionDefaults = {
  holdTime: 240,
  connectRetryTime: 5,
  connectDelay: 2,
  restartTime: 120,
  pathsToSelf: true,
  birdDialect: true,
};

/** What translation needs beside the desired state; from configuration. */
export interface TranslateOptions {
  readonly session: SessionDefaults;
  /** Families of a session: only that of the peer's address, as Calico's, or both. */
  readonly sessionFamilies: 'peer' | 'both';
  /** Overrides the port of the resources. */
  readonly listenPort: number | undefined;
  readonly transport: TransportMap;
  /** Prefixes of a family that a session of each kind may bring, 0: any number; a kind that is not named only warns at what is usual (bgp-speaker 4.11). */
  readonly maxPrefix?: { readonly [kind in SessionKind]?: number };
  /** What the engine can do as it runs here. Default NATIVE_CAPABILITIES. */
  readonly abilities?: EngineCapabilities;
}

/** A peer that is wanted but not started, with why. */
export interface HeldPeer {
  readonly peer: DesiredPeer;
  readonly issue: Issue;
}

/** A speaker's configuration and what could not be put into it; `issues` are this engine's own. */
export interface Translation {
  readonly config: SpeakerConfig;
  readonly held: readonly HeldPeer[];
  readonly issues: readonly Issue[];
}

/** Translates one desired state; equal entries by identity give identical results. */
export type Translator = (desired: Desired) => Translation;

/** Every address of a family. */
const UNSPECIFIED = { ipv4: { family: 'ipv4', words: [0, 0, 0, 0] }, ipv6: { family: 'ipv6', words: [0, 0, 0, 0] } } as const;

/** Makes a translator; it keeps a weak memory of the entries it saw. */
export function createTranslator(options: TranslateOptions): Translator {
  let peers = new WeakMap<DesiredPeer, PeerConfig | Issue>();
  const routes = new WeakMap<AdvertisedRoute, LocalRoute>();
  let memoryOf = '';
  return (desired) => {
    const own = `${ownAddresses(desired)} ${desired.clusterId ?? '-'}`;
    if (own !== memoryOf) peers = new WeakMap();
    memoryOf = own;
    const held: HeldPeer[] = [];
    const issues: Issue[] = [];
    const started: PeerConfig[] = [];
    for (const peer of desired.peers) {
      const entry = peer.heldBy ?? remembered(peers, peer, () => translatePeer(peer, desired, options));
      if (!isIssue(entry)) started.push(entry);
      else held.push({ peer, issue: entry });
      if (isIssue(entry) && peer.heldBy === undefined) issues.push(entry);
    }
    return {
      config: {
        routerId: routerIdNumber(desired.routerId),
        localAs: desired.asNumber,
        listen: listenEndpoints(desired, options),
        peers: started,
        routes: desired.advertise.map((route) => remembered(routes, route, () => translateRoute(route))),
      },
      held,
      issues,
    };
  };
}

function remembered<K extends object, V>(memory: WeakMap<K, V>, key: K, make: () => V): V {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make();
  memory.set(key, made);
  return made;
}

function isIssue(entry: PeerConfig | Issue): entry is Issue {
  return 'severity' in entry;
}

function ownAddresses(desired: Desired): string {
  return [desired.addresses.ipv4, desired.addresses.ipv6].map((address) => (address === undefined ? '-' : addressKey(address))).join(' ');
}

function routerIdNumber(text: string): number {
  const address = parseAddress(text);
  const value = address === undefined ? undefined : numberFromAddress(address);
  if (value === undefined) throw new Error(`router id ${JSON.stringify(text)} is not a dotted quad`);
  return value;
}

function translatePeer(peer: DesiredPeer, desired: Desired, options: TranslateOptions): PeerConfig | Issue {
  const refused = unsupported(peer, options.abilities);
  if (refused !== undefined) return refused;
  const source = peer.source === undefined ? undefined : (options.transport(peer.source)?.address ?? peer.source);
  return {
    id: peer.id,
    remote: options.transport(peer.address) ?? { address: peer.address, port: peer.port },
    ...(source === undefined ? {} : { local: source }),
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    families: sessionFamilies(peer, desired, options),
    passive: peer.passive,
    holdTime: options.session.holdTime,
    ...(peer.keepaliveTime === undefined ? {} : { keepaliveTime: peer.keepaliveTime }),
    connectRetryTime: options.session.connectRetryTime,
    connectDelay: options.session.connectDelay,
    reflectorClient: peer.reflectorClient,
    ...clusterOf(peer, desired),
    nextHop: peer.nextHop,
    nextHopSelf: nextHopSelf(peer, desired, options),
    importPolicy: peer.importPolicy,
    exportPolicy: peer.exportPolicy,
    allowLocalAs: peer.allowLocalAs,
    // As in BIRD: a route server, which does not put its AS into paths, is a peer like any other.
    enforceFirstAs: false,
    addPath: 'both',
    ...(options.session.birdDialect ? { dialect: 'bird-1.6' as const } : {}),
    ...(options.session.pathsToSelf || keepsNextHops(peer) ? {} : { addPathLimit: 1 }),
    gracefulRestart: { restartTime: peer.restartTime ?? options.session.restartTime },
    ...prefixLimitOf(sessionKind(peer), options.maxPrefix?.[sessionKind(peer)]),
    ...(peer.password === undefined ? {} : { md5Key: peer.password }),
    ...(peer.ttlSecurity === 0 ? {} : { ttlSecurity: peer.ttlSecurity }),
    reasons: peer.reasons,
  };
}

/** What a client sent goes to a peer that is none with the cluster's id too, so that no fellow of the cluster takes it back (RFC 4456 section 8). */
function clusterOf(peer: DesiredPeer, desired: Desired): { clusterId?: number } {
  const clusterId = peer.clusterId ?? (peer.internal ? desired.clusterId : undefined);
  return clusterId === undefined ? {} : { clusterId: routerIdNumber(clusterId) };
}

function sessionKind({ remoteAs, localAs, reflectorClient }: DesiredPeer): SessionKind {
  if (remoteAs !== localAs) return 'external';
  return reflectorClient ? 'client' : 'internal';
}

/** Where every path would lead to this node, the best one says it all (decision 0010). */
function keepsNextHops({ nextHop, remoteAs, localAs }: DesiredPeer): boolean {
  return nextHop === 'keep' || (nextHop === 'auto' && remoteAs === localAs);
}

/** Calico runs one BIRD a family, so its sessions carry only the family they run over (contracts.md, Behaviour decided). */
function sessionFamilies(peer: DesiredPeer, desired: Desired, options: TranslateOptions): readonly Family[] {
  const own: Family = peer.address.family === 'ipv4' ? 'ipv4-unicast' : 'ipv6-unicast';
  if (options.sessionFamilies === 'peer') return [own];
  const other: Family = own === 'ipv4-unicast' ? 'ipv6-unicast' : 'ipv4-unicast';
  const otherAddress = own === 'ipv4-unicast' ? desired.addresses.ipv6 : desired.addresses.ipv4;
  return otherAddress === undefined ? [own] : [own, other];
}

/**
 * NEXT_HOP self: the session's source address in its own family, the node's address in the other. Without a source the
 * connection's local address is right, as in BIRD, unless the session runs over a mapped address that is no next hop.
 */
function nextHopSelf(peer: DesiredPeer, desired: Desired, options: TranslateOptions): { ipv4?: Address; ipv6?: Address } {
  const mapped = options.transport(peer.address) !== undefined;
  const own = (family: 'ipv4' | 'ipv6'): Address | undefined =>
    peer.address.family === family && !mapped ? peer.source : (desired.addresses[family] ?? undefined);
  const [ipv4, ipv6] = [own('ipv4'), own('ipv6')];
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** Every address of the families in use unless bindMode names some (control-plane 2.5); mapped addresses exactly. */
function listenEndpoints(desired: Desired, options: TranslateOptions): readonly Endpoint[] {
  const port = options.listenPort ?? desired.listen.port;
  const own = [desired.addresses.ipv4, desired.addresses.ipv6].filter((address) => address !== undefined);
  const mapped = own.map(options.transport).filter((endpoint) => endpoint !== undefined);
  if (mapped.length > 0) return mapped;
  if (desired.listen.addresses.length > 0) return desired.listen.addresses.map((address) => ({ address, port }));
  const families = new Set(own.map((address) => address.family));
  return [...families].map((family) => ({ address: UNSPECIFIED[family], port }));
}

/** A prefix this node originates: a static route with itself as next hop. Its LOCAL_PREF is the export policy's business. */
function translateRoute(route: AdvertisedRoute): LocalRoute {
  return { prefix: route.prefix, protocol: 'static', reasons: route.reasons };
}
