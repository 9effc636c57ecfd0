/**
 * Why a peer does not answer. The kernel drops segments with a wrong or missing MD5 signature, and packets with too low a TTL,
 * without telling any socket; it only counts them, for the whole network namespace (bgp-speaker 4.8). So a count that grew is
 * laid on the peers that are down and could have caused it: for sure where that is one peer, as a suspicion where it is several.
 * Where no counter tells, how the attempts end is said once it lasts: refused, no route, no answer.
 */
import type { TcpCounters } from 'netlink';
import { readTcpCounters, TCP_COUNTER_NAMES } from 'netlink';
import type { PeerConfig } from '../speaker-types.ts';

/** What the diagnosis looks at. */
export interface DiagnosisSources {
  readonly peers: () => readonly PeerConfig[];
  /** Why peers are held, by name. */
  readonly faults: () => ReadonlyMap<string, string>;
  /** Names of the peers that are up. */
  readonly established: () => ReadonlySet<string>;
  /** The kernel's counters; undefined where there are none. */
  readonly counters: () => TcpCounters | undefined;
  /** Called for each peer whose diagnosis changed; without text it is over. */
  readonly tell: (peer: string, text: string | undefined) => void;
}

/** Findings about the peers of one speaker. */
export interface Diagnosis {
  /** How an attempt went; whatever came back, a refusal too, ends a finding. `because`: why none could be made, or what came back. */
  attempt(peer: string, answered: boolean, because?: string): void;
  /** The session came up: whatever was said of the peer is over. */
  up(peer: string): void;
  /** A peer's socket options changed: what was found no longer holds. */
  forget(peer: string): void;
  /** Compares the counters with those of the look before and tells what is new. */
  look(): void;
}

type Counter = keyof TcpCounters;

interface Evidence {
  readonly counter: Counter;
  /** Peers that could have caused it. */
  readonly concerns: (peer: PeerConfig) => boolean;
  readonly text: (peer: PeerConfig) => string;
}

/** Strongest first: a packet below the lowest TTL is dropped before its signature is looked at. */
const EVIDENCE: readonly Evidence[] = [
  {
    counter: 'lowTtl',
    concerns: ({ ttlSecurity }) => ttlSecurity !== undefined,
    text: ({ ttlSecurity }) =>
      `packets with too low a TTL arrive: the peer is more than ${hops(ttlSecurity ?? 1)} away or does not send TTL 255`,
  },
  {
    counter: 'md5Wrong',
    concerns: ({ md5Key }) => md5Key !== undefined,
    text: () => 'packets signed with another MD5 key arrive',
  },
  {
    counter: 'md5Missing',
    concerns: ({ md5Key }) => md5Key !== undefined,
    text: () => 'packets without MD5 signature arrive: the peer has no key for us, or refuses the connection',
  },
  {
    counter: 'md5Unexpected',
    concerns: ({ md5Key }) => md5Key === undefined,
    text: () => 'packets signed with an MD5 key arrive, and none is configured here',
  },
];

function hops(count: number): string {
  return count === 1 ? '1 hop' : `${count} hops`;
}

/** Silence of a peer that would be silent for that reason too: only ever a suspicion. */
function silence(peer: PeerConfig): string | undefined {
  if (peer.md5Key !== undefined)
    return 'suspected: no answer, as from a peer with another MD5 key or none, or from one that is not reachable';
  if (peer.ttlSecurity !== undefined)
    return `suspected: no answer, as from a peer that sees us more than its number of hops away, or is not reachable`;
  return undefined;
}

const NO_ANSWER = 'no answer: packets are dropped on the way, or nobody has the address';

/** Looks that a failure must outlive before it is told: peers that start together refuse each other for a moment. */
const LASTING_LOOKS = 2;

/** How attempts fail that reach the network, and for how many looks in a row. */
class Failures {
  readonly #byPeer = new Map<string, { readonly text: string; looks: number }>();

  get size(): number {
    return this.#byPeer.size;
  }

  /** The last attempt ended so; without text it succeeded, or was not made. */
  note(peer: string, text: string | undefined): void {
    if (text === undefined) this.#byPeer.delete(peer);
    else if (this.#byPeer.get(peer)?.text !== text) this.#byPeer.set(peer, { text, looks: 0 });
  }

  /** Peers that are up, or gone, fail no more. */
  keep(down: ReadonlySet<string>): void {
    for (const [peer, failure] of this.#byPeer) {
      if (down.has(peer)) failure.looks++;
      else this.#byPeer.delete(peer);
    }
  }

  lasting(peer: string): string | undefined {
    const failure = this.#byPeer.get(peer);
    return failure !== undefined && failure.looks >= LASTING_LOOKS ? failure.text : undefined;
  }
}

/** Starts without findings; the first `look` only reads the counters. */
export function createDiagnosis(sources: DiagnosisSources): Diagnosis {
  const findings = new Map<string, string>();
  const unanswered = new Set<string>();
  const failures = new Failures();
  const told = new Map<string, string>();
  let before: TcpCounters | undefined;

  function clear(peer: string): void {
    findings.delete(peer);
    unanswered.delete(peer);
  }

  function tell(peer: string, text: string | undefined): void {
    if (told.get(peer) === text) return;
    if (text === undefined) told.delete(peer);
    else told.set(peer, text);
    sources.tell(peer, text);
  }

  return {
    attempt: (peer, answered, because) => {
      if (answered) clear(peer);
      else if (because !== undefined) findings.set(peer, because);
      else unanswered.add(peer);
      failures.note(peer, answered ? because : because === undefined ? NO_ANSWER : undefined);
    },
    up: (peer) => {
      clear(peer);
      told.delete(peer);
    },
    forget: (peer) => {
      clear(peer);
      failures.note(peer, undefined);
    },
    look: () => {
      const now = sources.counters();
      const grown = EVIDENCE.filter(({ counter }) => now !== undefined && before !== undefined && now[counter] > before[counter]);
      before = now;
      const faults = sources.faults();
      if (grown.length + faults.size + findings.size + unanswered.size + failures.size + told.size === 0) return;
      const up = sources.established();
      const down = sources.peers().filter(({ id }) => !up.has(id));
      failures.keep(new Set(down.map(({ id }) => id)));
      for (const id of [...findings.keys(), ...unanswered, ...told.keys()]) if (up.has(id)) clear(id);
      // The weakest first, so that stronger evidence overwrites it.
      for (const evidence of [...grown].reverse()) lay(evidence, down, findings);
      const wanted = new Map<string, string>();
      for (const peer of down) {
        const suspicion = unanswered.has(peer.id) ? silence(peer) : undefined;
        const text = faults.get(peer.id) ?? findings.get(peer.id) ?? suspicion ?? failures.lasting(peer.id);
        if (text !== undefined) wanted.set(peer.id, text);
      }
      for (const id of [...told.keys()]) if (!wanted.has(id)) tell(id, undefined);
      for (const [id, text] of wanted) tell(id, text);
    },
  };
}

function lay({ counter, concerns, text }: Evidence, down: readonly PeerConfig[], findings: Map<string, string>): void {
  const suspects = down.filter(concerns);
  for (const peer of suspects) {
    const doubt = suspects.length > 1 ? 'suspected, as several peers are unanswered: ' : '';
    findings.set(peer.id, `${doubt}${text(peer)} (${TCP_COUNTER_NAMES[counter]})`);
  }
}

/** The counters where this platform has them. */
export function countersOf(native: boolean): TcpCounters | undefined {
  return native ? readTcpCounters() : undefined;
}
