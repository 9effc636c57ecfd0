/** Rows of the table of what a peer may do wrong. */

/**
 * What becomes of it. `accept`: the route stands with the attribute; `discard`: it stands without; `withdraw`: it is gone, the session stays;
 * `none`: neither a route nor an answer; else code/subcode and data of the NOTIFICATION that ends the session.
 */
export type Outcome = 'accept' | 'discard' | 'withdraw' | 'none' | `${number}/${number}` | `${number}/${number} ${string}`;

/** A route with attributes. */
export interface AttributeRow {
  readonly section: string;
  readonly name: string;
  /** Hex. */
  readonly octets: string;
  /** From an external peer, and from an internal one unless `internal` says otherwise. */
  readonly outcome: Outcome;
  readonly internal?: Outcome;
  /** The peer has 2-octet AS numbers (RFC 6793). */
  readonly oldPeer?: true;
}

/** A message, or the body of an UPDATE. */
export interface MessageRow {
  readonly section: string;
  readonly name: string;
  /** Hex of a whole message; of a body where `type` is given. */
  readonly octets: string;
  readonly type?: number;
  readonly outcome: Outcome;
  /** The session is this far when it comes. */
  readonly state: 'open-sent' | 'open-confirm' | 'established';
  /** What the peer offered beside IPv4 and IPv6. */
  readonly offer?: 'add-path' | 'extended-message' | 'enhanced-refresh';
}
