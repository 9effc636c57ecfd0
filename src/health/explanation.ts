/** The document of an explanation: what main and the speaker recorded, with what is known of peers that have no session. Pure. */
import type { ExplainDocument, ExplainPeer, ExplainStep, HeldPeerView, PeerView, SpeakerExplanation } from './status.ts';

/** What it is made of. */
export interface ExplanationParts {
  /** Canonical text. */
  readonly prefix: string;
  /** Main's half: from the resources to what this node originates. */
  readonly before: readonly ExplainStep[];
  /** The speaker's half; of one peer or of all. */
  readonly speaker: SpeakerExplanation;
  /** The peers that are wanted but not started, of those that are asked about. */
  readonly held: readonly HeldPeerView[];
  /** A peer of the speaker as it said last; undefined where it has said nothing yet. */
  readonly peer: (id: string) => PeerView | undefined;
}

/** Joins the halves. `advertised`: at least one of the peers has it. */
export function explainDocument({ prefix, before, speaker, held, peer }: ExplanationParts): ExplainDocument {
  const peers = [...speaker.peers.map((each) => withSession(each, peer(each.peer))), ...held.map(notStarted)];
  const verdict = peers.some((each) => each.verdict === 'advertised') ? 'advertised' : 'not-advertised';
  return { schema: 'linnet.explain/v1', prefix, verdict, coveredBy: speaker.coveredBy, steps: [...before, ...speaker.steps], peers };
}

/** Why there is no session says the session, not the table: the state, and what keeps it there. */
function withSession(each: ExplainPeer, peer: PeerView | undefined): ExplainPeer {
  if (each.blockedBy === null || peer === undefined || peer.state === 'established') return each;
  return { ...each, blockedBy: { ...each.blockedBy, rule: [`${each.blockedBy.rule}: ${peer.state}`, ...whyDown(peer)].join('; ') } };
}

/** What keeps a session down, most decisive first: an operator or a limit, what the network shows, what either side said last. */
export function whyDown(peer: PeerView): readonly string[] {
  const { adminDown, heldBack, diagnosis, lastErrorReceived, lastErrorSent } = peer;
  if (adminDown) return ['administratively down'];
  return [
    ...(heldBack === null ? [] : [`held back: ${heldBack}`]),
    ...(diagnosis === null ? [] : [diagnosis]),
    ...(lastErrorReceived === null ? [] : [`received ${lastErrorReceived.text}`]),
    ...(lastErrorSent === null ? [] : [`sent ${lastErrorSent.text}`]),
  ];
}

function notStarted({ id, issue, object, detail }: HeldPeerView): ExplainPeer {
  const blockedBy = { rule: `not started: ${detail} (${issue})`, citation: 'control-plane 2.4', term: null, objects: [object] };
  return { peer: id, verdict: 'not-advertised', blockedBy, group: '', lastSent: null };
}
