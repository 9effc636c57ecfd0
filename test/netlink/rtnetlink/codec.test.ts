/** What is written is read back, and whatever comes is read without a throw. */
import fc from 'fast-check';
import {
  decodeAddress,
  decodeAnswer,
  decodeDone,
  decodeEvents,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  decodeRule,
  eachMessage,
  encodeAddress,
  encodeLink,
  encodeNeighbour,
  encodeNexthop,
  encodeRoute,
  encodeRule,
  RTM,
} from 'netlink';
import { describe, expect, it } from 'vitest';
import { HEADER, interfaceAddress, link, neighbour, nexthop, route, rule, uint8, written } from './values.ts';

describe('round trips', () => {
  it('of routes', () => {
    fc.assert(
      fc.property(route, (value) => {
        const octets = written((out) => encodeRoute(out, RTM.newRoute, 0, 1, value));
        expect(octets.readUInt32LE(0)).toBe(octets.length);
        expect(decodeRoute(octets, HEADER, octets.length)).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });
  it('of nexthop objects', () => {
    fc.assert(
      fc.property(nexthop, (value) => {
        const octets = written((out) => encodeNexthop(out, RTM.newNexthop, 0, 1, value));
        expect(decodeNexthop(octets, HEADER, octets.length)).toEqual(value);
      }),
    );
  });
  it('of interfaces and addresses', () => {
    fc.assert(
      fc.property(link, interfaceAddress, (one, other) => {
        const octets = written((out) => {
          encodeLink(out, RTM.newLink, 0, 1, one);
          encodeAddress(out, RTM.newAddress, 0, 2, other);
        });
        const end = octets.readUInt32LE(0);
        expect(decodeLink(octets, HEADER, end)).toEqual(one);
        expect(decodeAddress(octets, end + HEADER, octets.length)).toEqual(other);
      }),
    );
  });
  it('of neighbours, forwarding entries and rules', () => {
    fc.assert(
      fc.property(neighbour, rule, (one, other) => {
        const octets = written((out) => {
          encodeNeighbour(out, RTM.newNeighbour, 0, 1, one);
          encodeRule(out, RTM.delRule, 0, 2, other);
        });
        const end = octets.readUInt32LE(0);
        expect(decodeNeighbour(octets, HEADER, end)).toEqual(one);
        expect(decodeRule(octets, end + HEADER, octets.length)).toEqual(other);
        expect(decodeEvents(octets, octets.length)).toEqual([
          { kind: 'neighbour', gone: false, neighbour: one },
          { kind: 'rule', gone: true, rule: other },
        ]);
      }),
    );
  });
  it('of many messages in one buffer, through a notification', () => {
    fc.assert(
      fc.property(fc.array(route, { maxLength: 20 }), (values) => {
        const octets = written((out) => {
          for (const [index, value] of values.entries()) encodeRoute(out, index % 2 === 0 ? RTM.newRoute : RTM.delRoute, 0, index, value);
        });
        expect(decodeEvents(octets, octets.length)).toEqual(
          values.map((value, index) => ({ kind: 'route', gone: index % 2 === 1, route: value })),
        );
      }),
      { numRuns: 200 },
    );
  });
});

const DECODERS = [decodeRoute, decodeNexthop, decodeLink, decodeAddress, decodeNeighbour, decodeRule];

describe('whatever octets come', () => {
  it('are read without a throw, and every message once at most', () => {
    const good = fc.array(route, { minLength: 1, maxLength: 4 }).map((values) =>
      written((out) => {
        for (const value of values) encodeRoute(out, RTM.newRoute, 0, 1, value);
      }),
    );
    const damage = fc.array(fc.tuple(fc.nat(), uint8), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.oneof(
          good,
          fc.uint8Array({ maxLength: 400 }).map((octets) => Buffer.from(octets)),
        ),
        damage,
        fc.nat(),
        (octets, changes, cut) => {
          for (const [at, value] of changes) if (octets.length > 0) octets[at % octets.length] = value;
          const length = octets.length - (cut % 7 === 0 ? cut % (octets.length + 1) : 0);
          let seen = 0;
          eachMessage(octets, length, (_type, flags, _seq, _port, at, end) => {
            expect(end).toBeLessThanOrEqual(length);
            for (const decode of DECODERS) decode(octets, at, end);
            decodeAnswer(octets, flags, at, end);
            decodeDone(octets, flags, at, end);
            return ++seen < 1000;
          });
          expect(seen).toBeLessThanOrEqual(length / HEADER);
          decodeEvents(octets, length);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
