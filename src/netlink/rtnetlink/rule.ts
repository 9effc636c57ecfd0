/** Policy rules: struct fib_rule_hdr and its attributes (linux/fib_rules.h). */
import type { Arena } from './arena.ts';
import type { AttributeRow, Draft } from './attributes.ts';
import {
  attributeTable,
  familyOfNumber,
  field,
  readAttributes,
  readIp,
  TEXT,
  UINT8,
  UINT32,
  UINT32_OR_NONE,
  uint32Row,
  writeAttributes,
} from './attributes.ts';
import { AF, NLM_F } from './constants.ts';
import type { IpPrefix } from './route.ts';

/** What a rule does with a packet (FR_ACT_*): looks into `table`, goes to another rule, nothing, or ends it without, with "network unreachable", with "prohibited". */
export const RULE_ACTION = { table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

/** A policy rule. What is absent matches everything. */
export interface RuleMessage {
  readonly family: 'ipv4' | 'ipv6';
  /** RULE_ACTION. */
  readonly action: number;
  /** Lower is asked first, 0-4294967295. */
  readonly priority: number;
  /** Table that is looked into, 0 = none (actions without). */
  readonly table: number;
  /** Who wrote it (FRA_PROTOCOL, numbers as for routes), 0-255; kernels before 4.17 tell none. */
  readonly protocol: number;
  readonly destination?: IpPrefix;
  readonly source?: IpPrefix;
  /** Name of the interface a packet came by. */
  readonly inputInterface?: string;
  /** Name of the interface a local socket is bound to. */
  readonly outputInterface?: string;
  readonly mark?: number;
  readonly mask?: number;
  /** Priority of the rule that `goto` leads to. */
  readonly target?: number;
  /** Of `table`: routes as short as this do not count; 0 leaves default routes out. */
  readonly suppressPrefixLength?: number;
  /** fib_rule_hdr.flags: 2 = everything that does not match. */
  readonly flags: number;
}

const HEADER = 12;
const FRA_DST = 1;
const FRA_SRC = 2;
const NO_SUPPRESSION = 0xffffffff;

type RuleDraft = Draft<RuleMessage> & { destinationLength: number; sourceLength: number };

function prefixRow(
  type: number,
  key: 'destination' | 'source',
  length: 'destinationLength' | 'sourceLength',
): AttributeRow<RuleMessage, RuleDraft> {
  return {
    type,
    write: (out, rule) => {
      const prefix = rule[key];
      if (prefix !== undefined && prefix.length > 0) out.address(type, prefix);
    },
    read: (into, octets, at, size) => {
      const ip = readIp(octets, at, size);
      if (ip?.family !== into.family) return false;
      into[key] = { ...ip, length: into[length] };
      return true;
    },
  };
}

const RULE_ATTRIBUTES = attributeTable<RuleMessage, RuleDraft>([
  prefixRow(FRA_DST, 'destination', 'destinationLength'),
  prefixRow(FRA_SRC, 'source', 'sourceLength'),
  field(3, 'inputInterface', TEXT),
  field(4, 'target', UINT32),
  field(6, 'priority', UINT32),
  field(10, 'mark', UINT32),
  uint32Row(
    14,
    (rule) => rule.suppressPrefixLength,
    (into, value) => {
      // The kernel says -1 where it is off.
      if (value !== NO_SUPPRESSION) into.suppressPrefixLength = value;
    },
  ),
  field(15, 'table', UINT32_OR_NONE),
  field(16, 'mask', UINT32),
  field(17, 'outputInterface', TEXT),
  field(21, 'protocol', UINT8),
]);

/** Writes one rule message. `type` is RTM.newRule or RTM.delRule; NLM_F.request is added to the flags. A removal takes the first that agrees. */
export function encodeRule(out: Arena, type: number, flags: number, seq: number, rule: RuleMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, HEADER);
  const { octets } = out;
  octets[at] = AF[rule.family];
  octets[at + 1] = rule.destination?.length ?? 0;
  octets[at + 2] = rule.source?.length ?? 0;
  octets[at + 4] = rule.table < 256 ? rule.table : 0;
  octets[at + 7] = rule.action;
  octets.writeUInt32LE(rule.flags >>> 0, at + 8);
  writeAttributes(out, RULE_ATTRIBUTES, rule);
  out.end();
}

/** The rule of a message whose body is `[at, end)`; undefined where it is malformed or of another family than IP. */
export function decodeRule(octets: Buffer, at: number, end: number): RuleMessage | undefined {
  if (end - at < HEADER) return undefined;
  const family = familyOfNumber(octets[at] ?? 0);
  const destinationLength = octets[at + 1] ?? 0;
  const sourceLength = octets[at + 2] ?? 0;
  if (family === undefined || Math.max(destinationLength, sourceLength) > (family === 'ipv4' ? 32 : 128)) return undefined;
  const draft: RuleDraft = {
    family,
    action: octets[at + 7] ?? 0,
    priority: 0,
    table: octets[at + 4] ?? 0,
    protocol: 0,
    flags: octets.readUInt32LE(at + 8),
    destinationLength,
    sourceLength,
  };
  if (!readAttributes(RULE_ATTRIBUTES, draft, octets, at + HEADER, end)) return undefined;
  const { destinationLength: _destination, sourceLength: _source, ...rule } = draft;
  return rule;
}

/** Writes the request for a dump of the rules of one family. */
export function encodeRuleDump(out: Arena, type: number, seq: number, family: RuleMessage['family']): void {
  const at = out.begin(type, NLM_F.request | NLM_F.dump, seq, HEADER);
  out.octets[at] = AF[family];
  out.end();
}
