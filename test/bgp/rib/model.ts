/**
 * A naive route reflector: maps, typed attributes, everything computed from scratch. What the RIB is compared with; it shares
 * nothing with it but the policy data.
 */
import type { Prefix } from 'bgp-ts/net';
import { formatPrefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { PathAttributes } from 'bgp-ts/wire';

export const LOCAL_AS = 65000;
export const ROUTER_ID = 0x0a000001;

/** What policies of the tests do, once as data and once as code. `apply` returns undefined for a rejected route. */
export interface TwinPolicy {
  readonly data: Policy;
  readonly apply: (route: Candidate) => Candidate | undefined;
}

export interface Candidate {
  readonly prefix: Prefix;
  /** Peer number, or undefined for local routes. */
  readonly from: number | undefined;
  readonly attributes: PathAttributes;
  readonly preference: number;
  /** As received; 0 without. */
  readonly pathId?: number;
  readonly metric?: number;
}

export interface ModelPeer {
  readonly number: number;
  up: boolean;
  external: boolean;
  client: boolean;
  remoteAs: number;
  remoteId: number;
  address: number;
  self: number;
  fourOctetAs: boolean;
  nextHop: 'auto' | 'self' | 'keep';
  allowLocalAs: number;
  /** A client that is meshed with the others of its kind. */
  meshed: boolean;
  /** Of the path told; 1: the best. */
  diversePath: number;
  importPolicy: TwinPolicy;
  exportPolicy: TwinPolicy;
  /** It may send several paths, identifiers 1 to 3. */
  sendsPaths: boolean;
  /** It is told several paths, at most `pathLimit` (0: all). */
  readsPaths: boolean;
  pathLimit: number;
  /** By `routeKey`. */
  readonly routes: Map<string, { readonly prefix: Prefix; readonly attributes: PathAttributes }>;
}

export interface Model {
  readonly peers: ModelPeer[];
  readonly locals: Map<string, Candidate>;
  readonly clusterId: number;
  med: { readonly missing: 'zero' | 'worst'; readonly compare: 'same-as' | 'always' };
}

const flat = (attributes: PathAttributes): number[] => attributes.asPath.flatMap((segment) => [...segment.asns]);
const pathLength = (attributes: PathAttributes): number =>
  attributes.asPath.reduce((sum, segment) => sum + (segment.type === 'sequence' ? segment.asns.length : segment.type === 'set' ? 1 : 0), 0);
const ORIGINS = ['igp', 'egp', 'incomplete'];

/** Path identifiers that peers use; 0: none. */
const PATH_IDS = [0, 1, 2, 3];

/** Key of one path of a peer. */
export const routeKey = (key: string, pathId: number): string => `${key} ${pathId}`;

function imported(model: Model, peer: ModelPeer, prefix: Prefix, attributes: PathAttributes): Candidate | undefined {
  if (flat(attributes).filter((asn) => asn === LOCAL_AS).length > peer.allowLocalAs) return undefined;
  if (attributes.originatorId === ROUTER_ID) return undefined;
  if (attributes.clusterList?.some((id) => id === ROUTER_ID || id === model.clusterId) === true) return undefined;
  return peer.importPolicy.apply({ prefix, from: peer.number, attributes, preference: 100 });
}

/** Keeps the candidates that a step does not eliminate. */
function keepLowest<T>(candidates: readonly T[], value: (candidate: T) => number): T[] {
  const lowest = Math.min(...candidates.map(value));
  return candidates.filter((candidate) => value(candidate) === lowest);
}

function best(model: Model, candidates: readonly Candidate[]): Candidate | undefined {
  if (candidates.length === 0) return undefined;
  const peerOf = (candidate: Candidate): ModelPeer | undefined => (candidate.from === undefined ? undefined : model.peers[candidate.from]);
  let left = keepLowest(candidates, (c) => -c.preference);
  left = keepLowest(left, (c) => (c.from === undefined ? 0 : 1));
  left = keepLowest(left, (c) => -(c.attributes.localPref ?? 100));
  left = keepLowest(left, (c) => pathLength(c.attributes));
  left = keepLowest(left, (c) => ORIGINS.indexOf(c.attributes.origin));
  const med = (c: Candidate): number => c.attributes.med ?? (model.med.missing === 'worst' ? 2 ** 32 - 1 : 0);
  if (model.med.compare === 'always') left = keepLowest(left, med);
  const neighbour = (c: Candidate): number => (c.attributes.asPath[0]?.type === 'sequence' ? (c.attributes.asPath[0].asns[0] ?? 0) : 0);
  left = left.filter((c) => !left.some((other) => neighbour(other) === neighbour(c) && med(other) < med(c)));
  left = keepLowest(left, (c) => (peerOf(c)?.external === true ? 0 : 1));
  left = keepLowest(left, (c) => c.attributes.originatorId ?? peerOf(c)?.remoteId ?? 0);
  left = keepLowest(left, (c) => c.attributes.clusterList?.length ?? 0);
  left = keepLowest(left, (c) => peerOf(c)?.address ?? 0);
  left = keepLowest(left, (c) => c.pathId ?? 0);
  return left[0];
}

/** Everything that is known of a prefix and acceptable. */
export function candidatesOf(model: Model, key: string): Candidate[] {
  const candidates: Candidate[] = [];
  const local = model.locals.get(key);
  if (local !== undefined) candidates.push(local);
  for (const peer of model.peers) {
    for (const pathId of PATH_IDS) {
      const route = peer.up ? peer.routes.get(routeKey(key, pathId)) : undefined;
      const candidate = route && imported(model, peer, route.prefix, route.attributes);
      if (candidate !== undefined) candidates.push({ ...candidate, pathId });
    }
  }
  return candidates;
}

/** Best path of a prefix over all peers and local routes. */
export function bestOf(model: Model, key: string): Candidate | undefined {
  return best(model, candidatesOf(model, key));
}

/** Every path of a prefix with these candidates that a peer must hold which is told several. */
export function allTold(model: Model, peer: ModelPeer, candidates: readonly Candidate[]): PathAttributes[] {
  const held: PathAttributes[] = [];
  let left = candidates;
  let count = 0;
  for (let next = best(model, left); next !== undefined; next = best(model, left)) {
    const chosen = next;
    left = left.filter((candidate) => candidate !== chosen);
    if (exported(model, peer, chosen) === undefined) continue;
    if (count++ >= (peer.pathLimit || Infinity)) break;
    const attributes = told(model, peer, chosen);
    if (attributes !== undefined) held.push(attributes);
  }
  return held;
}

/** The one path of a prefix with these candidates that a peer must hold. */
export function oneTold(model: Model, peer: ModelPeer, candidates: readonly Candidate[]): PathAttributes | undefined {
  let left = candidates;
  if (peer.diversePath === 1) return told(model, peer, best(model, left));
  const seen = new Set<string>();
  let place = 1;
  for (let next = best(model, left); next !== undefined; next = best(model, left)) {
    const chosen = next;
    left = left.filter((candidate) => candidate !== chosen);
    const attributes = exported(model, peer, chosen);
    if (place === 1 || (attributes !== undefined && !seen.has(String(attributes.nextHop.words)))) {
      if (place === peer.diversePath) return told(model, peer, chosen);
      place++;
    }
    if (attributes !== undefined) seen.add(String(attributes.nextHop.words));
  }
  return undefined;
}

const ipv4 = (word: number): PathAttributes['nextHop'] => ({ family: 'ipv4', words: [word >>> 0, 0, 0, 0] });

function nextHopTold(peer: ModelPeer, route: Candidate): PathAttributes['nextHop'] | undefined {
  const own = route.attributes.nextHop;
  const isSelf = own.words.every((word) => word === 0);
  const self = peer.nextHop === 'self' || isSelf || (peer.nextHop === 'auto' && peer.external);
  if (!self) return own;
  return route.prefix.family === 'ipv4' ? ipv4(peer.self) : { family: 'ipv6', words: [0x20010db8, 0, 0, peer.self] };
}

function toldExternal(peer: ModelPeer, route: Candidate, modified: Candidate, nextHop: PathAttributes['nextHop']): PathAttributes {
  const { localPref: _p, originatorId: _o, clusterList: _c, med, ...rest } = modified.attributes;
  const keepMed = route.from === undefined || med !== route.attributes.med;
  const [first, ...others] = rest.asPath;
  const asPath =
    first?.type === 'sequence'
      ? [{ type: 'sequence' as const, asns: [LOCAL_AS, ...first.asns] }, ...others]
      : [{ type: 'sequence' as const, asns: [LOCAL_AS] }, ...rest.asPath];
  void peer;
  return { ...rest, asPath, nextHop, ...(keepMed && med !== undefined && { med }) };
}

/** What a peer must hold of a best path; undefined: nothing. */
export function told(model: Model, peer: ModelPeer, route: Candidate | undefined): PathAttributes | undefined {
  if (route === undefined || route.from === peer.number) return undefined;
  const attributes = exported(model, peer, route);
  return attributes?.originatorId === peer.remoteId && !peer.external ? undefined : attributes;
}

/** What everybody of the peer's kind is told who is not excluded. */
function exported(model: Model, peer: ModelPeer, route: Candidate): PathAttributes | undefined {
  const source = route.from === undefined ? undefined : model.peers[route.from];
  const internalSource = source !== undefined && !source.external;
  if (internalSource && !peer.external && !source.client && !peer.client) return undefined;
  if (internalSource && source.client && source.meshed && peer.client && peer.meshed) return undefined;
  const communities = route.attributes.communities ?? [];
  if (communities.includes(0xffffff02)) return undefined;
  if (peer.external && communities.includes(0xffffff01)) return undefined;
  const nextHop = nextHopTold(peer, route);
  const modified = peer.exportPolicy.apply(route);
  if (modified === undefined || nextHop === undefined) return undefined;
  if (peer.external) return toldExternal(peer, route, modified, nextHop);
  const attributes = { ...modified.attributes, nextHop, localPref: modified.attributes.localPref ?? 100 };
  if (!internalSource) return attributes;
  const originatorId = attributes.originatorId ?? source.remoteId;
  return { ...attributes, originatorId, clusterList: [model.clusterId, ...(attributes.clusterList ?? [])] };
}

/** Every prefix anybody knows. */
export function allKeys(model: Model): Set<string> {
  const keys = new Set(model.locals.keys());
  for (const peer of model.peers) for (const { prefix } of peer.routes.values()) keys.add(keyOf(prefix));
  return keys;
}

const keys = new Map<string, string>();

/** A prefix as text; the text of one seen before costs little. */
export function keyOf(prefix: Prefix): string {
  const { family, words, length } = prefix;
  const id = `${family}${words[0]},${words[1]},${words[2]},${words[3]}/${length}`;
  const known = keys.get(id);
  if (known !== undefined) return known;
  const key = formatPrefix(prefix);
  keys.set(id, key);
  return key;
}
