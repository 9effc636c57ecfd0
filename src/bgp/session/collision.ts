/** Connection collision detection (RFC 4271 section 6.8): which of two connections with one peer lives. */

/** One side's view of the two connections when the OPEN of `fresh` has just been read. BGP identifiers unsigned. */
export interface Collision {
  readonly localId: number;
  readonly remoteId: number;
  /** AS numbers decide between equal identifiers of different AS (RFC 6286 section 2.3). */
  readonly localAs: number;
  readonly remoteAs: number;
  readonly fresh: { readonly incoming: boolean };
  readonly other: { readonly incoming: boolean; readonly state: 'open-confirm' | 'established' };
}

/**
 * Who loses. An established connection always wins; otherwise the connection that the side with the higher identifier
 * opened wins. Two incoming ones mean that the peer gave up the older, which it could not tell us.
 */
export function collisionLoser(collision: Collision): 'fresh' | 'other' {
  if (collision.other.state === 'established') return 'fresh';
  if (collision.fresh.incoming && collision.other.incoming) return 'other';
  const localHigher =
    collision.localId !== collision.remoteId ? collision.localId > collision.remoteId : collision.localAs > collision.remoteAs;
  // The higher side's own dial survives; seen from the lower side that one is incoming.
  return collision.fresh.incoming === !localHigher ? 'other' : 'fresh';
}
