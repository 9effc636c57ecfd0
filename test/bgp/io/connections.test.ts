/** What connections leave behind: every reading that began is over once its connection is, however it ended. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { connect, Socket } from 'node:net';
import { addon, readIntOption } from 'netlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SpeakerInput } from '../../../src/bgp/index.ts';
import { BatchedReads } from '../../../src/bgp/io/batched-reads.ts';
import { Connections } from '../../../src/bgp/io/connections.ts';
import { descriptorOf, hasNativeSockets } from '../../../src/bgp/io/native.ts';
import { createListener } from '../../../src/bgp/io/open-socket.ts';
import { PeerSockets } from '../../../src/bgp/io/peer-sockets.ts';
import { CONNECT_TIMEOUT_MS } from '../../../src/bgp/session/index.ts';
import { peer } from '../speaker/world.ts';

const ends: (() => void)[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) end();
});

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Connections with one peer, and how to get one: its id, and both ends, the far one unread. */
async function open() {
  const inputs: SpeakerInput[] = [];
  const peers = new PeerSockets();
  peers.configure([peer(1, { remote: { address: { family: 'ipv4', words: [0x7f000001, 0, 0, 0] }, port: 179 } })]);
  const connections = new Connections(
    (input) => void inputs.push(input),
    peers,
    () => undefined,
  );
  const accepted: Socket[] = [];
  const server: Server = createListener((socket) => {
    accepted.push(socket);
    connections.accept(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  ends.push(() => server.close());
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const ids = (): number[] => inputs.flatMap((input) => (input.type === 'connected' ? [input.connection] : []));
  const next = async (): Promise<{ readonly id: number; readonly near: Socket; readonly far: Socket }> => {
    const before = ids().length;
    const far = connect({ host: '127.0.0.1', port: at.port }).pause();
    far.on('error', () => undefined);
    ends.push(() => far.destroy());
    await until(() => ids().length > before);
    const near = accepted.at(-1);
    if (near === undefined) throw new Error('no socket');
    return { id: ids().at(-1) ?? 0, near, far };
  };
  const said = (id: number, type: SpeakerInput['type']): number =>
    inputs.filter((input) => input.type === type && 'connection' in input && input.connection === id).length;
  return { connections, next, said };
}

describe('a connection', () => {
  it('that was closed is not heard any more, though its peer goes on', async () => {
    const { connections, next, said } = await open();
    const { id, far } = await next();
    far.write('one');
    await until(() => said(id, 'octets') > 0);
    const heard = said(id, 'octets');
    connections.close(id, false);
    for (let times = 0; times < 20; times++) {
      far.write(Buffer.alloc(1000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    far.resume().end();
    await connections.closed();
    expect([said(id, 'octets'), said(id, 'closed')]).toEqual([heard, 0]);
  });

  it.runIf(hasNativeSockets())('leaves the read set, whoever ends it and how', async () => {
    const { connections, next, said } = await open();
    const [added, removed] = [vi.spyOn(addon(), 'readSetAdd'), vi.spyOn(addon(), 'readSetRemove')];
    const unwatched = vi.spyOn(addon(), 'unwatch');
    const all = [await next(), await next(), await next(), await next()];
    const [ended, reset, closed, thrown] = all;
    ended?.far.end();
    reset?.far.resetAndDestroy();
    connections.close(closed?.id ?? 0, false);
    connections.close(thrown?.id ?? 0, true);
    await until(() => said(ended?.id ?? 0, 'closed') + said(reset?.id ?? 0, 'closed') === 2);
    for (const { far } of all) far.destroy();
    await connections.closed();
    const tokens = (calls: readonly (readonly unknown[])[]): unknown[] => calls.map(([, , token]) => token).sort();
    expect(tokens(added.mock.calls)).toHaveLength(4);
    expect(tokens(removed.mock.calls)).toEqual(tokens(added.mock.calls));
    // And the set goes with the last of them.
    expect(unwatched).toHaveBeenCalledTimes(1);
  });

  it.runIf(hasNativeSockets())('is watched by the kernel until its peer is heard, and by the hold timer from then on', async () => {
    const { next, said } = await open();
    const { id, near, far } = await next();
    const watched = (): readonly number[] => {
      const fd = descriptorOf(near) ?? -1;
      // SO_KEEPALIVE, TCP_USER_TIMEOUT.
      return [readIntOption(fd, 1, 9), readIntOption(fd, 6, 18)];
    };
    expect(watched()).toEqual([1, CONNECT_TIMEOUT_MS]);
    far.write('one');
    await until(() => said(id, 'octets') > 0);
    expect(watched()).toEqual([0, 0]);
  });

  it.runIf(hasNativeSockets())('is not written to once Node has given its descriptor up, which may be another one by now', async () => {
    const { connections, next, said } = await open();
    const { id, near } = await next();
    const written = vi.spyOn(addon(), 'sendv');
    near.destroy();
    connections.send(id, [Buffer.from('late')]);
    await until(() => said(id, 'closed') > 0);
    connections.send(id, [Buffer.from('later')]);
    expect(written).not.toHaveBeenCalled();
  });

  it.runIf(hasNativeSockets())(
    'gets octets in the order in which they were sent, also where some wait and there is room again',
    async () => {
      const { connections, next } = await open();
      const { id, near, far } = await next();
      let parts = 0;
      while (near.writableLength === 0) connections.send(id, [Buffer.alloc(262_144, parts++)]);
      // All that the kernel has, at once: there is room before Node gets to write what waits.
      const octets: Buffer[] = [];
      const room = Buffer.alloc(1 << 20);
      for (let length = 1; length > 0; ) {
        length = addon().recv(descriptorOf(far) ?? -1, room);
        if (length > 0) octets.push(Buffer.from(room.subarray(0, length)));
      }
      expect(near.writableLength).toBeGreaterThan(0);
      connections.send(id, [Buffer.from([255])]);
      far.on('data', (more) => octets.push(more)).resume();
      const total = parts * 262_144 + 1;
      await until(() => octets.reduce((sum, { length }) => sum + length, 0) >= total);
      const all = Buffer.concat(octets);
      expect([all.length, all.at(-1)]).toEqual([total, 255]);
      expect(all.every((octet, at) => octet >= (all[at - 1] ?? 0))).toBe(true);
    },
  );
});

describe.runIf(hasNativeSockets())('a socket that cannot be read', () => {
  it('fails once what goes on is done, and not after it was stopped', async () => {
    const reads = new BatchedReads();
    ends.push(() => reads.close());
    const failures: unknown[] = [];
    const hearer = { octets: () => undefined, ended: () => undefined, failed: (error: Error) => void failures.push(error) };
    reads.start(new Socket(), -1, hearer);
    reads.start(new Socket(), -1, hearer).stop();
    expect(failures).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toEqual([expect.objectContaining({ code: 'EBADF' })]);
  });
});
