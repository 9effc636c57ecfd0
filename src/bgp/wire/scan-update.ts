/**
 * The first look at an UPDATE (RFC 4271 section 4.3): cuts it into NLRI runs and the raw attribute block and checks all
 * that has to hold before any of it is used. Everything that must reset the session under RFC 7606 is found here and is
 * the error; what is left to `canonicalAttributes` is treat-as-withdraw at worst. IPv4 NLRI without multiprotocol
 * attributes, the common case, is handed out as views of the body.
 */
import { attributeEnd, headerOctets } from './attribute-header.ts';
import { attributeRow } from './attribute-table.ts';
import { blockFaults, worstFault } from './canonical.ts';
import { decodeError, failure, notificationFor } from './errors.ts';
import { ATTRIBUTE, FLAG } from './iana.ts';
import { cutReach, cutUnreach } from './multiprotocol.ts';
import { countNlri } from './nlri.ts';
import { readU16 } from './reader.ts';
import type { AnnouncedRun, AttributeFault, DecodeError, Family, NlriRun, Result, ScannedUpdate, UpdateContext } from './types.ts';
import { concatOctets, copyOctets } from './writer.ts';

const EMPTY = new Uint8Array(0);
const NONE: readonly never[] = [];

/** Where things lie in an attribute block; -1 for what it does not have. */
interface Cut {
  /** After the last attribute that fits. */
  end: number;
  reachAt: number;
  reachEnd: number;
  unreachAt: number;
  unreachEnd: number;
  /** A second MP_REACH_NLRI or MP_UNREACH_NLRI. */
  duplicate: boolean;
  /** A well-known attribute that nobody knows. */
  unrecognizedAt: number;
}

/** Walks the headers of the attributes between two offsets. */
function cutAttributes(body: Uint8Array, start: number, end: number): Cut {
  const cut: Cut = { end: start, reachAt: -1, reachEnd: -1, unreachAt: -1, unreachEnd: -1, duplicate: false, unrecognizedAt: -1 };
  let at = start;
  while (at < end) {
    const after = attributeEnd(body, at, end);
    if (after < 0) break;
    const code = body[at + 1] ?? 0;
    if (code === ATTRIBUTE.mpReach) {
      if (cut.reachAt >= 0) cut.duplicate = true;
      cut.reachAt = at;
      cut.reachEnd = after;
    } else if (code === ATTRIBUTE.mpUnreach) {
      if (cut.unreachAt >= 0) cut.duplicate = true;
      cut.unreachAt = at;
      cut.unreachEnd = after;
    } else if (((body[at] ?? 0) & FLAG.optional) === 0 && attributeRow(code) === undefined) {
      cut.unrecognizedAt = at;
    }
    at = after;
  }
  cut.end = at;
  return cut;
}

/** The block without the multiprotocol attributes; a copy only where one stands in the middle. */
function withoutMultiprotocol(body: Uint8Array, start: number, cut: Cut): Uint8Array {
  const { reachAt, reachEnd, unreachAt, unreachEnd, end } = cut;
  if (reachAt < 0 && unreachAt < 0) return body.subarray(start, end);
  const reachFirst = unreachAt < 0 || (reachAt >= 0 && reachAt < unreachAt);
  const [firstAt, firstEnd] = reachFirst ? [reachAt, reachEnd] : [unreachAt, unreachEnd];
  const [secondAt, secondEnd] = reachFirst ? [unreachAt, unreachEnd] : [reachAt, reachEnd];
  const parts = [body.subarray(start, firstAt)];
  if (secondAt >= 0) parts.push(body.subarray(firstEnd, secondAt), body.subarray(secondEnd, end));
  else parts.push(body.subarray(firstEnd, end));
  const [first, ...more] = parts.filter((part) => part.length > 0);
  return more.length === 0 ? (first ?? EMPTY) : concatOctets(...parts);
}

const MULTIPROTOCOL_FLAGS = FLAG.optional | FLAG.transitive | FLAG.partial;

/** Both multiprotocol attributes are optional non-transitive; with other flags they are incorrect (RFC 7606 section 5.3). */
function wrongFlags(body: Uint8Array, at: number): boolean {
  return at >= 0 && ((body[at] ?? 0) & MULTIPROTOCOL_FLAGS) !== FLAG.optional;
}

/** An error in an optional attribute; its NOTIFICATION carries the attribute (RFC 4271 section 6.3). */
function optionalError(detail: string, body: Uint8Array, at: number, end: number): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: decodeError('UPDATE_OPTIONAL_ATTRIBUTE', detail, copyOctets(body, at, end)) };
}

/** Parts of a message whose lengths add up. */
interface Layout {
  readonly withdrawnEnd: number;
  readonly attributesAt: number;
  readonly attributesEnd: number;
}

/** Offsets of the three parts, or the error of RFC 4271 section 6.3 where they do not fit the body. */
function layOut(body: Uint8Array): Result<Layout, DecodeError> {
  if (body.length < 4) return failure('HEADER_BAD_LENGTH', 'UPDATE shorter than its length fields');
  const withdrawnEnd = 2 + readU16(body, 0);
  const attributesAt = withdrawnEnd + 2;
  if (attributesAt > body.length) return failure('UPDATE_MALFORMED_ATTRIBUTES', 'withdrawn routes longer than the message');
  const attributesEnd = attributesAt + readU16(body, withdrawnEnd);
  if (attributesEnd > body.length) return failure('UPDATE_MALFORMED_ATTRIBUTES', 'path attributes longer than the message');
  return { ok: true, value: { withdrawnEnd, attributesAt, attributesEnd } };
}

/** NLRI of one of the classic fields; undefined where its syntax is wrong. An empty field, or one whose family was not negotiated, is no run. */
function classicRuns(body: Uint8Array, start: number, end: number, ctx: UpdateContext): readonly NlriRun[] | undefined {
  if (start === end) return NONE;
  const addPath = ctx.addPathReceive.includes('ipv4-unicast');
  if (countNlri(body, start, end, 32, addPath) < 0) return undefined;
  if (!ctx.families.includes('ipv4-unicast')) return NONE;
  return [{ family: 'ipv4-unicast', addPath, octets: body.subarray(start, end) }];
}

/** End-of-RIB: nothing at all, or nothing but an empty MP_UNREACH_NLRI (RFC 4724 section 2). */
function endOfRib(
  body: Uint8Array,
  layout: Layout,
  unreach: NlriRun | undefined,
  attributes: Uint8Array,
  hasReach: boolean,
): Family | undefined {
  if (body.length === 4) return 'ipv4-unicast';
  const alone = layout.withdrawnEnd === 2 && layout.attributesEnd === body.length && attributes.length === 0 && !hasReach;
  return alone && unreach !== undefined && unreach.octets.length === 0 ? unreach.family : undefined;
}

/** The classic fields of a message, and what its attribute headers say. */
interface Opened {
  readonly layout: Layout;
  readonly withdrawn: readonly NlriRun[];
  readonly announced: readonly NlriRun[];
  readonly cut: Cut;
}

function open(body: Uint8Array, ctx: UpdateContext): Result<Opened, DecodeError> {
  const layout = layOut(body);
  if (!layout.ok) return layout;
  const { withdrawnEnd, attributesAt, attributesEnd } = layout.value;
  const withdrawn = classicRuns(body, 2, withdrawnEnd, ctx);
  const announced = classicRuns(body, attributesEnd, body.length, ctx);
  // RFC 7606 section 3(j): routes that cannot be read cannot be withdrawn either.
  if (withdrawn === undefined || announced === undefined) return failure('UPDATE_INVALID_NETWORK', 'NLRI syntax (RFC 7606 section 5.3)');
  const cut = cutAttributes(body, attributesAt, attributesEnd);
  if (cut.duplicate) return failure('UPDATE_MALFORMED_ATTRIBUTES', 'multiprotocol attribute appears twice (RFC 7606 section 3(g))');
  if (wrongFlags(body, cut.reachAt) || wrongFlags(body, cut.unreachAt)) {
    const detail = 'flags of a multiprotocol attribute (RFC 7606 section 5.3)';
    return wrongFlags(body, cut.reachAt)
      ? optionalError(detail, body, cut.reachAt, cut.reachEnd)
      : optionalError(detail, body, cut.unreachAt, cut.unreachEnd);
  }
  if (cut.unrecognizedAt >= 0) {
    const end = attributeEnd(body, cut.unrecognizedAt, attributesEnd);
    return failure(
      'UPDATE_UNRECOGNIZED_WELL_KNOWN',
      `type ${body[cut.unrecognizedAt + 1] ?? 0}`,
      copyOctets(body, cut.unrecognizedAt, end),
    );
  }
  return { ok: true, value: { layout: layout.value, withdrawn, announced, cut } };
}

/** The fault of the attribute list as such: its last attribute does not end with it. */
function listFaults(body: Uint8Array, attributesEnd: number, cut: Cut): readonly AttributeFault[] {
  if (cut.end === attributesEnd) return NONE;
  const detail = 'attribute runs past the end of the attributes';
  return [{ outcome: 'treat-as-withdraw', attribute: body[cut.end + 1] ?? 0, detail, citation: 'RFC 7606 section 4' }];
}

/** RFC 7606 section 5.2: where no reachable NLRI was found, an attribute fault may be the reason why, so it resets the session. */
function missingNlriError(attributes: Uint8Array, faults: readonly AttributeFault[], ctx: UpdateContext): DecodeError | undefined {
  const worst = worstFault([...faults, ...blockFaults(attributes, ctx)]);
  if (worst === undefined || worst.outcome === 'attribute-discard') return undefined;
  const detail = `${worst.detail} in an UPDATE without reachable NLRI (RFC 7606 section 5.2)`;
  return { code: 'UPDATE_MALFORMED_ATTRIBUTES', detail, notification: notificationFor({ code: 'UPDATE_MALFORMED_ATTRIBUTES' }) };
}

function attributeValue(body: Uint8Array, at: number, end: number): Uint8Array {
  return body.subarray(at + headerOctets(body, at), end);
}

/** Adds what the multiprotocol attributes carry to the classic fields. */
function joinMultiprotocol(body: Uint8Array, opened: Opened, ctx: UpdateContext): Result<ScannedUpdate, DecodeError> {
  const { layout, cut } = opened;
  const none = { ok: true, value: undefined } as const;
  const reach = cut.reachAt < 0 ? none : cutReach(attributeValue(body, cut.reachAt, cut.reachEnd), ctx);
  if (!reach.ok) return optionalError(reach.error, body, cut.reachAt, cut.reachEnd);
  const unreach = cut.unreachAt < 0 ? none : cutUnreach(attributeValue(body, cut.unreachAt, cut.unreachEnd), ctx);
  if (!unreach.ok) return optionalError(unreach.error, body, cut.unreachAt, cut.unreachEnd);
  const attributes = withoutMultiprotocol(body, layout.attributesAt, cut);
  const faults = listFaults(body, layout.attributesEnd, cut);
  const reachable = cut.reachAt >= 0 || layout.attributesEnd < body.length;
  if (!reachable && (attributes.length > 0 || faults.length > 0)) {
    const error = missingNlriError(attributes, faults, ctx);
    if (error !== undefined) return { ok: false, error };
  }
  const announced: AnnouncedRun[] = opened.announced.map((run) => ({ ...run, nextHop: EMPTY }));
  if (reach.value !== undefined && reach.value.octets.length > 0) announced.push(reach.value);
  const withdrawn =
    unreach.value !== undefined && unreach.value.octets.length > 0 ? [...opened.withdrawn, unreach.value] : opened.withdrawn;
  const ignored = (cut.reachAt >= 0 && reach.value === undefined ? 1 : 0) + (cut.unreachAt >= 0 && unreach.value === undefined ? 1 : 0);
  const update: ScannedUpdate = {
    type: 'update',
    withdrawn,
    announced,
    attributes,
    faults,
    endOfRib: endOfRib(body, layout, unreach.value, attributes, cut.reachAt >= 0),
  };
  return { ok: true, value: ignored === 0 ? update : { ...update, ignored } };
}

/**
 * Cuts an UPDATE's body. The error resets the session (its NOTIFICATION is ready); `faults` of a value are at worst
 * treat-as-withdraw and add to those of its attributes. Runs and attributes are views of the body, but for attributes
 * around a multiprotocol one.
 */
export function scanUpdate(body: Uint8Array, ctx: UpdateContext): Result<ScannedUpdate, DecodeError> {
  const opened = open(body, ctx);
  if (!opened.ok) return opened;
  const { layout, withdrawn, announced, cut } = opened.value;
  const [run] = announced;
  const plain = cut.reachAt < 0 && cut.unreachAt < 0 && cut.end === layout.attributesEnd;
  if (!plain || run === undefined) return joinMultiprotocol(body, opened.value, ctx);
  const attributes = body.subarray(layout.attributesAt, cut.end);
  const value: ScannedUpdate = {
    type: 'update',
    withdrawn,
    announced: [{ family: run.family, addPath: run.addPath, octets: run.octets, nextHop: EMPTY }],
    attributes,
    faults: NONE,
    endOfRib: undefined,
  };
  return { ok: true, value };
}
