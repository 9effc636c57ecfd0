/**
 * Policies compiled to decision trees. All conditions but those on the prefix are functions of the attribute set, so for one
 * attribute set a policy shrinks to a tree of prefix questions, often to a single leaf; sets that answer every attribute
 * condition alike share the tree. Branches grow when a route first takes them.
 */
import { compileFactsTest, type FactsTest, type RouteFacts } from './conditions.ts';
import { addAction, factsAfter, type Modifications, NO_MODIFICATIONS } from './modifications.ts';
import { policyId } from './policy-id.ts';
import { compilePrefixSet, type PrefixTest, type RoutePrefix } from './prefix-set.ts';
import type { Action, Condition, Policy, Reason } from './types.ts';

/** Verdict of a policy on a route. */
export interface PolicyOutcome {
  readonly accept: boolean;
  /** Name of the deciding term; `otherwise` where none decided. */
  readonly term: string;
  readonly reasons: readonly Reason[];
  readonly modifications: Modifications;
}

/** A policy specialised for routes with the same facts. */
export interface PolicyProgram {
  /** Set where the verdict is the same for every prefix. */
  readonly outcome: PolicyOutcome | undefined;
  /** Verdict for one prefix. */
  evaluate(route: RoutePrefix): PolicyOutcome;
}

/** A policy ready to run. */
export interface CompiledPolicy {
  /** `policyId` of the source. */
  readonly id: string;
  readonly policy: Policy;
  /** The policy for routes with these facts; cache it per attribute set. */
  program(facts: RouteFacts): PolicyProgram;
}

interface CompiledTerm {
  readonly name: string;
  readonly reasons: readonly Reason[];
  /** Prefix conditions are asked last: the others may settle the term without a question. */
  readonly facts: readonly { readonly index: number; readonly test: FactsTest }[];
  readonly prefixes: readonly PrefixTest[];
  readonly actions: readonly Action[];
  readonly verdict: boolean | undefined;
}

/** Answers attribute conditions: from the table of answers, or from facts where actions change later answers. */
type Answers = (test: { readonly index: number; readonly test: FactsTest }, mods: Modifications) => boolean;

/** A node of the tree: a leaf where `outcome` is set, else a question about the prefix. */
interface Question {
  readonly outcome: PolicyOutcome | undefined;
  readonly test: PrefixTest;
  readonly term: number;
  readonly asked: number;
  readonly mods: Modifications;
  readonly answers: Answers;
  yes: Question | undefined;
  no: Question | undefined;
}

interface Compilation {
  readonly terms: readonly CompiledTerm[];
  readonly tests: readonly FactsTest[];
  readonly otherwise: PolicyOutcome;
  readonly mods: Map<string, Modifications>;
}

const never: PrefixTest = () => false;

function prefixTestOf(condition: Condition & { kind: 'prefix' }): PrefixTest {
  const test = compilePrefixSet(condition.any);
  return condition.not === true ? (route) => !test(route) : test;
}

function compileTerms(policy: Policy, tests: FactsTest[]): CompiledTerm[] {
  return policy.terms.map((term) => {
    const facts: { index: number; test: FactsTest }[] = [];
    const prefixes: PrefixTest[] = [];
    for (const condition of term.when) {
      if (condition.kind === 'prefix') prefixes.push(prefixTestOf(condition));
      else facts.push({ index: tests.length, test: tests[tests.push(compileFactsTest(condition)) - 1] ?? (() => false) });
    }
    const verdict = term.then.find((action) => action.kind === 'accept' || action.kind === 'reject');
    return { name: term.name, reasons: term.reasons, facts, prefixes, actions: term.then, verdict: verdict && verdict.kind === 'accept' };
  });
}

const CHANGES: { readonly [kind in Action['kind']]: Condition['kind'] | undefined } = {
  addCommunity: 'community',
  addLargeCommunity: 'largeCommunity',
  prependAsPath: 'asPathPrefix',
  setLocalPref: 'localPref',
  setLocalPrefFromMetric: 'localPref',
  setMed: undefined,
  setPreference: undefined,
  accept: undefined,
  reject: undefined,
};

/** True where an action of a term without verdict changes what a later condition asks for: then answers depend on the way. */
function isEntangled(policy: Policy): boolean {
  const changed = new Set<Condition['kind']>();
  for (const term of policy.terms) {
    if (term.when.some((condition) => changed.has(condition.kind))) return true;
    for (const action of term.then) {
      const kind = CHANGES[action.kind];
      if (kind !== undefined) changed.add(kind);
    }
  }
  return false;
}

function applyActions(c: Compilation, mods: Modifications, actions: readonly Action[]): Modifications {
  const sum = actions.reduce(addAction, mods);
  if (sum === mods) return mods;
  const key = JSON.stringify([sum.addCommunities, sum.addLargeCommunities, sum.prependAs, sum.localPref, sum.med, sum.preference]);
  let known = c.mods.get(key);
  if (known === undefined) {
    known = { ...sum, id: c.mods.size + 1 };
    c.mods.set(key, known);
  }
  return known;
}

function leaf(outcome: PolicyOutcome, answers: Answers): Question {
  return { outcome, test: never, term: 0, asked: 0, mods: outcome.modifications, answers, yes: undefined, no: undefined };
}

/** Runs from a term (with `asked` of its prefix questions answered yes) to the next question or the verdict. */
function advance(c: Compilation, term: number, asked: number, mods: Modifications, answers: Answers): Question {
  let sum = mods;
  let answered = asked;
  for (let t = term; t < c.terms.length; t++, answered = 0) {
    const current = c.terms[t];
    if (current === undefined) break;
    if (answered === 0 && !current.facts.every((test) => answers(test, sum))) continue;
    const test = current.prefixes[answered];
    if (test !== undefined)
      return { outcome: undefined, test, term: t, asked: answered, mods: sum, answers, yes: undefined, no: undefined };
    sum = applyActions(c, sum, current.actions);
    if (current.verdict !== undefined) {
      return leaf({ accept: current.verdict, term: current.name, reasons: current.reasons, modifications: sum }, answers);
    }
  }
  return leaf({ ...c.otherwise, modifications: sum }, answers);
}

function evaluateTree(c: Compilation, root: Question, route: RoutePrefix): PolicyOutcome {
  let node = root;
  while (node.outcome === undefined) {
    if (node.test(route)) node = node.yes ??= advance(c, node.term, node.asked + 1, node.mods, node.answers);
    else node = node.no ??= advance(c, node.term + 1, 0, node.mods, node.answers);
  }
  return node.outcome;
}

/** The term that an outcome names where no term of the policy applied. */
export const OTHERWISE = 'otherwise';

/** Compiles a policy. Cheap; keep the result while the policy is in use, because its trees are its cache. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  const tests: FactsTest[] = [];
  const c: Compilation = {
    terms: compileTerms(policy, tests),
    tests,
    otherwise: { accept: policy.otherwise === 'accept', term: OTHERWISE, reasons: [], modifications: NO_MODIFICATIONS },
    mods: new Map(),
  };
  const entangled = isEntangled(policy);
  const shared = new Map<string, PolicyProgram>();
  const programFrom = (answers: Answers): PolicyProgram => {
    const root = advance(c, 0, 0, NO_MODIFICATIONS, answers);
    return { outcome: root.outcome, evaluate: (route) => evaluateTree(c, root, route) };
  };
  return {
    id: policyId(policy),
    policy,
    program(facts) {
      if (entangled) return programFrom((question, mods) => question.test(factsAfter(mods, facts), facts));
      const signature = tests.map((test) => (test(facts, facts) ? '1' : '0')).join('');
      let program = shared.get(signature);
      if (program === undefined) {
        program = programFrom((question) => signature[question.index] === '1');
        shared.set(signature, program);
      }
      return program;
    },
  };
}
