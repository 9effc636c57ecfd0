/**
 * Routing policy as data: an ordered list of terms. The first term whose conditions all hold and whose actions contain a
 * verdict ends the evaluation; actions of terms without a verdict apply and evaluation goes on. One evaluator runs every
 * policy; the BIRD engine renders the same data as text. Peer-type guards of BGPFilter are resolved by whoever builds the
 * policy, because the type of a peer is known then.
 */
import type { Prefix } from '../net/types.ts';

/** Where a route came from. `kernel` learned from the kernel table, `device` an interface's network, `static` configured, `bgp` a peer. */
export type RouteProtocol = 'static' | 'kernel' | 'device' | 'bgp';

/** A set of prefixes. `exact` = equal, `orLonger` = equal or more specific, `range` = inside `prefix` with min ≤ length ≤ max. */
export interface PrefixMatch {
  readonly prefix: Prefix;
  readonly match:
    | { readonly kind: 'exact' }
    | { readonly kind: 'orLonger' }
    | { readonly kind: 'range'; readonly min: number; readonly max: number };
}

/** What a route must be like for a term to apply. */
export type Condition =
  | { readonly kind: 'prefix'; readonly any: readonly PrefixMatch[]; readonly not?: true }
  | { readonly kind: 'protocol'; readonly any: readonly RouteProtocol[]; readonly not?: true }
  /** Interface name patterns, `*` matches any run; a route without an interface matches only where `orNone` is set. */
  | { readonly kind: 'interface'; readonly any: readonly string[]; readonly orNone?: true; readonly not?: true }
  /** high << 16 | low, unsigned. */
  | { readonly kind: 'community'; readonly value: number }
  | { readonly kind: 'largeCommunity'; readonly value: readonly [number, number, number] }
  /** The AS path begins with this sequence of AS numbers (control-plane 5.6). */
  | { readonly kind: 'asPathPrefix'; readonly asns: readonly number[] }
  | { readonly kind: 'localPref'; readonly op: 'eq' | 'lt' | 'gt'; readonly value: number }
  /**
   * Kernel metric of a local route, or 2147483647 - LOCAL_PREF of a BGP route (control-plane 5.1 step 1), both as the route
   * came: actions do not change it. A local route without a metric is never `lt` nor `gt` nor `eq`.
   */
  | { readonly kind: 'metric'; readonly op: 'eq' | 'lt' | 'gt'; readonly value: number };

/** What a term does to a route that it applies to. */
export type Action =
  | { readonly kind: 'addCommunity'; readonly value: number }
  | { readonly kind: 'addLargeCommunity'; readonly value: readonly [number, number, number] }
  | { readonly kind: 'prependAsPath'; readonly asns: readonly number[] }
  | { readonly kind: 'setLocalPref'; readonly value: number }
  /**
   * Control-plane 5.1 step 1: a local route gets LOCAL_PREF = 2147483647 - metric, `defaultMetric` where it has none; a BGP
   * route keeps its LOCAL_PREF (100 where none was received). The `metric` condition goes on seeing the route as it came.
   */
  | { readonly kind: 'setLocalPrefFromMetric'; readonly defaultMetric: number }
  | { readonly kind: 'setMed'; readonly value: number }
  /** BIRD's route preference: decides before LOCAL_PREF between protocols (control-plane 5.2). Default 100 for BGP routes. */
  | { readonly kind: 'setPreference'; readonly value: number }
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject' };

/** Why a term exists: the resource and the rule it came from, carried through to `explain`. */
export interface Reason {
  /** `Kind/[namespace/]name`, or `linnet` for a built-in rule. */
  readonly object: string;
  /** Such as `control-plane 5.1`. */
  readonly rule: string;
}

/** One rule: applies where all of `when` hold. */
export interface Term {
  /** Unique within its policy, shown by explain: `BGPFilter/deny-lb exportV4[0]`. */
  readonly name: string;
  readonly when: readonly Condition[];
  readonly then: readonly Action[];
  readonly reasons: readonly Reason[];
}

/** Policies with equal terms (names included) are one policy: peers that share it share an update group. */
export interface Policy {
  readonly name: string;
  readonly terms: readonly Term[];
  /** When no term decided. */
  readonly otherwise: 'accept' | 'reject';
}
