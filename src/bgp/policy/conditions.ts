/** Conditions of policy terms that look at a route's attributes, as closures. Prefix conditions are in prefix-set.ts. */
import type { Condition, RouteProtocol } from './types.ts';

/** What conditions may ask of a route besides its prefix: a function of its attribute set alone. */
export interface RouteFacts {
  readonly protocol: RouteProtocol;
  readonly interface: string | undefined;
  /** Kernel metric of a local route; undefined where it has none and for BGP routes. */
  readonly metric: number | undefined;
  /** 100 for BGP routes received without; undefined for local routes. */
  readonly localPref: number | undefined;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** AS numbers of the leading sequences of AS_PATH, up to the first set. */
  readonly asPath: readonly number[];
}

/** A condition on attributes. `facts` are as earlier terms left them, `original` as the route came. */
export type FactsTest = (facts: RouteFacts, original: RouteFacts) => boolean;

/** LOCAL_PREF and kernel metric add up to this (control-plane 5.1 step 1). */
export const METRIC_MIRROR = 2147483647;

function patternTest(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return (name) => name === pattern;
  const middle = parts.slice(1, -1);
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = name.indexOf(part, at);
      if (found < 0 || found + part.length > name.length - last.length) return false;
      at = found + part.length;
    }
    return true;
  };
}

function compare(op: 'eq' | 'lt' | 'gt', actual: number | undefined, value: number): boolean {
  if (actual === undefined) return false;
  return op === 'eq' ? actual === value : op === 'lt' ? actual < value : actual > value;
}

function interfaceTest(condition: Condition & { kind: 'interface' }): FactsTest {
  const patterns = condition.any.map(patternTest);
  const orNone = condition.orNone === true;
  return (facts) => {
    const name = facts.interface;
    return name === undefined ? orNone : patterns.some((test) => test(name));
  };
}

/** Compiles a condition that is not about the prefix; `not` is applied. */
export function compileFactsTest(condition: Exclude<Condition, { kind: 'prefix' }>): FactsTest {
  const test = positiveTest(condition);
  return 'not' in condition && condition.not === true ? (facts, original) => !test(facts, original) : test;
}

function positiveTest(condition: Exclude<Condition, { kind: 'prefix' }>): FactsTest {
  switch (condition.kind) {
    case 'protocol':
      return (facts) => condition.any.includes(facts.protocol);
    case 'interface':
      return interfaceTest(condition);
    case 'community':
      return (facts) => facts.communities.includes(condition.value);
    case 'largeCommunity': {
      const [a, b, c] = condition.value;
      return (facts) => facts.largeCommunities.some((have) => have[0] === a && have[1] === b && have[2] === c);
    }
    case 'asPathPrefix':
      return (facts) => condition.asns.every((asn, i) => facts.asPath[i] === asn);
    case 'localPref':
      return (facts) => compare(condition.op, facts.localPref, condition.value);
    case 'metric':
      return (_facts, original) => compare(condition.op, metricOf(original), condition.value);
    default: {
      const never: never = condition;
      return never;
    }
  }
}

/** The metric a route came with: the kernel's for local routes, mirrored LOCAL_PREF for BGP routes. */
export function metricOf(facts: RouteFacts): number | undefined {
  return facts.protocol === 'bgp' ? METRIC_MIRROR - (facts.localPref ?? 100) : facts.metric;
}
