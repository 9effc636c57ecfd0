/** Speakers with hundreds of peers, and work done a slice at a time. */
import type { Address, PeerConfig, Speaker, SpeakerOutput } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { seededRandom } from '../../../src/bgp/testing/index.ts';
import { address, peer } from './world.ts';

/** Clock readings that a slice may last: one follows each peer. */
export const BUDGET = 25;

/** Address of peer `index` of `many`. */
export const at = (index: number): Address => ({ family: 'ipv4', words: [0x0a010000 + index, 0, 0, 0] });

/** So many peers, named n0 and on. */
export function many(count: number, overrides: Partial<PeerConfig> = {}, from = 0): PeerConfig[] {
  return Array.from({ length: count }, (_, index) =>
    peer(2, { id: `n${from + index}`, remote: { address: at(from + index), port: 179 }, ...overrides }),
  );
}

/** A speaker without configuration. */
export const fresh = (): Speaker => createSpeaker({ random: seededRandom(1), wallClock: (now) => now });

/** Does the work of `slices` slices, all of it by default; outputs of each. */
export function workOn(speaker: Speaker, slices = Infinity, now = 1): SpeakerOutput[][] {
  const done: SpeakerOutput[][] = [];
  let readings = now;
  while (done.length < slices && speaker.hasWork()) done.push(speaker.work(() => readings++, BUDGET).outputs);
  return done;
}

/** Outputs of that type. */
export const count = (outputs: readonly SpeakerOutput[], type: SpeakerOutput['type']): number =>
  outputs.filter((each) => each.type === type).length;

/** Names of all peers, in order. */
export const names = (speaker: Speaker): string[] => speaker.status().peers.map(({ id }) => id);

/** Peer `index` of `many` connects. */
export function arrive(speaker: Speaker, index: number, connection = 1): SpeakerOutput[] {
  const remote = { address: at(index), port: 40_000 };
  return speaker.handle({ type: 'connected', connection, local: { address: address(1), port: 179 }, remote }, 1);
}

/** A connection delivers these octets. */
export const hear = (speaker: Speaker, octets: Uint8Array, connection = 1): SpeakerOutput[] =>
  speaker.handle({ type: 'octets', connection, octets }, 1);
