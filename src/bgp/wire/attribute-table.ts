/**
 * The path attributes: one row each, with flags, RFC 7606 outcome, faults, and codec side by side. Codecs work on the
 * canonical form of a value (4-octet AS numbers). A new attribute is a new row here and nothing else.
 */
import { asPathFault, decodeAsPath, encodeAsPath } from './as-path.ts';
import * as values from './attribute-values.ts';
import { ATTRIBUTE, FLAG } from './iana.ts';
import { readU32 } from './reader.ts';
import type { AttributeFault, PathAttributes } from './types.ts';
import { Writer } from './writer.ts';

/** Attributes while they are collected. */
export type AttributesDraft = { -readonly [key in keyof PathAttributes]?: PathAttributes[key] };

/**
 * What becomes of a well-formed attribute: `decoded` is understood; `carried` is checked but not understood, so it goes
 * on with Partial set like an unknown one; `merged` serves its 4-octet twin (RFC 6793); `dropped` is never kept.
 */
export type AttributeUse = 'decoded' | 'carried' | 'merged' | 'dropped';

/** One path attribute. MP_REACH_NLRI and MP_UNREACH_NLRI are no rows: they are NLRI, cut off by `scanUpdate`. */
export interface AttributeRow {
  readonly code: number;
  readonly name: string;
  /** The Optional and Transitive bits it must have (RFC 4271 section 4.3). */
  readonly flags: number;
  readonly use: AttributeUse;
  readonly onMalformed: Exclude<AttributeFault['outcome'], 'session-reset'>;
  /** Where the outcome is laid down. */
  readonly citation: string;
  /** Set where one from an external peer is discarded without a look at its value. */
  readonly internalOnly?: true;
  readonly fault: values.FaultFinder;
  readonly decode?: (value: Uint8Array, draft: AttributesDraft) => void;
  /** Value, or undefined where the attribute is absent. */
  readonly encode?: (attributes: PathAttributes) => Uint8Array | undefined;
}

const WELL_KNOWN = FLAG.transitive;
const TRANSITIVE = FLAG.optional | FLAG.transitive;
const NON_TRANSITIVE = FLAG.optional;

const ORIGINS = ['igp', 'egp', 'incomplete'] as const;

const EMPTY = new Uint8Array(0);

const encodeNumber = (value: number | undefined): Uint8Array | undefined =>
  value === undefined ? undefined : new Writer(4).u32(value).finish();
const always: values.FaultFinder = () => 'not used by this speaker';

/** Rows in ascending order of their codes. */
export const ATTRIBUTE_ROWS: readonly AttributeRow[] = [
  {
    code: ATTRIBUTE.origin,
    name: 'ORIGIN',
    flags: WELL_KNOWN,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.1',
    fault: values.originFault,
    decode: (value, draft) => {
      draft.origin = ORIGINS[value[0] ?? 0] ?? 'incomplete';
    },
    encode: ({ origin }) => Uint8Array.of(ORIGINS.indexOf(origin)),
  },
  {
    code: ATTRIBUTE.asPath,
    name: 'AS_PATH',
    flags: WELL_KNOWN,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.2',
    fault: asPathFault,
    decode: (value, draft) => {
      draft.asPath = decodeAsPath(value, 4);
    },
    encode: ({ asPath }) => encodeAsPath(asPath, 4),
  },
  {
    // Its value is handed out beside the canonical block, so it has no codec here.
    code: ATTRIBUTE.nextHop,
    name: 'NEXT_HOP',
    flags: WELL_KNOWN,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.3',
    fault: values.exactly(4),
  },
  {
    code: ATTRIBUTE.med,
    name: 'MULTI_EXIT_DISC',
    flags: NON_TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.4',
    fault: values.exactly(4),
    decode: (value, draft) => {
      draft.med = readU32(value, 0);
    },
    encode: ({ med }) => encodeNumber(med),
  },
  {
    code: ATTRIBUTE.localPref,
    name: 'LOCAL_PREF',
    flags: WELL_KNOWN,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.5',
    internalOnly: true,
    fault: values.exactly(4),
    decode: (value, draft) => {
      draft.localPref = readU32(value, 0);
    },
    encode: ({ localPref }) => encodeNumber(localPref),
  },
  {
    code: ATTRIBUTE.atomicAggregate,
    name: 'ATOMIC_AGGREGATE',
    flags: WELL_KNOWN,
    use: 'decoded',
    onMalformed: 'attribute-discard',
    citation: 'RFC 7606 section 7.6',
    fault: values.exactly(0),
    decode: (_value, draft) => {
      draft.atomicAggregate = true;
    },
    encode: ({ atomicAggregate }) => (atomicAggregate === true ? EMPTY : undefined),
  },
  {
    code: ATTRIBUTE.aggregator,
    name: 'AGGREGATOR',
    flags: TRANSITIVE,
    use: 'decoded',
    onMalformed: 'attribute-discard',
    citation: 'RFC 7606 section 7.7',
    fault: values.aggregatorFault,
    decode: (value, draft) => {
      const aggregator = values.decodeAggregator(value);
      if (aggregator !== undefined) draft.aggregator = aggregator;
    },
    encode: ({ aggregator }) =>
      aggregator === undefined ? undefined : new Writer(8).u32(aggregator.as).u32(aggregator.address.words[0]).finish(),
  },
  {
    code: ATTRIBUTE.communities,
    name: 'COMMUNITIES',
    flags: TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.8',
    fault: values.listOf(4),
    decode: (value, draft) => {
      draft.communities = values.decodeNumbers(value);
    },
    encode: ({ communities }) => values.encodeNumbers(communities),
  },
  {
    code: ATTRIBUTE.originatorId,
    name: 'ORIGINATOR_ID',
    flags: NON_TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.9',
    internalOnly: true,
    fault: values.exactly(4),
    decode: (value, draft) => {
      draft.originatorId = readU32(value, 0);
    },
    encode: ({ originatorId }) => encodeNumber(originatorId),
  },
  {
    code: ATTRIBUTE.clusterList,
    name: 'CLUSTER_LIST',
    flags: NON_TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.10',
    internalOnly: true,
    fault: values.listOf(4),
    decode: (value, draft) => {
      draft.clusterList = values.decodeNumbers(value);
    },
    encode: ({ clusterList }) => values.encodeNumbers(clusterList),
  },
  {
    code: ATTRIBUTE.extendedCommunities,
    name: 'EXTENDED COMMUNITIES',
    flags: TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.14',
    fault: values.listOf(8),
    decode: (value, draft) => {
      draft.extendedCommunities = values.decodeExtendedCommunities(value);
    },
    encode: ({ extendedCommunities }) => values.encodeExtendedCommunities(extendedCommunities),
  },
  {
    code: ATTRIBUTE.as4Path,
    name: 'AS4_PATH',
    flags: TRANSITIVE,
    use: 'merged',
    onMalformed: 'attribute-discard',
    citation: 'RFC 6793 section 6',
    fault: (octets, start, end) =>
      end - start < 6 ? `${end - start} octets, too few for one AS number` : asPathFault(octets, start, end, 4),
  },
  {
    code: ATTRIBUTE.as4Aggregator,
    name: 'AS4_AGGREGATOR',
    flags: TRANSITIVE,
    use: 'merged',
    onMalformed: 'attribute-discard',
    citation: 'RFC 6793 section 6',
    fault: (octets, start, end) => values.aggregatorFault(octets, start, end, 4),
  },
  {
    code: ATTRIBUTE.pmsiTunnel,
    name: 'PMSI_TUNNEL',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 6514 section 5',
    fault: values.pmsiTunnelFault,
  },
  {
    code: ATTRIBUTE.tunnelEncapsulation,
    name: 'Tunnel Encapsulation',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 9012 section 13',
    fault: values.tunnelEncapsulationFault,
  },
  {
    code: ATTRIBUTE.ipv6ExtendedCommunities,
    name: 'IPv6 Address Specific Extended Community',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 7606 section 7.15',
    fault: values.listOf(20),
  },
  {
    // RFC 7311 section 3.1: without AIGP on the session it is discarded, whatever it says.
    code: ATTRIBUTE.aigp,
    name: 'AIGP',
    flags: NON_TRANSITIVE,
    use: 'dropped',
    onMalformed: 'attribute-discard',
    citation: 'RFC 7311 section 3.1',
    fault: always,
  },
  {
    code: ATTRIBUTE.linkState,
    name: 'BGP-LS',
    flags: NON_TRANSITIVE,
    use: 'dropped',
    onMalformed: 'attribute-discard',
    citation: 'RFC 9552 section 8.2.2',
    fault: always,
  },
  {
    code: ATTRIBUTE.largeCommunities,
    name: 'LARGE_COMMUNITY',
    flags: TRANSITIVE,
    use: 'decoded',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 8092 section 6',
    fault: values.listOf(12),
    decode: (value, draft) => {
      draft.largeCommunities = values.decodeLargeCommunities(value);
    },
    encode: ({ largeCommunities }) => values.encodeLargeCommunities(largeCommunities),
  },
  {
    code: ATTRIBUTE.onlyToCustomer,
    name: 'OTC',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'treat-as-withdraw',
    citation: 'RFC 9234 section 5',
    fault: values.exactly(4),
  },
  {
    code: ATTRIBUTE.nextHopCharacteristics,
    name: 'Next Hop Dependent Characteristics',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'attribute-discard',
    citation: 'draft-ietf-idr-nhc',
    fault: values.nextHopCharacteristicsFault,
  },
  {
    code: ATTRIBUTE.prefixSid,
    name: 'BGP Prefix-SID',
    flags: TRANSITIVE,
    use: 'carried',
    onMalformed: 'attribute-discard',
    citation: 'RFC 8669 section 6',
    fault: values.prefixSidFault,
  },
];

const ROW_BY_CODE: readonly (AttributeRow | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  ATTRIBUTE_ROWS.find((row) => row.code === code),
);

/** The row of a type code; undefined for attributes this speaker does not know. */
export function attributeRow(code: number): AttributeRow | undefined {
  return ROW_BY_CODE[code];
}

/** Name of a type code for people: its row's, MP_REACH_NLRI, MP_UNREACH_NLRI, or `attribute 99`. */
export function attributeName(code: number): string {
  if (code === ATTRIBUTE.mpReach) return 'MP_REACH_NLRI';
  return code === ATTRIBUTE.mpUnreach ? 'MP_UNREACH_NLRI' : (attributeRow(code)?.name ?? `attribute ${code}`);
}
