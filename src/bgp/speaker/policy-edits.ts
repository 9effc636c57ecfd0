/** Changes to a configured policy that have the last word: they come after everything that the terms of the policy did. */
import type { Action, Condition, Policy, Reason, Term } from '../policy/types.ts';

const accepts = (term: Term): boolean => term.then.find(({ kind }) => kind === 'accept' || kind === 'reject')?.kind === 'accept';

/** Every term, and the default verdict as one more where it accepts. */
function allTerms(policy: Policy): readonly Term[] {
  if (policy.otherwise === 'reject') return policy.terms;
  return [...policy.terms, { name: 'otherwise', when: [], then: [{ kind: 'accept' }], reasons: [] }];
}

/** What is added, and why. */
export interface PolicyEdit {
  /** Stands in brackets behind the names of terms that it made. */
  readonly name: string;
  readonly actions: readonly Action[];
  readonly reason: Reason;
}

/** The policy with actions for every route that it accepts. */
export function withActions(policy: Policy, { actions, reason }: PolicyEdit): Policy {
  const terms = allTerms(policy).map((term) =>
    accepts(term) ? { ...term, then: [...term.then, ...actions], reasons: [...term.reasons, reason] } : term,
  );
  return { ...policy, terms };
}

/** The policy with actions for the routes that it accepts and that meet all conditions: each term that accepts has one before it for them. */
export function withActionsFor(policy: Policy, conditions: readonly Condition[], { name, actions, reason }: PolicyEdit): Policy {
  const terms = allTerms(policy).flatMap((term) => {
    if (!accepts(term)) return [term];
    const variant = { ...term, name: `${term.name} (${name})`, when: [...term.when, ...conditions], then: [...term.then, ...actions] };
    return [{ ...variant, reasons: [...term.reasons, reason] }, term];
  });
  return { ...policy, terms };
}

/** The policy with a first term that rejects what meets all conditions. */
export function withRejection(policy: Policy, when: readonly Condition[], { name, reason }: Omit<PolicyEdit, 'actions'>): Policy {
  return { ...policy, terms: [{ name, when, then: [{ kind: 'reject' }], reasons: [reason] }, ...policy.terms] };
}
