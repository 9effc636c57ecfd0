/**
 * Long-lived graceful restart as policy (RFC 9494): routes of a peer that stays away carry LLGR_STALE and lose against all others, those
 * with NO_LLGR go, and a peer without the capability is told none of them.
 */
import { parsePrefix } from '../net/index.ts';
import type { Action, Condition, Policy } from '../policy/types.ts';
import type { Family } from '../wire/index.ts';
import { withActions, withActionsFor, withRejection } from './policy-edits.ts';

/** Routes kept for a peer that is away for long (RFC 9494 section 4.5). */
export const LLGR_STALE = 0xffff0006;
/** Routes that must not be kept so (RFC 9494 section 4.5). */
export const NO_LLGR = 0xffff0007;

/** NO_EXPORT (RFC 1997). */
const NO_EXPORT = 0xffffff01;

/** Below every preference that a route has by itself: the first step of the decision (RFC 9494 section 4.3). */
const LEAST = { kind: 'setPreference', value: 0 } as const;
const isStale: Condition = { kind: 'community', value: LLGR_STALE };
const reason = (section: string) => ({ object: 'linnet', rule: `RFC 9494 section ${section}` });

/** Routes that another speaker marked are the least preferred here too. */
export function avoidingStale(policy: Policy): Policy {
  return withActionsFor(policy, [isStale], { name: 'long-lived stale', actions: [LEAST], reason: reason('4.3') });
}

/** Import of a peer that is away for long: every route is marked, those that must not be kept are gone. */
export function markingStale(policy: Policy): Policy {
  const marked = withActions(policy, {
    name: 'long-lived stale',
    actions: [{ kind: 'addCommunity', value: LLGR_STALE }, LEAST],
    reason: reason('4.2'),
  });
  return withRejection(marked, [{ kind: 'community', value: NO_LLGR }], { name: 'NO_LLGR', reason: reason('4.2') });
}

/** Export to a peer that lacks the capability for some families: nothing marked in these. */
export function withholdingStale(policy: Policy, families: readonly Family[]): Policy {
  return families.reduce(
    (sum, family) => withRejection(sum, [isStale, ofFamily(family)], { name: `long-lived stale ${family}`, reason: reason('4.3') }),
    policy,
  );
}

/** The same where the peer shall have them all the same: it must prefer every other route, and keep them inside the AS. */
export function deployingPartially(policy: Policy, families: readonly Family[]): Policy {
  const actions: readonly Action[] = [
    { kind: 'addCommunity', value: NO_EXPORT },
    { kind: 'setLocalPref', value: 0 },
  ];
  return families.reduce(
    (sum, family) =>
      withActionsFor(sum, [isStale, ofFamily(family)], { name: `long-lived stale ${family}`, actions, reason: reason('4.6') }),
    policy,
  );
}

function ofFamily(family: Family): Condition {
  const everything = parsePrefix(family === 'ipv4-unicast' ? '0.0.0.0/0' : '::/0');
  if (everything === undefined) throw new Error('the default prefixes do not parse');
  return { kind: 'prefix', any: [{ prefix: everything, match: { kind: 'orLonger' } }] };
}
