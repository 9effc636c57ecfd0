/**
 * Peer filters as text. The export steps that all peers share stand once, in a function; a peer's own filter is what comes
 * before them: the priority and its BGPFilters. Pure.
 */
import type { IpFamily } from 'bgp-ts/net';
import type { Policy, Term } from 'bgp-ts/policy';
import { sameData } from '../desired/compare.ts';
import type { DesiredFamily } from '../desired/types.ts';
import { type Direction, policyLines, termLines } from './filter-text.ts';

/** What a peer's filter is written with. */
export interface FilterContext {
  readonly direction: Direction;
  readonly family: IpFamily;
  readonly functionName: string;
  readonly exports: DesiredFamily['exports'];
  /** The gateway of a route must be said to be the next hop: to external peers BIRD 2 keeps next hops of BGP routes only. */
  readonly gatewayAsNextHop: boolean;
}

/** Body of the shared function, whose only parameter is `internal_peer`; a route that no step decides comes back undecided. */
export function exportFunctionLines(exports: DesiredFamily['exports'], family: IpFamily): readonly string[] {
  const internal = steps(exports.internal);
  const external = steps(exports.external);
  const merged = mergeSteps(internal, external);
  if (merged !== undefined) {
    return merged.flatMap(({ term, onlyInternal }) => termLines([term], 'export', family, onlyInternal ? 'internal_peer' : undefined));
  }
  return [...termLines(internal, 'export', family, 'internal_peer'), ...termLines(external, 'export', family, '!internal_peer')];
}

/** Where external peers get the internal ones' steps less some, each step is written once; undefined where they do not. */
function mergeSteps(
  internal: readonly Term[],
  external: readonly Term[],
): readonly { readonly term: Term; readonly onlyInternal: boolean }[] | undefined {
  let next = 0;
  const merged = internal.map((term) => {
    const shared = sameData(term, external[next]);
    if (shared) next += 1;
    return { term, onlyInternal: !shared };
  });
  return next === external.length ? merged : undefined;
}

/** The statements of one peer's filter. */
export function peerFilterLines(policy: Policy, context: FilterContext): readonly string[] {
  const { direction, family, functionName, exports } = context;
  if (direction === 'import') return policyLines(policy, direction, family);
  // No gateway is `::` in both families.
  const first = context.gatewayAsNextHop ? ['if source != RTS_BGP && gw != :: then bgp_next_hop = gw;'] : [];
  const { internal, external } = exports;
  for (const [base, word] of [
    [internal, 'true'],
    [external, 'false'],
  ] as const) {
    const own = beforeSteps(policy, base);
    if (own !== undefined) return [...first, ...termLines(own, direction, family), `${functionName}(${word});`, `${policy.otherwise};`];
  }
  return [...first, ...policyLines(policy, direction, family)];
}

/** Every term but the first, which sets the priority from the route before any filter of the peer sees it. */
function steps(policy: Policy): readonly Term[] {
  return policy.terms.slice(1);
}

/** The terms of a policy before the shared steps; undefined where it does not end in them. */
function beforeSteps(policy: Policy, base: Policy): readonly Term[] | undefined {
  const shared = steps(base);
  if (shared.length === 0 || !sameData(policy.terms[0], base.terms[0])) return undefined;
  const own = policy.terms.length - shared.length;
  if (own < 1) return undefined;
  return sameData(policy.terms.slice(own), shared) ? policy.terms.slice(0, own) : undefined;
}
