/**
 * What may be told to whom, and in which form: reflection (RFC 4456), well-known communities (RFC 1997), next hop, and the
 * attributes that do not cross an AS border (RFC 4271 section 5). The same rules export routes and explain why one was not.
 */
import type { Modifications } from '../policy/index.ts';
import { type AttributeEdits, containsCluster, editAttributes, type Family, toTwoOctetAs } from '../wire/index.ts';
import { findAttribute } from './attribute-octets.ts';
import {
  type AttributeStore,
  HAS_LOCAL_PREF,
  HAS_MED,
  HAS_ORIGINATOR,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
} from './attribute-store.ts';
import { editsOf } from './edit.ts';
import { factsOf } from './facts.ts';
import { LOCAL } from './limits.ts';
import { reflectAttributes } from './reflect.ts';
import type { SourceColumns } from './sources.ts';

/** Session type of a group's members. */
export type GroupKind = 'client' | 'internal' | 'external';

/** Everything about a group's members that shapes what they are sent, but for the export policy. */
export interface GroupRules {
  readonly family: Family;
  readonly kind: GroupKind;
  readonly clusterId: number;
  /** CLUSTER_ID of clients that are meshed with each other (`SourceColumns.meshed`), 0 of others. */
  readonly meshed: number;
  readonly localAs: number;
  readonly dialect: 'bird-1.6' | undefined;
  readonly fourOctetAs: boolean;
  readonly maxMessage: number;
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Next hop octets where it is self; empty where there is no address of the family. */
  readonly self: Uint8Array;
  /** IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** Paths told of each prefix, with path identifiers (RFC 7911); 0: the best one, without. */
  readonly addPath: number;
  /** Where above 1, and without path identifiers: the path told in place of the best one (RFC 6774). */
  readonly diversePath: number;
  /** Members are told local routes only, until the peers of a restarted speaker have sent their tables. */
  readonly deferring: boolean;
}

/** True where the group's announcements are MP_REACH_NLRI: IPv6, and IPv4 that may have IPv6 next hops (RFC 8950 section 3). */
export function inMultiprotocol({ family, extendedNextHop }: Pick<GroupRules, 'family' | 'extendedNextHop'>): boolean {
  return family === 'ipv6-unicast' || extendedNextHop;
}

/** Why a route is not told to a group. */
export interface Block {
  readonly rule: string;
  readonly citation: string;
}

/** A route as the rules see it. */
export interface ExportedRoute {
  readonly set: number;
  readonly source: number;
}

interface BlockRule extends Block {
  readonly blocks: (rules: GroupRules, store: AttributeStore, sources: SourceColumns, route: ExportedRoute) => boolean;
}

const isInternal = (sources: SourceColumns, source: number): boolean => source !== LOCAL && sources.external[source] === 0;
/** True where members of the group have the source's routes from itself. */
const isMeshed = (rules: GroupRules, sources: SourceColumns, source: number): boolean =>
  rules.meshed !== 0 && source !== LOCAL && sources.meshed[source] === rules.meshed;
const hasFlag = (store: AttributeStore, set: number, flag: number): boolean => ((store.flags[set] ?? 0) & flag) !== 0;

const BLOCKS: readonly BlockRule[] = [
  {
    rule: 'waits for the tables of the peers after a restart',
    citation: 'RFC 4724 section 4.1',
    blocks: (rules, _store, _sources, route) => rules.deferring && route.source !== LOCAL,
  },
  {
    rule: 'not reflected between non-clients',
    citation: 'RFC 4456 section 6',
    blocks: (rules, _store, sources, route) =>
      rules.kind === 'internal' && isInternal(sources, route.source) && sources.client[route.source] === 0,
  },
  {
    rule: 'not reflected between meshed clients',
    citation: 'RFC 4456 section 6',
    blocks: (rules, _store, sources, route) => isMeshed(rules, sources, route.source),
  },
  {
    rule: 'own CLUSTER_ID in CLUSTER_LIST',
    citation: 'RFC 4456 section 8',
    // Import drops what a client sent so; a peer that is no client may have it from our own cluster (BIRD 1.6 takes it for itself).
    blocks: (rules, store, sources, route) =>
      rules.kind !== 'external' &&
      isInternal(sources, route.source) &&
      (store.clusterListLength[route.set] ?? 0) > 0 &&
      containsCluster(store.octets(route.set), rules.clusterId),
  },
  {
    rule: 'NO_ADVERTISE community',
    citation: 'RFC 1997',
    blocks: (_rules, store, _sources, route) => hasFlag(store, route.set, NO_ADVERTISE),
  },
  {
    rule: 'NO_EXPORT community',
    citation: 'RFC 1997',
    blocks: (rules, store, _sources, route) => rules.kind === 'external' && hasFlag(store, route.set, NO_EXPORT | NO_EXPORT_SUBCONFED),
  },
  {
    rule: 'no next hop of this family',
    citation: 'RFC 4271 section 5.1.3',
    blocks: (rules, store, _sources, route) =>
      !fitsFamily(rules, isSelf(rules, store, route) ? rules.self.length : store.nextHopLength(route.set)),
  },
];

function fitsFamily({ family, extendedNextHop }: GroupRules, length: number): boolean {
  return length >= 16 ? family === 'ipv6-unicast' || extendedNextHop : length === 4 && family === 'ipv4-unicast';
}

/** The first rule that keeps a route from a group, before its policy is asked. */
export function findBlock(rules: GroupRules, store: AttributeStore, sources: SourceColumns, route: ExportedRoute): Block | undefined {
  return BLOCKS.find((rule) => rule.blocks(rules, store, sources, route));
}

/** Self to external peers and for local routes without a next hop, else as received (RFC 4456 section 10), unless configured. */
function isSelf(rules: GroupRules, store: AttributeStore, route: ExportedRoute): boolean {
  return rules.nextHop === 'self' || (rules.nextHop === 'auto' && rules.kind === 'external') || store.nextHopLength(route.set) === 0;
}

function nextHopFor(rules: GroupRules, store: AttributeStore, route: ExportedRoute): Uint8Array {
  return isSelf(rules, store, route) ? rules.self : store.nextHop(route.set);
}

/** The source as far as it shapes what is exported, never 0: equal keys and sets are blocked, or export, alike. */
export function sourceKey(rules: GroupRules, sources: SourceColumns, source: number): number {
  if (source === LOCAL) return 1;
  if (rules.kind === 'external' || sources.external[source] === 1) return 2;
  if (rules.kind === 'internal' && sources.client[source] === 0) return 3;
  if (isMeshed(rules, sources, source)) return 3;
  return 4 + (sources.routerId[source] ?? 0);
}

/** LOCAL_PREF goes to every internal peer (RFC 4271 section 5.1.5): 100 where nothing set one. */
function internalEdits(store: AttributeStore, route: ExportedRoute, edits: AttributeEdits): AttributeEdits {
  return edits.localPref === undefined && !hasFlag(store, route.set, HAS_LOCAL_PREF) ? { ...edits, localPref: 100 } : edits;
}

function externalEdits(rules: GroupRules, hasMed: boolean, route: ExportedRoute, edits: AttributeEdits): AttributeEdits {
  return {
    ...edits,
    prependAs: [rules.localAs, ...(edits.prependAs ?? [])],
    localPref: 'remove',
    // MED is for the neighbouring AS only and not passed on (RFC 4271 section 5.1.4); BIRD 1.6 leaves a zero there (bird-behaviour, attributes).
    ...(edits.med === undefined && route.source !== LOCAL && { med: hasMed && rules.dialect === 'bird-1.6' ? 0 : ('remove' as const) }),
    originatorId: 'remove',
    clusterList: 'remove',
  };
}

const EXTENDED_COMMUNITIES = 16;
const NON_TRANSITIVE = 0x40;

/** RFC 4360 section 6: non-transitive extended communities stay inside the AS. */
function withoutNonTransitive(octets: Uint8Array): Uint8Array {
  const found = findAttribute(octets, EXTENDED_COMMUNITIES);
  const kept: number[] = [];
  for (let at = found.start; at < found.end; at += 8)
    if (((octets[at] ?? 0) & NON_TRANSITIVE) === 0) kept.push(...octets.subarray(at, at + 8));
  if (kept.length === found.end - found.start) return octets;
  const wide = kept.length > 255;
  const header = wide ? [0xd0, EXTENDED_COMMUNITIES, kept.length >> 8, kept.length & 0xff] : [0xc0, EXTENDED_COMMUNITIES, kept.length];
  return Uint8Array.from([
    ...octets.subarray(0, found.at),
    ...(kept.length > 0 ? [...header, ...kept] : []),
    ...octets.subarray(found.end),
  ]);
}

/** An exported route's attributes. */
export interface ExportedAttributes {
  /** Canonical octets without next hop, in the group's AS number size. */
  readonly octets: Uint8Array;
  readonly nextHop: Uint8Array;
  /** ORIGINATOR_ID in them, 0 where none: who has this BGP Identifier is not told. */
  readonly originatorId: number;
}

const NO_EDITS: AttributeEdits = {};

/** The attributes a group is told, policy modifications applied. The route has passed `findBlock`. */
export function exportAttributes(
  rules: GroupRules,
  store: AttributeStore,
  sources: SourceColumns,
  route: ExportedRoute,
  mods: Modifications,
): ExportedAttributes {
  const wanted = mods.id === 0 ? NO_EDITS : editsOf(mods, factsOf(store, route.set));
  const external = rules.kind === 'external';
  const edits = external ? externalEdits(rules, hasFlag(store, route.set, HAS_MED), route, wanted) : internalEdits(store, route, wanted);
  const own = store.octets(route.set);
  const edited = edits === NO_EDITS ? own : editAttributes(own, edits);
  const reflected = !external && isInternal(sources, route.source);
  const routerId = sources.routerId[route.source] ?? 0;
  const hasOriginator = hasFlag(store, route.set, HAS_ORIGINATOR);
  // RFC 4456 section 8: ORIGINATOR_ID only where there is none; the own CLUSTER_ID before the others.
  const octets = reflected
    ? reflectAttributes(edited, hasOriginator ? undefined : routerId, rules.clusterId)
    : external
      ? withoutNonTransitive(edited)
      : edited;
  return {
    octets: rules.fourOctetAs ? octets : toTwoOctetAs(octets),
    nextHop: nextHopFor(rules, store, route),
    originatorId: reflected ? (hasOriginator ? (store.originatorId[route.set] ?? 0) : routerId) : 0,
  };
}
