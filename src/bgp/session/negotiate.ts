/**
 * What two OPENs agree on (RFC 4271 section 6.2, RFC 5492, and the RFC of each capability), as one function of the local
 * offer and the peer's message. Only what works end to end is ever offered.
 */

import type { Capabilities, Family, NotificationMessage, OpenMessage, Result } from '../wire/index.ts';
import { AS_TRANS, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, notificationFor } from '../wire/index.ts';

/** What this side puts into its OPEN for one peer. Times in seconds, numbers unsigned. */
export interface LocalOffer {
  readonly localAs: number;
  readonly remoteAs: number;
  readonly routerId: number;
  readonly holdTime: number;
  readonly keepaliveTime: number | undefined;
  readonly families: readonly Family[];
  readonly addPath: 'off' | 'receive' | 'send' | 'both';
  /** IPv4 routes with IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Absent: the capability is not sent. `longLivedStaleTime`, seconds: that of RFC 9494 too. `restarting` is the R bit, `forwarding` the F bit of every family (RFC 4724 section 3). */
  readonly gracefulRestart:
    | { readonly restartTime: number; readonly restarting: boolean; readonly forwarding: boolean; readonly longLivedStaleTime?: number }
    | undefined;
  /** Capabilities as BIRD 1.6 sends them: no extended messages, an empty long-lived graceful restart, no N bit (bird-behaviour, start-up). */
  readonly dialect?: 'bird-1.6';
  /** True after a peer refused the OPEN for its optional parameters (RFC 5492 section 3): none are sent. */
  readonly plain: boolean;
}

/** What holds for a session once both OPENs are known. */
export interface Negotiated {
  readonly external: boolean;
  readonly remoteId: number;
  readonly families: readonly Family[];
  /** Seconds; 0: neither hold timer nor keepalives. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessage: boolean;
  readonly maxMessage: number;
  readonly addPathReceive: readonly Family[];
  readonly addPathSend: readonly Family[];
  /** Families whose routes may have IPv6 next hops, both ways: IPv4 unicast or none (RFC 8950 section 4). */
  readonly extendedNextHop: readonly Family[];
  /** Present where both sides sent the capability. */
  readonly gracefulRestart: PeerRestart | undefined;
  /** Families of the peer's long-lived graceful restart that we share; empty where one side did not send it. `staleTime` in seconds. */
  readonly longLived: readonly LongLivedFamily[];
}

/** One family of long-lived graceful restart (RFC 9494 section 3). */
export interface LongLivedFamily {
  readonly family: Family;
  readonly forwarding: boolean;
  /** Seconds, 0 to 2^24-1. */
  readonly staleTime: number;
}

/** The peer's side of graceful restart. `restartTime` in seconds; `families` those it can restart and we share; `notification` its N bit (RFC 8538). */
export interface PeerRestart {
  readonly restarting: boolean;
  readonly notification: boolean;
  readonly restartTime: number;
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
}

/** The capabilities of our OPEN. */
export function localCapabilities(offer: LocalOffer): Capabilities {
  if (offer.plain) {
    return { families: [], multiprotocol: false, routeRefresh: false, enhancedRouteRefresh: false, extendedMessage: false, unknown: [] };
  }
  const restart = offer.gracefulRestart;
  const mode = offer.addPath;
  return {
    families: offer.families,
    multiprotocol: true,
    fourOctetAs: offer.localAs,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessage: offer.dialect === undefined,
    ...(restart === undefined
      ? {}
      : {
          gracefulRestart: {
            restarting: restart.restarting,
            // RFC 8538 section 2: what ends a session without resetting it hard is survived like a lost connection.
            notification: offer.dialect === undefined,
            restartTime: restart.restartTime,
            families: offer.families.map((family) => ({ family, forwarding: restart.forwarding })),
          },
        }),
    ...(restart?.longLivedStaleTime === undefined
      ? offer.dialect === undefined
        ? {}
        : { longLivedGracefulRestart: [] }
      : {
          longLivedGracefulRestart: offer.families.map((family) => ({
            family,
            forwarding: restart.forwarding,
            staleTime: restart.longLivedStaleTime ?? 0,
          })),
        }),
    ...(offersExtendedNextHop(offer) ? { extendedNextHop: [{ family: 'ipv4-unicast', nextHop: 'ipv6' }] } : {}),
    ...(mode === 'off' ? {} : { addPath: offer.families.map((family) => ({ family, mode })) }),
    unknown: [],
  };
}

/** Our OPEN (RFC 4271 section 4.2). */
export function localOpen(offer: LocalOffer): OpenMessage {
  return {
    type: 'open',
    version: 4,
    myAs: offer.localAs > 0xffff ? AS_TRANS : offer.localAs,
    holdTime: offer.holdTime,
    bgpId: offer.routerId,
    capabilities: localCapabilities(offer),
  };
}

/** The peer's AS: the capability's where it was sent (RFC 6793 section 4.2.2). */
export function openAs(open: OpenMessage): number {
  return open.capabilities.fourOctetAs ?? open.myAs;
}

/**
 * Checks the peer's OPEN in the order of RFC 4271 section 6.2 and returns what holds from now on, or the NOTIFICATION to
 * send: 2/1 version, 2/2 peer AS, 2/6 hold time of 1 or 2 s, 2/3 BGP identifier 0 or our own within one AS (RFC 6286), 2/7
 * no address family in common (data: the capabilities missed, RFC 5492 section 5).
 */
export function negotiate(offer: LocalOffer, open: OpenMessage): Result<Negotiated, NotificationMessage> {
  const fault = openFault(offer, open);
  if (fault !== undefined) return { ok: false, error: fault };
  const theirs = open.capabilities;
  const families = commonFamilies(offer, theirs);
  if (families.length === 0)
    return { ok: false, error: notificationFor({ code: 'OPEN_UNSUPPORTED_CAPABILITY', data: multiprotocolCapabilities(offer.families) }) };
  const holdTime = Math.min(offer.holdTime, open.holdTime);
  const extendedMessage = theirs.extendedMessage && !offer.plain && offer.dialect === undefined;
  return {
    ok: true,
    value: {
      external: offer.localAs !== offer.remoteAs,
      remoteId: open.bgpId,
      families,
      holdTime,
      keepaliveTime: keepaliveSeconds(offer, holdTime),
      fourOctetAs: theirs.fourOctetAs !== undefined && !offer.plain,
      routeRefresh: theirs.routeRefresh && !offer.plain,
      enhancedRouteRefresh: theirs.enhancedRouteRefresh && !offer.plain,
      extendedMessage,
      maxMessage: extendedMessage ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE,
      addPathReceive: addPathFamilies(offer, families, theirs, 'receive'),
      addPathSend: addPathFamilies(offer, families, theirs, 'send'),
      extendedNextHop: extendedNextHops(offer, families, theirs),
      gracefulRestart: peerRestart(offer, families, theirs),
      longLived: peerLongLived(offer, families, theirs),
    },
  };
}

/** Seconds between keepalives under a hold time: a third of it, or less where so configured; 0 without hold time. */
export function keepaliveSeconds({ keepaliveTime }: Pick<LocalOffer, 'keepaliveTime'>, holdTime: number): number {
  return Math.min(keepaliveTime ?? Infinity, holdTime / 3);
}

function openFault(offer: LocalOffer, open: OpenMessage): NotificationMessage | undefined {
  if (open.version !== 4) return notificationFor({ code: 'OPEN_UNSUPPORTED_VERSION', data: Uint8Array.of(0, 4) });
  const as = openAs(open);
  if (as === 0 || open.myAs === 0 || as !== offer.remoteAs) return notificationFor({ code: 'OPEN_BAD_PEER_AS' });
  if (open.holdTime === 1 || open.holdTime === 2) return notificationFor({ code: 'OPEN_UNACCEPTABLE_HOLD_TIME' });
  // RFC 6286 section 2.3: zero is never legal; equal identifiers are an error inside one AS only.
  if (open.bgpId === 0 || (open.bgpId === offer.routerId && offer.localAs === offer.remoteAs))
    return notificationFor({ code: 'OPEN_BAD_BGP_ID' });
  return undefined;
}

function commonFamilies(offer: LocalOffer, theirs: Capabilities): Family[] {
  // RFC 4760 section 8: without the capability on either side, IPv4 unicast is implied.
  if (!theirs.multiprotocol || offer.plain) return offer.families.filter((family) => family === 'ipv4-unicast');
  return offer.families.filter((family) => theirs.families.includes(family));
}

/** RFC 7911 section 4: we receive path ids where we offered to receive and the peer to send, and the other way round. */
function addPathFamilies(offer: LocalOffer, families: readonly Family[], theirs: Capabilities, direction: 'receive' | 'send'): Family[] {
  if (offer.plain || (offer.addPath !== 'both' && offer.addPath !== direction)) return [];
  const wanted = direction === 'receive' ? 'send' : 'receive';
  return families.filter(
    (family) => theirs.addPath?.some((entry) => entry.family === family && (entry.mode === 'both' || entry.mode === wanted)) ?? false,
  );
}

function offersExtendedNextHop({ extendedNextHop, families }: LocalOffer): boolean {
  return extendedNextHop && families.includes('ipv4-unicast');
}

/** RFC 8950 section 4: only where both sides sent the capability for the family. */
function extendedNextHops(offer: LocalOffer, families: readonly Family[], theirs: Capabilities): Family[] {
  if (offer.plain || !offersExtendedNextHop(offer)) return [];
  return families.filter((family) => theirs.extendedNextHop?.some((entry) => entry.family === family) ?? false);
}

function peerRestart(offer: LocalOffer, families: readonly Family[], theirs: Capabilities): PeerRestart | undefined {
  const restart = theirs.gracefulRestart;
  if (restart === undefined || offer.gracefulRestart === undefined || offer.plain) return undefined;
  return {
    restarting: restart.restarting,
    notification: restart.notification,
    restartTime: restart.restartTime,
    families: restart.families.filter((entry) => families.includes(entry.family)),
  };
}

/** RFC 9494 section 4.2: without the graceful restart capability beside it, the long-lived one is ignored. */
function peerLongLived(offer: LocalOffer, families: readonly Family[], theirs: Capabilities): readonly LongLivedFamily[] {
  const usable = offer.gracefulRestart?.longLivedStaleTime !== undefined && !offer.plain && theirs.gracefulRestart !== undefined;
  return usable ? (theirs.longLivedGracefulRestart ?? []).filter((entry) => families.includes(entry.family)) : [];
}

/** Multiprotocol capabilities as the data field of 2/7 wants them: code, length, AFI, reserved, SAFI each. */
function multiprotocolCapabilities(families: readonly Family[]): Uint8Array {
  return Uint8Array.from(families.flatMap((family) => [1, 4, 0, family === 'ipv4-unicast' ? 1 : 2, 0, 1]));
}

/** Names of what a session negotiated, for status: RFC numbers beside the name, sorted as listed here. */
export function capabilityNames(agreed: Negotiated): string[] {
  const names: [boolean, string][] = [
    [true, `families ${agreed.families.join(', ')} (RFC 4760)`],
    [agreed.fourOctetAs, '4-octet AS (RFC 6793)'],
    [agreed.routeRefresh, 'route refresh (RFC 2918)'],
    [agreed.enhancedRouteRefresh, 'enhanced route refresh (RFC 7313)'],
    [agreed.extendedMessage, 'extended messages (RFC 8654)'],
    [agreed.extendedNextHop.length > 0, 'IPv6 next hops of IPv4 routes (RFC 8950)'],
    [agreed.gracefulRestart !== undefined, 'graceful restart (RFC 4724)'],
    [agreed.gracefulRestart?.notification === true, 'graceful restart after NOTIFICATION (RFC 8538)'],
    [agreed.longLived.length > 0, 'long-lived graceful restart (RFC 9494)'],
    [agreed.addPathReceive.length > 0, 'add-path receive (RFC 7911)'],
    [agreed.addPathSend.length > 0, 'add-path send (RFC 7911)'],
  ];
  return names.filter(([has]) => has).map(([, name]) => name);
}
