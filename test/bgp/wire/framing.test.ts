import type { RawMessage } from 'bgp-ts/wire';
import { encodeKeepalive, Framer, frame, MAX_EXTENDED_MESSAGE, MESSAGE_TYPE } from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzRuns } from './arbitraries.ts';
import { hex, MARKER, toHex } from './hex.ts';

function takeAll(framer: Framer): { readonly messages: RawMessage[]; readonly error: string | undefined } {
  const messages: RawMessage[] = [];
  for (;;) {
    const taken = framer.take();
    if (taken === undefined) return { messages, error: undefined };
    if (!taken.ok) return { messages, error: taken.error.code };
    messages.push(taken.value);
  }
}

it.each([
  ['an array', (octets: Uint8Array) => octets],
  // Whose `slice` would be a view.
  ['a Node Buffer', (octets: Uint8Array) => Buffer.from(octets)],
])('keeps what was not taken yet when the octets of %s are written over', (_name, as) => {
  const framer = new Framer();
  const octets = as(
    new Uint8Array([...encodeKeepalive(), ...frame(MESSAGE_TYPE.update, hex('00000000')), ...encodeKeepalive().subarray(0, 7)]),
  );
  framer.feed(octets);
  expect(framer.take()).toMatchObject({ ok: true, value: { type: MESSAGE_TYPE.keepalive } });
  framer.retain();
  octets.fill(0);
  framer.feed(encodeKeepalive().subarray(7));
  expect(takeAll(framer).messages.map(({ type, body }) => [type, toHex(body)])).toEqual([
    [MESSAGE_TYPE.update, '00000000'],
    [MESSAGE_TYPE.keepalive, ''],
  ]);
});

describe('header errors (RFC 4271 section 6.1)', () => {
  it.each([
    ['a marker with a zero bit', 'fffffffe ffffffff ffffffff ffffffff 0013 04', 4096, [1, 1, '']],
    ['length 18', `${MARKER} 0012 04`, 4096, [1, 2, '0012']],
    ['KEEPALIVE of 20 octets', `${MARKER} 0014 04`, 4096, [1, 2, '0014']],
    ['OPEN of 28 octets', `${MARKER} 001c 01`, 4096, [1, 2, '001c']],
    ['UPDATE of 22 octets', `${MARKER} 0016 02`, 4096, [1, 2, '0016']],
    ['NOTIFICATION of 20 octets', `${MARKER} 0014 03`, 4096, [1, 2, '0014']],
    ['UPDATE of 4097 octets', `${MARKER} 1001 02`, 4096, [1, 2, '1001']],
    ['OPEN of 4097 octets on an extended session (RFC 8654 section 4)', `${MARKER} 1001 01`, MAX_EXTENDED_MESSAGE, [1, 2, '1001']],
    ['type 0', `${MARKER} 0013 00`, 4096, [1, 3, '00']],
    ['type 6', `${MARKER} 0013 06`, 4096, [1, 3, '06']],
  ] as const)('%s', (_name, octets, maxMessage, [code, subcode, data]) => {
    const framer = new Framer(maxMessage);
    framer.feed(hex(octets));
    const taken = framer.take();
    if (taken?.ok !== false) throw new Error('accepted');
    const { notification } = taken.error;
    expect([notification.code, notification.subcode, toHex(notification.data)]).toEqual([code, subcode, data]);
    framer.feed(encodeKeepalive());
    expect(framer.take()).toEqual(taken);
  });

  it('an extended session takes 65535 octets once it may', () => {
    const large = frame(MESSAGE_TYPE.update, new Uint8Array(MAX_EXTENDED_MESSAGE - 19));
    const framer = new Framer();
    framer.setMaxMessage(MAX_EXTENDED_MESSAGE);
    framer.feed(large);
    expect(takeAll(framer).messages.map(({ body }) => body.length)).toEqual([MAX_EXTENDED_MESSAGE - 19]);
  });
});

describe('the stream', () => {
  it('whole messages in a chunk are views of it', () => {
    const chunk = Uint8Array.of(...encodeKeepalive(), ...frame(MESSAGE_TYPE.update, hex('0000 0000')));
    const framer = new Framer();
    framer.feed(chunk);
    const { messages } = takeAll(framer);
    expect(messages.map(({ type }) => type)).toEqual([MESSAGE_TYPE.keepalive, MESSAGE_TYPE.update]);
    expect(messages.every(({ body }) => body.buffer === chunk.buffer)).toBe(true);
  });

  it('messages come out the same however the stream is cut, taken at once or later', () => {
    const body = fc.uint8Array({ minLength: 4, maxLength: 400 });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 12 }), fc.array(fc.nat(500), { maxLength: 40 }), fc.boolean(), (bodies, sizes, patient) => {
        const stream = bodies.flatMap((octets) => [...frame(MESSAGE_TYPE.update, octets)]);
        const framer = new Framer();
        const seen: string[] = [];
        const drain = (): void => void seen.push(...takeAll(framer).messages.map((message) => toHex(message.body)));
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          framer.feed(Uint8Array.from(stream.slice(at, at + size)));
          at += size;
          if (!patient) drain();
        }
        drain();
        expect(seen).toEqual(bodies.map(toHex));
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  it('octet by octet', () => {
    const framer = new Framer();
    let taken = 0;
    for (const octet of [...frame(MESSAGE_TYPE.update, new Uint8Array(300)), ...encodeKeepalive()]) {
      framer.feed(Uint8Array.of(octet));
      taken += takeAll(framer).messages.length;
    }
    expect(taken).toBe(2);
  });
});
