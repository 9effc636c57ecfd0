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
      expect(after.map(({ id, remote, local }) => sockets.dialed(id, remote, local))).toEqual(after);
      for (const { id, remote, local } of before) expect(sockets.dialed(id, remote, local)).toBe(fresh.dialed(id, remote, local));
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

  it('are dialed with their own options although the speaker still has the names of before', () => {
    const sockets = new PeerSockets();
    const at = (remote: number, id: string, key: string, more: Partial<PeerConfig> = {}): PeerConfig => ({
      ...basePeer(1),
      id,
      remote: { address: ipv4(remote), port: 179 },
      md5Key: secretText(key),
      ...more,
    });
    const one = at(101, 'b', 'of 101');
    const [two, third] = [at(102, 'a', 'of 102'), at(102, 'c', 'of 102', { local: ipv4(1) })];
    sockets.configure([one, two, third]);
    expect(sockets.dialed('b', one.remote, undefined)).toBe(one);
    expect(sockets.dialed('a', one.remote, undefined)).toBe(one);
    expect(sockets.dialed('b', two.remote, undefined)).toBe(two);
    expect(sockets.dialed('old', two.remote, ipv4(1))).toBe(third);
    expect(sockets.dialed('a', { address: ipv4(103), port: 179 }, undefined)).toBeUndefined();
    expect(sockets.dialed('old', { address: ipv4(101), port: 1790 }, undefined)).toBeUndefined();
  });

  it('are compared, not made anew, where nothing changed', () => {
    const roll = dice(7);
    const sockets = new PeerSockets();
    const peers = Array.from({ length: 50 }, (_, index) => randomPeer(`p${index}`, roll));
    sockets.configure(peers);
    expect(sockets.configure(peers.map((peer) => ({ ...peer })))).toEqual([]);
    expect(sockets.configure([])).toEqual([]);
    expect(peers.map(({ id, remote, local }) => sockets.dialed(id, remote, local)).filter((peer) => peer !== undefined)).toEqual([]);
  });
});
