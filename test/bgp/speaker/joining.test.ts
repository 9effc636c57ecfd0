/** A wave of sessions, and rounds of sends that are finished before more is encoded. */
import { describe, expect, it } from 'vitest';
import type { Speaker, SpeakerOutput } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { encodeKeepalive, encodeOpen } from '../../../src/bgp/wire/index.ts';
import { open } from '../session/fixtures.ts';
import { address, config, peer, route } from './world.ts';

const PEERS = 100;
/** Peers that one slice serves. */
const SLICE = 64;

/** A speaker with all its peers up since time 0, and nothing left to do. */
function crowd(): Speaker {
  const speaker = createSpeaker({ random: () => 0.5, wallClock: (now) => now });
  const peers = Array.from({ length: PEERS }, (_, index) => peer(index + 2, { passive: true, reflectorClient: true }));
  speaker.handle({ type: 'configure', config: config(1, peers) }, 0);
  for (const [connection, { remote }] of peers.entries()) {
    speaker.handle({ type: 'connected', connection, local: { address: address(1), port: 179 }, remote }, 0);
    const octets = encodeOpen(open({ holdTime: 90, bgpId: 0x0a000002 + connection }));
    speaker.handle({ type: 'octets', connection, octets }, 0);
    speaker.handle({ type: 'octets', connection, octets: encodeKeepalive() }, 0);
  }
  while (speaker.hasWork()) speaker.work(() => 0, 1000);
  return speaker;
}

const sends = (outputs: readonly SpeakerOutput[]): SpeakerOutput[] => outputs.filter(({ type }) => type === 'send');

/** Announces a route, does one slice, announces another and does the rest; sends of each slice. */
function slicesOf(now: number): number[] {
  const speaker = crowd();
  const slices: number[] = [];
  speaker.handle({ type: 'routes', set: [route('10.1.0.0/24')], remove: [] }, now);
  slices.push(sends(speaker.work(() => now, 1000).outputs).length);
  speaker.handle({ type: 'routes', set: [route('10.2.0.0/24')], remove: [] }, now);
  while (speaker.hasWork()) slices.push(sends(speaker.work(() => now, 1000).outputs).length);
  return slices;
}

describe('while sessions come up', () => {
  it('says so, and no longer some time after the last', () => {
    const speaker = crowd();
    expect(speaker.joining(50)).toBe(true);
    expect(speaker.joining(1000)).toBe(false);
  });
});

describe('a round of sends', () => {
  it.each([50, 1000])('tells every peer the one before anyone the other, %i ms after the last session came up', (now) => {
    expect(slicesOf(now)).toEqual([SLICE, PEERS - SLICE, SLICE, PEERS - SLICE]);
  });

  it('ends the work of a flush: what came meanwhile waits for the next', () => {
    const speaker = crowd();
    speaker.handle({ type: 'routes', set: [route('10.1.0.0/24')], remove: [] }, 1000);
    expect(speaker.work(() => 1000, 1000).more).toBe(true);
    speaker.handle({ type: 'routes', set: [route('10.2.0.0/24')], remove: [] }, 1000);
    expect(speaker.work(() => 1000, 1000).more).toBe(false);
    expect(speaker.hasWork()).toBe(true);
  });
});
