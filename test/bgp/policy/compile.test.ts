/** Compiled policies: a table of conditions and actions, and random policies against a plain interpreter of the same data. */

import { type Prefix, parsePrefix } from 'bgp-ts/net';
import {
  type Action,
  type Condition,
  compilePolicy,
  type Modifications,
  type Policy,
  type PolicyOutcome,
  type PrefixMatch,
  policyId,
  type RouteFacts,
  type Term,
} from 'bgp-ts/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const RUNS = Number(process.env['LINNET_RUNS'] ?? 2_000);

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`bad prefix ${text}`);
  return parsed;
}

const FACTS: RouteFacts = {
  protocol: 'bgp',
  interface: undefined,
  metric: undefined,
  localPref: 100,
  communities: [],
  largeCommunities: [],
  asPath: [],
};

function evaluate(policy: Policy, facts: Partial<RouteFacts>, at = '10.0.0.0/24'): PolicyOutcome {
  const { words, length, family } = prefix(at);
  const [word0, word1, word2, word3] = words;
  return compilePolicy(policy)
    .program({ ...FACTS, ...facts })
    .evaluate({ family, word0, word1, word2, word3, length });
}

const when = (...conditions: Condition[]): Policy => ({
  name: 'p',
  terms: [{ name: 'hit', when: conditions, then: [{ kind: 'accept' }], reasons: [{ object: 'o', rule: 'r' }] }],
  otherwise: 'reject',
});
const under = (text: string, match: PrefixMatch['match'] = { kind: 'orLonger' }): PrefixMatch => ({ prefix: prefix(text), match });

describe('conditions', () => {
  const local = { protocol: 'static', localPref: undefined } as const;
  it.each<[string, Condition, Partial<RouteFacts>, boolean, string?]>([
    ['exact', { kind: 'prefix', any: [under('10.0.0.0/24', { kind: 'exact' })] }, {}, true],
    ['exact, other length', { kind: 'prefix', any: [under('10.0.0.0/24', { kind: 'exact' })] }, {}, false, '10.0.0.0/25'],
    ['or longer', { kind: 'prefix', any: [under('10.0.0.0/8')] }, {}, true],
    ['or longer, shorter', { kind: 'prefix', any: [under('10.0.0.0/8')] }, {}, false, '0.0.0.0/0'],
    ['range, below', { kind: 'prefix', any: [under('10.0.0.0/8', { kind: 'range', min: 25, max: 32 })] }, {}, false],
    ['range, inside', { kind: 'prefix', any: [under('10.0.0.0/8', { kind: 'range', min: 20, max: 24 })] }, {}, true],
    [
      'range below its own length',
      { kind: 'prefix', any: [under('10.0.0.0/16', { kind: 'range', min: 8, max: 32 })] },
      {},
      false,
      '10.0.0.0/8',
    ],
    ['other family', { kind: 'prefix', any: [under('::/0')] }, {}, false],
    ['ipv6', { kind: 'prefix', any: [under('fd00:1::/32')] }, {}, true, 'fd00:1:2::/64'],
    ['ipv6, beyond 32 bits', { kind: 'prefix', any: [under('fd00:1:2:3::/62')] }, {}, false, 'fd00:1:2:4::/64'],
    ['not', { kind: 'prefix', any: [under('10.0.0.0/8')], not: true }, {}, false],
    ['default route', { kind: 'prefix', any: [under('0.0.0.0/0')] }, {}, true],
    ['nothing', { kind: 'prefix', any: [] }, {}, false],
    ['protocol', { kind: 'protocol', any: ['static', 'kernel'] }, local, true],
    ['protocol not', { kind: 'protocol', any: ['static'], not: true }, local, false],
    ['interface', { kind: 'interface', any: ['eth0'] }, { interface: 'eth0' }, true],
    ['interface star', { kind: 'interface', any: ['*.cali', 'eth*'] }, { interface: 'vxlan.cali' }, true],
    ['interface stars', { kind: 'interface', any: ['a*b*c'] }, { interface: 'aXbYbZc' }, true],
    ['interface overlap', { kind: 'interface', any: ['ab*ba'] }, { interface: 'aba' }, false],
    ['interface dots are dots', { kind: 'interface', any: ['a.c'] }, { interface: 'abc' }, false],
    ['no interface', { kind: 'interface', any: ['*'] }, {}, false],
    ['no interface, or none', { kind: 'interface', any: ['x'], orNone: true }, {}, true],
    ['no interface, not', { kind: 'interface', any: ['x'], not: true }, {}, true],
    ['community', { kind: 'community', value: 0xfde80001 }, { communities: [5, 0xfde80001] }, true],
    ['large community', { kind: 'largeCommunity', value: [1, 2, 3] }, { largeCommunities: [[1, 2, 3]] }, true],
    ['large community, other', { kind: 'largeCommunity', value: [1, 2, 3] }, { largeCommunities: [[1, 2, 4]] }, false],
    ['as path begins', { kind: 'asPathPrefix', asns: [1, 2] }, { asPath: [1, 2, 3] }, true],
    ['as path too short', { kind: 'asPathPrefix', asns: [1, 2] }, { asPath: [1] }, false],
    ['local pref gt', { kind: 'localPref', op: 'gt', value: 99 }, {}, true],
    ['local pref of a local route', { kind: 'localPref', op: 'lt', value: 1000 }, local, false],
    ['metric of a BGP route', { kind: 'metric', op: 'eq', value: 2147483647 - 2147483135 }, { localPref: 2147483135 }, true],
    ['metric of a local route', { kind: 'metric', op: 'lt', value: 1024 }, { ...local, metric: 512 }, true],
    ['no metric', { kind: 'metric', op: 'lt', value: 1024 }, local, false],
  ])('%s', (_name, condition, facts, expected, at) => {
    const outcome = evaluate(when(condition), facts, at);
    expect([outcome.accept, outcome.term]).toEqual(expected ? [true, 'hit'] : [false, 'otherwise']);
    expect(outcome.reasons.length).toBe(expected ? 1 : 0);
  });

  it('a large list costs one lookup per length', () => {
    const any = Array.from({ length: 5000 }, (_, i) => under(`10.${i >> 8}.${i & 255}.0/24`, { kind: 'exact' }));
    expect(evaluate(when({ kind: 'prefix', any }), {}, '10.19.135.0/24').accept).toBe(true);
    expect(evaluate(when({ kind: 'prefix', any }), {}, '10.19.136.0/24').accept).toBe(false);
  });
});

describe('actions', () => {
  it('of terms without a verdict apply, and later conditions see them; metric stays as the route came', () => {
    const policy: Policy = {
      name: 'p',
      terms: [
        {
          name: 'a',
          when: [{ kind: 'prefix', any: [under('10.0.0.0/8')] }],
          then: [{ kind: 'setLocalPref', value: 2147483147 }],
          reasons: [],
        },
        { name: 'b', when: [{ kind: 'localPref', op: 'eq', value: 2147483147 }], then: [{ kind: 'addCommunity', value: 7 }], reasons: [] },
        { name: 'c', when: [{ kind: 'metric', op: 'eq', value: 500 }], then: [{ kind: 'reject' }], reasons: [] },
        {
          name: 'd',
          when: [{ kind: 'community', value: 7 }],
          then: [{ kind: 'prependAsPath', asns: [1, 2] }, { kind: 'accept' }],
          reasons: [],
        },
      ],
      otherwise: 'reject',
    };
    const outcome = evaluate(policy, {});
    expect(outcome).toMatchObject({
      accept: true,
      term: 'd',
      modifications: { addCommunities: [7], prependAs: [1, 2], localPref: { value: 2147483147 } },
    });
    expect(evaluate(policy, {}, '11.0.0.0/24').accept).toBe(false);
  });

  it('prepending twice puts the later list in front', () => {
    const policy: Policy = {
      name: 'p',
      terms: [
        {
          name: 'a',
          when: [],
          then: [
            { kind: 'prependAsPath', asns: [1, 2] },
            { kind: 'prependAsPath', asns: [3] },
          ],
          reasons: [],
        },
      ],
      otherwise: 'accept',
    };
    expect(evaluate(policy, {}).modifications.prependAs).toEqual([3, 1, 2]);
  });

  it('equal sums are one object, and no change is number 0', () => {
    const compiled = compilePolicy({
      ...when(),
      terms: [{ name: 'a', when: [], then: [{ kind: 'addCommunity', value: 7 }, { kind: 'accept' }], reasons: [] }],
    });
    const route = { family: 'ipv4' as const, word0: 0, word1: 0, word2: 0, word3: 0, length: 0 };
    const first = compiled.program(FACTS).evaluate(route).modifications;
    expect(compiled.program({ ...FACTS, localPref: 5 }).evaluate(route).modifications).toBe(first);
    expect([first.id, evaluate(when(), {}).modifications.id]).toEqual([1, 0]);
  });
});

describe('policyId', () => {
  it('is the content, terms and reasons included, the name and key order not', () => {
    const policy = when({ kind: 'community', value: 5 });
    expect(policyId({ ...policy, name: 'other' })).toBe(policyId(policy));
    expect(policyId(when({ value: 5, kind: 'community' }))).toBe(policyId(policy));
    const changed: Policy[] = [
      { ...policy, otherwise: 'accept' },
      { ...policy, terms: policy.terms.map((term) => ({ ...term, name: 'x' })) },
      { ...policy, terms: policy.terms.map((term) => ({ ...term, reasons: [] })) },
      when({ kind: 'community', value: 6 }),
    ];
    for (const other of changed) expect(policyId(other)).not.toBe(policyId(policy));
    expect(policyId(policy)).toMatch(/^[0-9a-f]{32}$/);
  });
});

/** The plain meaning of a policy, term by term. */
function interpret(
  policy: Policy,
  facts: RouteFacts,
  at: Prefix,
): { readonly accept: boolean; readonly term: string; readonly now: RouteFacts } {
  let now = facts;
  for (const term of policy.terms) {
    if (!term.when.every((condition) => holds(condition, now, facts, at))) continue;
    for (const action of term.then) now = act(action, now);
    const verdict = term.then.find((action) => action.kind === 'accept' || action.kind === 'reject');
    if (verdict !== undefined) return { accept: verdict.kind === 'accept', term: term.name, now };
  }
  return { accept: policy.otherwise === 'accept', term: 'otherwise', now };
}

function holds(condition: Condition, now: RouteFacts, came: RouteFacts, at: Prefix): boolean {
  const op = (kind: 'eq' | 'lt' | 'gt', a: number | undefined, b: number): boolean =>
    a !== undefined && (kind === 'eq' ? a === b : kind === 'lt' ? a < b : a > b);
  const not = 'not' in condition && condition.not === true;
  const yes = ((): boolean => {
    switch (condition.kind) {
      case 'prefix':
        return condition.any.some(({ prefix: outer, match }) => {
          const shift = BigInt(32 - outer.length);
          const inside =
            outer.family === at.family && at.length >= outer.length && BigInt(outer.words[0]) >> shift === BigInt(at.words[0]) >> shift;
          return (
            inside &&
            (match.kind === 'orLonger' ||
              (match.kind === 'exact' ? at.length === outer.length : at.length >= match.min && at.length <= match.max))
          );
        });
      case 'community':
        return now.communities.includes(condition.value);
      case 'localPref':
        return op(condition.op, now.localPref, condition.value);
      case 'metric':
        return op(condition.op, came.protocol === 'bgp' ? 2147483647 - (came.localPref ?? 100) : came.metric, condition.value);
      case 'protocol':
        return condition.any.includes(now.protocol);
      default:
        throw new Error(`not generated: ${condition.kind}`);
    }
  })();
  return yes !== not;
}

function act(action: Action, now: RouteFacts): RouteFacts {
  if (action.kind === 'addCommunity') return { ...now, communities: [...now.communities, action.value] };
  return action.kind === 'setLocalPref' ? { ...now, localPref: action.value } : now;
}

const arbitraryPrefix = fc
  .record({ word: fc.integer({ min: 0, max: 15 }), length: fc.integer({ min: 0, max: 6 }) })
  .map(({ word, length }): Prefix => {
    const bits = length === 0 ? 0 : ((word << 28) & (0xffffffff << (32 - length))) >>> 0;
    return { family: 'ipv4', words: [bits, 0, 0, 0], length };
  });
const not = fc.constantFrom({}, { not: true as const });
const op = fc.constantFrom('eq' as const, 'lt' as const, 'gt' as const);
const arbitraryCondition: fc.Arbitrary<Condition> = fc.oneof(
  fc
    .tuple(
      fc.array(
        fc.tuple(
          arbitraryPrefix,
          fc.constantFrom<PrefixMatch['match']>({ kind: 'exact' }, { kind: 'orLonger' }, { kind: 'range', min: 2, max: 4 }),
        ),
        { maxLength: 3 },
      ),
      not,
    )
    .map(([any, n]): Condition => ({ kind: 'prefix', any: any.map(([of, match]) => ({ prefix: of, match })), ...n })),
  fc.tuple(fc.integer({ min: 0, max: 2 }), not).map(([value, n]): Condition => ({ kind: 'community', value, ...n })),
  fc.tuple(op, fc.integer({ min: 99, max: 101 })).map(([o, value]): Condition => ({ kind: 'localPref', op: o, value })),
  fc.tuple(op, fc.integer({ min: 99, max: 101 })).map(([o, value]): Condition => ({ kind: 'metric', op: o, value: 2147483647 - value })),
  fc.constantFrom<Condition>({ kind: 'protocol', any: ['static'] }, { kind: 'protocol', any: ['bgp'], not: true }),
);
const arbitraryAction: fc.Arbitrary<Action> = fc.oneof(
  fc.integer({ min: 0, max: 2 }).map((value): Action => ({ kind: 'addCommunity', value })),
  fc.integer({ min: 99, max: 101 }).map((value): Action => ({ kind: 'setLocalPref', value })),
  fc.constantFrom<Action>({ kind: 'accept' }, { kind: 'reject' }),
);
const arbitraryTerm = fc.tuple(fc.array(arbitraryCondition, { maxLength: 3 }), fc.array(arbitraryAction, { maxLength: 2 }));
const arbitraryPolicy = fc.tuple(fc.array(arbitraryTerm, { maxLength: 5 }), fc.constantFrom('accept' as const, 'reject' as const)).map(
  ([terms, otherwise]): Policy => ({
    name: 'p',
    otherwise,
    terms: terms.map(([conditions, then], i): Term => ({ name: `t${i}`, when: conditions, then, reasons: [] })),
  }),
);
const arbitraryFacts = fc
  .record({
    local: fc.boolean(),
    localPref: fc.constantFrom(undefined, 99, 100, 101),
    communities: fc.uniqueArray(fc.integer({ min: 0, max: 2 })),
    metric: fc.constantFrom(undefined, 2147483547),
  })
  .map(
    ({ local, localPref, communities, metric }): RouteFacts => ({
      ...FACTS,
      ...(local ? { protocol: 'static' as const, localPref, metric } : { localPref: localPref ?? 100 }),
      communities,
    }),
  );

/** Facts after the modifications; communities as sets, because an outcome lists what was added only once. */
function applied(facts: RouteFacts, mods: Modifications): unknown {
  const localPref = mods.localPref !== undefined && 'value' in mods.localPref ? mods.localPref.value : facts.localPref;
  return { localPref, communities: [...new Set([...facts.communities, ...mods.addCommunities])].sort() };
}

describe('compiled policies', () => {
  it('mean what the data says, for many routes through one compiled policy', () => {
    fc.assert(
      fc.property(
        arbitraryPolicy,
        fc.array(fc.tuple(arbitraryFacts, arbitraryPrefix), { minLength: 1, maxLength: 12 }),
        (policy, routes) => {
          const compiled = compilePolicy(policy);
          for (const [facts, at] of routes) {
            const [word0] = at.words;
            const outcome = compiled.program(facts).evaluate({ family: 'ipv4', word0, word1: 0, word2: 0, word3: 0, length: at.length });
            const plain = interpret(policy, facts, at);
            expect([outcome.accept, outcome.term]).toEqual([plain.accept, plain.term]);
            expect(applied(facts, outcome.modifications)).toEqual({
              localPref: plain.now.localPref,
              communities: [...new Set(plain.now.communities)].sort(),
            });
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});
