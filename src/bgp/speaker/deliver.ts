/** The work between inputs: decisions and encodings of the RIB, then octets to the peers, in slices. */
import { FAN_OUT_CHECK, FAN_OUT_OCTETS, FAN_OUT_PEERS, JOIN_WAVE_MS, SEND_BATCH_OCTETS } from '../session/index.ts';
import type { Family } from '../wire/index.ts';
import { encodeEndOfRib, MESSAGE_TYPE } from '../wire/index.ts';
import { continueConfiguring } from './configure.ts';
import { deferring } from './lifecycle.ts';
import { releaseImport } from './machines.ts';
import { endedByOutLimit } from './prefix-limits.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { establishedConnection, output, report } from './state.ts';

const HEADER_OCTETS = 19;

const END_OF_RIB: readonly { readonly family: Family; readonly octets: Uint8Array }[] = (['ipv4-unicast', 'ipv6-unicast'] as const).map(
  (family) => ({ family, octets: encodeEndOfRib(family) }),
);

/** One slice of work of about `budgetMs`; true while some remains that could be done now. */
export function work(state: SpeakerState, clock: () => number, budgetMs: number): boolean {
  state.mayHaveWork = false;
  const more = workOnce(state, clock, budgetMs);
  // Octets taken may let the RIB give up rows that only they still named.
  state.mayHaveWork ||= more || state.rib.hasWork();
  return more;
}

function workOnce(state: SpeakerState, clock: () => number, budgetMs: number): boolean {
  const end = clock() + budgetMs;
  // By themselves, and first: what is sent and decided follows from all of them, and who deferral waits for too.
  if (state.configuring !== undefined) {
    continueConfiguring(state, () => clock() >= end);
    return true;
  }
  // Each round of sends is finished before anything new is encoded: a few large parts instead of many small ones, and the worker's pause between
  // two flushes comes round although changes never cease.
  if (state.round === 0) {
    const undone = state.rib.run(clock, budgetMs);
    for (const carryOut of state.reports.splice(0)) carryOut();
    if (undone) return true;
    reportChanges(state);
    importDone(state);
  }
  const waited = state.deferral !== undefined;
  state.withheld = deferring(state, state.time.now);
  const more = fanOut(state, clock, end);
  // The end of the deferral is work for the RIB.
  return more || (waited && !state.withheld);
}

/** Every decision counts: where a path equal to the best one came or went, the best one stays and its next hops do not. */
function reportChanges(state: SpeakerState): void {
  const changes = state.rib.stats().work['decisions'] ?? 0;
  if (changes > state.bestChanges) report(state, { kind: 'best-changed', prefixes: changes - state.bestChanges });
  state.bestChanges = changes;
}

/** The RIB has decided everything it was given: paused sockets are read again. */
function importDone(state: SpeakerState): void {
  for (const connection of [...state.importing]) {
    releaseImport(state, connection);
    if (!connection.paused) continue;
    connection.paused = false;
    output(state, { type: 'resume', connection: connection.id });
  }
}

/** True while sessions come up one after the other: what each brings is due to all the others, so it pays to wait for more of them. */
export function isJoining(state: SpeakerState, now: number): boolean {
  return now < state.joinedAt + JOIN_WAVE_MS;
}

/**
 * True where `work` may find something to do. No lost wake-up: while this is false, `work` would send nothing and decide nothing. Every input
 * that can leave work sets `mayHaveWork`, and a slice clears it only before it looks: what it leaves, and what its own outputs lead to,
 * sets it again. A peer leaves the line `ready` unsent only where its connection is blocked or gone, and is put back by `writable`; the RIB lists it
 * again once something new was queued for it. Deadlines wake the speaker by `tick`. Held by wake-ups.test.ts.
 */
export function hasWork(state: SpeakerState): boolean {
  return state.mayHaveWork;
}

function fanOut(state: SpeakerState, clock: () => number, end: number): boolean {
  for (const index of state.rib.readyPeers()) {
    const peer = state.byIndex.get(index);
    if (peer !== undefined) enqueue(state, peer);
  }
  if (state.round === 0) state.round = state.ready.length;
  let taken = 0;
  let octets = 0;
  const again: Peer[] = [];
  for (const peer of state.ready) {
    if (taken === FAN_OUT_PEERS || octets >= FAN_OUT_OCTETS || (taken > 0 && taken % FAN_OUT_CHECK === 0 && clock() >= end)) break;
    taken++;
    peer.queued = false;
    const sent = writeTo(state, peer);
    octets += sent;
    if (sent > 0 && isBehind(state, peer)) again.push(peer);
  }
  state.ready.splice(0, taken);
  state.round = Math.max(0, state.round - taken);
  for (const peer of again) enqueue(state, peer);
  return state.ready.length > 0;
}

/** Puts a peer in line for octets. */
export function enqueue(state: SpeakerState, peer: Peer): void {
  if (peer.queued) return;
  peer.queued = true;
  state.ready.push(peer);
}

/** Sends the peer its next octets; returns how many. */
function writeTo(state: SpeakerState, peer: Peer): number {
  const connection = writable(state, peer);
  if (connection === undefined || endedByOutLimit(state, peer)) return 0;
  const buffers = state.rib.take(peer.index, SEND_BATCH_OCTETS);
  if (buffers.length === 0) return 0;
  count(state, peer, buffers);
  output(state, { type: 'send', connection: connection.id, buffers });
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0);
}

/** True where the peer has more to take at once. */
function isBehind(state: SpeakerState, peer: Peer): boolean {
  return writable(state, peer) !== undefined && state.rib.hasOutput(peer.index);
}

function writable(state: SpeakerState, peer: Peer): Connection | undefined {
  const connection = establishedConnection(state, peer);
  return connection === undefined || connection.blocked ? undefined : connection;
}

/** Counts whole messages by their headers and notes an End-of-RIB among them. */
function count(state: SpeakerState, peer: Peer, buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) {
    for (let at = 0; at + HEADER_OCTETS <= buffer.length; ) {
      const length = ((buffer[at + 16] ?? 0) << 8) | (buffer[at + 17] ?? 0);
      if (length < HEADER_OCTETS) throw new Error('the RIB gave octets that are no whole message');
      peer.counters.messagesSent++;
      if (buffer[at + 18] === MESSAGE_TYPE.update) {
        peer.counters.updatesSent++;
        if (length <= 30 && peer.endOfRibSent.size < (peer.session?.families.length ?? 0))
          noteEndOfRib(state, peer, buffer.subarray(at, at + length));
      }
      at += length;
    }
  }
}

function noteEndOfRib(state: SpeakerState, peer: Peer, message: Uint8Array): void {
  for (const { family, octets } of END_OF_RIB) {
    if (peer.endOfRibSent.has(family) || octets.length !== message.length || !octets.every((octet, index) => octet === message[index]))
      continue;
    peer.endOfRibSent.add(family);
    report(state, { kind: 'end-of-rib', peer: peer.config.id, family, direction: 'sent' });
  }
}

/** The socket takes no more, or takes octets again. */
export function setBlocked(state: SpeakerState, connection: Connection, blocked: boolean): void {
  connection.blocked = blocked;
  const peer = connection.owner?.peer;
  if (!blocked && peer !== undefined && establishedConnection(state, peer) === connection) enqueue(state, peer);
}
