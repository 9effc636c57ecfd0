/**
 * Claims by session, and which of them holds it: the first pass, then the lowest name of the BGPPeer, then of the node
 * (control-plane 2.3). Claims come and go per source; only sessions that were touched are looked at again.
 */
import type { Issue } from '../resources/types.ts';
import { issueAbout } from './issues.ts';
import { compareCandidates, PASS, type PeerCandidate } from './peer-rules.ts';

/** Claims and the sessions they changed. */
export class PeerSlots {
  readonly #claims = new Map<string, readonly PeerCandidate[]>();
  readonly #losers = new Map<string, Map<string, { readonly winner: PeerCandidate; readonly loser: PeerCandidate }>>();
  readonly #scopes = new Map<string, readonly string[]>();
  readonly #touched = new Set<string>();

  /** Replaces claims; both lists come from one source. */
  replace(before: readonly PeerCandidate[], after: readonly PeerCandidate[]): void {
    for (const claim of before) {
      const rest = (this.#claims.get(claim.key) ?? []).filter((other) => other !== claim);
      if (rest.length === 0) this.#claims.delete(claim.key);
      else this.#claims.set(claim.key, rest);
      this.#touched.add(claim.key);
    }
    for (const claim of after) {
      const others = this.#claims.get(claim.key);
      this.#claims.set(claim.key, others === undefined ? [claim] : [...others, claim].sort(compareCandidates));
      this.#touched.add(claim.key);
    }
  }

  touch(claims: readonly PeerCandidate[]): void {
    for (const claim of claims) this.#touched.add(claim.key);
  }

  /** Sessions changed since the last call. */
  takeTouched(): readonly string[] {
    const keys = [...this.#touched];
    this.#touched.clear();
    return keys;
  }

  winner(key: string): PeerCandidate | undefined {
    return this.#claims.get(key)?.[0];
  }

  /** Notes which written claims of other objects lost this session; `scopes` gets the pairs to report again. */
  noteLosers(key: string, scopes: Set<string>): void {
    const claims = this.#claims.get(key) ?? [];
    const [winner] = claims;
    const pairs = new Map<string, { readonly winner: PeerCandidate; readonly loser: PeerCandidate }>();
    if (winner !== undefined)
      for (const loser of claims) if (isDuplicate(winner, loser)) pairs.set(pairScope(winner, loser), { winner, loser });
    for (const scope of this.#scopesAt(key)) {
      if (pairs.has(scope)) continue;
      this.#losers.get(scope)?.delete(key);
      scopes.add(scope);
    }
    for (const [scope, pair] of pairs) {
      const byKey = this.#losers.get(scope) ?? new Map();
      byKey.set(key, pair);
      this.#losers.set(scope, byKey);
      scopes.add(scope);
    }
    if (pairs.size === 0) this.#scopes.delete(key);
    else this.#scopes.set(key, [...pairs.keys()]);
  }

  #scopesAt(key: string): readonly string[] {
    return this.#scopes.get(key) ?? [];
  }

  /** One issue for a pair of BGPPeers that ask for the same sessions, however many they are. */
  duplicateIssues(scope: string): readonly Issue[] {
    const byKey = this.#losers.get(scope);
    if (byKey === undefined || byKey.size === 0) {
      this.#losers.delete(scope);
      return [];
    }
    const first = [...byKey.keys()].sort()[0] ?? '';
    const pair = byKey.get(first);
    if (pair?.loser.spec === undefined || pair.winner.spec === undefined) return [];
    const others = byKey.size === 1 ? '' : `; so are ${byKey.size - 1} other sessions of the two`;
    const rule = `is already asked for by BGPPeer/${pair.winner.spec.ref.name}, which comes first${others}`;
    return [
      issueAbout(pair.loser.spec, {
        code: 'BGPPEER_DUPLICATE',
        field: 'spec',
        got: JSON.stringify(first),
        rule,
        severity: 'warning',
      }),
    ];
  }
}

/** Reverse and mesh claims give way silently: that is how they are meant (control-plane 2.3). */
function isDuplicate(winner: PeerCandidate, loser: PeerCandidate): boolean {
  return loser !== winner && loser.pass <= PASS.node && loser.source !== winner.source;
}

function pairScope(winner: PeerCandidate, loser: PeerCandidate): string {
  return `duplicate ${winner.source} ${loser.source}`;
}
