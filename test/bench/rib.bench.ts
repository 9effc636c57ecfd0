/**
 * The RIB alone, without sockets: a full table (1M prefixes in 150,000 attribute sets to 10 receivers), the Calico shape (500 clients
 * with 4 blocks each and one with 5,000 Services, cold and warm), best path among 50 senders, and single changes to 500 clients.
 * Prints times, the longest slice and octets per prefix. Run with
 * `npx vitest bench --run test/bench/rib.bench.ts`; the first line of a kind is the measurement, later ones repeat it warm.
 */

import { bench, describe } from 'vitest';
import { announce, Bench, ONCE } from './reflector.ts';

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
