/** What an operator may ask of a peer in its present state. */
import type { PeerAction, PeerStatus } from 'bgp-ts';

/** Why an action cannot be carried out, as one sentence; undefined where it can. */
export function actionRefusal(peer: PeerStatus | undefined, action: PeerAction): string | undefined {
  if (peer === undefined) return 'the peer is not started';
  switch (action.kind) {
    case 'enable':
    case 'shutdown':
    case 'gshut':
      return undefined;
    case 'reset':
      return peer.adminDown ? `peer ${peer.id} is shut down: enable it` : undefined;
    case 'refresh':
      if (peer.state !== 'established') return `the session with peer ${peer.id} is not up`;
      return action.direction === 'in' && !peer.capabilities.some((name) => name.includes('RFC 2918'))
        ? `peer ${peer.id} does not take route refresh (RFC 2918)`
        : undefined;
    default: {
      const never: never = action;
      return never;
    }
  }
}
