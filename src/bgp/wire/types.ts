/**
 * What crosses the border between octets and the rest of the library. Decoders never throw on peer input: expected bad
 * input is a value (`Result`, `AttributeFault`). Encoders trust their typed input.
 */
import type { Address, Prefix } from '../net/types.ts';

/** Address families this speaker carries (RFC 4760; AFI 1 or 2, SAFI 1). */
export type Family = 'ipv4-unicast' | 'ipv6-unicast';

/** Expected failure as a value: `value` where `ok`, else `error`. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** One row of the IANA error code registries; `data` is the NOTIFICATION's data field. Built only by `notificationFor` and the FSM table. */
export interface NotificationMessage {
  readonly type: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** A message that cannot be accepted; `notification` is what RFC 4271 section 6 wants sent back. */
export interface DecodeError {
  readonly code: string;
  readonly detail: string;
  readonly notification: NotificationMessage;
}

/** Capabilities as received or to be sent (RFC 5492 and the RFC of each). Unknown codes are kept for status output. */
export interface Capabilities {
  readonly families: readonly Family[];
  /** True where the peer sent at least one multiprotocol capability (absent: IPv4 unicast is implied, RFC 4760 section 8). */
  readonly multiprotocol: boolean;
  readonly fourOctetAs?: number;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessage: boolean;
  readonly gracefulRestart?: {
    readonly restarting: boolean;
    readonly notification: boolean;
    /** Seconds, 0-4095 (RFC 4724 section 3). */
    readonly restartTime: number;
    readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
  };
  readonly longLivedGracefulRestart?: readonly { readonly family: Family; readonly forwarding: boolean; readonly staleTime: number }[];
  readonly addPath?: readonly { readonly family: Family; readonly mode: 'receive' | 'send' | 'both' }[];
  readonly extendedNextHop?: readonly { readonly family: Family; readonly nextHop: 'ipv6' }[];
  readonly unknown: readonly { readonly code: number; readonly value: Uint8Array }[];
}

/** OPEN (RFC 4271 section 4.2) with its capabilities. */
export interface OpenMessage {
  readonly type: 'open';
  readonly version: number;
  /** The 2-octet My AS field; 23456 (AS_TRANS) where the real AS is in the capability. */
  readonly myAs: number;
  /** Seconds. */
  readonly holdTime: number;
  /** BGP Identifier as an unsigned 32-bit number. */
  readonly bgpId: number;
  readonly capabilities: Capabilities;
}

/** RFC 2918; `subtype` 0 refresh, 1 BoRR, 2 EoRR (RFC 7313). Unknown families decode with family undefined. */
export interface RouteRefreshMessage {
  readonly type: 'route-refresh';
  readonly family: Family | undefined;
  readonly subtype: number;
}

/** What decoding an UPDATE needs to know about the session; never the peer object. */
export interface UpdateContext {
  readonly fourOctetAs: boolean;
  /** RFC 7606 distinguishes them (LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST from external peers are discarded). */
  readonly external: boolean;
  /** Families where the peer sends path identifiers. */
  readonly addPathReceive: readonly Family[];
  readonly extendedNextHop: readonly Family[];
  /** Families negotiated: NLRI of others is ignored and counted. */
  readonly families: readonly Family[];
  /** Set where the session itself runs between loopback addresses: only then is a loopback address a possible next hop. */
  readonly loopback?: boolean;
  /** Our address of the session, 4 or 16 octets: no peer may name it as next hop (RFC 4271 section 6.3). Absent: not looked at. */
  readonly ownAddress?: Uint8Array;
  /** Attributes that are not understood go on with the Partial bit as it came, as in BIRD 1.6 (bird-behaviour, attributes). Default: set. */
  readonly keepPartial?: boolean;
}

/** A run of NLRI in wire form, still octets: walk it with `walkNlri`, no object per route. */
export interface NlriRun {
  readonly family: Family;
  readonly addPath: boolean;
  readonly octets: Uint8Array;
}

/**
 * A fault found in the attributes, with the outcome RFC 7606 gives it. The worst one of a message decides:
 * session-reset > treat-as-withdraw > attribute-discard.
 */
export interface AttributeFault {
  readonly outcome: 'attribute-discard' | 'treat-as-withdraw' | 'session-reset';
  readonly attribute: number;
  readonly detail: string;
  readonly citation: string;
}

/**
 * An UPDATE cut into parts but with attributes still in raw form, so that a set already seen costs one map lookup.
 * `attributes` holds every path attribute but MP_REACH_NLRI and MP_UNREACH_NLRI, in received order.
 */
export interface ScannedUpdate {
  readonly type: 'update';
  readonly withdrawn: readonly NlriRun[];
  readonly announced: readonly AnnouncedRun[];
  readonly attributes: Uint8Array;
  /** Faults found while cutting, none worse than treat-as-withdraw: what resets the session is `scanUpdate`'s error. */
  readonly faults: readonly AttributeFault[];
  /** Multiprotocol attributes passed over because their family was not negotiated (RFC 4760 section 6); absent means 0. */
  readonly ignored?: number;
  /** Set for an End-of-RIB marker (RFC 4724 section 2). */
  readonly endOfRib: Family | undefined;
}

/** NLRI announced together, with their next hop. */
export interface AnnouncedRun extends NlriRun {
  /** 4 octets (NEXT_HOP attribute of ipv4-unicast: then empty here and found in `attributes`), 16, or 32 octets. */
  readonly nextHop: Uint8Array;
}

/** Attributes of a route in typed form (RFC 4271 section 5 and the RFC of each). Absent optional attributes are absent keys. */
export interface PathAttributes {
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly asPath: readonly AsPathSegment[];
  readonly nextHop: Address;
  /** Second next hop of 32-octet MP_REACH next hops (RFC 2545). */
  readonly linkLocalNextHop?: Address;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: { readonly as: number; readonly address: Address };
  /** Each as high << 16 | low, unsigned. */
  readonly communities?: readonly number[];
  readonly originatorId?: number;
  readonly clusterList?: readonly number[];
  /** Eight octets each, as a lower-case hex string. */
  readonly extendedCommunities?: readonly string[];
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
  /** Unknown optional transitive attributes, to be passed on with Partial set (RFC 4271 section 5). */
  readonly unknown?: readonly { readonly flags: number; readonly code: number; readonly value: Uint8Array }[];
}

/** One segment of AS_PATH (RFC 4271 section 4.3, RFC 5065 section 3); AS numbers are unsigned 32 bit, in wire order. */
export interface AsPathSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set';
  readonly asns: readonly number[];
}

/** A route in typed form, for tests, tools and JSON; the hot path never makes one. */
export interface Route {
  readonly prefix: Prefix;
  readonly pathId?: number;
  readonly attributes: PathAttributes;
}
