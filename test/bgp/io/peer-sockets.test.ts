/** The peers as sockets see them: changed step by step they are what they would be from scratch. */
import { describe, expect, it } from 'vitest';
import type { Address, PeerConfig } from '../../../src/bgp/index.ts';
import { PeerSockets } from '../../../src/bgp/io/peer-sockets.ts';
import { secretText } from '../../../src/bgp/net/index.ts';
import { peer as basePeer } from '../speaker/world.ts';
import { dice } from './dice.ts';

const ipv4 = (word: number): Address => ({ family: 'ipv4', words: [word, 0, 0, 0] });
const LOCALS = [ipv4(1), ipv4(2)];

function randomPeer(id: string, roll: (limit: number) => number): PeerConfig {
  const local = LOCALS[roll(3)];
  return {
    ...basePeer(1),
    id,
    remote: { address: ipv4(100 + roll(6)), port: 179 },
    holdTime: 30 + roll(3),
    ...(local === undefined ? {} : { local }),
    ...(roll(3) === 0 ? { md5Key: secretText(`key ${roll(2)}`) } : {}),
    ...(roll(4) === 0 ? { ttlSecurity: 1 + roll(2) } : {}),
    ...(roll(4) === 0 ? { device: 'eth0' } : {}),
  };
}

/** The configuration before, with some peers gone, some new, some changed, and now and then in another order. */
function next(before: readonly PeerConfig[], roll: (limit: number) => number): readonly PeerConfig[] {
  const after = before
    .filter(() => roll(5) > 0)
    .map((peer) => (roll(3) === 0 ? randomPeer(peer.id, roll) : roll(2) === 0 ? { ...peer } : peer));
  for (let more = roll(4); more > 0; more--) {
    const id = `p${roll(20)}`;
    if (!after.some((peer) => peer.id === id)) after.splice(roll(after.length + 1), 0, randomPeer(id, roll));
  }
  return roll(4) === 0 ? after.toReversed() : after;
}

const options = (peer: PeerConfig | undefined): string => JSON.stringify([peer?.md5Key?.reveal(), peer?.ttlSecurity, peer?.device]);

describe('the peers of sockets', () => {
  it.each([1, 2, 3, 4, 5])('are after every change what they would be from scratch (seed %d)', (seed) => {
    const roll = dice(seed * 104_729);
    const sockets = new PeerSockets();
    let before: readonly PeerConfig[] = [];
    let several = 0;
    for (let step = 0; step < 100; step++) {
      const after = next(before, roll);
      const fresh = new PeerSockets();
      fresh.configure(after);
      const changed = after.filter((peer) => options(peer) !== options(before.find(({ id }) => id === peer.id))).map(({ id }) => id);
      expect(sockets.configure(after)).toEqual(changed);
      for (let id = 0; id < 20; id++) expect(sockets.get(`p${id}`)).toBe(after.find((peer) => peer.id === `p${id}`));
      for (let remote = 100; remote < 106; remote++) {
        for (const local of LOCALS) {
          const found = sockets.at(local, ipv4(remote));
          expect(found).toEqual(fresh.at(local, ipv4(remote)));
          if (found.length > 1) several++;
        }
      }
      before = after;
    }
    expect(several).toBeGreaterThan(30);
  });

  it('are compared, not made anew, where nothing changed', () => {
    const roll = dice(7);
    const sockets = new PeerSockets();
    const peers = Array.from({ length: 50 }, (_, index) => randomPeer(`p${index}`, roll));
    sockets.configure(peers);
    expect(sockets.configure(peers.map((peer) => ({ ...peer })))).toEqual([]);
    expect(sockets.configure([])).toEqual([]);
    expect(sockets.get('p1')).toBeUndefined();
  });
});
