/**
 * Changes that export makes to a canonical attribute block, without typed values in between: done once per attribute set
 * and update group.
 */
import { decodeAsPath, encodeAsPath, prependAsPath } from './as-path.ts';
import { joinAttributes, type RawAttribute, splitAttributes } from './attribute-header.ts';
import { attributeRow } from './attribute-table.ts';
import { AS_TRANS, ATTRIBUTE, FLAG } from './iana.ts';
import { readU16, readU32 } from './reader.ts';
import { concatOctets, Writer, writeU16, writeU32 } from './writer.ts';

/** What to change; an absent key leaves its attribute alone. */
export interface AttributeEdits {
  /** AS numbers put in front of the path, in the order they shall stand (RFC 4271 section 5.1.2). */
  readonly prependAs?: readonly number[];
  readonly localPref?: number | 'remove';
  readonly med?: number | 'remove';
  /** A number is set only where there is none yet (RFC 4456 section 8). */
  readonly originatorId?: number | 'remove';
  /** Put in front of CLUSTER_LIST (RFC 4456 section 8). */
  readonly prependCluster?: number;
  readonly clusterList?: 'remove';
  /** Appended where not there yet. */
  readonly addCommunities?: readonly number[];
  readonly addLargeCommunities?: readonly (readonly [number, number, number])[];
  /** Attributes taken out by type code. */
  readonly remove?: readonly number[];
}

const EMPTY = new Uint8Array(0);

/** Attributes by code while they are edited. */
type Draft = Map<number, RawAttribute>;

function setValue(draft: Draft, code: number, value: Uint8Array): void {
  draft.set(code, { code, flags: draft.get(code)?.flags ?? attributeRow(code)?.flags ?? FLAG.optional, value });
}

function setNumber(draft: Draft, code: number, value: number | 'remove' | undefined): void {
  if (value === 'remove') draft.delete(code);
  else if (value !== undefined) setValue(draft, code, new Writer(4).u32(value).finish());
}

/** Appends items of 4 or 12 octets that the value does not hold yet. */
function appendItems(draft: Draft, code: number, items: readonly (readonly number[])[]): void {
  let value = draft.get(code)?.value ?? EMPTY;
  for (const item of items) {
    const writer = new Writer(item.length * 4);
    for (const number of item) writer.u32(number);
    const octets = writer.finish();
    if (!holdsItem(value, octets)) value = concatOctets(value, octets);
  }
  if (value.length > 0) setValue(draft, code, value);
}

function holdsItem(value: Uint8Array, item: Uint8Array): boolean {
  for (let at = 0; at < value.length; at += item.length) {
    if (item.every((octet, index) => value[at + index] === octet)) return true;
  }
  return false;
}

/** A canonical block with the edits applied, removals first. */
export function editAttributes(canonical: Uint8Array, edits: AttributeEdits): Uint8Array {
  const draft: Draft = new Map(splitAttributes(canonical).map((attribute) => [attribute.code, attribute]));
  for (const code of edits.remove ?? []) draft.delete(code);
  if (edits.clusterList === 'remove') draft.delete(ATTRIBUTE.clusterList);
  setNumber(draft, ATTRIBUTE.localPref, edits.localPref);
  setNumber(draft, ATTRIBUTE.med, edits.med);
  if (edits.originatorId === 'remove' || !draft.has(ATTRIBUTE.originatorId)) setNumber(draft, ATTRIBUTE.originatorId, edits.originatorId);
  if (edits.prependAs !== undefined) {
    const path = decodeAsPath(draft.get(ATTRIBUTE.asPath)?.value ?? EMPTY, 4);
    setValue(draft, ATTRIBUTE.asPath, encodeAsPath(prependAsPath(path, edits.prependAs), 4));
  }
  if (edits.prependCluster !== undefined) {
    const cluster = new Writer(4).u32(edits.prependCluster).finish();
    setValue(draft, ATTRIBUTE.clusterList, concatOctets(cluster, draft.get(ATTRIBUTE.clusterList)?.value ?? EMPTY));
  }
  if (edits.addCommunities !== undefined)
    appendItems(
      draft,
      ATTRIBUTE.communities,
      edits.addCommunities.map((value) => [value]),
    );
  if (edits.addLargeCommunities !== undefined) appendItems(draft, ATTRIBUTE.largeCommunities, edits.addLargeCommunities);
  return joinAttributes([...draft.values()]);
}

/** AGGREGATOR of 6 octets, AS_TRANS where the AS does not fit. */
function narrowAggregator(value: Uint8Array): Uint8Array {
  const asn = readU32(value, 0);
  const narrow = new Uint8Array(6);
  writeU16(narrow, 0, asn > 0xffff ? AS_TRANS : asn);
  writeU32(narrow, 2, readU32(value, 4));
  return narrow;
}

/**
 * A canonical block in the form for a peer without 4-octet AS numbers (RFC 6793 section 4.2.2): AS_TRANS in AS_PATH and
 * AGGREGATOR, the real numbers in AS4_PATH and AS4_AGGREGATOR where some number does not fit.
 */
export function toTwoOctetAs(canonical: Uint8Array): Uint8Array {
  const parts: RawAttribute[] = [];
  for (const part of splitAttributes(canonical)) {
    if (part.code === ATTRIBUTE.asPath) {
      const path = decodeAsPath(part.value, 4);
      parts.push({ ...part, value: encodeAsPath(path, 2) });
      const real = path.filter((segment) => segment.type === 'sequence' || segment.type === 'set');
      if (path.some((segment) => segment.asns.some((asn) => asn > 0xffff)) && real.length > 0) {
        parts.push({ code: ATTRIBUTE.as4Path, flags: FLAG.optional | FLAG.transitive, value: encodeAsPath(real, 4) });
      }
    } else if (part.code === ATTRIBUTE.aggregator) {
      const narrow = narrowAggregator(part.value);
      parts.push({ ...part, value: narrow });
      if (readU16(narrow, 0) === AS_TRANS)
        parts.push({ code: ATTRIBUTE.as4Aggregator, flags: FLAG.optional | FLAG.transitive, value: part.value });
    } else {
      parts.push(part);
    }
  }
  return joinAttributes(parts);
}
