/** Time goes wrong: a peer that takes nothing, a speaker that stands still, a wall clock that jumps. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { number, text } from './harness/json.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { At } from './harness/wire-peer.ts';
import { ordinary, WirePeer } from './harness/wire-peer.ts';
import type { SpeakerSetup } from './harness/witnesses.ts';
import { client, FAULT_SECONDS, SPEAKER_AS, startSpeaker, Witnesses } from './harness/witnesses.ts';

const NET = '127.0.43';
const AT: At = { host: `${NET}.1`, port: 11_791 };
const SEND_HOLD_SECONDS = 3;
const DEAF = `${NET}.10`;

describe('a speaker when time goes wrong', () => {
  let speaker: SpeakerProcess | undefined;
  let witnesses: Witnesses | undefined;
  const peers: WirePeer[] = [];

  const begin = async (neighbors: readonly object[], holdTime: number, more: Partial<SpeakerSetup> = {}) => {
    const all = [...Witnesses.neighbors(NET), ...neighbors];
    speaker = await startSpeaker({ at: AT, config: { neighbors: all, holdTime }, ...more });
    witnesses = new Witnesses(NET, holdTime);
    await witnesses.connect(AT);
    return { speaker, witnesses };
  };

  afterEach(async () => {
    witnesses?.stop();
    for (const peer of peers.splice(0)) peer.stop();
    await speaker?.stop();
  });

  it('ends the session of a peer that reads nothing when its send hold time is over, and no other (RFC 9687)', async () => {
    const running = await begin([client(DEAF, { sendHoldTime: SEND_HOLD_SECONDS })], 90);
    const deaf = new WirePeer({ address: DEAF, as: SPEAKER_AS, bgpId: 0x0a00000a });
    peers.push(deaf);
    await deaf.connect(AT);
    deaf.socket.pause();
    // More than both kernels' buffers hold: some 3 KB a route.
    for (let index = 0; index < 6000; index++) {
      running.witnesses.teller.announce([`100.64.${index >> 8}.${index & 255}/32`], { ...ordinary(750), med: index });
      if (index % 200 === 0) await pause(5);
    }
    await until('the session of the deaf peer ends', FAULT_SECONDS, async () => {
      const found = (await running.speaker.peers()).find((peer) => text(peer, 'remote', 'address') === DEAF);
      expect(text(found, 'state')).not.toBe('established');
      expect(JSON.stringify(found)).toContain('Send Hold Timer Expired');
    });
    await running.witnesses.unharmed();
    expect([...running.witnesses.listener.routes].filter((prefix) => prefix.startsWith('100.64.')).length).toBe(6000);
  });

  it('loses no session when it stands still for two thirds of the hold time', async () => {
    const HOLD = 9;
    const running = await begin([], HOLD);
    for (let round = 0; round < 2; round++) {
      process.kill(running.speaker.pid(), 'SIGSTOP');
      await pause((HOLD * 1000 * 2) / 3);
      process.kill(running.speaker.pid(), 'SIGCONT');
      await pause(1000);
    }
    await running.witnesses.unharmed();
    const peers = await running.speaker.peers();
    expect(peers.length).toBeGreaterThan(0);
    for (const peer of peers) expect([text(peer, 'state'), number(peer, 'flaps')]).toEqual(['established', 0]);
  });

  it('does not care what the wall clock says', async () => {
    const jump = fileURLToPath(new URL('harness/jump-clock.js', import.meta.url));
    const HOLD = 6;
    const running = await begin([], HOLD, { nodeFlags: ['--import', jump] });
    const since = async (): Promise<readonly (number | undefined)[]> =>
      (await running.speaker.peers()).map((peer) => number(peer, 'since'));
    const before = await since();
    for (let jumps = 0; jumps < 4; jumps++) {
      process.kill(running.speaker.pid(), 'SIGUSR2');
      await pause(2000);
    }
    // Longer than the hold time after the first jump: a timer that read the wall clock would have fired, or never again.
    await running.witnesses.unharmed();
    expect(await since()).toEqual(before);
    // And one that has to fire still does.
    const silent = running.witnesses.listener;
    silent.fallSilent();
    await until('a silent peer is given up', FAULT_SECONDS, () => expect(silent.notifications).toMatchObject([{ code: 4 }]));
    expect(running.witnesses.teller).toMatchObject({ ends: 0, established: true });
  });
});
