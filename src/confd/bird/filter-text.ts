/**
 * Policy terms as statements of BIRD's filter language; 1.6 and 2 understand the same text. One family at a time: a
 * condition on prefixes of the other family is decided here. Pure.
 */
import { formatPrefix, type IpFamily } from 'bgp-ts/net';
import type { Action, Condition, Policy, PrefixMatch, RouteProtocol, Term } from 'bgp-ts/policy';
import { commentText, quote } from './names.ts';

/** LOCAL_PREF of kernel metric 0 (control-plane 5.1 (1)). */
export const MAX_LOCAL_PREF = 2147483647;

/** Which way a policy works: an import sees routes of peers only, and must not change what the kernel filter reads. */
export type Direction = 'import' | 'export';

/** A condition as text, or what it always is in this family. */
type Test = string | boolean;

/** The statements of a policy, its verdict for undecided routes last. */
export function policyLines(policy: Policy, direction: Direction, family: IpFamily): readonly string[] {
  return [...termLines(policy.terms, direction, family), `${policy.otherwise};`];
}

/** The statements of some terms, in order. `guard` is one more condition on all of them. */
export function termLines(terms: readonly Term[], direction: Direction, family: IpFamily, guard?: string): readonly string[] {
  return terms.flatMap((term) => oneTerm(term, direction, family, guard));
}

function oneTerm(term: Term, direction: Direction, family: IpFamily, guard: string | undefined): readonly string[] {
  const tests: Test[] = [...(guard === undefined ? [] : [guard]), ...term.when.map((condition) => test(condition, direction, family))];
  if (tests.includes(false)) return [];
  const when = tests.filter((entry) => typeof entry === 'string');
  const actions = term.then.flatMap((action) => statements(action));
  const comment = `# ${commentText(term.name)}`;
  if (when.length === 0) return [comment, ...actions];
  return [comment, `if ${when.join(' && ')} then {`, ...actions.map((line) => `  ${line}`), '}'];
}

const SOURCES: Readonly<Record<RouteProtocol, string>> = {
  static: 'RTS_STATIC',
  kernel: 'RTS_INHERIT',
  device: 'RTS_DEVICE',
  bgp: 'RTS_BGP',
};

const OPERATORS = { eq: '=', lt: '<', gt: '>' } as const;

function test(condition: Condition, direction: Direction, family: IpFamily): Test {
  switch (condition.kind) {
    case 'prefix':
      return negate(prefixTest(condition.any, family), condition.not);
    case 'protocol':
      return negate(anyOf(condition.any.map((protocol) => `source = ${SOURCES[protocol]}`)), condition.not);
    case 'interface':
      return negate(interfaceTest(condition.any, condition.orNone === true), condition.not);
    case 'community':
      return `(${condition.value >>> 16}, ${condition.value & 0xffff}) ~ bgp_community`;
    case 'largeCommunity':
      return `(${condition.value.join(', ')}) ~ bgp_large_community`;
    case 'asPathPrefix':
      return `bgp_path ~ [= ${condition.asns.join(' ')} * =]`;
    case 'localPref':
      return `(defined(bgp_local_pref) && bgp_local_pref ${OPERATORS[condition.op]} ${condition.value})`;
    case 'metric':
      return metricTest(OPERATORS[condition.op], condition.value, direction);
    default: {
      const never: never = condition;
      return never;
    }
  }
}

/** An export sees the metric that the prologue kept; an import sees peers' routes, whose metric is in LOCAL_PREF. */
function metricTest(operator: string, value: number, direction: Direction): string {
  if (direction === 'export') return `(defined(krt_metric) && krt_metric ${operator} ${value})`;
  return `(defined(bgp_local_pref) && (${MAX_LOCAL_PREF} - bgp_local_pref) ${operator} ${value})`;
}

function negate(entry: Test, not: true | undefined): Test {
  if (not !== true) return entry;
  return typeof entry === 'boolean' ? !entry : `!(${entry})`;
}

function anyOf(tests: readonly string[]): Test {
  if (tests.length === 0) return false;
  return tests.length === 1 ? tests.join('') : `(${tests.join(' || ')})`;
}

function prefixTest(any: readonly PrefixMatch[], family: IpFamily): Test {
  const patterns = any.filter(({ prefix }) => prefix.family === family).flatMap(prefixPattern);
  return patterns.length === 0 ? false : `net ~ [ ${patterns.join(', ')} ]`;
}

function prefixPattern({ prefix, match }: PrefixMatch): readonly string[] {
  const text = formatPrefix(prefix);
  switch (match.kind) {
    case 'exact':
      return [text];
    case 'orLonger':
      return [`${text}+`];
    case 'range': {
      const min = Math.max(match.min, prefix.length);
      return min > match.max ? [] : [`${text}{${min},${match.max}}`];
    }
    default: {
      const never: never = match;
      return never;
    }
  }
}

/** A route without an interface has the empty name, which only patterns of stars match (bird-behaviour, kernel side). */
function interfaceTest(any: readonly string[], orNone: boolean): Test {
  const named = anyOf(any.map((pattern) => `ifname ~ ${quote(pattern)}`));
  const starred = any.some((pattern) => /^\*+$/.test(pattern));
  if (typeof named === 'boolean') return orNone ? 'ifname = ""' : named;
  if (orNone) return starred ? named : `(ifname = "" || ${named})`;
  return starred ? `(ifname != "" && ${named})` : named;
}

function statements(action: Action): readonly string[] {
  switch (action.kind) {
    case 'addCommunity':
      return [`bgp_community.add((${action.value >>> 16}, ${action.value & 0xffff}));`];
    case 'addLargeCommunity':
      return [`bgp_large_community.add((${action.value.join(', ')}));`];
    case 'prependAsPath':
      return [...action.asns].reverse().map((asn) => `bgp_path.prepend(${asn});`);
    case 'setLocalPref':
      return [`bgp_local_pref = ${action.value};`];
    case 'setLocalPrefFromMetric':
      return localPrefLines(action.defaultMetric);
    case 'setMed':
      return [`bgp_med = ${action.value};`];
    case 'setPreference':
      return [`preference = ${action.value};`];
    case 'accept':
    case 'reject':
      return [`${action.kind};`];
    default: {
      const never: never = action;
      return never;
    }
  }
}

/** The metric is kept in krt_metric, so that later conditions see it as it came; an export does not touch the route itself. */
function localPrefLines(defaultMetric: number): readonly string[] {
  return [
    'if source = RTS_BGP && defined(bgp_local_pref) then',
    `  krt_metric = ${MAX_LOCAL_PREF} - bgp_local_pref;`,
    'else {',
    `  if !defined(krt_metric) then krt_metric = ${defaultMetric};`,
    `  bgp_local_pref = ${MAX_LOCAL_PREF} - krt_metric;`,
    '}',
  ];
}
