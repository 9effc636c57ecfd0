/**
 * Peers that are not named (dynamic neighbours): whoever connects from a range and says an acceptable AS in its OPEN gets a record,
 * which goes when nothing of it is left: no connection, no routes kept for its restart, nothing an operator set (bgp-speaker 4.5).
 */
import { formatAddress, PrefixTrie } from '../net/index.ts';
import type { Address } from '../net/types.ts';
import type { PeerConfig, PeerMemory, PeerRange, SpeakerConfig } from '../speaker-types.ts';
import { drive } from './machines.ts';
import { addPeer, addToIndex, removeFromIndex, removePeer } from './records.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { peerKey, report } from './state.ts';

const BGP_PORT = 179;

/** What a speaker knows of its ranges. */
export interface Ranges {
  readonly byPrefix: PrefixTrie<PeerRange>;
  /** Peers of each range, by its name. */
  readonly members: Map<string, number>;
  /** Why the sockets of a range do not work, by its name. */
  readonly diagnoses: Map<string, string>;
  /** Peers of ranges of which something ended: they may be gone. */
  readonly departing: Set<Peer>;
}

/** No ranges. */
export function createRanges(): Ranges {
  return { byPrefix: new PrefixTrie(), members: new Map(), diagnoses: new Map(), departing: new Set() };
}

const accepts = (range: PeerRange, as: number): boolean => range.remoteAs.some(({ from, to }) => as >= from && as <= to);

/** The range that an address is in, the longest one. */
export function rangeOf(state: SpeakerState, address: Address): PeerRange | undefined {
  return state.ranges.byPrefix.longestMatch(address)?.value;
}

/** Configuration of a peer of a range. */
function memberConfig(range: PeerRange, id: string, address: Address, remoteAs: number): PeerConfig {
  return { ...range.template, id, remote: { address, port: BGP_PORT }, remoteAs, passive: true, range: range.id };
}

/* Configuring */

/**
 * Configurations of the peers of ranges under a new configuration: those present that a range of it still accepts and nobody names, and
 * in the first one of a restarted process those that were known before.
 */
export function dynamicConfigs(state: SpeakerState, config: SpeakerConfig): PeerConfig[] {
  const byPrefix = new PrefixTrie<PeerRange>();
  for (const range of config.ranges ?? []) byPrefix.set(range.prefix, range);
  const named = new Set(config.peers.map(peerKey));
  const ids = new Set(config.peers.map(({ id }) => id));
  const configs: PeerConfig[] = [];
  const add = (id: string, address: Address, as: number): void => {
    const range = byPrefix.longestMatch(address)?.value;
    if (range === undefined || !accepts(range, as) || ids.has(id)) return;
    const member = memberConfig(range, id, address, as);
    if (!named.has(peerKey(member))) configs.push(member);
    ids.add(id);
  };
  for (const { config: each } of state.byIndex.values()) if (each.range !== undefined) add(each.id, each.remote.address, each.remoteAs);
  for (const { id, dynamic } of recalledMembers(state)) add(id, dynamic.remote, dynamic.remoteAs);
  return configs;
}

type RecalledMember = PeerMemory & { readonly dynamic: NonNullable<PeerMemory['dynamic']> };

/** Members of ranges before a restart: all of them where their routes are waited for, else those that an operator shut down. */
function recalledMembers(state: SpeakerState): RecalledMember[] {
  return [...state.recalled.values()].flatMap(({ dynamic, ...rest }) =>
    dynamic !== undefined && (state.deferral !== undefined || rest.shutdown !== undefined) ? [{ ...rest, dynamic }] : [],
  );
}

/** Takes over the ranges of the configuration and counts who is in them. */
export function configureRanges(state: SpeakerState, { ranges = [] }: SpeakerConfig): void {
  const { byPrefix, members, diagnoses } = state.ranges;
  byPrefix.clear();
  members.clear();
  for (const range of ranges) {
    byPrefix.set(range.prefix, range);
    members.set(range.id, 0);
  }
  for (const id of [...diagnoses.keys()]) if (!members.has(id)) diagnoses.delete(id);
  for (const { config } of state.peers.values()) if (config.range !== undefined) count(state, config.range, 1);
}

function count(state: SpeakerState, range: string, by: number): void {
  state.ranges.members.set(range, (state.ranges.members.get(range) ?? 0) + by);
}

/* Coming */

/** Why a connection of nobody known must not wait for its OPEN; undefined where it may. */
export function refusalOf(state: SpeakerState, connection: Connection): string | undefined {
  const range = rangeOf(state, connection.remote.address);
  if (range === undefined) return 'no such peer is configured';
  let waiting = 0;
  for (const { remote } of state.unclaimed) if (rangeOf(state, remote.address) === range) waiting++;
  return (state.ranges.members.get(range.id) ?? 0) + waiting < range.limit
    ? undefined
    : `range ${range.id} has ${range.limit} peers already`;
}

/** A peer for whoever sent an OPEN with this AS from a range; undefined where none takes it. */
export function adopt(state: SpeakerState, address: Address, as: number): Peer | 'bad-as' | undefined {
  const range = rangeOf(state, address);
  if (range === undefined || state.config === undefined) return undefined;
  if (!accepts(range, as)) return 'bad-as';
  const text = formatAddress(address);
  const peer = addPeer(state, state.config, memberConfig(range, state.peers.has(text) ? `${range.id} ${text}` : text, address, as));
  state.peers.set(peer.config.id, peer);
  addToIndex(state, peer);
  count(state, range.id, 1);
  report(state, { kind: 'dynamic-peer', peer: peer.config.id, range: range.id, present: true });
  drive(state, peer, peer.primary, { type: 'start' });
  return peer;
}

/** Takes what the I/O layer says of the sockets of a range. */
export function diagnoseRange(state: SpeakerState, id: string, text: string | undefined): void {
  const { diagnoses, members } = state.ranges;
  if (!members.has(id) || diagnoses.get(id) === text) return;
  if (text === undefined) diagnoses.delete(id);
  else diagnoses.set(id, text);
  report(state, { kind: 'diagnosis', peer: id, ...(text === undefined ? {} : { text }) });
}

/* Going */

function isGone(state: SpeakerState, { adminDown, stale, challenger, primary }: Peer): boolean {
  // Idle is a peer that is held back after an error: to forget that would let it in again at once.
  const quiet = primary.state === 'active' && primary.connection === undefined && challenger === undefined;
  return quiet && !adminDown && stale === undefined && state.deferral === undefined;
}

/** Forgets the members of ranges of which nothing is left. Called between inputs: nobody holds their records then. */
export function forgetDeparted(state: SpeakerState): void {
  const { departing } = state.ranges;
  // The peers of a configuration that is being taken are those it began with.
  if (departing.size === 0 || state.configuring !== undefined) return;
  const candidates = [...departing];
  departing.clear();
  for (const peer of candidates) {
    const { id, range } = peer.config;
    if (range === undefined || state.peers.get(id) !== peer) continue;
    if (!isGone(state, peer)) continue;
    removePeer(state, peer);
    state.peers.delete(id);
    removeFromIndex(state, peer);
    count(state, range, -1);
    report(state, { kind: 'dynamic-peer', peer: id, range, present: false });
  }
  departing.clear();
}
