/**
 * The wanted configuration against the present one: what has to change, and nothing else (bgp-speaker 4.9). The peers of a large one are
 * taken a few at a time, by the work that follows the input, so that thousands of them are no long slice (bgp-speaker 2.4).
 */
import { DEFAULT_MED } from '../rib/index.ts';
import { CONFIGURE_AT_ONCE } from '../session/index.ts';
import type { PeerConfig, SpeakerConfig } from '../speaker-types.ts';
import { remember } from './actions.ts';
import { changePeer } from './change-peer.ts';
import { equal } from './equal.ts';
import { drive } from './machines.ts';
import { configureRanges, dynamicConfigs } from './ranges.ts';
import { addPeer, addToIndex, removeFromIndex, removePeer } from './records.ts';
import { reapplyPolicies } from './rib-config.ts';
import type { Peer, SpeakerState } from './state.ts';
import { output, peerKey } from './state.ts';

/** A configuration whose peers are not all taken yet. */
export interface Configuring {
  /** A peer each, and what concerns all of them. */
  readonly steps: Iterator<undefined, void>;
  /** Every peer's policies follow from the configuration in another way than before. */
  readonly reapply: boolean;
}

/**
 * Makes `config` the speaker's configuration. Applying it twice does nothing the second time. What concerns the speaker is done at once, the
 * peers of a large one are left to `continueConfiguring`. One that comes meanwhile takes its place: each is compared with what is there.
 */
export function configure(state: SpeakerState, config: SpeakerConfig): void {
  const before = state.config;
  const peers = [...config.peers, ...dynamicConfigs(state, config)];
  rejectDuplicates(peers);
  state.config = config;
  if (before?.routerId !== config.routerId) state.rib.setRouterId(config.routerId);
  state.rib.setMed(config.med ?? DEFAULT_MED);
  // At once: routes that are set by themselves after this input come on top of these.
  if (before?.routes !== config.routes) state.rib.replaceLocalRoutes(config.routes);
  const longLived = [...peers, ...(config.ranges ?? []).map(({ template }) => template)].some(
    ({ gracefulRestart }) => gracefulRestart?.longLivedStaleTime !== undefined,
  );
  const reapply = longLived !== state.edits.longLived || state.configuring?.reapply === true;
  state.edits.longLived = longLived;
  state.configuring = { steps: takePeers(state, config, peers, reapply), reapply };
  if (Math.max(peers.length, state.byIndex.size) <= CONFIGURE_AT_ONCE) finishConfiguring(state);
  else leaveListeners(state, config);
}

/** Nobody is to come where nobody is wanted any more; who is opened waits for the peers. */
function leaveListeners(state: SpeakerState, { listen }: SpeakerConfig): void {
  const kept = state.listening?.filter((endpoint) => listen.some((each) => equal(each, endpoint)));
  if (kept === undefined || kept.length === state.listening?.length) return;
  state.listening = kept;
  output(state, { type: 'listen', endpoints: kept });
}

/** Goes on with the configuration that was given last, until `isOver`; true while peers are left. */
export function continueConfiguring(state: SpeakerState, isOver: () => boolean): boolean {
  while (state.configuring !== undefined) {
    if (state.configuring.steps.next().done === true) state.configuring = undefined;
    else if (isOver()) return true;
  }
  return false;
}

/** Takes the rest at once: what comes next needs every peer to be there. */
export function finishConfiguring(state: SpeakerState): void {
  continueConfiguring(state, () => false);
}

/** Those that stay come before those that are new: a name may pass from one to the other. */
function* takePeers(
  state: SpeakerState,
  config: SpeakerConfig,
  peers: readonly PeerConfig[],
  reapply: boolean,
): Generator<undefined, void> {
  const byKey = new Map([...state.byIndex.values()].map((peer) => [peer.key, peer]));
  const wanted = new Set(peers.map(peerKey));
  yield;
  for (const peer of byKey.values()) {
    if (wanted.has(peer.key)) continue;
    endPeer(state, peer);
    yield;
  }
  for (const peerConfig of peers) {
    const present = byKey.get(peerKey(peerConfig));
    if (present === undefined) continue;
    if (reapply) reapplyPolicies(state, present);
    changePeer(state, config, present, peerConfig);
    yield;
  }
  for (const peerConfig of peers) {
    if (byKey.has(peerKey(peerConfig))) continue;
    const peer = addPeer(state, config, peerConfig);
    byKey.set(peer.key, peer);
    addToIndex(state, peer);
    state.unstarted.add(peer);
    yield;
  }
  namePeers(state, peers, byKey);
  configureRanges(state, config);
  if (!equal(state.listening, config.listen)) output(state, { type: 'listen', endpoints: config.listen });
  state.listening = config.listen;
  // Last, so that a peer dialed here finds every other one configured.
  for (const peer of state.unstarted) {
    startAdded(state, peer);
    yield;
  }
}

/** Starts a peer that was added and has not begun; nothing where it has. */
export function startAdded(state: SpeakerState, peer: Peer): void {
  if (state.unstarted.delete(peer) && !peer.adminDown) drive(state, peer, peer.primary, { type: 'start' });
}

function endPeer(state: SpeakerState, peer: Peer): void {
  remember(state, peer);
  removePeer(state, peer);
  removeFromIndex(state, peer);
  state.unstarted.delete(peer);
}

/** All names at once, in the order of the configuration: until here peers go by those they had. */
function namePeers(state: SpeakerState, peers: readonly PeerConfig[], byKey: ReadonlyMap<string, Peer>): void {
  state.peers.clear();
  for (const peerConfig of peers) {
    const peer = byKey.get(peerKey(peerConfig));
    if (peer !== undefined) state.peers.set(peerConfig.id, peer);
  }
}

function rejectDuplicates(peers: readonly PeerConfig[]): void {
  const ids = new Set<string>();
  const keys = new Set<string>();
  for (const peer of peers) {
    const key = peerKey(peer);
    if (ids.has(peer.id) || keys.has(key))
      throw new Error(`two peers with ${ids.has(peer.id) ? `the id ${peer.id}` : `the addresses ${key}`}`);
    ids.add(peer.id);
    keys.add(key);
  }
}
