/** A wave of sessions: rounds of sends are finished before more is encoded. */
import { describe, expect, it } from 'vitest';
import type { Speaker, SpeakerOutput } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { encodeKeepalive, encodeOpen } from '../../../src/bgp/wire/index.ts';
import { address, config, peer, route } from './world.ts';

const PEERS = 100;
/** Peers that one slice serves. */
const SLICE = 64;

const capabilities = {
  families: ['ipv4-unicast'],
  multiprotocol: true,
  fourOctetAs: 64512,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  extendedMessage: false,
  unknown: [],
} as const;

/** A speaker with all its peers up since time 0, and nothing left to do. */
function crowd(): Speaker {
  const speaker = createSpeaker({ random: () => 0.5, wallClock: (now) => now });
  const peers = Array.from({ length: PEERS }, (_, index) => peer(index + 2, { passive: true, reflectorClient: true }));
  speaker.handle({ type: 'configure', config: config(1, peers) }, 0);
  for (const [connection, { remote }] of peers.entries()) {
    speaker.handle({ type: 'connected', connection, local: { address: address(1), port: 179 }, remote }, 0);
    const open = encodeOpen({ type: 'open', version: 4, myAs: 64512, holdTime: 90, bgpId: 0x0a000002 + connection, capabilities });
    speaker.handle({ type: 'octets', connection, octets: open }, 0);
    speaker.handle({ type: 'octets', connection, octets: encodeKeepalive() }, 0);
  }
  while (speaker.hasWork()) speaker.work(() => 0, 1000);
  return speaker;
}

const sends = (outputs: readonly SpeakerOutput[]): SpeakerOutput[] => outputs.filter(({ type }) => type === 'send');

/** Announces a route, does one slice, announces another and does the rest; octets of the second slice's messages by peer. */
function interrupted(now: number): { readonly slices: number[]; readonly encodes: number } {
  const speaker = crowd();
  const slices: number[] = [];
  speaker.handle({ type: 'routes', set: [route('10.1.0.0/24')], remove: [] }, now);
  slices.push(sends(speaker.work(() => now, 1000).outputs).length);
  speaker.handle({ type: 'routes', set: [route('10.2.0.0/24')], remove: [] }, now);
  while (speaker.hasWork()) slices.push(sends(speaker.work(() => now, 1000).outputs).length);
  return { slices, encodes: slices.reduce((sum, count) => sum + count, 0) };
}

describe('while sessions come up', () => {
  it('says so, and no longer some time after the last', () => {
    const speaker = crowd();
    expect(speaker.joining(50)).toBe(true);
    expect(speaker.joining(1000)).toBe(false);
  });

  it('tells every peer the one before anyone the other', () => {
    expect(interrupted(50).slices).toEqual([SLICE, PEERS - SLICE, SLICE, PEERS - SLICE]);
  });

  it('afterwards tells both at once to those who were not served yet', () => {
    // The rest gets both, the first 64 get the second.
    expect(interrupted(1000).encodes).toBe(PEERS + SLICE);
  });
});
