/**
 * Work on throwaway RIBs so that the first real routes meet compiled code: measured, the first 7,000 routes to 500 peers cost a
 * cold process about 100 ms here and a warm one under 20.
 */
import type { PeerConfig } from '../speaker-types.ts';
import { encodeUpdate, type Family, scanUpdate, type UpdateContext } from '../wire/index.ts';
import { createRib } from './rib.ts';
import type { Rib, RibSession } from './types.ts';

const PEERS = 200;
const FAMILIES: readonly Family[] = ['ipv4-unicast'];
const AS = 64512;
const CONTEXT: UpdateContext = { fourOctetAs: true, external: false, addPathReceive: [], extendedNextHop: [], families: FAMILIES };
const ALL = { name: 'warm-up', terms: [], otherwise: 'accept' } as const;

const ipv4 = (word: number): RibSession['remoteAddress'] => ({ family: 'ipv4', words: [word, 0, 0, 0] });

function config(number: number): PeerConfig {
  return {
    id: String(number),
    remote: { address: ipv4(number + 1), port: 179 },
    remoteAs: AS,
    localAs: AS,
    families: FAMILIES,
    passive: true,
    holdTime: 90,
    connectRetryTime: 5,
    connectDelay: 0,
    reflectorClient: true,
    nextHop: 'auto',
    importPolicy: ALL,
    exportPolicy: ALL,
    allowLocalAs: 0,
    addPath: 'off',
    reasons: [],
  };
}

function session(number: number): RibSession {
  return {
    context: CONTEXT,
    families: FAMILIES,
    external: false,
    remoteId: number + 1,
    remoteAs: AS,
    remoteAddress: ipv4(number + 1),
    localAddress: ipv4(0x0a000001),
    fourOctetAs: true,
    maxMessage: 4096,
    addPathSend: [],
  };
}

function speak(rib: Rib, peer: number, number: number, withdraw: boolean): void {
  const routes = [0, 1, 2, 3].map((i) => ({
    prefix: { family: 'ipv4', words: [(0x0a000000 + number * 1024 + i * 64) >>> 0, 0, 0, 0], length: 26 } as const,
  }));
  const attributes = {
    origin: 'igp',
    asPath: [],
    nextHop: ipv4(0x0a000000 + number),
    localPref: 100,
    largeCommunities: [[AS, number, 1]],
  } as const;
  for (const message of encodeUpdate(withdraw ? { withdrawn: routes } : { announced: routes, attributes })) {
    const scanned = scanUpdate(message.subarray(19), CONTEXT);
    if (scanned.ok) rib.receive(peer, scanned.value);
  }
}

function drain(rib: Rib, clock: () => number): void {
  while (rib.run(clock, 5));
  for (const peer of rib.readyPeers()) while (rib.take(peer, 65_536).length > 0);
}

/** Runs rounds of sessions, announcements, withdrawals and closures until about `budgetMs` of `clock()`; returns the rounds. */
export function warmUp(clock: () => number, budgetMs: number): number {
  const end = clock() + budgetMs;
  let rounds = 0;
  for (; clock() < end; rounds++) {
    const rib = createRib({ onFault: () => undefined, onMaxPrefix: () => undefined }, { routerId: 0x0a000001, wallClock: () => 0 });
    const peers = Array.from({ length: PEERS }, (_, number) => rib.configurePeer(config(number)));
    for (const [number, peer] of peers.entries()) rib.sessionUp(peer, session(number));
    drain(rib, clock);
    for (const [number, peer] of peers.entries()) speak(rib, peer, number, false);
    drain(rib, clock);
    for (const [number, peer] of peers.entries()) speak(rib, peer, number, true);
    drain(rib, clock);
    for (const peer of peers) rib.sessionDown(peer, 'flush');
    drain(rib, clock);
  }
  return rounds;
}
