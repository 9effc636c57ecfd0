/** Storms of connections at a real speaker on loopback: from peers, from strangers, and from peers that are not who they should be. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { text } from './harness/json.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { At } from './harness/wire-peer.ts';
import { WirePeer } from './harness/wire-peer.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker, Witnesses } from './harness/witnesses.ts';

const NET = '127.0.40';
const AT: At = { host: `${NET}.1`, port: 11_790 };
const CLIENTS = 1000;
const clientAddress = (index: number): string => `127.41.${index >> 8}.${index & 255}`;
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a speaker under storms of connections', () => {
  let speaker: SpeakerProcess;
  let witnesses: Witnesses;
  const sockets: Socket[] = [];
  const peers: WirePeer[] = [];

  /** A connection that says nothing by itself. */
  const raw = (localAddress: string): Socket => {
    const socket = connect({ ...AT, localAddress });
    // Whatever end it takes is part of the storm.
    socket.on('error', () => undefined);
    socket.resume();
    sockets.push(socket);
    return socket;
  };

  beforeEach(async () => {
    const neighbors = [...Witnesses.neighbors(NET), ...range(CLIENTS).map((index) => client(clientAddress(index)))];
    speaker = await startSpeaker({ at: AT, config: { neighbors }, logLevel: 'warn' });
    witnesses = new Witnesses(NET);
    await witnesses.connect(AT);
  });

  afterEach(async () => {
    witnesses.stop();
    for (const peer of peers.splice(0)) peer.stop();
    for (const socket of sockets.splice(0)) socket.destroy();
    await speaker.stop();
  });

  const established = async (): Promise<number> => (await speaker.peers()).filter((peer) => text(peer, 'state') === 'established').length;

  it('takes 1,000 clients that dial at once, none of them twice', async () => {
    const all = range(CLIENTS).map((index) => new WirePeer({ address: clientAddress(index), as: SPEAKER_AS, bgpId: 0x0b000001 + index }));
    peers.push(...all);
    await Promise.all(all.map((peer) => peer.connect(AT)));
    expect(await established()).toBe(CLIENTS + 2);
    await witnesses.unharmed();
    expect(all.filter(({ ends }) => ends > 0)).toEqual([]);
  });

  it('lives through resets of half-made and whole sessions', async () => {
    for (let round = 0; round < 20; round++) {
      const storm = range(50).map((index) => raw(clientAddress(index)));
      await Promise.all(storm.map((socket) => once(socket, 'connect')));
      // A third says nothing, a third sends an OPEN, a third a part of one.
      for (const [index, socket] of storm.entries()) {
        const open = new WirePeer({ address: clientAddress(index), as: SPEAKER_AS, bgpId: 0x0b000001 + index }).open();
        if (index % 3 > 0) socket.write(open.subarray(0, index % 3 === 1 ? open.length : 20));
      }
      for (const socket of storm) socket.resetAndDestroy();
    }
    await witnesses.unharmed();
    const after = new WirePeer({ address: clientAddress(0), as: SPEAKER_AS, bgpId: 0x0b000001 });
    peers.push(after);
    // The back-off of an error is at most half a minute.
    await until('a client of the storm comes up', FAULT_SECONDS, () => after.connect(AT));
  });

  it('closes the connections of strangers, whatever they say, and keeps nothing of them', async () => {
    const before = speaker.rss();
    const closed = { count: 0 };
    const stranger = new WirePeer({ address: '127.42.0.1', as: SPEAKER_AS, bgpId: 7 });
    for (let round = 0; round < 20; round++) {
      const storm = range(100).map((index) => raw(`127.42.${round}.${index + 1}`));
      await Promise.all(
        storm.map(async (socket) => {
          socket.once('close', () => closed.count++);
          socket.write(stranger.open());
          if (!socket.destroyed) await once(socket, 'close');
        }),
      );
    }
    expect(closed.count).toBe(2000);
    await witnesses.unharmed();
    expect(await established()).toBe(2);
    expect(speaker.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('refuses a peer with its own identifier', async () => {
    const own = new WirePeer({ address: clientAddress(0), as: SPEAKER_AS, bgpId: 0x0aff0001 });
    peers.push(own);
    await expect(own.connect(AT)).rejects.toThrow();
    // RFC 6286 section 2.2: Bad BGP Identifier.
    expect(own.notifications).toMatchObject([{ code: 2, subcode: 3 }]);
    await witnesses.unharmed();
  });

  it('keeps two clients apart that claim one identifier: their addresses name the sessions', async () => {
    const twins = [1, 2].map((index) => new WirePeer({ address: clientAddress(index), as: SPEAKER_AS, bgpId: 0x0b0000aa }));
    peers.push(...twins);
    for (const twin of twins) await twin.connect(AT);
    twins[0]?.announce(['198.51.100.0/24']);
    await until('others get the route', FAULT_SECONDS, () => expect(witnesses.listener.routes.has('198.51.100.0/24')).toBe(true));
    expect(twins.map(({ ends, established: up }) => ({ ends, up }))).toEqual([
      { ends: 0, up: true },
      { ends: 0, up: true },
    ]);
    await witnesses.unharmed();
  });
});
