/**
 * What the speaker's thread tells the health thread, as plain JSON-ready data: addresses and prefixes are text, absent is
 * null. The shapes match health/status.ts structurally (this folder does not import it; a test holds them together).
 */
import type { Endpoint, LocalRoute, PeerFamilyStatus, PeerStatus, SpeakerStatus } from 'bgp-ts';
import { addressFromNumber, formatAddress, formatPrefix, isUnspecified } from 'bgp-ts/net';
import type { Reason } from 'bgp-ts/policy';
import type { RouteView } from 'bgp-ts/rib';
import type { AsPathSegment, PathAttributes } from 'bgp-ts/wire';
import type { LocalFigures } from './learned-routes.ts';

/** Event-loop lateness since the last push, ms. */
export interface LoopFigures {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One wanted listening address; `error` says why it is not up. */
export interface ListenerFigures {
  readonly address: string;
  readonly port: number;
  readonly up: boolean;
  readonly error: string | null;
}

/** NOTIFICATIONs of one peer, counted from the speaker's events. */
export interface NotificationCounts {
  received: number;
  sent: number;
}

/** BGP Identifier or CLUSTER_ID as a dotted quad. */
export function quad(value: number): string {
  return formatAddress(addressFromNumber(value));
}

/** An endpoint with its address as text. */
function endpointView(endpoint: Endpoint): { readonly address: string; readonly port: number } {
  return { address: formatAddress(endpoint.address), port: endpoint.port };
}

const reasonsView = (reasons: readonly Reason[]): readonly Reason[] => reasons.map(({ object, rule }) => ({ object, rule }));

const familyView = (family: PeerFamilyStatus) => ({
  family: family.family,
  received: family.received,
  accepted: family.accepted,
  preferred: family.preferred,
  advertised: family.advertised,
  changes: family.changes,
  group: family.group,
  lag: family.lag,
  slow: family.slow,
  endOfRibReceived: family.endOfRibReceived,
  maxPrefix: family.maxPrefix ?? null,
  maxPrefixOut: family.maxPrefixOut ?? null,
});

/** One peer for status output. */
export function peerView(peer: PeerStatus, notifications: NotificationCounts | undefined) {
  return {
    id: peer.id,
    remote: endpointView(peer.remote),
    local: peer.local === undefined ? null : endpointView(peer.local),
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    remoteId: peer.remoteId === undefined ? null : quad(peer.remoteId),
    type: peer.type,
    reflectorClient: peer.reflectorClient,
    passive: peer.passive,
    state: peer.state,
    since: peer.since,
    flaps: peer.flaps,
    holdTime: peer.holdTime,
    keepaliveTime: peer.keepaliveTime,
    lastErrorSent: peer.lastErrorSent ?? null,
    lastErrorReceived: peer.lastErrorReceived ?? null,
    nextRetryAt: peer.nextRetryAt ?? null,
    adminDown: peer.adminDown,
    heldBack: peer.heldBack ?? null,
    range: peer.range ?? null,
    draining: peer.draining,
    diagnosis: peer.diagnosis ?? null,
    capabilities: peer.capabilities,
    families: peer.families.map(familyView),
    messagesReceived: peer.messagesReceived,
    messagesSent: peer.messagesSent,
    updatesReceived: peer.updatesReceived,
    updatesSent: peer.updatesSent,
    notificationsReceived: notifications?.received ?? 0,
    notificationsSent: notifications?.sent ?? 0,
    reasons: reasonsView(peer.reasons),
  };
}

/** What a speaker looks like between two pushes; produced by `createPushes`. */
export type PeerJson = ReturnType<typeof peerView>;

/** The speaker's sign of life. */
export interface Push {
  readonly pushedAt: number;
  readonly routerId: string;
  readonly localAs: number;
  readonly listeners: readonly ListenerFigures[];
  readonly peers: { readonly complete: boolean; readonly upsert: readonly PeerJson[]; readonly remove: readonly string[] };
  readonly prefixes: SpeakerStatus['prefixes'];
  readonly paths: SpeakerStatus['paths'];
  readonly attributeSets: number;
  readonly locals?: LocalFigures;
  readonly groups: SpeakerStatus['groups'];
  readonly work: SpeakerStatus['work'];
  readonly ranges: readonly { readonly id: string; readonly peers: number; readonly limit: number }[];
  readonly deferring: boolean;
  readonly memoryUsed: number;
  readonly loop: LoopFigures;
}

/** What a push is made of, beside the speaker's status. */
export interface PushParts {
  readonly now: number;
  readonly status: SpeakerStatus;
  readonly listeners: readonly ListenerFigures[];
  readonly notifications: ReadonlyMap<string, NotificationCounts>;
  readonly locals?: LocalFigures;
  readonly loop: LoopFigures;
}

/** Makes pushes that name only the peers that changed since the one before; `restart` makes the next one complete. */
export interface Pushes {
  next(parts: PushParts): Push;
  restart(): void;
}

/** What of a peer was pushed last: cheap to compare, so that thousands of quiet peers cost a push next to nothing. */
interface Pushed {
  readonly mark: string;
  readonly reasons: readonly Reason[];
}

/** Milliseconds within which two readings of a future time are the same one. */
const RETRY_GRAIN_MS = 100;

/** Everything of a peer that can change, in one short text. */
function markOf(peer: PeerStatus, notifications: NotificationCounts | undefined): string {
  const { remote, local, lastErrorSent, lastErrorReceived, nextRetryAt } = peer;
  const retry = nextRetryAt === undefined ? 0 : Math.round(nextRetryAt / RETRY_GRAIN_MS);
  const identity = `${remote.port} ${remote.address.words.join()} ${local?.port} ${peer.remoteAs} ${peer.localAs} ${peer.remoteId} ${peer.passive} ${peer.reflectorClient}`;
  const session = `${peer.state} ${peer.since} ${peer.flaps} ${peer.holdTime} ${peer.keepaliveTime} ${peer.adminDown} ${peer.heldBack} ${peer.draining} ${peer.diagnosis} ${retry} ${peer.capabilities.length}`;
  const errors = `${lastErrorSent?.at} ${lastErrorReceived?.at} ${notifications?.received} ${notifications?.sent}`;
  const messages = `${peer.messagesReceived} ${peer.messagesSent} ${peer.updatesReceived} ${peer.updatesSent}`;
  const families = peer.families.map(
    (f) =>
      `${f.family} ${f.received} ${f.accepted} ${f.preferred} ${f.advertised} ${f.group} ${f.lag} ${f.slow} ${f.endOfRibReceived} ${f.changes.exportRejected} ${f.changes.exportFiltered}`,
  );
  return [identity, session, errors, messages, ...families].join('|');
}

/** Begins a series of pushes; the first is complete. */
export function createPushes(): Pushes {
  let sent: Map<string, Pushed> | undefined;
  return {
    restart: () => {
      sent = undefined;
    },
    next: ({ now, status, listeners, notifications, locals, loop }) => {
      const complete = sent === undefined;
      const former = sent ?? new Map<string, Pushed>();
      const upsert: PeerJson[] = [];
      const current = new Map<string, Pushed>();
      for (const peer of status.peers) {
        const counts = notifications.get(peer.id);
        const mark = markOf(peer, counts);
        const before = former.get(peer.id);
        if (before?.mark !== mark || before.reasons !== peer.reasons) upsert.push(peerView(peer, counts));
        current.set(peer.id, { mark, reasons: peer.reasons });
      }
      const remove = [...former.keys()].filter((id) => !current.has(id));
      sent = current;
      return {
        pushedAt: now,
        routerId: status.routerId === 0 ? '' : quad(status.routerId),
        localAs: status.localAs,
        listeners,
        peers: { complete, upsert, remove },
        prefixes: status.prefixes,
        paths: status.paths,
        attributeSets: status.attributeSets,
        ...(locals === undefined ? {} : { locals }),
        groups: status.groups,
        work: status.work,
        ranges: status.ranges.map(({ id, peers, limit }) => ({ id, peers, limit })),
        deferring: status.deferring,
        memoryUsed: status.memoryUsed,
        loop,
      };
    },
  };
}

/** One path as JSON: attributes as text, absent ones left out. */
export function routeView(route: RouteView, own?: LocalRoute) {
  return {
    prefix: formatPrefix(route.prefix),
    from: route.from,
    best: route.best,
    accepted: route.accepted,
    stale: route.stale,
    ...(route.pathId === undefined ? {} : { pathId: route.pathId }),
    ...attributesView(route.attributes),
    ...(own === undefined ? {} : ownView(own)),
    at: route.at,
    reasons: reasonsView(route.reasons),
  };
}

/** Where an own route comes from. */
function ownView({ protocol, interface: name, metric }: LocalRoute) {
  return { protocol, ...(name === undefined ? {} : { interface: name }), ...(metric === undefined ? {} : { metric }) };
}

/** A route as JSON. */
export type RouteText = ReturnType<typeof routeView>;

function attributesView(attributes: PathAttributes) {
  return {
    // An own route says `self` until a session gives it an address.
    nextHop: isUnspecified(attributes.nextHop) ? null : formatAddress(attributes.nextHop),
    origin: attributes.origin,
    asPath: formatAsPath(attributes.asPath),
    ...(attributes.localPref === undefined ? {} : { localPref: attributes.localPref }),
    ...(attributes.med === undefined ? {} : { med: attributes.med }),
    ...(attributes.communities === undefined ? {} : { communities: attributes.communities.map(formatCommunity) }),
    ...(attributes.extendedCommunities === undefined ? {} : { extendedCommunities: attributes.extendedCommunities }),
    ...(attributes.largeCommunities === undefined ? {} : { largeCommunities: attributes.largeCommunities.map((parts) => parts.join(':')) }),
    ...(attributes.originatorId === undefined ? {} : { originatorId: quad(attributes.originatorId) }),
    ...(attributes.clusterList === undefined ? {} : { clusterList: attributes.clusterList.map(quad) }),
  };
}

/** RFC 1997: high half, colon, low half. */
export function formatCommunity(value: number): string {
  return `${value >>> 16}:${value & 0xffff}`;
}

const SEGMENT_BRACKETS = { sequence: ['', ''], set: ['{', '}'], 'confed-sequence': ['(', ')'], 'confed-set': ['[', ']'] } as const;

/** AS numbers separated by spaces; sets in braces with commas, confederation segments in round and square brackets. */
export function formatAsPath(path: readonly AsPathSegment[]): string {
  return path
    .map(({ type, asns }) => {
      const [open, close] = SEGMENT_BRACKETS[type];
      return `${open}${asns.join(type === 'set' || type === 'confed-set' ? ',' : ' ')}${close}`;
    })
    .join(' ');
}
