/** Octets of an input are only lent: whatever the speaker keeps of them is a copy, so that one slab can serve every socket. */
import { describe, expect, it } from 'vitest';
import type { Speaker, SpeakerOutput, SpeakerStatus } from '../../../src/bgp/index.ts';
import { createSpeaker } from '../../../src/bgp/index.ts';
import { seededRandom } from '../../../src/bgp/testing/index.ts';
import { encodeEndOfRib, encodeKeepalive, encodeNotification, encodeOpen, encodeUpdate, frame } from '../../../src/bgp/wire/index.ts';
import { open } from '../session/fixtures.ts';
import { hex } from '../wire/hex.ts';
import { address, config, peer, route } from './world.ts';

/** Messages of a peer from its OPEN on: routes, some malformed, and a NOTIFICATION with data at the end. */
function streamOf(random: () => number): Uint8Array {
  const parts: Uint8Array[] = [encodeOpen(open({ holdTime: 90, bgpId: 0x0a000002 })), encodeKeepalive()];
  for (let n = 0; n < 60; n++) {
    const { prefix } = route(`10.${Math.floor(random() * 4)}.${n}.0/24`);
    const med = Math.floor(random() * 50);
    parts.push(
      ...encodeUpdate({
        announced: [{ prefix }],
        attributes: { origin: 'igp', asPath: [], nextHop: address(2), localPref: 100, med, communities: [med, n] },
      }),
    );
    // ORIGIN of two octets, an attribute that nobody knows, and a withdrawal.
    if (random() < 0.2) parts.push(frame(2, hex('0000 000b 400102 0000 c0fe03 aabbcc 18 0a0909')));
    if (random() < 0.2) parts.push(...encodeUpdate({ withdrawn: [{ prefix }] }));
  }
  parts.push(
    encodeEndOfRib('ipv4-unicast'),
    encodeNotification({ type: 'notification', code: 6, subcode: 2, data: Uint8Array.from([4, 0x62, 0x79, 0x65, 0x21]) }),
  );
  return new Uint8Array(Buffer.concat(parts));
}

/** What came of a run. */
interface Seen {
  readonly outputs: readonly SpeakerOutput[];
  readonly routes: readonly unknown[];
  readonly status: SpeakerStatus;
}

/** Gives the stream in chunks of random lengths, each as `lend` has it; everything that came out, and what is held before the end. */
function run(stream: Uint8Array, seed: number, lend: (chunk: Uint8Array) => { readonly octets: Uint8Array; end(): void }): Seen {
  const random = seededRandom(seed);
  const speaker: Speaker = createSpeaker({ random: () => 0.5, wallClock: (now) => now });
  const outputs: SpeakerOutput[] = [];
  speaker.handle({ type: 'configure', config: config(1, [peer(2, { passive: true }), peer(3, { passive: true })]) }, 0);
  const { remote } = peer(2);
  outputs.push(...speaker.handle({ type: 'connected', connection: 1, local: { address: address(1), port: 179 }, remote }, 0));
  let routes: readonly unknown[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = 1 + Math.floor(random() * (random() < 0.5 ? 30 : 700));
    const { octets, end } = lend(stream.subarray(at, at + length));
    outputs.push(...speaker.handle({ type: 'octets', connection: 1, octets }, 1));
    end();
    if (random() < 0.5) outputs.push(...speaker.work(() => 1, 1).outputs);
    const held = speaker.routes({ view: 'best', family: 'ipv4-unicast' }, 0, 1000).routes;
    if (held.length > 0) routes = held;
    at += length;
  }
  while (speaker.hasWork()) outputs.push(...speaker.work(() => 1, 1).outputs);
  return { outputs, routes, status: speaker.status() };
}

describe('octets that are only lent', () => {
  it.each([1, 2, 3, 4, 5, 6])('leave nothing behind once they are written over (seed %i)', (seed) => {
    const stream = streamOf(seededRandom(seed));
    const slab = Buffer.alloc(2048);
    const lent = run(stream, seed, (chunk) => {
      slab.set(chunk, 7);
      return { octets: slab.subarray(7, 7 + chunk.length), end: () => void slab.fill(0xee) };
    });
    const own = run(stream, seed, (chunk) => ({ octets: chunk.slice(), end: () => undefined }));
    expect(lent).toEqual(own);
    expect(own.routes.length).toBeGreaterThan(20);
    const kinds = own.outputs.flatMap((output) => (output.type === 'event' ? [output.event.kind] : []));
    expect(kinds).toEqual(expect.arrayContaining(['malformed-update', 'notification']));
  });
});
