/**
 * The difference between two speaker configurations, and putting it together again on the other side of the thread. Equal
 * entries are found by identity first, then by value, so an unchanged state costs a walk and sends nothing.
 */
import type { Endpoint, LocalRoute, PeerConfig, SpeakerConfig, SpeakerInput } from 'bgp-ts';
import type { Prefix } from 'bgp-ts/net';
import { isSecretText, prefixKey, secretText } from 'bgp-ts/net';
import { samePolicy } from 'bgp-ts/policy';

/** The part of a configuration that is not a list of peers or routes. */
export interface SpeakerHeader {
  readonly routerId: number;
  readonly localAs: number;
  readonly listen: readonly Endpoint[];
}

/** What changed. Absent header: as before. `complete`: nothing of the former state holds. */
export interface ConfigDelta {
  readonly complete: boolean;
  readonly header?: SpeakerHeader;
  readonly peers: { readonly set: readonly PeerConfig[]; readonly remove: readonly string[] };
  readonly routes: { readonly set: readonly LocalRoute[]; readonly remove: readonly Prefix[] };
}

/** Sessions, routes and policies that a delta touches. */
export interface Touched {
  readonly peers: number;
  readonly routes: number;
  readonly policies: number;
}

/** The difference from `before` (undefined: nothing is configured) to `after`. */
export function diffConfig(before: SpeakerConfig | undefined, after: SpeakerConfig): ConfigDelta {
  const header: SpeakerHeader = { routerId: after.routerId, localAs: after.localAs, listen: after.listen };
  if (before === undefined)
    return { complete: true, header, peers: { set: after.peers, remove: [] }, routes: { set: after.routes, remove: [] } };
  const sameHeader = sameValue({ routerId: before.routerId, localAs: before.localAs, listen: before.listen }, header);
  const peers = diffEntries(before.peers, after.peers, (peer) => peer.id, samePeer);
  const routes = diffEntries(before.routes, after.routes, (route) => prefixKey(route.prefix), sameValue);
  return {
    complete: false,
    ...(sameHeader ? {} : { header }),
    peers: { set: peers.set, remove: peers.removed.map((peer) => peer.id) },
    routes: { set: routes.set, remove: routes.removed.map((route) => route.prefix) },
  };
}

/** A delta as it crosses a thread: its MD5 keys stand beside it, since a secret does not survive the crossing by itself. */
export interface SealedDelta {
  readonly delta: ConfigDelta;
  /** Texts by peer id; for nobody but `openDelta`. A Map, which JSON shows as empty. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Takes the keys out of a delta. */
export function sealDelta(delta: ConfigDelta): SealedDelta {
  const keys = new Map<string, string>();
  const set = delta.peers.set.map((peer) => {
    if (peer.md5Key === undefined) return peer;
    const { md5Key, ...rest } = peer;
    keys.set(peer.id, md5Key.reveal());
    return rest;
  });
  return { delta: keys.size === 0 ? delta : { ...delta, peers: { ...delta.peers, set } }, keys };
}

/** Puts the keys back. */
export function openDelta({ delta, keys }: SealedDelta): ConfigDelta {
  if (keys.size === 0) return delta;
  const set = delta.peers.set.map((peer) => {
    const key = keys.get(peer.id);
    return key === undefined ? peer : { ...peer, md5Key: secretText(key) };
  });
  return { ...delta, peers: { ...delta.peers, set } };
}

/** True where a delta says nothing. */
export function isEmptyDelta(delta: ConfigDelta): boolean {
  const { peers, routes } = delta;
  return (
    !delta.complete && delta.header === undefined && peers.set.length + peers.remove.length + routes.set.length + routes.remove.length === 0
  );
}

/** Counts what a delta touches; policies are counted once where peers share them. */
export function touchedBy(before: SpeakerConfig | undefined, delta: ConfigDelta): Touched {
  const former = new Map(before?.peers.map((peer) => [peer.id, peer]));
  const policies = new Set<unknown>();
  for (const peer of delta.peers.set) {
    const old = former.get(peer.id);
    if (old === undefined || !samePolicy(old.importPolicy, peer.importPolicy)) policies.add(peer.importPolicy);
    if (old === undefined || !samePolicy(old.exportPolicy, peer.exportPolicy)) policies.add(peer.exportPolicy);
  }
  return {
    peers: delta.peers.set.length + delta.peers.remove.length,
    routes: delta.routes.set.length + delta.routes.remove.length,
    policies: policies.size,
  };
}

/** Policies are large and shared by many peers: looked into once for all of them. */
function samePeer(a: PeerConfig, b: PeerConfig): boolean {
  if (a === b) return true;
  if (!samePolicy(a.importPolicy, b.importPolicy) || !samePolicy(a.exportPolicy, b.exportPolicy)) return false;
  const { importPolicy: _i, exportPolicy: _e, ...left } = a;
  const { importPolicy: _j, exportPolicy: _f, ...right } = b;
  return sameValue(left, right);
}

function diffEntries<T extends object>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (entry: T) => string,
  same: (a: T, b: T) => boolean,
): { set: T[]; removed: T[] } {
  if (before === after) return { set: [], removed: [] };
  const former = new Map(before.map((entry) => [keyOf(entry), entry]));
  const set: T[] = [];
  for (const entry of after) {
    const key = keyOf(entry);
    const old = former.get(key);
    former.delete(key);
    if (old === undefined || !same(old, entry)) set.push(entry);
  }
  return { set, removed: [...former.values()] };
}

/** Equality of plain data: records, lists and scalars, secrets by their text; an absent key equals an undefined one. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (isSecretText(a) || isSecretText(b)) return isSecretText(a) && isSecretText(b) && a.reveal() === b.reveal();
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map<string, unknown>(Object.entries(a)), new Map<string, unknown>(Object.entries(b))];
  for (const [key, value] of left) if (!sameValue(value, right.get(key))) return false;
  for (const [key, value] of right) if (value !== undefined && !left.has(key)) return false;
  return true;
}

/** The configuration as the speaker's thread holds it. */
export interface ConfigState {
  /** Takes a delta and returns the input for the speaker: only the routes where nothing else changed. */
  apply(delta: ConfigDelta): Extract<SpeakerInput, { type: 'configure' | 'routes' }>;
  /** True where a peer of this id is configured. */
  hasPeer(id: string): boolean;
}

/** Makes an empty state; its first delta must be complete. */
export function createConfigState(): ConfigState {
  let header: SpeakerHeader | undefined;
  const peers = new Map<string, PeerConfig>();
  const routes = new Map<string, LocalRoute>();
  return {
    hasPeer: (id) => peers.has(id),
    apply: (delta) => {
      if (delta.complete) {
        peers.clear();
        routes.clear();
      }
      const onlyRoutes = !delta.complete && delta.header === undefined && delta.peers.set.length + delta.peers.remove.length === 0;
      header = delta.header ?? header;
      if (header === undefined) throw new Error('the first configuration of a speaker must be complete');
      for (const id of delta.peers.remove) peers.delete(id);
      for (const peer of delta.peers.set) peers.set(peer.id, peer);
      for (const prefix of delta.routes.remove) routes.delete(prefixKey(prefix));
      for (const route of delta.routes.set) routes.set(prefixKey(route.prefix), route);
      if (onlyRoutes) return { type: 'routes', set: delta.routes.set, remove: delta.routes.remove };
      return { type: 'configure', config: { ...header, peers: [...peers.values()], routes: [...routes.values()] } };
    },
  };
}
