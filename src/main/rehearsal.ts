/**
 * A speaker in memory whose peers all come up, accept everything and announce nothing: what `explain` and `routes` show
 * without a daemon. The records are those of a real speaker that really encoded its UPDATEs; no socket is opened.
 */

import type { Endpoint, PeerConfig, Speaker, SpeakerConfig, SpeakerInput, SpeakerOutput } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import type { Capabilities } from 'bgp-ts/wire';
import { encodeKeepalive, encodeOpen } from 'bgp-ts/wire';

/** Rounds of timers after which a peer that still was not dialled is left down; each peer needs one. */
const MAX_ROUNDS = 1000;

/** Ms of work in one go; nothing waits for it. */
const WORK_MS = 1000;

/** Brings a speaker up with every peer established. */
export function rehearse(config: SpeakerConfig): Speaker {
  const speaker = createSpeaker({ random: () => 0, wallClock: () => 0 });
  const peers = config.peers.map((peer) => ({ ...peer, passive: false, connectDelay: 0 }));
  const stage: Stage = { speaker, peers: new Map(peers.map((peer) => [peer.id, peer])), routerId: config.routerId, connections: 0, now: 0 };
  play(stage, { type: 'configure', config: { ...config, peers } });
  for (let round = 0; round < MAX_ROUNDS && stage.connections < peers.length; round += 1) {
    const deadline = speaker.nextDeadline();
    if (!Number.isFinite(deadline)) break;
    stage.now = Math.max(stage.now, deadline);
    play(stage, { type: 'tick' });
  }
  while (speaker.hasWork()) speaker.work(() => stage.now, WORK_MS);
  return speaker;
}

interface Stage {
  readonly speaker: Speaker;
  readonly peers: ReadonlyMap<string, PeerConfig>;
  readonly routerId: number;
  connections: number;
  now: number;
}

function play(stage: Stage, input: SpeakerInput): void {
  const inputs: SpeakerInput[] = [input];
  for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
    for (const output of stage.speaker.handle(next, stage.now)) inputs.push(...replies(stage, output));
  }
}

/** A dial is answered with a connection whose other end says OPEN and KEEPALIVE at once. */
function replies(stage: Stage, output: SpeakerOutput): readonly SpeakerInput[] {
  if (output.type !== 'dial') return [];
  const peer = stage.peers.get(output.peer);
  if (peer === undefined) return [];
  stage.connections += 1;
  const connection = stage.connections;
  const local: Endpoint = { address: output.local ?? peer.nextHopSelf?.[output.remote.address.family] ?? output.remote.address, port: 179 };
  const open = encodeOpen({
    type: 'open',
    version: 4,
    myAs: peer.remoteAs > 0xffff ? 23_456 : peer.remoteAs,
    holdTime: peer.holdTime,
    bgpId: otherId(stage.routerId, connection),
    capabilities: capabilities(peer),
  });
  return [
    { type: 'connected', connection, local, remote: output.remote, dial: output.dial },
    { type: 'octets', connection, octets: open },
    { type: 'octets', connection, octets: encodeKeepalive() },
  ];
}

/** Identifiers nobody else has: 10.0.0.0 and up, but not our own. */
function otherId(own: number, connection: number): number {
  const id = 0x0a00_0000 + connection;
  return id >= own && own > 0x0a00_0000 ? id + 1 : id;
}

function capabilities(peer: PeerConfig): Capabilities {
  return {
    families: peer.families,
    multiprotocol: true,
    fourOctetAs: peer.remoteAs,
    routeRefresh: true,
    enhancedRouteRefresh: false,
    extendedMessage: false,
    unknown: [],
  };
}
