/** Real socket pairs on loopback: what is heard is what was sent to that very connection, whatever happens to sockets meanwhile. */
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { WatchHandle } from 'netlink';
import { addon } from 'netlink';
import { afterEach, describe, expect, it } from 'vitest';
import { BatchedReads } from '../../../src/bgp/io/batched-reads.ts';
import { descriptorOf, hasNativeSockets } from '../../../src/bgp/io/native.ts';
import type { Reading, Reads } from '../../../src/bgp/io/reads.ts';
import { streamReads } from '../../../src/bgp/io/reads.ts';
import { dice } from './dice.ts';

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

/** A listener whose sockets nobody reads, and how to get the next pair of ends. */
async function listener(): Promise<{ readonly pair: () => Promise<readonly [near: Socket, far: Socket]> }> {
  const server: Server = createServer({ pauseOnConnect: true });
  ends.push(() => server.close());
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const pair = async (): Promise<readonly [Socket, Socket]> => {
    const far = connect({ host: '127.0.0.1', port: at.port });
    const accepted: unknown[] = await once(server, 'connection');
    const [near] = accepted;
    if (!isSocket(near)) throw new Error('no socket');
    for (const socket of [near, far]) socket.on('error', () => undefined);
    ends.push(
      () => far.destroy(),
      () => near.destroy(),
    );
    return [near, far];
  };
  return { pair };
}

const isSocket = (value: unknown): value is Socket => typeof value === 'object' && value !== null && 'remotePort' in value;

const fdOf = (socket: Socket): number => descriptorOf(socket) ?? -1;

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Octet `at` of what connection `number` sends: no two send alike. */
const octetOf = (number: number, at: number): number => (Math.imul(at + 1, 2654435761) ^ Math.imul(number + 1, 40503) ^ (at >>> 8)) & 0xff;

/** One connection of the property: what its far end sent, what was heard of it. */
interface Pair {
  readonly number: number;
  readonly near: Socket;
  readonly far: Socket;
  readonly reading: Reading;
  sent: number;
  heard: number;
  wrong: number;
  /** How it ended for the hearer. */
  over: 'ended' | 'failed' | undefined;
  /** The near end was closed, the far one has sent its end, or it was reset. */
  state: 'open' | 'closed' | 'ending' | 'reset';
  paused: boolean;
}

function begin(reads: Reads, number: number, near: Socket, far: Socket): Pair {
  const reading = reads.start(near, fdOf(near), {
    octets: (octets) => {
      if (pair.state === 'closed') pair.wrong++;
      for (const octet of octets) if (octet !== octetOf(number, pair.heard++)) pair.wrong++;
    },
    ended: () => {
      pair.over = 'ended';
      finish(pair);
    },
    failed: () => {
      pair.over = 'failed';
      finish(pair);
    },
  });
  // Streams say it to the owner of the socket alone.
  near.once('close', () => {
    pair.over ??= 'failed';
  });
  const pair: Pair = { number, near, far, reading, sent: 0, heard: 0, wrong: 0, over: undefined, state: 'open', paused: false };
  return pair;
}

function finish(pair: Pair): void {
  pair.reading.stop();
  pair.near.destroy();
}

function send(pair: Pair, octets: number): void {
  pair.far.write(Buffer.from(Array.from({ length: octets }, (_, index) => octetOf(pair.number, pair.sent + index))));
  pair.sent += octets;
}

/** Something happens to a connection. */
function disturb(pair: Pair, roll: (limit: number) => number): void {
  const what = roll(10);
  if (what < 5) send(pair, 1 + (roll(4) === 0 ? roll(150_000) : roll(300)));
  else if (what < 7) {
    pair.paused = !pair.paused;
    if (pair.paused) pair.reading.pause();
    else pair.reading.resume();
  } else if (what === 7) {
    pair.state = 'closed';
    finish(pair);
  } else if (what === 8) {
    pair.state = 'reset';
    pair.far.resetAndDestroy();
  } else {
    pair.state = 'ending';
    pair.far.end();
  }
}

const readers: readonly (readonly [string, () => Reads])[] = [
  ...(hasNativeSockets() ? [['together', (): Reads => new BatchedReads()] as const] : []),
  ['through their streams', () => streamReads],
];

describe.each(readers)('connections read %s', (_name, reader) => {
  it.each([1, 2, 3])('hear what was sent to them and how it ended, and nothing of others (seed %d)', async (seed) => {
    const { pair } = await listener();
    const reads = reader();
    ends.push(() => reads.close());
    const roll = dice(seed * 7919);
    const all: Pair[] = [];
    const fds = new Set<number>();
    for (let step = 0; step < 400; step++) {
      const live = all.filter(({ state }) => state === 'open');
      const one = live[roll(live.length + 1)];
      if (one !== undefined && (live.length > 12 || roll(3) > 0)) disturb(one, roll);
      else {
        const [near, far] = await pair();
        fds.add(fdOf(near));
        all.push(begin(reads, all.length, near, far));
      }
      if (roll(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const one of all) {
      if (one.state === 'open') one.far.end();
      if (one.state !== 'closed') one.reading.resume();
    }
    await until(() => all.every(({ state, over }) => state === 'closed' || over !== undefined));
    expect(all.filter(({ wrong }) => wrong > 0)).toEqual([]);
    const whole = all.filter(({ state }) => state === 'open' || state === 'ending');
    expect(whole.every(({ over, sent, heard }) => over === 'ended' && heard === sent)).toBe(true);
    expect(whole.length).toBeGreaterThan(20);
    // Resets may throw away what was under way; descriptors were used again.
    expect(all.every(({ heard, sent }) => heard <= sent)).toBe(true);
    expect(fds.size).toBeLessThan(all.length);
  });

  it('hear nothing while paused, not even the end, and all of it after that', async () => {
    const { pair } = await listener();
    const reads = reader();
    ends.push(() => reads.close());
    const [near, far] = await pair();
    const one = begin(reads, 0, near, far);
    one.reading.pause();
    const [other, otherFar] = await pair();
    const two = begin(reads, 1, other, otherFar);
    send(one, 100);
    one.far.end();
    send(two, 100);
    await until(() => two.heard === 100);
    expect([one.heard, one.over]).toEqual([0, undefined]);
    one.reading.resume();
    await until(() => one.over !== undefined);
    expect([one.heard, one.over, one.wrong]).toEqual([100, 'ended', 0]);
  });

  it('are left to their streams by stop', async () => {
    const { pair } = await listener();
    const reads = reader();
    ends.push(() => reads.close());
    const [near, far] = await pair();
    const one = begin(reads, 0, near, far);
    one.reading.stop();
    one.reading.resume();
    far.end('last words');
    const rest: Buffer[] = [];
    near.on('data', (octets) => rest.push(octets)).resume();
    await once(near, 'end');
    expect(Buffer.concat(rest).toString()).toBe('last words');
    expect([one.heard, one.over]).toEqual([0, undefined]);
  });
});

/** Descriptors of this process that are epoll sets. */
function epollSets(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.includes('eventpoll')).length;
}

describe.skipIf(!hasNativeSockets())('a read set', () => {
  const SHARE = 1024;

  function makeSet(): WatchHandle {
    const set = addon().readSet(() => undefined);
    ends.push(() => addon().unwatch(set));
    return set;
  }

  /** Tokens and lengths of one round. */
  function receive(set: WatchHandle, slab: Uint8Array, pairs = new Int32Array(64)): readonly (readonly [number, number])[] {
    const count = addon().readSetReceive(set, slab, SHARE, pairs);
    return Array.from({ length: count }, (_, index) => [pairs[2 * index] ?? 0, pairs[2 * index + 1] ?? 0] as const);
  }

  it('gives every ready socket its turn where the slab is too small for all', async () => {
    const { pair } = await listener();
    const set = makeSet();
    for (let token = 1; token <= 5; token++) {
      const [near, far] = await pair();
      addon().readSetAdd(set, fdOf(near), token);
      const sent = new Promise((resolve) => far.write(Buffer.alloc(10 * SHARE, token), resolve));
      await sent;
    }
    const slab = new Uint8Array(2 * SHARE + 100);
    const rounds = Array.from({ length: 5 }, () => receive(set, slab));
    expect(rounds.flat().every(([, length]) => length === SHARE)).toBe(true);
    const tokens = rounds.map((round) => round.map(([token]) => token));
    expect(tokens.slice(0, 3).flat().sort()).toEqual([1, 2, 3, 4, 5]);
    expect(tokens.flat().filter((token) => token === 1).length).toBeLessThanOrEqual(3);
  });

  it('gives no descriptor that was used again what was meant for the one before', async () => {
    const { pair } = await listener();
    const set = makeSet();
    const slab = new Uint8Array(SHARE);
    const pairs = [await pair(), await pair()];
    for (const [index, [near, far]] of pairs.entries()) {
      addon().readSetAdd(set, fdOf(near), 7 + index);
      await new Promise((resolve) => far.write('old', resolve));
    }
    // Room for one: the other is known to be ready, and is taken out before its turn.
    const first = receive(set, slab, new Int32Array(2));
    const left = first[0]?.[0] === 7 ? 1 : 0;
    const [near] = pairs[left] ?? [];
    if (near === undefined) throw new Error('no pair');
    const fd = fdOf(near);
    addon().readSetRemove(set, fd, 7 + left);
    addon().readSetAdd(set, fd, 99);
    expect(receive(set, slab)).toEqual([]);
    expect(receive(set, slab)).toEqual([[99, 3]]);
    addon().readSetRemove(set, fd, 7 + left);
    expect(receive(set, slab)).toEqual([]);
  });

  it('refuses what is no set, no socket, no token and no room', () => {
    const set = makeSet();
    const slab = new Uint8Array(SHARE);
    expect(() => addon().readSetAdd(set, -1, 1)).toThrow(/EBADF/);
    expect(() => addon().readSetAdd(set, 1_000_000, 1)).toThrow(/EBADF/);
    expect(() => addon().readSetAdd(set, 0, 0)).toThrow(/EINVAL/);
    expect(() => addon().readSetReceive(set, slab, SHARE + 1, new Int32Array(2))).toThrow(/EINVAL/);
    expect(() => addon().readSetReceive(set, slab, 0, new Int32Array(2))).toThrow(/EINVAL/);
    expect(addon().readSetReceive(set, slab, SHARE, new Int32Array(0))).toBe(0);
    const fd = addon().socket(2, 1, 0);
    const watch = addon().watch(fd, 1, () => undefined);
    expect(() => addon().readSetAdd(watch, fd, 1)).toThrow(TypeError);
    addon().unwatch(watch);
    setImmediate(() => addon().close(fd));
  });

  it('goes with its thread', async () => {
    // Those of tests before are closed at the end of a turn of the loop.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    const before = epollSets();
    const file = fileURLToPath(new URL(`../../../src/netlink/prebuilds/linux-${process.arch}/netlink.node`, import.meta.url));
    const code = `const set = require(${JSON.stringify(file)}).readSet(() => undefined);
      require('node:worker_threads').parentPort.on('message', () => set).postMessage('made');`;
    const worker = new Worker(code, { eval: true });
    await once(worker, 'message');
    // The set and the loop of the thread.
    expect(epollSets()).toBeGreaterThan(before);
    await worker.terminate();
    expect(epollSets()).toBe(before);
  });

  it('without members does not keep its thread from ending', async () => {
    const file = fileURLToPath(new URL(`../../../src/netlink/prebuilds/linux-${process.arch}/netlink.node`, import.meta.url));
    const worker = new Worker(`require(${JSON.stringify(file)}).readSet(() => undefined);`, { eval: true });
    expect(await once(worker, 'exit')).toEqual([0]);
  });
});
