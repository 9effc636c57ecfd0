/** Speakers on real sockets on loopback, ephemeral ports; nothing here waits for a fixed time. */

import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Address, LocalRoute, PeerConfig, Speaker, SpeakerConfig, SpeakerEvent } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import type { SpeakerHost } from '../../../src/bgp/io/index.ts';
import { createSpeakerHost, ListenError, monotonicNow, wallClockOf } from '../../../src/bgp/io/index.ts';
import { formatPrefix, parseAddress } from '../../../src/bgp/net/index.ts';
import { encodeKeepalive, encodeOpen, Framer, MESSAGE_TYPE } from '../../../src/bgp/wire/index.ts';
import { open } from '../session/fixtures.ts';
import { peer as basePeer, route } from '../speaker/world.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function loopback(host: number): Address {
  const address = parseAddress(`127.0.0.${host}`);
  if (address === undefined) throw new Error('no address');
  return address;
}

/** A port that was free a moment ago on 127.0.0.N. */
async function freePort(host: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: `127.0.0.${host}`, port: 0 }, resolve));
  const at = server.address();
  await close(server);
  if (at === null || typeof at === 'string') throw new Error('no port');
  return at.port;
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

interface Running {
  readonly speaker: Speaker;
  readonly host: SpeakerHost;
  readonly events: SpeakerEvent[];
  /** Settles when `test` holds; asked after every event and every few milliseconds. */
  until(test: () => boolean): Promise<void>;
}

function start(): Running {
  const events: SpeakerEvent[] = [];
  const speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf });
  const host = createSpeakerHost({ speaker, now: monotonicNow, onEvent: (event) => events.push(event), onListenError: () => undefined });
  stops.push(() => host.stop(false));
  const until = async (test: () => boolean): Promise<void> => {
    while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  return { speaker, host, events, until };
}

function peer(host: number, port: number, own: number, overrides: Partial<PeerConfig> = {}): PeerConfig {
  return { ...basePeer(host), remote: { address: loopback(host), port }, local: loopback(own), connectRetryTime: 1, ...overrides };
}

function config(host: number, port: number, peers: readonly PeerConfig[], routes: readonly LocalRoute[] = []): SpeakerConfig {
  return { routerId: 0x0a000000 + host, localAs: 64512, listen: [{ address: loopback(host), port }], peers, routes };
}

const best = ({ speaker }: Running): string[] =>
  speaker
    .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 100_000)
    .routes.map((each) => formatPrefix(each.prefix))
    .sort();
const established = ({ speaker }: Running): number => speaker.status().peers.filter(({ state }) => state === 'established').length;

describe('two speakers that dial each other', () => {
  it('come up with one connection, exchange routes, and see each other go', async () => {
    const [port1, port2] = [await freePort(41), await freePort(42)];
    const [one, two] = [start(), start()];
    await one.host.configure(config(41, port1, [peer(42, port2, 41)], [route('10.1.1.0/26')]));
    await two.host.configure(config(42, port2, [peer(41, port1, 42)], [route('10.1.2.0/26')]));
    await one.until(() => best(one).length === 2 && best(two).length === 2);
    two.host.handle({ type: 'routes', set: [], remove: [route('10.1.2.0/26').prefix] });
    await one.until(() => best(one).length === 1);
    await two.host.stop(false, 'bye');
    await one.until(() => established(one) === 0);
    expect(one.events).toContainEqual(
      expect.objectContaining({ kind: 'notification', direction: 'received', text: 'Cease/Administrative Shutdown: bye' }),
    );
    expect(one.speaker.status().peers[0]?.lastErrorReceived?.text).toContain('bye');
  });

  it('carry a large table whole', async () => {
    const [port1, port2] = [await freePort(43), await freePort(44)];
    const [one, two] = [start(), start()];
    const routes = Array.from({ length: 20_000 }, (_, index) =>
      route(`10.${index >> 8}.${index & 255}.0/24`, { communities: [index & 0xff] }),
    );
    await one.host.configure(config(43, port1, [peer(44, port2, 43, { passive: true })], routes));
    await two.host.configure(config(44, port2, [peer(43, port1, 44)]));
    await two.until(() => two.speaker.status().prefixes['ipv4-unicast'] === routes.length);
    expect(two.speaker.status().peers[0]).toMatchObject({ flaps: 0, state: 'established' });
  });
});

describe('listeners', () => {
  it('say clearly that the port is taken', async () => {
    const port = await freePort(45);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.45', port }, resolve));
    stops.push(() => close(server));
    const one = start();
    const failure = await one.host.configure(config(45, port, [])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ListenError);
    expect(failure).toMatchObject({
      code: 'LISTEN_IN_USE',
      message: `cannot listen on 127.0.0.45 port ${port}: the port is in use; another BGP daemon may be running`,
    });
  });

  it('move without touching sessions', async () => {
    const [port1, port2, moved] = [await freePort(46), await freePort(47), await freePort(46)];
    const [one, two] = [start(), start()];
    await one.host.configure(config(46, port1, [peer(47, port2, 46, { passive: true })]));
    await two.host.configure(config(47, port2, [peer(46, port1, 47)]));
    await one.until(() => established(one) === 1);
    await one.host.configure(config(46, moved, [peer(47, port2, 46, { passive: true })]));
    const refused = await new Promise<string>((resolve) => {
      connect({ host: '127.0.0.46', port: port1 }).on('error', (error) => resolve(error.message));
    });
    expect(refused).toContain('ECONNREFUSED');
    expect(established(one)).toBe(1);
    const socket = await dial('127.0.0.46', moved, '127.0.0.48');
    socket.destroy();
  });
});

function dial(host: string, port: number, localAddress: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress });
    socket.on('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

/** A client of plain sockets: handshakes, and counts UPDATEs. */
async function client(port: number, own: number): Promise<{ readonly socket: Socket; readonly types: number[] }> {
  const socket = await dial('127.0.0.50', port, `127.0.1.${own}`);
  const framer = new Framer();
  const types: number[] = [];
  socket.on('data', (octets) => {
    framer.feed(octets);
    for (let next = framer.take(); next?.ok === true; next = framer.take()) types.push(next.value.type);
  });
  socket.write(encodeOpen(open({ holdTime: 90, bgpId: 0x0b000000 + own })));
  socket.write(encodeKeepalive());
  return { socket, types };
}

/** Passive clients at 127.0.1.1 and on. */
function clients(count: number): PeerConfig[] {
  return Array.from({ length: count }, (_, index) => ({
    ...basePeer(1),
    id: `c${index}`,
    remote: { address: parseAddress(`127.0.1.${index + 1}`) ?? loopback(1), port: 179 },
    passive: true,
    reflectorClient: true,
  }));
}

/** Some 400 octets each on the wire, no two with the same attributes: more than two sockets hold, in few UPDATEs. */
function largeRoutes(count: number) {
  const many = Array.from({ length: 80 }, (_, n) => 0xfde8_0000 + n);
  return Array.from({ length: count }, (_, index) =>
    route(`${11 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`, { communities: [index, ...many] }),
  );
}

describe('many clients', () => {
  const count = 200;

  it('storm in at once, are reset, half-close, and come back', async () => {
    const port = await freePort(50);
    const one = start();
    await one.host.configure(config(50, port, clients(count), [route('10.1.1.0/26')]));
    for (const end of ['reset', 'half-close', 'destroy'] as const) {
      const sockets = await Promise.all(Array.from({ length: count }, (_, index) => client(port, index + 1)));
      await one.until(() => established(one) === count);
      await one.until(() => sockets.every(({ types }) => types.filter((type) => type === MESSAGE_TYPE.update).length === 2));
      for (const { socket } of sockets) {
        if (end === 'reset') socket.resetAndDestroy();
        else if (end === 'half-close') socket.end();
        else socket.destroy();
      }
      await one.until(() => established(one) === 0);
    }
    expect(one.speaker.status().peers.every(({ flaps, state }) => flaps === 3 && state === 'active')).toBe(true);
    expect(one.events.filter((event) => event.kind === 'refused-connection')).toEqual([]);
  });

  it('one that does not read holds up nobody', async () => {
    const port = await freePort(50);
    const one = start();
    await one.host.configure(config(50, port, clients(3)));
    const [stuck, ...readers] = await Promise.all([1, 2, 3].map((own) => client(port, own)));
    await one.until(() => established(one) === 3);
    stuck?.socket.pause();
    const routes = largeRoutes(30_000);
    one.host.handle({ type: 'routes', set: routes, remove: [] });
    const got = (index: number): number => one.speaker.status().peers[index]?.updatesSent ?? 0;
    await one.until(() => readers.every(({ types }) => types.filter((type) => type === MESSAGE_TYPE.update).length > routes.length));
    expect(got(0)).toBeLessThan(got(1));
    stuck?.socket.resume();
    await one.until(() => (stuck?.types ?? []).filter((type) => type === MESSAGE_TYPE.update).length > routes.length);
    expect(
      one.speaker
        .status()
        .peers.slice(0, 3)
        .map(({ flaps }) => flaps),
    ).toEqual([0, 0, 0]);
  }, 120_000);
});

describe('a peer that takes nothing', () => {
  it('is reset when the send hold time is over, and one that reads slowly is not', async () => {
    const port = await freePort(50);
    const one = start();
    const peers = clients(2).map((each) => ({ ...each, sendHoldTime: 1 }));
    await one.host.configure(config(50, port, peers));
    const [stuck, slow] = await Promise.all([1, 2].map((own) => client(port, own)));
    await one.until(() => established(one) === 2);
    const ended = new Promise<void>((resolve) => stuck?.socket.on('error', () => undefined).once('close', () => resolve()));
    stuck?.socket.pause();
    const routes = largeRoutes(40_000);
    one.host.handle({ type: 'routes', set: routes, remove: [] });
    await one.until(() => one.speaker.status().peers[0]?.lastErrorSent !== undefined);
    expect(one.speaker.status().peers[0]?.lastErrorSent?.text).toBe('Send Hold Timer Expired');
    stuck?.socket.resume();
    await ended;
    // What waited went with the RST; a FIN would have come after it.
    expect((stuck?.types ?? []).filter((type) => type === MESSAGE_TYPE.update).length).toBeLessThan(routes.length);
    await one.until(() => (slow?.types ?? []).filter((type) => type === MESSAGE_TYPE.update).length > routes.length);
    expect(one.speaker.status().peers[1]).toMatchObject({ flaps: 0, state: 'established' });
  }, 120_000);
});

describe('dialing', () => {
  it('tries again until the peer is there', async () => {
    const [port1, port2] = [await freePort(51), await freePort(52)];
    const [one, two] = [start(), start()];
    await one.host.configure(config(51, port1, [peer(52, port2, 51)]));
    await one.until(() => one.events.some((event) => event.kind === 'session-state' && event.because.includes('connection refused')));
    expect(one.speaker.status().peers[0]?.nextRetryAt).toBeGreaterThan(Date.now() - 5000);
    await two.host.configure(config(52, port2, [peer(51, port1, 52, { passive: true })]));
    await one.until(() => established(one) === 1);
  });
});
