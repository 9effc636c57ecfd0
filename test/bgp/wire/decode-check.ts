/** Compares a file of octets and JSON with what our decoders make of the octets. */
import { deepStrictEqual, fail, ok, strictEqual } from 'node:assert/strict';
import type { Family, PathPrefix, RawAttribute, ScannedUpdate, UpdateContext } from 'bgp-ts/wire';
import {
  decodeAttributes,
  decodeNlri,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  familyFromNumbers,
  findAttribute,
  frame,
  HEADER_OCTETS,
  joinAttributes,
  MESSAGE_TYPE,
  nextHopAddresses,
  scanUpdate,
  shutdownText,
  splitAttributes,
} from 'bgp-ts/wire';
import { entries, member, number, text } from '../../interop/harness/json.ts';
import { FULL_CONTEXT } from './arbitraries.ts';
import type { DecodeFile } from './decode-files.ts';
import { attributesOurs, attributesSaid, endOfRibSaid, openOurs, openSaid, routesOurs, routesSaid } from './decode-views.ts';
import { hex, toHex } from './hex.ts';

const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

/** Sessions that the octets may be of; the JSON does not say which. */
const SESSIONS: readonly UpdateContext[] = [[], FAMILIES].flatMap((addPathReceive) =>
  [true, false].map((fourOctetAs) => ({ ...FULL_CONTEXT, loopback: true, addPathReceive, fourOctetAs })),
);

/** The part of the JSON about the message: below the neighbour, or at the top. */
function about(expected: unknown, ...names: readonly string[]): unknown {
  for (const place of [member(expected, 'neighbor', 'message'), member(expected, 'neighbor'), member(expected, 'message'), expected]) {
    for (const name of names) {
      const found = member(place, name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Stand in for mandatory attributes that the octets lack, so that the others decode. */
const STAND_INS: readonly RawAttribute[] = [
  { code: 1, flags: 0x40, value: Uint8Array.of(0) },
  { code: 2, flags: 0x40, value: new Uint8Array(0) },
];

/** The attributes of an UPDATE in the words of the JSON. */
function ownAttributes(update: ScannedUpdate, ctx: UpdateContext): ReturnType<typeof attributesOurs> {
  const absent = STAND_INS.filter(({ code }) => findAttribute(update.attributes, code) === undefined);
  const block = joinAttributes([...absent, ...splitAttributes(update.attributes)]);
  const { attributes } = decodeAttributes(block, ctx, hex('c0000201'));
  if (attributes === undefined) return {};
  const { origin, ...rest } = attributesOurs(attributes);
  return absent.some(({ code }) => code === 1) ? rest : { origin, ...rest };
}

/** The routes of an UPDATE in the words of the JSON, whatever becomes of them in a session. */
function ownRoutes({ announced, withdrawn, attributes }: ScannedUpdate): ReturnType<typeof routesOurs> {
  const routes = announced.flatMap((run) => {
    const hop = nextHopAddresses(run.nextHop.length > 0 ? run.nextHop : (findAttribute(attributes, 3) ?? new Uint8Array(0)))?.address;
    return decodeNlri(run).map((route: PathPrefix) => ({ ...route, hop }));
  });
  const typed = routes.flatMap(({ hop, ...route }) =>
    hop === undefined ? [] : [{ ...route, attributes: { origin: 'igp' as const, asPath: [], nextHop: hop } }],
  );
  return routesOurs(typed, withdrawn.flatMap(decodeNlri));
}

/** Compares an UPDATE as one of the sessions would read it; the first session's difference is told where none fits. */
function checkUpdate(body: Uint8Array, expected: unknown): void {
  const update = about(expected, 'update');
  const wanted = {
    routes: routesSaid(update),
    attributes: attributesSaid(member(update, 'attribute')),
    endOfRib: endOfRibSaid(about(expected, 'message') ?? expected),
  };
  const read = SESSIONS.flatMap((ctx) => {
    const scanned = scanUpdate(body, ctx);
    if (!scanned.ok) return [];
    const { endOfRib } = scanned.value;
    const mark = wanted.endOfRib === undefined ? undefined : endOfRib?.replace('-unicast', '');
    return [{ routes: ownRoutes(scanned.value), attributes: ownAttributes(scanned.value, ctx), endOfRib: mark }];
  });
  const equal = read.some((ours) => {
    try {
      deepStrictEqual(ours, wanted);
      return true;
    } catch {
      return false;
    }
  });
  if (!equal) deepStrictEqual(read[0], wanted);
}

function checkOpen(body: Uint8Array, expected: unknown): void {
  const decoded = decodeOpen(body);
  if (!decoded.ok) fail(decoded.error.detail);
  const said = openSaid(about(expected, 'open'));
  deepStrictEqual(openOurs(decoded.value, said['texts']), said);
}

function checkNotification(body: Uint8Array, expected: unknown): void {
  const decoded = decodeNotification(body);
  if (!decoded.ok) fail(decoded.error.detail);
  const said = about(expected, 'notification');
  deepStrictEqual([decoded.value.code, decoded.value.subcode], [number(said, 'code'), number(said, 'subcode')]);
  const message = text(said, 'message');
  if (shutdownText(decoded.value) !== undefined && message !== '') ok(message.includes(shutdownText(decoded.value) ?? ''), message);
}

function checkRefresh(body: Uint8Array, expected: unknown): void {
  const decoded = decodeRouteRefresh(body);
  if (!decoded.ok) fail(decoded.error.detail);
  const said = about(expected, 'route-refresh', 'refresh', 'operational');
  const name = `${text(said, 'afi')} ${text(said, 'safi')}`;
  const ours = decoded.value.family?.replace('-', ' ');
  if (ours !== undefined) strictEqual(ours, name);
}

/** NLRI of a family that is carried are compared; within an UPDATE of another one they are passed over (RFC 4760 section 6). */
function checkNlri({ words, octets, expected }: DecodeFile): void {
  const numbers: { readonly [word: string]: number } = { ipv4: 1, ipv6: 2, unicast: 1 };
  const family = familyFromNumbers(numbers[words[1] ?? ''] ?? 0, numbers[words[2] ?? ''] ?? 0);
  if (family === undefined) {
    const value = Uint8Array.of(0x40, 0x04, 0x47, 4, 192, 0, 2, 1, 0, ...octets);
    const block = joinAttributes([...STAND_INS, { code: 14, flags: 0x80, value }]);
    const scanned = scanUpdate(Uint8Array.of(0, 0, block.length >>> 8, block.length & 255, ...block), FULL_CONTEXT);
    deepStrictEqual(scanned.ok && [scanned.value.ignored, scanned.value.announced, scanned.value.faults], [1, [], []]);
    return;
  }
  const said = Object.values(routesSaid({ withdraw: { [`${words[1]} ${words[2]}`]: Array.isArray(expected) ? expected : [expected] } }));
  const read = [false, true].map((addPath) => {
    const value = Uint8Array.of(0, family === 'ipv4-unicast' ? 1 : 2, 1, ...octets);
    const block = joinAttributes([{ code: 15, flags: 0x80, value }]);
    const body = Uint8Array.of(0, 0, block.length >>> 8, block.length & 255, ...block);
    const scanned = scanUpdate(body, { ...FULL_CONTEXT, addPathReceive: addPath ? FAMILIES : [] });
    return scanned.ok ? Object.values(routesOurs([], scanned.value.withdrawn.flatMap(decodeNlri))) : undefined;
  });
  const fits = read.find((ours) => JSON.stringify(ours) === JSON.stringify(said));
  deepStrictEqual(fits ?? read[0], said);
}

const BODY_CHECKS: { readonly [type: number]: (body: Uint8Array, expected: unknown) => void } = {
  [MESSAGE_TYPE.open]: checkOpen,
  [MESSAGE_TYPE.update]: checkUpdate,
  [MESSAGE_TYPE.notification]: checkNotification,
  [MESSAGE_TYPE.routeRefresh]: checkRefresh,
  [MESSAGE_TYPE.keepalive]: (body) => strictEqual(toHex(body), ''),
};

/** The message of a file, whole: framed where its header is right, else with the header that fits what follows. None for NLRI. */
export function messageOf(file: DecodeFile): { readonly type: number; readonly message: Uint8Array } | undefined {
  const { form, type, octets } = file;
  if (form === 'nlri' || type === undefined) return undefined;
  return { type, message: frame(type, form === 'body' ? octets : octets.subarray(HEADER_OCTETS)) };
}

/** Throws where ours says something else than the JSON. */
export function checkDecodeFile(file: DecodeFile): void {
  const found = messageOf(file);
  if (found === undefined) return checkNlri(file);
  const check = BODY_CHECKS[found.type];
  ok(check !== undefined, `message type ${found.type}`);
  check(found.message.subarray(HEADER_OCTETS), file.expected);
}

/** True where the JSON says something about the message, so that there is something to compare. */
export const hasExpectation = ({ expected }: DecodeFile): boolean => Array.isArray(expected) || entries(expected).length > 0;
