/**
 * Graceful shutdown (RFC 8326) as policy: what a draining session sends carries GRACEFUL_SHUTDOWN and, inside the AS, LOCAL_PREF 0; what an
 * external peer sends with the community gets LOCAL_PREF 0. Both come after everything a configured policy says, so that none undoes them.
 */
import type { Action, Condition, Policy, Term } from '../policy/types.ts';
import type { PeerConfig } from '../speaker-types.ts';
import type { Peer } from './state.ts';

/** GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 5). */
export const GRACEFUL_SHUTDOWN = 0xffff0000;

const AVOID: Action = { kind: 'setLocalPref', value: 0 };
const REASONS = [{ object: 'linnet', rule: 'RFC 8326' }] as const;

/** True where the peer is told to prefer other paths, by the configuration or by an operator. */
export function isDraining(config: PeerConfig, byOperator: boolean): boolean {
  return byOperator || config.gracefulShutdown === true;
}

/** The peer's configuration as the RIB gets it: its policies with the terms of graceful shutdown. */
export function ribConfig(peer: Pick<Peer, 'draining' | 'shutdownPolicies'>, config: PeerConfig): PeerConfig {
  const external = config.remoteAs !== config.localAs;
  const honours = external && config.honourGracefulShutdown !== false;
  const drains = isDraining(config, peer.draining);
  if (!honours && !drains) return config;
  return {
    ...config,
    ...(honours ? { importPolicy: remembered(peer.shutdownPolicies.honour, config.importPolicy, honouring) } : {}),
    ...(drains ? { exportPolicy: remembered(peer.shutdownPolicies.send, config.exportPolicy, sending) } : {}),
  };
}

/** Policies already changed, by the policy they were made of: equal configurations keep equal objects. */
export interface ShutdownPolicies {
  readonly honour: WeakMap<Policy, Policy>;
  readonly send: WeakMap<Policy, Policy>;
}

function remembered(known: WeakMap<Policy, Policy>, policy: Policy, make: (policy: Policy) => Policy): Policy {
  const found = known.get(policy) ?? make(policy);
  known.set(policy, found);
  return found;
}

const accepts = (term: Term): boolean => term.then.find(({ kind }) => kind === 'accept' || kind === 'reject')?.kind === 'accept';

/** The default verdict as a term, where it accepts. */
function defaultTerm(policy: Policy): readonly Term[] {
  return policy.otherwise === 'accept' ? [{ name: 'otherwise', when: [], then: [{ kind: 'accept' }], reasons: [] }] : [];
}

/** RFC 8326 section 4.2: sent to every peer of a session that ends soon. */
function sending(policy: Policy): Policy {
  const extra: readonly Action[] = [{ kind: 'addCommunity', value: GRACEFUL_SHUTDOWN }, AVOID];
  const terms = [...policy.terms, ...defaultTerm(policy)].map((term) =>
    accepts(term) ? { ...term, then: [...term.then, ...extra], reasons: [...term.reasons, ...REASONS] } : term,
  );
  return { ...policy, terms };
}

/** RFC 8326 section 4.1: each term that accepts has one before it for routes with the community. */
function honouring(policy: Policy): Policy {
  const tagged: Condition = { kind: 'community', value: GRACEFUL_SHUTDOWN };
  const terms = [...policy.terms, ...defaultTerm(policy)].flatMap((term) =>
    accepts(term)
      ? [
          {
            name: `${term.name} (graceful shutdown)`,
            when: [...term.when, tagged],
            then: [...term.then, AVOID],
            reasons: [...term.reasons, ...REASONS],
          },
          term,
        ]
      : [term],
  );
  return { ...policy, terms };
}
