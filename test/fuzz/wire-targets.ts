/** Everything that reads octets of a BGP peer: messages, each attribute, each capability, each form of NLRI, the stream. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import type { Family, RawAttribute, UpdateContext } from 'bgp-ts/wire';
import {
  ATTRIBUTE,
  attributeName,
  CAPABILITY,
  countNlri,
  decodeNlri,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  encodeAttributes,
  encodeKeepalive,
  encodeNlri,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  Framer,
  findAttribute,
  hardResetReason,
  joinAttributes,
  MAX_EXTENDED_MESSAGE,
  MESSAGE_TYPE,
  maxPrefixLength,
  shutdownData,
  shutdownText,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { attributes, ipv4Prefix, ipv6Prefix, open, u32 } from '../bgp/wire/arbitraries.ts';
import { useUpdate } from '../bgp/wire/use-update.ts';
import { corpusOctets } from './corpus-seeds.ts';
import type { FuzzTarget } from './target.ts';

const HEADER = 19;
const SAMPLE_SEED = 20_260;
const BOTH: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

function sample<T>(from: fc.Arbitrary<T>, numRuns: number): T[] {
  return fc.sample(from, { seed: SAMPLE_SEED, numRuns });
}

/** A session chosen by the bits of a number. */
function contextOf(bits: number): UpdateContext {
  const family = (bit: number, of: Family): readonly Family[] => ((bits & bit) === 0 ? [] : [of]);
  return {
    fourOctetAs: (bits & 1) === 0,
    external: (bits & 2) !== 0,
    addPathReceive: [...family(4, 'ipv4-unicast'), ...family(8, 'ipv6-unicast')],
    extendedNextHop: family(16, 'ipv4-unicast'),
    families: (bits & 96) === 96 ? BOTH.slice(0, 1) : BOTH,
    loopback: (bits & 128) !== 0,
  };
}

/** Octets with the bits of a session before them. */
const withContext = (bits: number, octets: Uint8Array): Uint8Array => Uint8Array.of(bits, ...octets);

/** Bodies of UPDATEs of both families, with path identifiers and without. */
function updateSeeds(): Uint8Array[] {
  const route = fc.record({ prefix: fc.oneof(ipv4Prefix, ipv6Prefix), pathId: u32 });
  const routes = sample(fc.array(route, { minLength: 1, maxLength: 8 }), 60);
  return sample(attributes, 60).flatMap((typed, index) => {
    const announced = (routes[index] ?? []).filter(({ prefix }) => typed.nextHop.family === 'ipv6' || prefix.family === 'ipv4');
    const withdrawn = routes.at(-index) ?? [];
    const bits = index & 15;
    const addPath = contextOf(bits).addPathReceive;
    const messages = encodeUpdate({ withdrawn, announced, attributes: typed }, { addPath, fourOctetAs: (bits & 1) === 0 });
    return messages.map((message) => withContext(bits | 16, message.subarray(HEADER)));
  });
}

const bodiesOf = (type: number): Uint8Array[] =>
  corpusOctets().flatMap((message) => (message[18] === type ? [message.subarray(HEADER)] : []));

const UPDATE: FuzzTarget = {
  name: 'UPDATE',
  seeds: [...updateSeeds(), ...bodiesOf(MESSAGE_TYPE.update).map((body) => withContext(0, body))],
  run: (input) => useUpdate(input.subarray(1), contextOf(input[0] ?? 0)),
};

/** A value for each attribute that this library has a row for, well-formed. */
function attributeSeeds(code: number): Uint8Array[] {
  const own = sample(attributes, 200).flatMap((typed) => findAttribute(encodeAttributes(typed), code) ?? []);
  const corpus = corpusOctets()
    .filter((message) => message[18] === MESSAGE_TYPE.update)
    .flatMap((message) => {
      const body = message.subarray(HEADER);
      const at = 2 + (((body[0] ?? 0) << 8) | (body[1] ?? 0));
      const length = ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
      return findAttribute(body.subarray(at + 2, at + 2 + length), code) ?? [];
    });
  const zeros = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 14, 20, 24].map((length) => new Uint8Array(length));
  return [
    ...own.slice(0, 20),
    ...corpus.slice(0, 20),
    ...zeros,
    Uint8Array.of(2, 1, 0, 0, 0xfd, 0xe8),
    Uint8Array.of(0, 1, 1, 4, 10, 0, 0, 1),
  ];
}

const MANDATORY: readonly RawAttribute[] = [
  { code: ATTRIBUTE.origin, flags: 0x40, value: Uint8Array.of(0) },
  { code: ATTRIBUTE.asPath, flags: 0x40, value: Uint8Array.of(2, 1, 0, 0, 0xfd, 0xe9) },
  { code: ATTRIBUTE.nextHop, flags: 0x40, value: Uint8Array.of(192, 0, 2, 1) },
];

/** An UPDATE with one IPv4 route, the attribute under test among good ones. */
function bodyAround(code: number, flags: number, value: Uint8Array): Uint8Array {
  const others = MANDATORY.filter((attribute) => attribute.code !== code);
  const block = joinAttributes([...others, { code, flags, value }]);
  return Uint8Array.of(0, 0, block.length >>> 8, block.length & 255, ...block, 24, 198, 51, 100);
}

const FLAGS = [0x40, 0x80, 0xc0, 0xe0, 0xd0, 0x50, 0x00, 0xff];

function attributeTarget(code: number): FuzzTarget {
  return {
    name: `attribute ${attributeName(code)}`,
    seeds: attributeSeeds(code).flatMap((value, index) => [0, 1, 2].map((bits) => Uint8Array.of(bits, index & 3, ...value))),
    run: (input) => useUpdate(bodyAround(code, FLAGS[(input[1] ?? 0) & 7] ?? 0, input.subarray(2)), contextOf(input[0] ?? 0)),
  };
}

/** OPEN around optional parameters. */
function openAround(parameters: Uint8Array): Uint8Array {
  return Uint8Array.of(4, 0xfd, 0xe8, 0, 90, 10, 0, 0, 1, Math.min(255, parameters.length), ...parameters);
}

/** Whatever is accepted can be sent, and says the same when it comes back. */
function useOpen(body: Uint8Array): void {
  const decoded = decodeOpen(body);
  if (!decoded.ok) {
    ok(decoded.error.notification.code === 2, decoded.error.detail);
    return;
  }
  const again = decodeOpen(encodeOpen(decoded.value).subarray(HEADER));
  ok(again.ok, again.ok ? '' : again.error.detail);
  const third = decodeOpen(encodeOpen(again.value).subarray(HEADER));
  deepStrictEqual(third, again);
}

function capabilityTarget(name: string, code: number): FuzzTarget {
  const whole = sample(open, 120).map((message) => encodeOpen(message).subarray(HEADER + 10));
  const values = whole.flatMap((parameters) => {
    const found: Uint8Array[] = [];
    for (let at = 2; at + 1 < parameters.length; at += 2 + (parameters[at + 1] ?? 0))
      if (parameters[at] === code) found.push(parameters.slice(at + 2, at + 2 + (parameters[at + 1] ?? 0)));
    return found;
  });
  return {
    name: `capability ${name}`,
    seeds: [...values.slice(0, 30), new Uint8Array(0), Uint8Array.of(0, 1, 0, 1), Uint8Array.of(0, 1, 0, 1, 0, 2)],
    limit: 249,
    run: (input) => useOpen(openAround(Uint8Array.of(2, input.length + 2, code, input.length, ...input))),
  };
}

const OPEN: FuzzTarget = {
  name: 'OPEN',
  seeds: [...sample(open, 60).map((message) => encodeOpen(message).subarray(HEADER)), ...bodiesOf(MESSAGE_TYPE.open)],
  run: useOpen,
};

const NOTIFICATION: FuzzTarget = {
  name: 'NOTIFICATION',
  seeds: [
    Uint8Array.of(6, 2, ...shutdownData('maintenance')),
    Uint8Array.of(6, 9, 6, 4, ...shutdownData('again')),
    Uint8Array.of(2, 7, 1, 4, 0, 1, 0, 1),
    ...bodiesOf(MESSAGE_TYPE.notification),
  ],
  run: (input) => {
    const decoded = decodeNotification(input);
    if (!decoded.ok) return;
    const text = describeNotification(decoded.value);
    ok(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), `a log line stays one line: ${JSON.stringify(text)}`);
    shutdownText(decoded.value);
    hardResetReason(decoded.value);
    deepStrictEqual(decodeNotification(encodeNotification(decoded.value).subarray(HEADER)), decoded);
  },
};

const ROUTE_REFRESH: FuzzTarget = {
  name: 'ROUTE-REFRESH',
  seeds: [...BOTH.map((family) => encodeRouteRefresh({ family }).subarray(HEADER)), ...bodiesOf(MESSAGE_TYPE.routeRefresh)],
  run: (input) => {
    const decoded = decodeRouteRefresh(input);
    if (!decoded.ok || decoded.value.family === undefined) return;
    const { family, subtype } = decoded.value;
    deepStrictEqual(decodeRouteRefresh(encodeRouteRefresh({ family, subtype }).subarray(HEADER)), decoded);
  },
};

/** A run is read as many routes as were counted in it, and the same ones after they were written again. */
function useNlri(octets: Uint8Array, family: Family, addPath: boolean): void {
  const count = countNlri(octets, 0, octets.length, maxPrefixLength(family), addPath);
  if (count < 0) return;
  const routes = decodeNlri({ family, addPath, octets });
  deepStrictEqual(routes.length, count);
  deepStrictEqual(decodeNlri({ family, addPath, octets: encodeNlri(routes, addPath) }), routes);
}

const NLRI: readonly FuzzTarget[] = BOTH.flatMap((family) =>
  [false, true].map((addPath): FuzzTarget => {
    const path = addPath ? [0, 0, 0, 7] : [];
    const long = family === 'ipv4-unicast' ? [32, 10, 1, 2, 3] : [128, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    return {
      name: `NLRI ${family}${addPath ? ' with path identifiers' : ''}`,
      seeds: [Uint8Array.of(...path, 24, 10, 1, 2, ...path, 0, ...path, ...long), Uint8Array.of(...path, 9, 10, 255), new Uint8Array(0)],
      run: (input) => useNlri(input, family, addPath),
    };
  }),
);

const STREAM: FuzzTarget = {
  name: 'stream',
  seeds: [
    ...sample(open, 10).map((message) => Uint8Array.of(7, ...encodeOpen(message), ...encodeKeepalive())),
    ...corpusOctets().map((message) => Uint8Array.of(40, ...message)),
  ],
  limit: 70_000,
  run: (input) => {
    const whole = new Framer(MAX_EXTENDED_MESSAGE);
    whole.feed(input.subarray(1));
    const pieces = new Framer(MAX_EXTENDED_MESSAGE);
    const size = 1 + (input[0] ?? 0);
    for (let at = 1; at < input.length; at += size) {
      pieces.feed(input.subarray(at, at + size));
      // However the stream is cut, the messages are the same.
      for (let taken = pieces.take(); taken !== undefined; taken = pieces.take()) {
        const wanted = whole.take();
        ok(wanted !== undefined && wanted.ok === taken.ok, 'a message that only pieces have');
        if (!taken.ok) return;
        ok(
          wanted.ok && Buffer.compare(taken.value.body, wanted.value.body) === 0 && taken.value.type === wanted.value.type,
          'another message',
        );
        ok(Object.values<number>(MESSAGE_TYPE).includes(taken.value.type));
      }
    }
    ok(whole.take() === undefined || input.length <= 1, 'a message that only the whole has');
  },
};

/** All of them. */
export const WIRE_TARGETS: readonly FuzzTarget[] = [
  STREAM,
  OPEN,
  UPDATE,
  NOTIFICATION,
  ROUTE_REFRESH,
  ...NLRI,
  ...Object.values(ATTRIBUTE).map(attributeTarget),
  attributeTarget(99),
  ...Object.entries(CAPABILITY).map(([name, code]) => capabilityTarget(name, code)),
  capabilityTarget('unknown', 200),
];
