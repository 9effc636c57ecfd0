/**
 * The RIB alone, without sockets: a full table (1M prefixes in 150,000 attribute sets to 10 receivers), the Calico shape (500 clients
 * with 4 blocks each and one with 5,000 Services, cold and warm), best path among 50 senders, and single changes to 500 clients.
 * Prints times, the longest slice and octets per prefix. Run with
 * `npx vitest bench --run test/bench/rib.bench.ts`; the first line of a kind is the measurement, later ones repeat it warm.
 */

import { addressFromNumber } from 'bgp-ts/net';
import { encodeUpdate, type Family, type PathAttributes, scanUpdate, type UpdateContext } from 'bgp-ts/wire';
import { bench, describe } from 'vitest';
import { createRib, type Rib } from '../../src/bgp/rib/index.ts';
import type { PeerConfig } from '../../src/bgp/speaker-types.ts';

const FAMILIES: readonly Family[] = ['ipv4-unicast'];
const CONTEXT: UpdateContext = {
  fourOctetAs: true,
  external: false,
  addPathReceive: [],
  extendedNextHop: [],
  families: FAMILIES,
  loopback: true,
};
const ALL = { name: 'all', terms: [], otherwise: 'accept' } as const;
const AS = 64512;
const ONCE = { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 } as const;

function config(number: number): PeerConfig {
  return {
    id: `p${number}`,
    remote: { address: addressFromNumber(0x7f010001 + number), port: 179 },
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

/** A reflector with clients, and what its slices and deliveries came to. */
class Bench {
  readonly rib: Rib;
  readonly peers: readonly number[];
  slice = 0;
  octets = 0;

  constructor(clients: number) {
    this.rib = createRib({ onFault: () => undefined, onMaxPrefix: () => undefined }, { routerId: 0x0a630001, wallClock: () => Date.now() });
    this.peers = Array.from({ length: clients }, (_, number) => this.rib.configurePeer(config(number)));
    this.peers.forEach((peer, number) => {
      const address = addressFromNumber(0x7f010001 + number);
      this.rib.sessionUp(peer, {
        context: CONTEXT,
        families: FAMILIES,
        external: false,
        remoteId: 0x0a640001 + number,
        remoteAs: AS,
        remoteAddress: address,
        localAddress: addressFromNumber(0x7f000001),
        fourOctetAs: true,
        maxMessage: 4096,
        addPathSend: [],
      });
    });
    this.drain();
  }

  feed(number: number, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const scanned = scanUpdate(message.subarray(19), CONTEXT);
      if (scanned.ok) this.rib.receive(this.peers[number] ?? -1, scanned.value);
    }
  }

  drain(): void {
    for (let more = true; more; ) {
      const from = performance.now();
      more = this.rib.run(() => performance.now(), 5);
      this.slice = Math.max(this.slice, performance.now() - from);
      for (const peer of this.rib.readyPeers()) {
        for (let taken = this.rib.take(peer, 65_536); taken.length > 0; taken = this.rib.take(peer, 65_536)) {
          for (const buffer of taken) this.octets += buffer.length;
        }
      }
    }
  }

  report(what: string, from: number): void {
    const ms = performance.now() - from;
    process.stdout.write(
      `${what}: ${ms.toFixed(0)} ms, longest slice ${this.slice.toFixed(1)} ms, ${(this.octets / 1e6).toFixed(1)} MB told\n`,
    );
  }
}

const attributes = (number: number, set: number, asns: readonly number[] = []): PathAttributes => ({
  origin: 'igp',
  asPath: asns.length > 0 ? [{ type: 'sequence', asns }] : [],
  nextHop: addressFromNumber(0x0a640001 + number),
  localPref: 100,
  largeCommunities: [[4_200_000_001, number, set]],
});

function announce(number: number, set: number, base: number, count: number, length: number, asns?: readonly number[]): Uint8Array[] {
  const announced = Array.from({ length: count }, (_, i) => ({
    prefix: { family: 'ipv4', words: [(base + i * 2 ** (32 - length)) >>> 0, 0, 0, 0], length } as const,
  }));
  return encodeUpdate({ announced, attributes: attributes(number, set, asns) });
}

function calicoMessages(clients: number): Uint8Array[][] {
  const messages = Array.from({ length: clients }, (_, i) => announce(i, 0, 0x0a400000 + i * 256, 4, 26));
  return [...messages, announce(clients, 0, 0xac100000, 5000, 32)];
}

const calico = calicoMessages(500);

describe('calico-500', () => {
  for (const round of ['cold', 'second', 'third']) {
    bench(
      `7,000 prefixes to 501 clients, ${round}`,
      () => {
        const world = new Bench(501);
        const from = performance.now();
        for (const [number, messages] of calico.entries()) world.feed(number, messages);
        world.drain();
        world.report(`calico-500 ${round}`, from);
      },
      ONCE,
    );
  }

  const world = new Bench(501);
  for (const [number, messages] of calico.entries()) world.feed(number, messages);
  world.drain();
  let change = 0;
  bench('one change to 500 clients', () => {
    change++;
    world.feed(change % 500, announce(change % 500, change, 0x0a400000 + (change % 500) * 256, 1, 26));
    world.drain();
  });
});

const SETS = 150_000;
const PREFIXES = 1_000_000;

describe('full table', () => {
  bench(
    '1M prefixes in 150,000 sets to 10 receivers, then gone',
    () => {
      const world = new Bench(11);
      const before = process.memoryUsage();
      let spent = 0;
      for (let set = 0, next = 0; set < SETS; ) {
        const batch: Uint8Array[] = [];
        for (const end = Math.min(SETS, set + 500); set < end; set++) {
          const until = Math.floor(((set + 1) * PREFIXES) / SETS);
          batch.push(
            ...announce(0, set, 0x01000000 + next * 256, until - next, 24, [1000 + (set % 977), 2000 + (set % 89), 200_000 + set]),
          );
          next = until;
        }
        const from = performance.now();
        world.feed(0, batch);
        world.drain();
        spent += performance.now() - from;
      }
      world.report('full table load', performance.now() - spent);
      const after = process.memoryUsage();
      const per = (octets: number): string => (octets / PREFIXES).toFixed(0);
      process.stdout.write(
        `octets per prefix and path: ${per(after.arrayBuffers - before.arrayBuffers)} in tables, ${per(after.heapUsed - before.heapUsed)} on the heap\n`,
      );
      world.slice = 0;
      const from = performance.now();
      world.rib.sessionDown(world.peers[0] ?? -1, 'flush');
      world.drain();
      world.report('full table drop', from);
    },
    ONCE,
  );
});

describe('overlap', () => {
  bench(
    '50 senders of the same 20,000 prefixes, 50 receivers',
    () => {
      const world = new Bench(100);
      const messages = Array.from({ length: 50 }, (_, i) =>
        Array.from({ length: 20 }, (__, set) =>
          announce(
            i,
            set,
            0x14000000 + set * 256_000,
            1000,
            24,
            Array.from({ length: 1 + Math.min(5, (i - set + 50) % 50) }, (___, k) => 300_000 + k),
          ),
        ).flat(),
      );
      const from = performance.now();
      for (const [number, own] of messages.entries()) world.feed(number, own);
      world.drain();
      world.report('overlap', from);
    },
    ONCE,
  );
});
