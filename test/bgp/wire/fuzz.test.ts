/**
 * No input throws, hangs or leaves a decoder with something that the next step cannot use. Cases: LINNET_FUZZ_RUNS per
 * property for a long run by hand; a failing seed is printed and replays.
 */

import type { UpdateContext } from 'bgp-ts/wire';
import {
  canonicalAttributes,
  decodeAttributes,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  encodeOpen,
  encodeUpdate,
  Framer,
  MAX_MESSAGE,
  MESSAGE_TYPE,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes, fuzzRuns, ipv4Prefix, ipv6Prefix, open, u8, u32 } from './arbitraries.ts';
import { useUpdate } from './use-update.ts';

const RUNS = fuzzRuns(1500);

const families = fc.subarray(['ipv4-unicast', 'ipv6-unicast'] as const);
const context: fc.Arbitrary<UpdateContext> = fc.record({
  fourOctetAs: fc.boolean(),
  external: fc.boolean(),
  addPathReceive: families,
  extendedNextHop: families,
  families,
  loopback: fc.boolean(),
});

/** One change a faulty or hostile peer might make. */
const mutation = fc.record({ kind: fc.constantFrom('flip', 'set', 'insert', 'remove', 'cut', 'repeat'), at: fc.nat(), value: u8 });

function mutate(octets: Uint8Array, changes: readonly { kind: string; at: number; value: number }[]): Uint8Array {
  let bytes = [...octets];
  for (const { kind, at, value } of changes) {
    const place = bytes.length === 0 ? 0 : at % bytes.length;
    if (kind === 'flip') bytes[place] = (bytes[place] ?? 0) ^ (1 << (value & 7));
    else if (kind === 'set') bytes[place] = value;
    else if (kind === 'insert') bytes.splice(place, 0, value);
    else if (kind === 'remove') bytes.splice(place, 1 + (value & 7));
    else if (kind === 'cut') bytes = bytes.slice(0, place);
    else bytes.splice(place, 0, ...bytes.slice(place, place + (value & 31)));
  }
  return Uint8Array.from(bytes);
}

const mutations = fc.array(mutation, { minLength: 1, maxLength: 6 });

describe('random octets', () => {
  const octets = fc.uint8Array({ maxLength: 400, size: 'max' });

  it('as the body of every message', () => {
    fc.assert(
      fc.property(octets, context, (body, ctx) => {
        useUpdate(body, ctx);
        decodeOpen(body);
        decodeRouteRefresh(body);
        const notification = decodeNotification(body);
        if (notification.ok) describeNotification(notification.value);
      }),
      { numRuns: RUNS },
    );
  });

  it('as attributes', () => {
    fc.assert(
      fc.property(octets, octets, context, (raw, nextHop, ctx) => {
        const { octets: canonical } = canonicalAttributes(raw, nextHop, ctx);
        expect(canonical.length).toBeLessThanOrEqual(raw.length * 2 + 8);
        decodeAttributes(raw, ctx, nextHop);
      }),
      { numRuns: RUNS },
    );
  });

  it('as a stream, which holds at most one message', () => {
    fc.assert(
      fc.property(fc.array(octets, { maxLength: 8 }), (chunks) => {
        const framer = new Framer();
        let taken = 0;
        for (const chunk of chunks) {
          framer.feed(chunk);
          for (let message = framer.take(); message?.ok === true; message = framer.take()) taken += 1;
        }
        expect(taken).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('valid messages with mutations', () => {
  it('UPDATE', () => {
    const routes = fc.array(fc.record({ prefix: fc.oneof(ipv4Prefix, ipv6Prefix), pathId: u32 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        routes,
        routes,
        attributes,
        fc.subarray(['ipv4-unicast', 'ipv6-unicast'] as const),
        context,
        mutations,
        (withdrawn, announced, typed, addPath, ctx, changes) => {
          const legal = typed.nextHop.family === 'ipv6' ? announced : announced.filter(({ prefix }) => prefix.family === 'ipv4');
          for (const message of encodeUpdate(
            { withdrawn, announced: legal, attributes: typed },
            { addPath, fourOctetAs: ctx.fourOctetAs, maxMessage: MAX_MESSAGE },
          )) {
            const body = message.subarray(19);
            useUpdate(body, { ...ctx, addPathReceive: addPath });
            useUpdate(mutate(body, changes), { ...ctx, addPathReceive: addPath });
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('OPEN', () => {
    fc.assert(
      fc.property(open, mutations, (message, changes) => {
        const decoded = decodeOpen(mutate(encodeOpen(message).subarray(19), changes));
        // What is accepted can be sent, and says the same when it comes back.
        if (decoded.ok) expect(decodeOpen(encodeOpen(decoded.value).subarray(19)).ok).toBe(true);
        else expect(decoded.error.notification.code).toBe(2);
      }),
      { numRuns: RUNS },
    );
  });

  it('a whole stream: after an error nothing more is taken', () => {
    fc.assert(
      fc.property(fc.array(open, { minLength: 1, maxLength: 3 }), mutations, (messages, changes) => {
        const framer = new Framer();
        framer.feed(mutate(Uint8Array.from(messages.flatMap((message) => [...encodeOpen(message)])), changes));
        let taken = framer.take();
        while (taken?.ok === true) {
          expect(Object.values<number>(MESSAGE_TYPE)).toContain(taken.value.type);
          taken = framer.take();
        }
        expect(framer.take()).toEqual(taken);
      }),
      { numRuns: RUNS },
    );
  });
});
