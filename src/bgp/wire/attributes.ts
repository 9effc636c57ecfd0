/**
 * Attribute blocks to and from typed values, for tests, tools, policy and JSON. The hot path stays with octets.
 */
import { joinAttributes, type RawAttribute, splitAttributes } from './attribute-header.ts';
import { ATTRIBUTE_ROWS, type AttributesDraft, attributeRow } from './attribute-table.ts';
import { type AttributeContext, canonicalAttributes } from './canonical.ts';
import { FLAG } from './iana.ts';
import { setNextHop } from './next-hop.ts';
import type { AttributeFault, PathAttributes } from './types.ts';
import { copyOctets } from './writer.ts';

/** Typed attributes with the faults of the block; undefined where a mandatory attribute is missing or unreadable. */
export interface DecodedAttributes {
  readonly attributes: PathAttributes | undefined;
  readonly faults: readonly AttributeFault[];
}

const EMPTY = new Uint8Array(0);

function decodeUnknown(part: RawAttribute, draft: AttributesDraft): void {
  // Extended length is a matter of the encoding, not of the attribute.
  const entry = { flags: part.flags & ~FLAG.extendedLength, code: part.code, value: copyOctets(part.value) };
  draft.unknown = [...(draft.unknown ?? []), entry];
}

/** Decodes a block; `nextHop` is that of the announced run or the one beside a canonical block (pass CANONICAL as context then). */
export function decodeAttributes(raw: Uint8Array, ctx: AttributeContext, nextHop: Uint8Array = EMPTY): DecodedAttributes {
  const canonical = canonicalAttributes(raw, nextHop, ctx);
  const draft: AttributesDraft = {};
  for (const part of splitAttributes(canonical.octets)) {
    const decode = attributeRow(part.code)?.decode;
    if (decode === undefined) decodeUnknown(part, draft);
    else decode(part.value, draft);
  }
  setNextHop(draft, canonical.nextHop);
  const { origin, asPath, nextHop: address } = draft;
  const complete = origin !== undefined && asPath !== undefined && address !== undefined;
  return { attributes: complete ? { ...draft, origin, asPath, nextHop: address } : undefined, faults: canonical.faults };
}

/** The canonical block of typed attributes; the next hop is not in it, see `nextHopOctets`. */
export function encodeAttributes(attributes: PathAttributes): Uint8Array {
  const parts: RawAttribute[] = [...(attributes.unknown ?? [])];
  for (const row of ATTRIBUTE_ROWS) {
    const value = row.encode?.(attributes);
    if (value !== undefined) parts.push({ code: row.code, flags: row.flags, value });
  }
  return joinAttributes(parts);
}
