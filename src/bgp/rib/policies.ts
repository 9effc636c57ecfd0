/** Compiled policies in use, shared by content, each with its programs per attribute set. */
import { type CompiledPolicy, compilePolicy, type PolicyOutcome, type PolicyProgram, policyId, type RoutePrefix } from '../policy/index.ts';
import type { Policy } from '../policy/types.ts';
import type { AttributeStore } from './attribute-store.ts';
import { factsOf } from './facts.ts';
import type { PrefixTable } from './prefix-table.ts';

/** A compiled policy and what it remembers per attribute set. */
export class PolicyRun {
  readonly compiled: CompiledPolicy;
  users = 0;
  private readonly store: AttributeStore;
  private readonly programs: (PolicyProgram | undefined)[] = [];
  private readonly work: { policyEvaluations: number };

  constructor(policy: Policy, store: AttributeStore, work: { policyEvaluations: number }) {
    this.compiled = compilePolicy(policy);
    this.store = store;
    this.work = work;
  }

  /** The policy specialised for an attribute set; `outcome` is set where the prefix does not matter. */
  program(set: number): PolicyProgram {
    let program = this.programs[set];
    if (program === undefined) {
      this.work.policyEvaluations++;
      program = this.compiled.program(factsOf(this.store, set));
      this.programs[set] = program;
    }
    return program;
  }

  /** Verdict on a prefix with an attribute set. */
  evaluate(set: number, prefixes: PrefixTable, prefix: number): PolicyOutcome {
    const program = this.program(set);
    if (program.outcome !== undefined) return program.outcome;
    this.work.policyEvaluations++;
    return program.evaluate(routePrefix(prefixes, prefix));
  }

  /** Whether it asks for interfaces, which depend on more than the attribute set. */
  get asksWays(): boolean {
    return this.compiled.policy.terms.some((term) => term.when.some((condition) => condition.kind === 'interface'));
  }

  /** Next hops lead elsewhere. */
  forgetWays(): void {
    if (this.asksWays) this.programs.length = 0;
  }

  /** The set's id will be reused. */
  forget(set: number): void {
    if (set < this.programs.length) this.programs[set] = undefined;
  }
}

const scratch: RoutePrefix = { family: 'ipv4', word0: 0, word1: 0, word2: 0, word3: 0, length: 0 };

function routePrefix(prefixes: PrefixTable, prefix: number): RoutePrefix {
  scratch.family = prefixes.family;
  scratch.word0 = prefixes.word(prefix, 0);
  scratch.word1 = prefixes.word(prefix, 1);
  scratch.word2 = prefixes.word(prefix, 2);
  scratch.word3 = prefixes.word(prefix, 3);
  scratch.length = prefixes.lengths[prefix] ?? 0;
  return scratch;
}

/** All policies in use, by content. */
export class PolicyRegistry {
  private readonly runs = new Map<string, PolicyRun>();
  private readonly store: AttributeStore;
  private readonly work: { policyEvaluations: number };

  constructor(store: AttributeStore, work: { policyEvaluations: number }) {
    this.store = store;
    this.work = work;
  }

  /** The shared run of a policy; `drop` gives it back. */
  use(policy: Policy): PolicyRun {
    const id = policyId(policy);
    let run = this.runs.get(id);
    if (run === undefined) {
      run = new PolicyRun(policy, this.store, this.work);
      this.runs.set(id, run);
    }
    run.users++;
    return run;
  }

  /** Gives a use back; the last one forgets the policy. */
  drop(run: PolicyRun): void {
    run.users--;
    if (run.users === 0) this.runs.delete(run.compiled.id);
  }

  /** Next hops lead elsewhere: policies that ask for interfaces are asked again. */
  forgetWays(): void {
    for (const run of this.runs.values()) run.forgetWays();
  }

  /** The attribute set's id will be reused. */
  forget(set: number): void {
    for (const run of this.runs.values()) run.forget(set);
  }
}
