/** The speaker's half of an explanation: its records of a prefix as steps from origin to wire, and what each peer was told. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { OTHERWISE, type Reason } from 'bgp-ts/policy';
import type { PeerExplanation, RouteExplanation } from 'bgp-ts/rib';

/** One stage of the chain. `stop`: the path or the route got no further here. */
export interface Step {
  readonly stage: 'origin' | 'import' | 'decision' | 'export' | 'group' | 'sent';
  readonly verdict: 'pass' | 'stop';
  readonly rule: string;
  readonly citation: string;
  readonly objects: readonly string[];
}

const objects = (reasons: readonly Reason[]): readonly string[] => [...new Set(reasons.map((reason) => reason.object))];

/** Steps and peers of an explanation; with `peer` only that one, and its export, group and last message as steps too. */
export function explanationView(explanation: RouteExplanation, peer: string | null) {
  const peers = explanation.peers.filter((entry) => peer === null || entry.peer === peer);
  const one = peer === null ? undefined : peers[0];
  return {
    steps: [...pathSteps(explanation), ...(one === undefined ? [] : exportSteps(one))],
    peers: peers.map(peerExplanationView),
    coveredBy: explanation.coveredBy === undefined ? null : formatPrefix(explanation.coveredBy),
  };
}

function pathSteps(explanation: RouteExplanation): readonly Step[] {
  if (explanation.candidates.length === 0) {
    return [{ stage: 'origin', verdict: 'stop', rule: 'no path to this prefix is known', citation: 'RFC 4271 section 3.2', objects: [] }];
  }
  return explanation.candidates.flatMap((candidate) => candidateSteps(candidate, nameOf(candidate, explanation), explanation.decidedBy));
}

type Candidate = RouteExplanation['candidates'][number];

/** What the steps call a path: paths of one peer are told apart by their path identifiers (RFC 7911). */
function nameOf({ from, pathId }: Candidate, { candidates }: RouteExplanation): string {
  if (from === 'local') return 'own route';
  const alone = candidates.filter((candidate) => candidate.from === from).length === 1;
  return alone || pathId === undefined ? `path from ${from}` : `path from ${from} with path id ${pathId}`;
}

function candidateSteps(candidate: Candidate, path: string, decidedBy: RouteExplanation['decidedBy']): readonly Step[] {
  const local = candidate.from === 'local';
  const steps: Step[] = [
    {
      stage: 'origin',
      verdict: 'pass',
      rule: local ? path : `${path}, next hop ${formatAddress(candidate.attributes.nextHop)}`,
      citation: 'RFC 4271 section 9.1',
      objects: local ? objects(candidate.reasons) : [],
    },
  ];
  if (candidate.stale) {
    const rule = `${path}: stale, kept from before the session was lost until it is told again`;
    steps.push({ stage: 'origin', verdict: 'pass', rule, citation: 'RFC 4724 section 4.2', objects: [] });
  }
  if (!local) steps.push(importStep(candidate, path));
  const decision = decisionStep(candidate, path, decidedBy);
  return decision === undefined ? steps : [...steps, decision];
}

function importStep({ loop, accepted, importTerm, reasons }: Candidate, path: string): Step {
  if (loop !== undefined) return { stage: 'import', verdict: 'stop', rule: `${path}: ${loop.rule}`, citation: loop.citation, objects: [] };
  const verdict = accepted ? 'accepted' : 'rejected';
  return {
    stage: 'import',
    verdict: accepted ? 'pass' : 'stop',
    rule: `${path}: ${importTerm === OTHERWISE ? `${verdict}, no import term applies` : `${verdict} by import term ${importTerm}`}`,
    citation: reasons[0]?.rule ?? 'RFC 4271 section 9.1.1',
    objects: objects(reasons),
  };
}

function decisionStep(candidate: Candidate, path: string, decidedBy: RouteExplanation['decidedBy']): Step | undefined {
  const { lostAt, best } = candidate;
  if (lostAt !== undefined)
    return { stage: 'decision', verdict: 'stop', rule: `${path}: lost at ${lostAt.step}`, citation: lostAt.citation, objects: [] };
  if (!best) return undefined;
  const rule = decidedBy === undefined ? `${path}: the only one` : `${path}: best by ${decidedBy.step}`;
  return { stage: 'decision', verdict: 'pass', rule, citation: decidedBy?.citation ?? 'RFC 4271 section 9.1.2', objects: [] };
}

/** A change that waits in the peer's queue has not been told yet: what the peer sees is the judge (contracts.md, JSON). */
function blockOf(peer: PeerExplanation): { rule: string; citation: string; term: string | null; objects: readonly string[] } | null {
  if (peer.advertised && peer.delivered) return null;
  if (peer.advertised) return { rule: 'queued for the peer', citation: 'bgp-speaker 2.6', term: null, objects: [] };
  const { blockedBy } = peer;
  if (blockedBy === undefined) return { rule: 'no best path', citation: 'RFC 4271 section 9.1.3', term: null, objects: [] };
  return { rule: blockedBy.rule, citation: blockedBy.citation, term: blockedBy.term ?? null, objects: objects(blockedBy.reasons) };
}

function peerExplanationView(peer: PeerExplanation) {
  const blockedBy = blockOf(peer);
  return {
    peer: peer.peer,
    verdict: blockedBy === null ? ('advertised' as const) : ('not-advertised' as const),
    blockedBy,
    group: peer.group,
    lastSent: peer.lastSent === undefined ? null : { at: peer.lastSent.at, updateHex: peer.lastSent.updateHex },
  };
}

function exportSteps(peer: PeerExplanation): readonly Step[] {
  const blocked = blockOf(peer);
  if (blocked !== null) {
    const rule = blocked.term === null ? `${peer.peer}: ${blocked.rule}` : `${peer.peer}: ${blocked.rule} (term ${blocked.term})`;
    return [{ stage: 'export', verdict: 'stop', rule, citation: blocked.citation, objects: blocked.objects }];
  }
  const steps: Step[] = [
    {
      stage: 'export',
      verdict: 'pass',
      rule: `${peer.peer}: accepted by term ${peer.exportTerm ?? 'default'}`,
      citation: 'RFC 4271 section 9.1.3',
      objects: [],
    },
    { stage: 'group', verdict: 'pass', rule: `update group ${peer.group}`, citation: 'bgp-speaker 2.4', objects: [] },
  ];
  if (peer.lastSent !== undefined) {
    steps.push({
      stage: 'sent',
      verdict: 'pass',
      rule: `UPDATE ${peer.lastSent.updateHex}`,
      citation: 'RFC 4271 section 4.3',
      objects: [],
    });
  }
  return steps;
}

/** The speaker's half of an explanation as JSON. */
export type SpeakerExplanationJson = ReturnType<typeof explanationView>;
