/** A peer floods a real speaker on loopback: with UPDATEs that are malformed, with more routes than it may have, with nonsense. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { parsePrefix } from 'bgp-ts/net';
import { encodeNlri, frame, joinAttributes, MESSAGE_TYPE, notificationFor, type RawAttribute } from 'bgp-ts/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { number, text } from './harness/json.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { At } from './harness/wire-peer.ts';
import { WirePeer } from './harness/wire-peer.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker, Witnesses } from './harness/witnesses.ts';

const NET = '127.0.44';
const AT: At = { host: `${NET}.1`, port: 11_792 };
const [MALFORMED, GREEDY] = [`${NET}.10`, `${NET}.11`];
const LIMIT = 1000;
const FLOOD_SECONDS = 8;

const GOOD: readonly RawAttribute[] = [
  { code: 1, flags: 0x40, value: Uint8Array.of(0) },
  { code: 2, flags: 0x40, value: new Uint8Array(0) },
  { code: 3, flags: 0x40, value: Uint8Array.of(10, 0, 0, 1) },
  { code: 5, flags: 0x40, value: Uint8Array.of(0, 0, 0, 100) },
];

/** An UPDATE of one prefix whose attributes are good but for the one given. */
function update(bad: RawAttribute, prefix: string): Uint8Array {
  const parsed = parsePrefix(prefix);
  if (parsed === undefined) throw new Error(prefix);
  const block = joinAttributes([...GOOD.filter(({ code }) => code !== bad.code), bad]);
  const length = Uint8Array.of(0, 0, block.length >>> 8, block.length & 255);
  return frame(MESSAGE_TYPE.update, new Uint8Array(Buffer.concat([length, block, encodeNlri([{ prefix: parsed }], false)])));
}

/** A megabyte of UPDATEs that are treated as withdrawals: another attribute is wrong in each. */
function malformedChunk(): Buffer {
  const wrong: readonly RawAttribute[] = [
    { code: 1, flags: 0x40, value: Uint8Array.of(9) },
    { code: 4, flags: 0x80, value: Uint8Array.of(1) },
    { code: 8, flags: 0xc0, value: Uint8Array.of(1, 2, 3) },
    { code: 16, flags: 0xc0, value: new Uint8Array(7) },
    { code: 32, flags: 0xc0, value: new Uint8Array(11) },
  ];
  const messages: Uint8Array[] = [];
  for (let octets = 0, index = 0; octets < 1 << 20; index++) {
    const bad = wrong[index % wrong.length];
    if (bad === undefined) break;
    const message = update(bad, `100.80.${(index >> 8) & 255}.${index & 255}/32`);
    messages.push(message);
    octets += message.length;
  }
  return Buffer.concat(messages);
}

describe('a speaker that is flooded by one peer', () => {
  let speaker: SpeakerProcess;
  let witnesses: Witnesses;
  const peers: WirePeer[] = [];

  beforeEach(async () => {
    const neighbors = [...Witnesses.neighbors(NET), client(MALFORMED), client(GREEDY, { maxPrefix: LIMIT })];
    speaker = await startSpeaker({ at: AT, config: { neighbors, holdTime: 9 } });
    witnesses = new Witnesses(NET, 9);
    await witnesses.connect(AT);
  });

  afterEach(async () => {
    witnesses.stop();
    for (const peer of peers.splice(0)) peer.stop();
    await speaker.stop();
  });

  const join = async (address: string): Promise<WirePeer> => {
    const peer = new WirePeer({ address, as: SPEAKER_AS, bgpId: 0x0a00002a, holdTime: 9 });
    peers.push(peer);
    await peer.connect(AT);
    return peer;
  };

  const stateOf = async (address: string): Promise<unknown> =>
    (await speaker.peers()).find((peer) => text(peer, 'remote', 'address') === address);

  it('works through malformed UPDATEs as fast as they come, and no other session notices', async () => {
    const peer = await join(MALFORMED);
    const chunk = malformedChunk();
    const [rss, logged] = [speaker.rss(), speaker.log().length];
    let sent = 0;
    const end = Date.now() + FLOOD_SECONDS * 1000;
    while (Date.now() < end) {
      sent++;
      // As fast as the speaker reads: it pushes back where it cannot.
      if (!peer.socket.write(chunk)) await once(peer.socket, 'drain');
    }
    expect(sent).toBeGreaterThan(0);
    await witnesses.unharmed();
    // RFC 7606: the session of the faulty peer stays too, its routes are withdrawn.
    expect(peer).toMatchObject({ ends: 0, established: true, notifications: [] });
    expect([...witnesses.listener.routes].filter((prefix) => prefix.startsWith('100.80.'))).toEqual([]);
    expect(speaker.rss() - rss).toBeLessThan(192 * 1024 * 1024);
    // A line a message would let a peer fill the disk.
    expect(speaker.log().length - logged).toBeLessThan(1024 * 1024);
    await until('the speaker rests again', FAULT_SECONDS, async () => {
      const before = speaker.cpuSeconds();
      await pause(2000);
      expect(speaker.cpuSeconds() - before).toBeLessThan(1);
    });
  });

  it('drops a peer that announces more than it may, all of its routes, and nobody else', async () => {
    const peer = await join(GREEDY);
    const prefixes = Array.from({ length: LIMIT }, (_, index) => `100.96.${index >> 8}.${index & 255}/32`);
    peer.announce(prefixes);
    await until('the routes within the limit are passed on', FAULT_SECONDS, () => {
      expect([...witnesses.listener.routes].filter((prefix) => prefix.startsWith('100.96.')).length).toBe(LIMIT);
    });
    peer.announce(['100.97.0.0/24']);
    await until('the peer is dropped', FAULT_SECONDS, () => {
      expect(peer.notifications).toMatchObject([
        notificationFor({ code: 'CEASE_MAX_PREFIXES', data: peer.notifications[0]?.data ?? new Uint8Array(0) }),
      ]);
      expect(peer.established).toBe(false);
    });
    await until('its routes are gone', FAULT_SECONDS, () => {
      expect([...witnesses.listener.routes].filter((prefix) => /^100\.9[67]\./.test(prefix))).toEqual([]);
    });
    await witnesses.unharmed();
    expect(speaker.dead()).toBeUndefined();
  });

  it('answers octets that are no BGP with one NOTIFICATION and goes on', async () => {
    const peer = await join(MALFORMED);
    peer.socket.write(Buffer.alloc(1 << 20, 0x5a));
    await until('the connection ends', FAULT_SECONDS, () => expect(peer.ends).toBe(1));
    // RFC 4271 section 6.1: Connection Not Synchronized, where the reset left it to be read.
    for (const { code, subcode } of peer.notifications) expect([code, subcode]).toEqual([1, 1]);
    await witnesses.unharmed();
    expect(number(await stateOf(MALFORMED), 'flaps')).toBeGreaterThan(0);
  });
});
