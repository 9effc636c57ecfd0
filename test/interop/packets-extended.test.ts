/**
 * Messages over 4096 octets (RFC 8654), ours and BIRD's. tshark 4.0 says `Length is invalid` of any of them, right or wrong, and reads the
 * rest as usual: shown with one message of 4097 octets and with what BIRD sends. So those marks are set aside, nothing else may be marked,
 * and the frames are cut by hand: they fill the stream, their inner lengths add up, and the prefixes in them are those of the table.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAN_RUN, MATRIX_KINDS } from './harness/lab.ts';
import { FAMILIES } from './harness/scenario.ts';
import { familyCounter } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { Capture } from './matrix/capture.ts';
import { complainsOf, decode, startCapture, streams } from './matrix/capture.ts';
import type { Cell } from './matrix/cell.ts';
import { LARGE, makeCell } from './matrix/cell.ts';
import type { Framed } from './matrix/framing.ts';
import { announcedIn, framesOf } from './matrix/framing.ts';

/** RFC 4271 section 4.1, and RFC 8654 section 4. */
const LONGEST = { classic: 4096, extended: 65_535 };
const UPDATE = 2;

/** A right UPDATE of so many octets: ORIGIN, AS_PATH, NEXT_HOP, an attribute nobody knows that fills it, and one prefix. */
function updateOf(length: number): Buffer {
  const path = Buffer.from('40010100' + '40020602010000fde9' + '4003040a000001', 'hex');
  const prefix = Buffer.from([24, 10, 1, 1]);
  const filling = length - 19 - 4 - path.length - 4 - prefix.length;
  const unknown = Buffer.from([0xd0, 99, filling >> 8, filling & 255, ...Buffer.alloc(filling)]);
  const head = Buffer.alloc(19 + 4, 0xff);
  head.writeUInt16BE(length, 16);
  head.writeUInt8(UPDATE, 18);
  head.writeUInt16BE(0, 19);
  head.writeUInt16BE(path.length + unknown.length, 21);
  return Buffer.concat([head, path, unknown, prefix]);
}

describe.skipIf(!CAN_RUN || !MATRIX_KINDS.includes('bird2'))('messages over 4096 octets, between us and bird2', () => {
  let cell: Cell;
  let capture: Capture;
  let failed = true;
  /** Of each family's session: what we sent, and what BIRD sent. */
  const sent = new Map<string, { readonly ours: Framed[]; readonly birds: Framed[] }>();

  beforeAll(async () => {
    const setup = { name: 'extended', ours: () => ({}), peers: () => ({}), large: true };
    cell = await makeCell('bird2', 'ebgp', setup, 'packets extended', async (lab, hosts) => {
      capture = lab.adopt(await startCapture(hosts.ours, join(lab.directory, 'ours.pcap')));
    });
    await cell.up();
    await until('the large tables', 60, async () => {
      for (const family of FAMILIES) {
        const session = await cell.session(family);
        expect(familyCounter(session, family, 'advertised')).toBeGreaterThanOrEqual(LARGE);
        expect(familyCounter(session, family, 'received')).toBeGreaterThanOrEqual(LARGE);
        expect(await cell.peer.received(cell.hosts.ours[family])).toBeGreaterThanOrEqual(LARGE);
      }
    });
    for (const family of FAMILIES) await cell.ours.act(`peer-${family}`, 'shutdown', { text: '' });
    await capture.stop();
    for (const family of FAMILIES) {
      const [us, bird] = [cell.hosts.ours[family], cell.hosts.peer[family]];
      const cut = async (from: string, to: string): Promise<Framed[]> =>
        (await streams(capture.file, from, to)).flatMap((stream) => framesOf(stream, LONGEST.extended));
      sent.set(family, { ours: await cut(us, bird), birds: await cut(bird, us) });
    }
  }, 180_000);
  afterAll(async () => {
    await cell?.lab.close(failed);
  });

  it('a right message of 4097 octets is invalid to tshark, one of 4096 is not', async () => {
    const [classic, extended] = [updateOf(LONGEST.classic), updateOf(LONGEST.classic + 1)];
    for (const message of [classic, extended])
      expect(framesOf(message, LONGEST.extended).map(({ body }) => announcedIn(body))).toEqual([['24 0a0101']]);
    expect(await complainsOf(classic, cell.lab.directory)).toEqual({ faults: [], long: [] });
    expect(await complainsOf(extended, cell.lab.directory)).toEqual({ faults: [], long: [LONGEST.classic + 1] });
  });

  it.each(FAMILIES)('%s: both send some, and all frames are right', (family) => {
    const { ours = [], birds = [] } = sent.get(family) ?? {};
    for (const [who, frames] of Object.entries({ ours, birds })) {
      const updates = frames.filter(({ type }) => type === UPDATE);
      const lengths = updates.map(({ length }) => length);
      expect(Math.max(0, ...lengths), `the longest of ${lengths.length} UPDATEs, ${who}`).toBeGreaterThan(LONGEST.classic);
      expect(new Set(updates.flatMap(({ body }) => announcedIn(body))).size, who).toBeGreaterThanOrEqual(LARGE);
    }
  });

  it('tshark says so of exactly those, of ours and of BIRD’s, and nothing else', async () => {
    const ends = { us: FAMILIES.map((family) => cell.hosts.ours[family]), bird: FAMILIES.map((family) => cell.hosts.peer[family]) };
    const longOf = (frames: readonly Framed[]): number[] => frames.map(({ length }) => length).filter((length) => length > LONGEST.classic);
    const order = (a: number, b: number): number => a - b;
    for (const [who, from, to] of [
      ['ours', ends.us, ends.bird],
      ['birds', ends.bird, ends.us],
    ] as const) {
      const { faults, long } = await decode(capture.file, from, to);
      expect(faults).toEqual([]);
      expect([...long].sort(order)).toEqual([...sent.values()].flatMap((frames) => longOf(frames[who])).sort(order));
    }
    failed = false;
  });
});
