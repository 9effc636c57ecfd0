/** A peer's configuration as the RIB gets it: its policies with what the protocol adds to them in the peer's present state. */
import type { Policy } from '../policy/types.ts';
import type { PeerConfig } from '../speaker-types.ts';
import type { Family } from '../wire/index.ts';
import { announcingShutdown, honouringShutdown } from './graceful-shutdown.ts';
import { avoidingStale, deployingPartially, markingStale, withholdingStale } from './long-lived.ts';
import { limitOf, warningOf } from './prefix-numbers.ts';
import type { Peer, SpeakerState } from './state.ts';

/** What the peers of a speaker share of this. */
export interface PolicyEdits {
  /** Some peer has long-lived graceful restart configured: only then can a route become long-lived stale here. */
  longLived: boolean;
  /** Policies already changed, by the policy they were made of and the change: equal configurations keep equal objects. */
  readonly made: WeakMap<Policy, Map<string, Policy>>;
}

/** True where the peer is told to prefer other paths, by the configuration or by an operator. */
export function isDraining(config: PeerConfig, byOperator: boolean): boolean {
  return byOperator || config.gracefulShutdown === true;
}

/** What of a peer's state changes its policies. */
export type PolicyState = Pick<Peer, 'draining' | 'session' | 'stale' | 'edits'>;

/** The configuration for `Rib.configurePeer`; the same object where nothing is to be added. */
export function ribConfig(peer: PolicyState, config: PeerConfig): PeerConfig {
  const importPolicy = importOf(peer, config);
  const exportPolicy = exportOf(peer, config);
  const maxPrefixWarning = warningOf(config);
  if (importPolicy === config.importPolicy && exportPolicy === config.exportPolicy && maxPrefixWarning === undefined) return config;
  const { maxPrefix: _, ...rest } = config;
  const maxPrefix = limitOf(config);
  return {
    ...rest,
    importPolicy,
    exportPolicy,
    ...(maxPrefix === undefined ? {} : { maxPrefix }),
    ...(maxPrefixWarning === undefined ? {} : { maxPrefixWarning }),
  };
}

/** Gives the RIB the peer's configuration again after its state changed. */
export function reapplyPolicies(state: SpeakerState, peer: Peer): void {
  state.mayHaveWork = true;
  state.rib.configurePeer(ribConfig(peer, peer.config), peer.index);
}

function importOf(peer: PolicyState, config: PeerConfig): Policy {
  const external = config.remoteAs !== config.localAs;
  let policy = config.importPolicy;
  if (external && config.honourGracefulShutdown !== false) policy = edited(peer, policy, 'honour', honouringShutdown);
  if (peer.stale?.longLived === true) return edited(peer, policy, 'mark', markingStale);
  return peer.edits.longLived ? edited(peer, policy, 'avoid', avoidingStale) : policy;
}

function exportOf(peer: PolicyState, config: PeerConfig): Policy {
  let policy = config.exportPolicy;
  if (isDraining(config, peer.draining)) policy = edited(peer, policy, 'announce', announcingShutdown);
  const without = withoutLongLived(peer);
  if (without.length === 0) return policy;
  // RFC 9494 section 4.6 is for peers inside the AS only.
  if (config.longLivedPartialDeployment === true && config.remoteAs === config.localAs)
    return edited(peer, policy, `mark ${without.join()}`, (each) => deployingPartially(each, without));
  return edited(peer, policy, `withhold ${without.join()}`, (each) => withholdingStale(each, without));
}

/** Families in which the peer that is up did not say that it knows long-lived stale routes. */
function withoutLongLived({ session, edits }: PolicyState): Family[] {
  if (session === undefined || !edits.longLived) return [];
  return session.families.filter((family) => !session.longLived.some((entry) => entry.family === family));
}

function edited(peer: PolicyState, policy: Policy, change: string, make: (policy: Policy) => Policy): Policy {
  const { made } = peer.edits;
  const changes = made.get(policy) ?? new Map<string, Policy>();
  made.set(policy, changes);
  const known = changes.get(change) ?? make(policy);
  changes.set(change, known);
  return known;
}
