/** The warm-up does what real sessions lead to, in steps, and ends. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig, SpeakerConfig } from '../../../src/bgp/index.ts';
import { reflectorClient, warmUp } from '../../../src/bgp/io/warm-up.ts';

function run(lives: number, config?: SpeakerConfig): { readonly steps: number; readonly sent: number } {
  let now = 0;
  const warming = warmUp(() => (now += 0.01), lives, config);
  for (let steps = 0; ; steps++) {
    const { done, value } = warming.next();
    if (done === true) return { steps, sent: value };
  }
}

it('reflects the routes of its peers to all of them, a few at a time', () => {
  const one = run(1);
  // 255 messages of more than 60 octets, each to 127 of the 128 peers.
  expect(one.sent).toBeGreaterThan(255 * 60 * 127);
  expect(one.steps).toBeGreaterThan(60);
  expect(run(2).sent).toBe(2 * one.sent);
});

it('does nothing for no lives', () => {
  expect(run(0)).toEqual({ steps: 0, sent: 0 });
});

describe('with the configuration that sessions will have', () => {
  const config = (peers: readonly PeerConfig[]): SpeakerConfig => ({
    routerId: 0xac10_0001,
    localAs: 64512,
    listen: [],
    peers,
    routes: [],
  });

  it('is what it is without one where the peers are clients of a reflector', () => {
    const clients = Array.from({ length: 200 }, (_, number) => reflectorClient(1000 + number));
    expect(run(1, config(clients))).toEqual(run(1));
  });

  it('fills up with clients where there are few peers, and passes over those without IPv4', () => {
    const six: PeerConfig = { ...reflectorClient(1), id: 'six', families: ['ipv6-unicast'] };
    expect(run(1, config([six])).sent).toBe(run(1).sent);
  });

  it('fills up with others than those whose name or address is taken', () => {
    const namesake = { ...reflectorClient(9999), id: '3' };
    expect(run(1, config([namesake, { ...reflectorClient(5), id: 'spine' }])).sent).toBe(run(1).sent);
  });

  it('tells external peers, and is told by them', () => {
    const external = Array.from({ length: 128 }, (_, number) => ({ ...reflectorClient(number), remoteAs: 65_000 + number * 1000 }));
    expect(run(1, config(external)).sent).toBeGreaterThan(255 * 60 * 127);
  });
});
