/** Policies in JSON: the terms of policy/types.ts with prefixes, communities and large communities as text. */
import type { Action, Condition, Policy, PrefixMatch, RouteProtocol, Term } from '../policy/types.ts';
import type { ObjectReader } from './reader.ts';

const U32 = 0xffff_ffff;
const PROTOCOLS: readonly RouteProtocol[] = ['static', 'kernel', 'device', 'bgp'];
const COMMUNITY_RULE = 'must be a community such as "65000:100"';
const LARGE_RULE = 'must be a large community such as "4200000000:1:2"';

/** The policy that takes everything; what a neighbour has where none is named. */
export const ACCEPT_ALL: Policy = { name: 'accept-all', terms: [], otherwise: 'accept' };

/** The policy that takes nothing: what an external neighbour has where policies are demanded and none is named (RFC 8212 section 2). */
export const REJECT_ALL: Policy = {
  name: 'reject-all',
  terms: [
    {
      name: 'external without a policy',
      when: [],
      then: [{ kind: 'reject' }],
      reasons: [{ object: 'linnet', rule: 'RFC 8212 section 2' }],
    },
  ],
  otherwise: 'reject',
};

/** Reads one policy; `name` is its key in `policies` or its place where it stands inline. */
export function readPolicy(reader: ObjectReader, name: string): Policy {
  const terms = (reader.objects('terms') ?? []).map((term, index) => readTerm(term, index));
  const otherwise = reader.oneOf('otherwise', ['accept', 'reject']) ?? 'accept';
  reader.done();
  return { name, terms, otherwise };
}

function readTerm(reader: ObjectReader, index: number): Term {
  const name = reader.text('name') ?? `term ${index + 1}`;
  const when = (reader.objects('when') ?? []).flatMap((each) => readCondition(each) ?? []);
  const then = (reader.objects('then') ?? []).flatMap((each) => readAction(each) ?? []);
  reader.done();
  return { name, when, then, reasons: [] };
}

/* Conditions */

const CONDITION_KINDS = ['prefix', 'protocol', 'interface', 'community', 'largeCommunity', 'asPathPrefix', 'localPref', 'metric'] as const;

function readCondition(reader: ObjectReader): Condition | undefined {
  const condition = conditionOf(reader);
  if (!reader.has('kind')) reader.fault('kind', `must be one of ${CONDITION_KINDS.join(', ')}`);
  if (condition !== undefined) reader.done();
  return condition;
}

function conditionOf(reader: ObjectReader): Condition | undefined {
  const kind = reader.oneOf('kind', CONDITION_KINDS);
  switch (kind) {
    case undefined:
      return undefined;
    case 'prefix':
      return { kind, any: (reader.objects('any') ?? []).flatMap((each) => readPrefixMatch(each) ?? []), ...negation(reader) };
    case 'protocol':
      return {
        kind,
        any: reader.list('any', `must be one of ${PROTOCOLS.join(', ')}`, (item) => PROTOCOLS.find((each) => each === item)) ?? [],
        ...negation(reader),
      };
    case 'interface': {
      const any = reader.list('any', 'must be an interface name pattern', (item) => (typeof item === 'string' ? item : undefined)) ?? [];
      return { kind, any, ...(reader.flag('orNone') === true ? { orNone: true as const } : {}), ...negation(reader) };
    }
    case 'community':
      return orFault(reader, 'value', COMMUNITY_RULE, communityOf, (value) => ({ kind, value }));
    case 'largeCommunity':
      return orFault(reader, 'value', LARGE_RULE, largeCommunityOf, (value) => ({ kind, value }));
    case 'asPathPrefix':
      return { kind, asns: asns(reader) };
    case 'localPref':
    case 'metric': {
      const op = reader.oneOf('op', ['eq', 'lt', 'gt']) ?? 'eq';
      return { kind, op, value: required(reader, 'value', reader.integer('value', 0, U32)) };
    }
    default: {
      const never: never = kind;
      return never;
    }
  }
}

function negation(reader: ObjectReader): { readonly not?: true } {
  return reader.flag('not') === true ? { not: true } : {};
}

/** `{prefix}` alone is exact; `orLonger: true`, or `min` and `max` for a range of lengths. */
function readPrefixMatch(reader: ObjectReader): PrefixMatch | undefined {
  const prefix = reader.prefix('prefix');
  const longest = prefix?.family === 'ipv6' ? 128 : 32;
  const orLonger = reader.flag('orLonger') === true;
  const min = reader.integer('min', 0, longest);
  const max = reader.integer('max', 0, longest);
  reader.done();
  if (!reader.has('prefix')) reader.fault('prefix', 'is needed');
  if (prefix === undefined) return undefined;
  if (orLonger) return { prefix, match: { kind: 'orLonger' } };
  if (min === undefined && max === undefined) return { prefix, match: { kind: 'exact' } };
  return { prefix, match: { kind: 'range', min: min ?? prefix.length, max: max ?? longest } };
}

/* Actions */

const ACTION_KINDS = [
  'addCommunity',
  'addLargeCommunity',
  'prependAsPath',
  'setLocalPref',
  'setLocalPrefFromMetric',
  'setMed',
  'setPreference',
  'accept',
  'reject',
] as const;

function readAction(reader: ObjectReader): Action | undefined {
  const action = actionOf(reader);
  if (!reader.has('kind')) reader.fault('kind', `must be one of ${ACTION_KINDS.join(', ')}`);
  if (action !== undefined) reader.done();
  return action;
}

function actionOf(reader: ObjectReader): Action | undefined {
  const kind = reader.oneOf('kind', ACTION_KINDS);
  switch (kind) {
    case undefined:
      return undefined;
    case 'addCommunity':
      return orFault(reader, 'value', COMMUNITY_RULE, communityOf, (value) => ({ kind, value }));
    case 'addLargeCommunity':
      return orFault(reader, 'value', LARGE_RULE, largeCommunityOf, (value) => ({ kind, value }));
    case 'prependAsPath':
      return { kind, asns: asns(reader) };
    case 'setLocalPrefFromMetric':
      return { kind, defaultMetric: required(reader, 'defaultMetric', reader.integer('defaultMetric', 0, 0x7fff_ffff)) };
    case 'setLocalPref':
    case 'setMed':
    case 'setPreference':
      return { kind, value: required(reader, 'value', reader.integer('value', 0, U32)) };
    case 'accept':
    case 'reject':
      return { kind };
    default: {
      const never: never = kind;
      return never;
    }
  }
}

/* Values */

function asns(reader: ObjectReader): number[] {
  return (
    reader.list('asns', 'must be an AS number from 1 to 4294967295', (item) =>
      typeof item === 'number' && isU32(item) && item > 0 ? item : undefined,
    ) ?? []
  );
}

function required(reader: ObjectReader, key: string, value: number | undefined): number {
  if (!reader.has(key)) reader.fault(key, 'is needed');
  return value ?? 0;
}

function orFault<T, R>(
  reader: ObjectReader,
  key: string,
  rule: string,
  parse: (value: unknown) => T | undefined,
  make: (value: T) => R,
): R | undefined {
  const value = reader.value(key, rule, parse);
  if (!reader.has(key)) reader.fault(key, rule);
  return value === undefined ? undefined : make(value);
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= U32;
}

/** `high:low` as one unsigned number; undefined for anything else. */
export function communityOf(value: unknown): number | undefined {
  const parts = numbersOf(value, 2, 0xffff);
  return parts === undefined ? undefined : (((parts[0] ?? 0) << 16) | (parts[1] ?? 0)) >>> 0;
}

function largeCommunityOf(value: unknown): readonly [number, number, number] | undefined {
  const parts = numbersOf(value, 3, U32);
  return parts === undefined ? undefined : [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

function numbersOf(value: unknown, count: number, max: number): number[] | undefined {
  if (typeof value !== 'string' || !/^\d{1,10}(:\d{1,10})+$/.test(value)) return undefined;
  const parts = value.split(':').map(Number);
  return parts.length === count && parts.every((part) => part <= max) ? parts : undefined;
}
