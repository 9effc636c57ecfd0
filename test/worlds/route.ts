/** Routes for policy tests, and what a policy makes of them. */
import { compilePolicy, localPrefAfter, type Policy, type PolicyOutcome, type RouteFacts } from 'bgp-ts/policy';
import { prefix } from './build.ts';

/** A route as policies see it. */
export interface TestRoute extends RouteFacts {
  readonly to: string;
}

const NOTHING = {
  interface: undefined,
  metric: undefined,
  localPref: undefined,
  communities: [],
  largeCommunities: [],
  asPath: [],
} as const;

/** A configured route: a range, a Service address, a block. */
export function staticRoute(to: string): TestRoute {
  return { ...NOTHING, to, protocol: 'static' };
}

/** A route of the kernel's table. */
export function kernelRoute(to: string, metric: number | undefined = 1024, device = 'cali1'): TestRoute {
  return { ...NOTHING, to, protocol: 'kernel', metric, interface: device };
}

/** A route a peer sent; 100 where it gave no LOCAL_PREF. */
export function bgpRoute(to: string, parts: Partial<RouteFacts> = {}): TestRoute {
  return { ...NOTHING, to, protocol: 'bgp', localPref: 100, ...parts };
}

/** The outcome, and the LOCAL_PREF the route leaves with. */
export function decide(policy: Policy, route: TestRoute): PolicyOutcome & { readonly localPref: number | undefined } {
  const { family, words, length } = prefix(route.to);
  const [word0, word1, word2, word3] = words;
  const outcome = compilePolicy(policy).program(route).evaluate({ family, word0, word1, word2, word3, length });
  return { ...outcome, localPref: localPrefAfter(outcome.modifications, route) };
}
