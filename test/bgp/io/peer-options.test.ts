/** Speakers on loopback with MD5 keys, TTL security and devices: what comes up, what stays down, and what is said of it. */
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { readIntOption } from 'netlink';
import { afterEach, describe, expect, it } from 'vitest';
import type { Address, PeerConfig, Speaker, SpeakerEvent } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import type { SpeakerHost } from '../../../src/bgp/io/index.ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from '../../../src/bgp/io/index.ts';
import { CONTROL_TRAFFIC, descriptorOf, optionFault, socketOptions, unavailableOptions } from '../../../src/bgp/io/native.ts';
import { openSocket } from '../../../src/bgp/io/open-socket.ts';
import { PeerSockets } from '../../../src/bgp/io/peer-sockets.ts';
import { formatAddress, parseAddress, secretText } from '../../../src/bgp/net/index.ts';
import { peer as basePeer, route } from '../speaker/world.ts';

const KEY = 'rack-7-row-3';

interface End {
  readonly speaker: Speaker;
  readonly host: SpeakerHost;
  readonly events: SpeakerEvent[];
  readonly address: Address;
  readonly port: number;
}

const ends: End[] = [];

afterEach(async () => {
  for (const { host } of ends.splice(0)) await host.stop(false);
});

function at(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`no address ${text}`);
  return address;
}

async function end(text: string): Promise<End> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: text, port: 0 }, resolve));
  const where = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (where === null || typeof where === 'string') throw new Error('no port');
  const events: SpeakerEvent[] = [];
  const speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf });
  const host = createSpeakerHost({ speaker, now: monotonicNow, onEvent: (event) => events.push(event), onListenError: () => undefined });
  const made = { speaker, host, events, address: at(text), port: where.port };
  ends.push(made);
  return made;
}

/** The peer `to` as `from` has it. */
function peerOf(from: End, to: End, options: Partial<PeerConfig>): PeerConfig {
  const id = formatAddress(to.address);
  const remote = { address: to.address, port: to.port };
  return { ...basePeer(1), id, remote, local: from.address, connectRetryTime: 1, ...options };
}

function configure(one: End, peers: readonly PeerConfig[], routes: readonly string[] = []): Promise<void> {
  const { address, port } = one;
  const listen = [{ address, port }];
  return one.host.configure({ routerId: 0x0a000000 + port, localAs: 64512, listen, peers, routes: routes.map((each) => route(each)) });
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const status = (one: End, index = 0) => one.speaker.status().peers[index];
const up = (one: End, index = 0): boolean => status(one, index)?.state === 'established';
const best = ({ speaker }: End): number => speaker.routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10).routes.length;
const key = (text: string): Partial<PeerConfig> => ({ md5Key: secretText(text) });

async function pair(a: string, b: string, forA: Partial<PeerConfig>, forB: Partial<PeerConfig>): Promise<readonly [End, End]> {
  const [one, two] = [await end(a), await end(b)];
  await configure(one, [peerOf(one, two, forA)], ['10.1.1.0/26']);
  await configure(two, [peerOf(two, one, forB)], ['10.1.2.0/26']);
  return [one, two];
}

describe.skipIf(process.platform !== 'linux')('a peer with an MD5 key (RFC 2385)', () => {
  it.each([
    ['IPv4', '127.0.1.1', '127.0.1.2'],
    ['IPv6', '::1', '::1'],
  ])('comes up over %s when both ends have it', async (_name, a, b) => {
    const [one, two] = await pair(a, b, key(KEY), key(KEY));
    await until(() => up(one) && up(two));
    expect(status(one)?.diagnosis).toBeUndefined();
  });

  it.each([
    ['another key', key('rack-8'), /MD5/],
    ['no key', {}, /MD5/],
  ])('stays down and says why when the other end has %s', async (_name, other, text) => {
    const [one] = await pair('127.0.1.3', '127.0.1.4', key(KEY), other);
    await until(() => status(one)?.diagnosis !== undefined);
    expect(status(one)?.diagnosis).toMatch(text);
    expect(one.events.some((event) => event.kind === 'session-state' && event.to === 'open-sent')).toBe(false);
    const shown = [JSON.stringify(one.events), inspect(one.events, { depth: 9 }), JSON.stringify(one.speaker.status())].join();
    expect(shown).not.toContain(KEY);
  });

  it('gets a new one with one new connection, routes kept, and an unkeyed neighbour notices nothing', async () => {
    const graceful = { gracefulRestart: { restartTime: 60 } };
    const [one, two, three] = [await end('127.0.1.5'), await end('127.0.1.6'), await end('127.0.1.7')];
    const peers = (text: string): PeerConfig[] => [peerOf(one, two, { ...key(text), ...graceful }), peerOf(one, three, {})];
    // Passive: where both dial at once each may keep the other's connection (RFC 4271 section 6.8), and a second one would be needed.
    const forTwo = (text: string): PeerConfig[] => [peerOf(two, one, { ...key(text), ...graceful, passive: true })];
    await configure(one, peers('old'), ['10.1.1.0/26']);
    await configure(two, forTwo('old'), ['10.1.2.0/26']);
    await configure(three, [peerOf(three, one, {})]);
    await until(() => best(one) === 2 && best(two) === 2 && up(one, 1));
    await configure(one, peers('new'), ['10.1.1.0/26']);
    expect(best(one)).toBe(2);
    await configure(two, forTwo('new'), ['10.1.2.0/26']);
    const lowest = { one: 2, two: 2 };
    await until(() => {
      lowest.one = Math.min(lowest.one, best(one));
      lowest.two = Math.min(lowest.two, best(two));
      return up(one) && up(two);
    });
    expect(lowest).toEqual({ one: 2, two: 2 });
    expect(status(one)?.flaps).toBe(1);
    expect(status(one, 1)?.flaps).toBe(0);
    expect([...one.events, ...two.events].filter((event) => event.kind === 'notification' && event.message.subcode !== 7)).toEqual([]);
  });

  it('is held where the listener has no room for its key, and the others are not (net.core.optmem_max)', async () => {
    const [one, two] = [await end('127.0.1.8'), await end('127.0.1.9')];
    const crowd = Array.from({ length: 5000 }, (_, index) => ({
      ...peerOf(one, two, { ...key(KEY), passive: true, id: `crowd-${index}` }),
      remote: { address: at(`127.9.${index >> 8}.${index & 255}`), port: 179 },
    }));
    await configure(one, [peerOf(one, two, key(KEY)), ...crowd]);
    await configure(two, [peerOf(two, one, key(KEY))]);
    await until(() => up(one));
    await until(() => status(one, 5000)?.diagnosis !== undefined);
    expect(status(one, 5000)?.diagnosis).toMatch(
      /^no room for the MD5 key: \d+ keys fill net\.core\.optmem_max \(\d+ octets a socket\); raise it$/,
    );
    expect(status(one)?.diagnosis).toBeUndefined();
  });

  it('is held where another peer of its address has another key', async () => {
    const [one, two] = [await end('127.0.1.10'), await end('127.0.1.11')];
    await configure(one, [
      peerOf(one, two, key('a')),
      peerOf(one, two, { ...key('b'), id: 'other', remote: { address: two.address, port: 1 } }),
    ]);
    await until(() => status(one, 1)?.diagnosis !== undefined);
    expect(status(one, 1)?.diagnosis).toBe(
      'its MD5 key differs from that of 127.0.1.11, which has the same address; the kernel holds one key an address',
    );
  });
});

describe.skipIf(process.platform !== 'linux')('a peer with TTL security (RFC 5082)', () => {
  it.each([
    ['IPv4', '127.0.1.12', '127.0.1.13'],
    ['IPv6', '::1', '::1'],
  ])('comes up over %s when both ends have it, whoever dials', async (_name, a, b) => {
    const [one, two] = await pair(a, b, { ttlSecurity: 1 }, { ttlSecurity: 1, passive: true });
    await until(() => up(one) && up(two));
  });

  it('stays down and says why when the other end sends a low TTL', async () => {
    const [one] = await pair('127.0.1.14', '127.0.1.15', { ttlSecurity: 1 }, {});
    await until(() => status(one)?.diagnosis !== undefined);
    expect(status(one)?.diagnosis).toMatch(/too low a TTL|no answer/);
    expect(one.events.some((event) => event.kind === 'session-state' && event.to === 'open-sent')).toBe(false);
  });
});

describe.skipIf(process.platform !== 'linux')('a peer on a device', () => {
  it('comes up on it, and is held while there is none of that name', async () => {
    const [one, two] = await pair('127.0.1.16', '127.0.1.17', { device: 'nope0' }, { device: 'lo', userTimeout: 20_000 });
    await until(() => one.events.some((event) => event.kind === 'session-state' && event.because.includes('there is no interface nope0')));
    await until(() => status(one)?.diagnosis === 'there is no interface nope0');
    expect(up(one)).toBe(false);
    await configure(one, [peerOf(one, two, { device: 'lo' })]);
    await until(() => up(one) && up(two));
  });
});

describe.skipIf(process.platform !== 'linux')('the sockets', () => {
  it.each([
    ['127.0.1.18', 0, 1],
    ['::1', 41, 67],
  ])('of %s carry the class of control traffic', async (text, level, name) => {
    const one = await end(text);
    await configure(one, []);
    const socket = openSocket({ address: one.address, port: one.port }, one.address, socketOptions(basePeer(1)));
    await new Promise((resolve) => socket.once('connect', resolve));
    expect(readIntOption(descriptorOf(socket) ?? -1, level, name)).toBe(CONTROL_TRAFFIC);
    socket.destroy();
    expect(descriptorOf(socket)).toBeUndefined();
  });
});

describe.skipIf(process.platform !== 'linux')('a connection', () => {
  const TCP = 6;
  const USER_TIMEOUT = 18;

  it.each([
    ['none', {}, 10_000, 0],
    ['a long one', { userTimeout: 60_000 }, 10_000, 60_000],
    ['a short one', { userTimeout: 3_000 }, 3_000, 3_000],
  ])('is given up soon until the peer is heard, with a user timeout of its own: %s', async (_name, options, before, after) => {
    const one = await end('127.0.1.19');
    await configure(one, []);
    const peer = { ...peerOf(one, one, options), local: one.address };
    const peers = new PeerSockets();
    peers.configure([peer]);
    const socket = openSocket(peer.remote, one.address, socketOptions(peer));
    await new Promise((resolve) => socket.once('connect', resolve));
    const fd = descriptorOf(socket) ?? -1;
    expect(readIntOption(fd, TCP, USER_TIMEOUT)).toBe(before);
    peers.heard(socket, { local: { address: one.address, port: 0 }, remote: peer.remote });
    expect(readIntOption(fd, TCP, USER_TIMEOUT)).toBe(after);
    socket.destroy();
  });
});

describe('what a platform or kernel lacks', () => {
  const everything = { ...basePeer(1), ...key(KEY), ttlSecurity: 1, typeOfService: 0, userTimeout: 1, device: 'eth1' };

  it('is named by the fields of the configuration', () => {
    expect(unavailableOptions(everything, false)).toEqual(['md5', 'ttlSecurity', 'typeOfService', 'userTimeout', 'device']);
    expect(unavailableOptions(basePeer(1), false)).toEqual([]);
    expect(unavailableOptions(everything, true)).toEqual([]);
  });

  it.each([
    ['ENOPROTOOPT', 'the kernel has no TCP MD5 signatures (CONFIG_TCP_MD5SIG)'],
    ['ENODEV', 'there is no interface eth1'],
    ['EPERM', 'not permitted to bind to interface eth1; that needs CAP_NET_RAW'],
    ['EINVAL', 'the kernel takes no such MD5 key: it must have 1 to 80 octets'],
    ['EIO', 'the kernel refuses the socket options: EIO setsockopt'],
  ])('%s in words', (code, text) => {
    expect(optionFault(Object.assign(new Error(`${code} setsockopt`), { code }), everything, 3)).toBe(text);
  });
});
