/**
 * Golden messages from the reference corpus. For the families this speaker carries: decode, encode again, same octets (in
 * the vector's own attribute order and length form, which are the sender's choice). All others: tolerated.
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { AttributeFault, Family, RawAttribute, RawMessage, UpdateContext } from 'bgp-ts/wire';
import {
  decodeAttributes,
  decodeNlri,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  decodeUpdate,
  encodeAttributes,
  encodeEndOfRib,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  FLAG,
  Framer,
  familyFromNumbers,
  frame,
  joinAttributes,
  MAX_EXTENDED_MESSAGE,
  MESSAGE_TYPE,
  scanUpdate,
  splitAttributes,
} from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { corpusAbsent, corpusFiles, corpusTitle } from '../../shared.ts';
import { FULL_CONTEXT } from './arbitraries.ts';
import { messageOf } from './decode-check.ts';
import { readDecodeFile } from './decode-files.ts';
import { hex, toHex } from './hex.ts';
import { joinBodies, parts, u16, withIpv4InFields } from './update-bodies.ts';

interface Vector {
  readonly title: string;
  readonly command: string;
  readonly message: Uint8Array;
}

/** A line with octets, whatever session stands before it. */
const RAW = /^(?:\w*:)?raw:(.*)$/i;
const WHOLE = /^F{32}(?:[0-9A-F]{2})+$/i;

/** The messages of a vectors file with the command before each, and what stands where a message should and is none. */
function readVectors(file: string): { readonly vectors: Vector[]; readonly strange: string[] } {
  let command = '';
  const vectors: Vector[] = [];
  const strange: string[] = [];
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (/^\w*:cmd:/.test(line)) command = line;
    const raw = RAW.exec(line.trim())?.[1]?.replaceAll(/[:\s]/g, '');
    if (raw === undefined) continue;
    const title = `${basename(file)}:${index + 1}`;
    if (WHOLE.test(raw)) vectors.push({ title, command, message: hex(raw) });
    else strange.push(`${title} (skipped: no marker and whole octets)`);
  }
  return { vectors, strange };
}

/** The message of a decode file: its JSON is another suite's matter. */
function readDecoded(file: string): Vector[] {
  const found = readDecodeFile(readFileSync(file, 'utf8'));
  const message = typeof found === 'string' ? undefined : messageOf(found)?.message;
  return message === undefined ? [] : [{ title: basename(file), command: '', message }];
}

function frameOf(message: Uint8Array): RawMessage {
  const framer = new Framer(MAX_EXTENDED_MESSAGE);
  framer.feed(message);
  const taken = framer.take();
  if (taken?.ok !== true) throw new Error(`not one whole message: ${taken?.error.detail ?? 'too short'}`);
  return taken.value;
}

/** Attributes that RFC 4271 section 5 lets no one pass on or keep: optional non-transitive and unknown to us. */
const KNOWN_NON_TRANSITIVE = new Set([4, 9, 10, 14, 15]);
const isDropped = ({ code, flags }: RawAttribute): boolean =>
  (flags & (FLAG.optional | FLAG.transitive)) === FLAG.optional && !KNOWN_NON_TRANSITIVE.has(code);

/** A block as text, one attribute each, Partial aside: whoever passes an unknown one on must set it (RFC 4271 section 5). */
function attributeLines(block: Uint8Array): string[] {
  return splitAttributes(block)
    .filter((attribute) => !isDropped(attribute))
    .map(({ code, flags, value }) => `${code} ${(flags & 0xc0).toString(16)} ${toHex(value)}`);
}

/** Our block with its attributes in the order of the vector's; what the vector does not have stays at the end and shows. */
function inOrderOf(ours: Uint8Array, vector: Uint8Array): string[] {
  const order = splitAttributes(vector).map(({ code }) => code);
  const place = (line: string): number => {
    const found = order.indexOf(Number(line.split(' ')[0]));
    return found < 0 ? order.length : found;
  };
  return attributeLines(ours).toSorted((a, b) => place(a) - place(b));
}

/** The families whose NLRI a body carries; undefined where one is not carried here. */
function familiesOf(body: Uint8Array): Family[] | undefined {
  const { withdrawn, block, nlri } = parts(body);
  const families: (Family | undefined)[] = withdrawn.length + nlri.length > 0 ? ['ipv4-unicast'] : [];
  for (const { code, value } of splitAttributes(block)) {
    if (code === 14 || code === 15) families.push(familyFromNumbers(u16(value, 0), value[2] ?? 0));
  }
  const known = families.filter((family) => family !== undefined);
  return known.length === families.length ? known : undefined;
}

/** RFC 8950 defines IPv6 next hops for IPv4 NLRI, not the reverse, so a session cannot have negotiated the latter. */
function hasIpv4NextHopForIpv6(body: Uint8Array): boolean {
  return splitAttributes(parts(body).block).some(({ code, value }) => code === 14 && u16(value, 0) === 2 && value[3] === 4);
}

/** Faults of the codec; whether a next hop is a possible host is a matter of the session (RFC 4271 section 6.3), not of octets. */
const isCodecFault = ({ outcome, attribute }: AttributeFault): boolean => outcome !== 'attribute-discard' && attribute !== 3;

/** The body as the encoder writes what the decoder read; undefined where the decoder found faults. */
function reencode(body: Uint8Array, ctx: UpdateContext): Uint8Array | undefined {
  const scanned = scanUpdate(body, ctx);
  if (!scanned.ok) return undefined;
  const { withdrawn, announced, endOfRib, attributes: raw } = scanned.value;
  if (endOfRib !== undefined) return encodeEndOfRib(endOfRib).subarray(19);
  const options = { fourOctetAs: ctx.fourOctetAs, addPath: ctx.addPathReceive, maxMessage: MAX_EXTENDED_MESSAGE };
  const messages = encodeUpdate({ withdrawn: withdrawn.flatMap(decodeNlri) }, options);
  for (const run of announced) {
    const { attributes, faults } = decodeAttributes(raw, ctx, run.nextHop);
    if (attributes === undefined || faults.some(isCodecFault)) return undefined;
    messages.push(...encodeUpdate({ announced: decodeNlri(run), attributes }, options));
  }
  // A message without any route has nothing to come back.
  return messages.length === 0 ? new Uint8Array(4) : joinBodies(messages.map((message) => message.subarray(19)));
}

/** Sessions the vector may have been sent in, the likeliest first: its command hints at path identifiers, nothing at the AS width. */
function contexts(vector: Vector, families: readonly Family[]): UpdateContext[] {
  const hinted = vector.command.includes('path-information');
  const choices = hinted ? [families, []] : [[], families];
  return choices.flatMap((addPathReceive) =>
    [true, false].map((fourOctetAs) => ({ ...FULL_CONTEXT, loopback: true, addPathReceive, fourOctetAs })),
  );
}

/** Attributes that an encoder has to bring back: beside nothing but withdrawals they have no meaning and are not sent. */
function meaningful(body: Uint8Array): Uint8Array {
  const { block, nlri } = parts(body);
  const attributes = splitAttributes(block);
  const announces = nlri.length > 0 || attributes.some(({ code }) => code === 14);
  return announces ? block : joinAttributes(attributes.filter(({ code }) => code === 15));
}

/** A block that comes without any route: its attributes are decoded and encoded all the same. */
function checkAttributesAlone(body: Uint8Array): void {
  const { withdrawn, block, nlri } = parts(body);
  if (withdrawn.length + nlri.length > 0 || splitAttributes(block).some(({ code }) => code === 14 || code === 15)) return;
  const { attributes } = decodeAttributes(block, FULL_CONTEXT);
  const rest = joinAttributes(splitAttributes(block).filter(({ code }) => code !== 3));
  if (attributes !== undefined) expect(attributeLines(encodeAttributes(attributes))).toEqual(attributeLines(rest));
}

function checkUpdate(vector: Vector, body: Uint8Array): void {
  const families = familiesOf(body);
  if (families === undefined || hasIpv4NextHopForIpv6(body)) {
    const decoded = decodeUpdate(body, FULL_CONTEXT);
    expect(decoded.ok ? decoded.value.announced : []).toEqual([]);
    return;
  }
  checkAttributesAlone(body);
  const plain = withIpv4InFields(body);
  const wanted = parts(plain);
  const kept = meaningful(plain);
  const expected = { ...wanted, block: attributeLines(kept) };
  const candidates = contexts(vector, families).flatMap((ctx) => {
    const again = reencode(body, ctx);
    if (again === undefined) return [];
    const ours = parts(again);
    return [{ ...ours, block: inOrderOf(ours.block, kept) }];
  });
  expect(candidates).toContainEqual(expected);
}

/** Capabilities that list families: families we do not carry are left out when we send (extended next hop, restart, ADD-PATH, LLGR). */
const FAMILY_LISTS = new Set([5, 64, 69, 71]);

/** Other capabilities of an OPEN as code and value, whatever parameters hold them. */
function capabilitiesOf(message: Uint8Array): string[] {
  const decoded = decodeOpen(message.subarray(19));
  if (!decoded.ok) throw new Error(decoded.error.detail);
  const rest = message.subarray(29);
  const found: string[] = [];
  for (let at = 0; at < rest.length; ) {
    const end = at + 2 + (rest[at + 1] ?? 0);
    for (at += 2; at < end; at += 2 + (rest[at + 1] ?? 0)) found.push(toHex(rest.subarray(at, at + 2 + (rest[at + 1] ?? 0))));
  }
  return found.filter((text) => !FAMILY_LISTS.has(Number.parseInt(text.slice(0, 2), 16))).toSorted();
}

function checkMessage(vector: Vector): void {
  const { type, body } = frameOf(vector.message);
  if (type === MESSAGE_TYPE.update) {
    checkUpdate(vector, body);
  } else if (type === MESSAGE_TYPE.open) {
    const open = decodeOpen(body);
    if (!open.ok) throw new Error(open.error.detail);
    const again = encodeOpen(open.value);
    expect(toHex(again.subarray(19, 28))).toBe(toHex(body.subarray(0, 9)));
    expect(capabilitiesOf(again)).toEqual(capabilitiesOf(vector.message));
    expect(decodeOpen(again.subarray(19))).toEqual(open);
  } else if (type === MESSAGE_TYPE.notification) {
    const notification = decodeNotification(body);
    expect(notification.ok && toHex(encodeNotification(notification.value))).toBe(toHex(vector.message));
  } else if (type === MESSAGE_TYPE.routeRefresh) {
    const refresh = decodeRouteRefresh(body);
    if (!refresh.ok) throw new Error(refresh.error.detail);
    const { family, subtype } = refresh.value;
    if (family !== undefined) expect(toHex(encodeRouteRefresh({ family, subtype }))).toBe(toHex(vector.message));
  } else {
    expect(toHex(encodeKeepalive())).toBe(toHex(vector.message));
  }
}

const files = corpusFiles(/\.(vectors|msg)$/).map((file) => ({
  name: basename(file),
  size: readFileSync(file, 'utf8').trim().length,
  ...readVectors(file),
}));
const vectors = [...files.flatMap((file) => file.vectors), ...corpusFiles(/^decode-|\.decode$/).flatMap(readDecoded)];
const skipped = [
  ...files.flatMap(({ strange }) => strange),
  ...files
    .filter((file) => file.size > 0 && file.vectors.length + file.strange.length === 0)
    .map(({ name }) => `${name} (skipped: no line with octets)`),
];

describe.skipIf(corpusAbsent(vectors.length))(corpusTitle('golden messages'), () => {
  it('are there', () => {
    expect(vectors.length).toBeGreaterThan(0);
  });

  it.each(vectors)('$title', checkMessage);

  for (const title of skipped) it.skipIf(true)(title, () => undefined);

  it('of both families are among them', () => {
    const bodies = vectors.map(({ message }) => frameOf(message)).filter(({ type }) => type === MESSAGE_TYPE.update);
    const carried = bodies.flatMap(({ body }) => familiesOf(body) ?? []);
    // A folder named by hand may hold any part of such files.
    if (process.env['LINNET_CORPUS'] === undefined) expect(new Set(carried)).toEqual(new Set(['ipv4-unicast', 'ipv6-unicast']));
    else expect(vectors.length).toBeGreaterThan(0);
  });
});

describe('messages of our own', () => {
  it.each([
    ['IPv4 routes in MP_REACH_NLRI', '400101 00 400200 400504 00000064 800e0d 0001 01 04 c0000201 00 18 0a0102'],
    ['IPv4 routes in MP_UNREACH_NLRI', '800f07 0001 01 18 0a0102'],
    [
      'IPv4 routes gone and IPv6 routes told',
      '400101 00 400200 400504 00000064 800e1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db9 800f06 0001 01 10 0a01',
    ],
    ['IPv4 routes in both', '400101 00 400200 400504 00000064 800e0d 0001 01 04 c0000201 00 18 0a0102 800f06 0001 01 10 0a01'],
  ])('%s', (title, attributes) => {
    const block = hex(attributes);
    const message = frame(MESSAGE_TYPE.update, Uint8Array.of(0, 0, 0, block.length, ...block));
    checkMessage({ title, command: '', message });
  });
});
