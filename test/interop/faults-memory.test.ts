/** A peer takes the memory of a real speaker, a little with each route: it goes, and nobody else (bgp-speaker 4.11). */
import { once } from 'node:events';
import { parsePrefix } from 'bgp-ts/net';
import { encodeUpdate, notificationFor } from 'bgp-ts/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { number, text } from './harness/json.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { At } from './harness/wire-peer.ts';
import { ordinary, WirePeer } from './harness/wire-peer.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker, Witnesses } from './harness/witnesses.ts';

const NET = '127.0.46';
const AT: At = { host: `${NET}.1`, port: 11_794 };
const GREEDY = `${NET}.10`;
/** Far above what a speaker with a few routes uses, and few enough that the test is soon done. */
const LIMIT_MIB = 320;
const MIB = 1024 * 1024;
/** Communities of each route: attributes of 3 KB that no other route has. */
const COMMUNITIES = 750;
const PER_WRITE = 100;

describe('a speaker whose memory one peer takes', () => {
  let speaker: SpeakerProcess;
  let witnesses: Witnesses;
  let greedy: WirePeer;

  afterEach(async () => {
    witnesses.stop();
    greedy.stop();
    await speaker.stop();
  });

  /** Routes from `first` on, each with attributes of its own. */
  const routes = (first: number): Buffer => {
    const base = ordinary(COMMUNITIES);
    const messages = Array.from({ length: PER_WRITE }, (_, index) => {
      const at = first + index;
      const prefix = parsePrefix(`100.${64 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}/32`);
      if (prefix === undefined) throw new Error(`no prefix ${at}`);
      return encodeUpdate({ announced: [{ prefix }], attributes: { ...base, communities: [at, ...(base.communities ?? [])] } });
    });
    return Buffer.concat(messages.flat());
  };

  it('drops that peer with Cease/Out of Resources, keeps the others and their routes, and lives', async () => {
    const neighbors = [...Witnesses.neighbors(NET), client(GREEDY)];
    speaker = await startSpeaker({ at: AT, config: { neighbors }, arguments: ['--memory-limit', String(LIMIT_MIB)] });
    witnesses = new Witnesses(NET);
    greedy = new WirePeer({ address: GREEDY, as: SPEAKER_AS, bgpId: 0x0a00002b });
    await witnesses.connect(AT);
    await greedy.connect(AT);
    expect(speaker.rss()).toBeLessThan(LIMIT_MIB * MIB);
    let sent = 0;
    for (; greedy.ends === 0 && sent < 400_000; sent += PER_WRITE) {
      if (greedy.socket.write(routes(sent))) continue;
      // As fast as the speaker reads: it pushes back where it cannot, and an end wakes the loop too.
      const woken = new AbortController();
      const ways = ['drain', 'close'].map((name) => once(greedy.socket, name, { signal: woken.signal }).catch(() => undefined));
      await Promise.race(ways);
      woken.abort();
    }
    await until('the peer is dropped', FAULT_SECONDS, () => {
      expect(greedy.ends).toBe(1);
      // Unread octets reset the connection, and a reset may overtake the NOTIFICATION: what was said is in the log too.
      expect(speaker.log()).toContain('Cease/Out of Resources');
    });
    for (const message of greedy.notifications)
      expect(message).toEqual(notificationFor({ code: 'CEASE_OUT_OF_RESOURCES', data: message.data }));
    await until('its routes are gone', FAULT_SECONDS, () => {
      expect([...witnesses.listener.routes].filter((prefix) => prefix.startsWith('100.'))).toEqual([]);
    });
    await witnesses.unharmed();
    expect(speaker.dead()).toBeUndefined();
    const flaps = (await speaker.peers()).map((peer) => [text(peer, 'remote', 'address'), number(peer, 'flaps')]);
    expect(flaps.filter(([, count]) => count !== 0)).toEqual([[GREEDY, 1]]);
  });
});
