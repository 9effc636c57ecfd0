/**
 * Graceful shutdown (RFC 8326) as policy: what a draining session sends carries GRACEFUL_SHUTDOWN and, inside the AS, LOCAL_PREF 0; what an
 * external peer sends with the community gets LOCAL_PREF 0. Both come after everything a configured policy says, so that none undoes them.
 */
import type { Action, Policy } from '../policy/types.ts';
import { withActions, withActionsFor } from './policy-edits.ts';

/** GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 5). */
export const GRACEFUL_SHUTDOWN = 0xffff0000;

const AVOID: Action = { kind: 'setLocalPref', value: 0 };
const reason = { object: 'linnet', rule: 'RFC 8326' };

/** Export of a session that ends soon (RFC 8326 section 4.2). */
export function announcingShutdown(policy: Policy): Policy {
  return withActions(policy, { name: 'graceful shutdown', actions: [{ kind: 'addCommunity', value: GRACEFUL_SHUTDOWN }, AVOID], reason });
}

/** Import from an external peer (RFC 8326 section 4.1). */
export function honouringShutdown(policy: Policy): Policy {
  const tagged = { kind: 'community', value: GRACEFUL_SHUTDOWN } as const;
  return withActionsFor(policy, [tagged], { name: 'graceful shutdown', actions: [AVOID], reason });
}
