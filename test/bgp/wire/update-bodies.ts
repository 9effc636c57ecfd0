/** Bodies of UPDATEs cut into their three parts and put together again. */
import type { RawAttribute } from 'bgp-ts/wire';
import { joinAttributes, splitAttributes } from 'bgp-ts/wire';
import { toHex } from './hex.ts';

/** Two octets as a number; what is not there counts as 0. */
export const u16 = (octets: Uint8Array, at: number): number => ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);

/** The three parts of an UPDATE body. */
export function parts(body: Uint8Array): { readonly withdrawn: Uint8Array; readonly block: Uint8Array; readonly nlri: Uint8Array } {
  const attributesAt = 4 + u16(body, 0);
  const nlriAt = attributesAt + u16(body, attributesAt - 2);
  return { withdrawn: body.subarray(2, attributesAt - 2), block: body.subarray(attributesAt, nlriAt), nlri: body.subarray(nlriAt) };
}

/** Bodies as one: ours tells withdrawals and each family by itself, others may tell them together. Undefined where attributes differ. */
export function joinBodies(bodies: readonly Uint8Array[]): Uint8Array | undefined {
  const all = bodies.map(parts);
  const attributes = new Map<number, RawAttribute>();
  for (const attribute of all.flatMap(({ block }) => splitAttributes(block))) {
    const known = attributes.get(attribute.code);
    if (known !== undefined && toHex(known.value) !== toHex(attribute.value)) return undefined;
    attributes.set(attribute.code, attribute);
  }
  return bodyOf(
    all.flatMap(({ withdrawn }) => [...withdrawn]),
    joinAttributes([...attributes.values()]),
    all.flatMap(({ nlri }) => [...nlri]),
  );
}

/** A body of its three parts. */
function bodyOf(withdrawn: readonly number[], block: Uint8Array, nlri: readonly number[]): Uint8Array {
  return Uint8Array.of(
    withdrawn.length >>> 8,
    withdrawn.length & 255,
    ...withdrawn,
    block.length >>> 8,
    block.length & 255,
    ...block,
    ...nlri,
  );
}

/**
 * The body with IPv4 routes in the fields of RFC 4271: a sender may put them into the multiprotocol attributes as well (RFC 4760), ours does so
 * only for next hops that are IPv6.
 */
export function withIpv4InFields(body: Uint8Array): Uint8Array {
  const { withdrawn, block, nlri } = parts(body);
  const isIpv4 = ({ value }: RawAttribute): boolean => u16(value, 0) === 1 && value[2] === 1;
  const attributes = splitAttributes(block);
  const reach = attributes.find((attribute) => attribute.code === 14 && isIpv4(attribute) && attribute.value[3] === 4)?.value;
  const unreach = attributes.find((attribute) => attribute.code === 15 && isIpv4(attribute) && attribute.value.length > 3)?.value;
  if (reach === undefined && unreach === undefined) return body;
  const moved = attributes.filter(({ value, code }) => value !== reach && value !== unreach && (reach === undefined || code !== 3));
  if (reach !== undefined) moved.push({ code: 3, flags: 0x40, value: reach.subarray(4, 8) });
  return bodyOf([...withdrawn, ...(unreach?.subarray(3) ?? [])], joinAttributes(moved), [...nlri, ...(reach?.subarray(9) ?? [])]);
}
