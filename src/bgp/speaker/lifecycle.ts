/**
 * What a session coming up or going down means for routes: joining and leaving the RIB, and graceful restart (RFC 4724) as
 * helper and as the one who restarts.
 */
import { addressOctets, isLoopback } from '../net/index.ts';
import type { RibSession } from '../rib/types.ts';
import type { Fsm, Negotiated } from '../session/index.ts';
import { DEFAULT_DEFERRAL_S, DEFAULT_STALE_PATH_TIME_S, DEFERRAL_WINDOW_MS } from '../session/index.ts';
import type { Family } from '../wire/index.ts';
import { reapplyPolicies } from './rib-config.ts';
import { refreshPeerSettings, refreshSettings } from './settings.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { isUp, report } from './state.ts';

/** Established: the RIB learns of the peer and owes it a table; stale routes that the peer did not keep are dropped. */
export function sessionUp(state: SpeakerState, peer: Peer, fsm: Fsm, negotiated: Negotiated): void {
  const connection = fsm.connection === undefined ? undefined : state.connections.get(fsm.connection);
  if (connection === undefined) throw new Error('established without a connection');
  peer.session = negotiated;
  state.joinedAt = state.time.now;
  peer.endOfRibReceived = new Set();
  peer.endOfRibSent = new Set();
  peer.refreshing = new Set();
  const session = ribSession(peer, connection, negotiated);
  peer.context = session.context;
  // Once the peer is back its routes are those of a restart until it has sent them again, and what it may be told is known.
  if (peer.stale !== undefined) peer.stale.longLived = false;
  if (state.edits.longLived) reapplyPolicies(state, peer);
  // From now on this process has kept the peer's routes: the next OPEN may say so.
  peer.preserved = true;
  refreshPeerSettings(state, peer);
  state.rib.sessionUp(peer.index, session);
  keepOrSweep(state, peer, negotiated);
}

function ribSession(peer: Peer, connection: Connection, agreed: Negotiated): RibSession {
  const loopback = isLoopback(connection.remote.address);
  return {
    context: {
      fourOctetAs: agreed.fourOctetAs,
      external: agreed.external,
      addPathReceive: agreed.addPathReceive,
      extendedNextHop: agreed.extendedNextHop,
      families: agreed.families,
      // Between loopback addresses, as in the demo and in tests, a loopback next hop is reachable.
      loopback,
      // There both ends may have one address, told apart by their ports.
      ...(loopback ? {} : { ownAddress: addressOctets(connection.local.address) }),
      keepPartial: peer.config.dialect === 'bird-1.6',
    },
    families: agreed.families,
    external: agreed.external,
    remoteId: agreed.remoteId,
    remoteAs: peer.config.remoteAs,
    remoteAddress: connection.remote.address,
    localAddress: connection.local.address,
    fourOctetAs: agreed.fourOctetAs,
    maxMessage: agreed.maxMessage,
    addPathSend: agreed.addPathSend,
  };
}

/** RFC 4724 section 4.2: without the F bit for a family in the new OPEN its stale routes go at once. */
function keepOrSweep(state: SpeakerState, peer: Peer, negotiated: Negotiated): void {
  const { stale } = peer;
  if (stale === undefined) return;
  for (const family of [...stale.families]) {
    const said = [...(negotiated.gracefulRestart?.families ?? []), ...negotiated.longLived];
    const kept = said.some((entry) => entry.family === family && entry.forwarding);
    if (!kept) sweep(state, peer, family);
  }
  stale.until = state.time.now + (peer.config.gracefulRestart?.stalePathTime ?? DEFAULT_STALE_PATH_TIME_S) * 1000;
}

/** Down: routes are flushed, or kept as stale where the end allows it and the peer said it can restart. */
export function sessionDown(state: SpeakerState, peer: Peer, keep: boolean): void {
  const restart = peer.session?.gracefulRestart;
  const families = peer.session?.families ?? [];
  const longLived = (peer.session?.longLived ?? []).filter(({ staleTime }) => staleTime > 0);
  peer.session = undefined;
  // Routes still stale from an earlier restart are not kept through another one (RFC 4724 section 4.2); the RIB sees to it.
  peer.stale = undefined;
  if (!keep || restart === undefined || restart.families.length + longLived.length === 0) {
    state.rib.sessionDown(peer.index, 'flush');
    return;
  }
  state.rib.sessionDown(peer.index, 'stale');
  const kept = new Set([...restart.families, ...longLived].map((entry) => entry.family));
  for (const family of families) if (!kept.has(family)) state.rib.sweepStale(peer.index, family);
  peer.stale = {
    families: kept,
    until: state.time.now + (restart.families.length === 0 ? 0 : restart.restartTime * 1000),
    longLivedMs: new Map(longLived.map(({ family, staleTime }) => [family, staleTime * 1000])),
    longLived: false,
    since: 0,
  };
}

/** End-of-RIB from the peer (RFC 4724 section 2): what it did not announce again is gone. */
export function endOfRib(state: SpeakerState, peer: Peer, family: Family): void {
  peer.endOfRibReceived.add(family);
  if (peer.stale?.families.has(family) === true) sweep(state, peer, family);
  report(state, { kind: 'end-of-rib', peer: peer.config.id, family, direction: 'received' });
}

/**
 * The time of stale routes is over. What may be kept long becomes the least preferred (RFC 9494 section 4.2); the rest goes, and so does
 * everything where the peer is back but never came to its End-of-RIB.
 */
export function staleDue(state: SpeakerState, peer: Peer): void {
  const { stale } = peer;
  if (stale === undefined) return;
  if (isUp(peer)) return sweepAll(state, peer);
  const begins = !stale.longLived;
  if (begins) stale.since = state.time.now;
  stale.longLived = true;
  for (const family of [...stale.families])
    if (stale.since + (stale.longLivedMs.get(family) ?? 0) <= state.time.now) sweep(state, peer, family);
  if (peer.stale === undefined) return;
  stale.until = Math.min(...[...stale.families].map((family) => stale.since + (stale.longLivedMs.get(family) ?? 0)));
  if (begins) reapplyPolicies(state, peer);
}

/** Everything that is kept for the peer goes. */
export function sweepAll(state: SpeakerState, peer: Peer): void {
  for (const family of [...(peer.stale?.families ?? [])]) sweep(state, peer, family);
}

function sweep(state: SpeakerState, peer: Peer, family: Family): void {
  state.mayHaveWork = true;
  state.rib.sweepStale(peer.index, family);
  peer.stale?.families.delete(family);
  if (peer.stale?.families.size !== 0) return;
  const { longLived } = peer.stale;
  peer.stale = undefined;
  if (peer.config.range !== undefined) state.ranges.departing.add(peer);
  if (longLived) reapplyPolicies(state, peer);
}

/** Starts the deferral of a restarted speaker: while it lasts only own routes are announced (RFC 4724 section 4.1, bgp-speaker 4.4). */
export function startDeferral(state: SpeakerState): void {
  state.deferral = { startedAt: state.time.now };
  state.rib.setDeferring(true);
}

/** When the deferral that began then ends at the latest, monotonic ms (Selection_Deferral_Timer). */
export function deferralEnd(state: SpeakerState, startedAt: number): number {
  return startedAt + (state.config?.deferralTime ?? DEFAULT_DEFERRAL_S) * 1000;
}

/**
 * True while announcements wait. They wait for the End-of-RIB of every peer that is up and is not restarting itself; in the
 * first seconds also for configured peers that are not up yet, so that one dead node delays nobody (bgp-speaker 4.4).
 */
export function deferring(state: SpeakerState, now: number): boolean {
  const { deferral } = state;
  if (deferral === undefined) return false;
  if (now < deferralEnd(state, deferral.startedAt)) {
    const windowOpen = now < deferral.startedAt + DEFERRAL_WINDOW_MS;
    for (const peer of state.peers.values()) if (waitsFor(peer, windowOpen)) return true;
  }
  state.deferral = undefined;
  state.rib.setDeferring(false);
  // Peers of ranges that did not come back are waited for no longer.
  for (const peer of state.peers.values()) if (peer.config.range !== undefined) state.ranges.departing.add(peer);
  // The R bit belongs to the OPENs of a restart only.
  refreshSettings(state);
  return false;
}

/**
 * RFC 4724 section 4.1 leaves out peers with the R bit and those without the capability, and nobody else: a peer that names no family in it
 * keeps no forwarding state of its own, but sends End-of-RIB like the others (section 3).
 */
function waitsFor({ session, config, adminDown, endOfRibReceived }: Peer, windowOpen: boolean): boolean {
  if (session === undefined) return windowOpen && !adminDown;
  if (config.gracefulRestart === undefined || session.gracefulRestart === undefined || session.gracefulRestart.restarting) return false;
  return session.families.some((family) => !endOfRibReceived.has(family));
}
