/** Why a session is down, as an explanation says it. */
import { describe, expect, it } from 'vitest';
import { explainDocument, whyDown } from '../../src/health/explanation.ts';
import type { PeerView } from '../../src/health/status.ts';
import { peer } from './fixtures.ts';

const received = { at: 1, text: 'Cease / Connection Rejected' };
const sent = { at: 1, text: 'OPEN Message Error / Bad Peer AS' };

describe('why a session is down', () => {
  it.each<[string, Partial<PeerView>, readonly string[]]>([
    ['nothing is known', {}, []],
    ['an operator', { adminDown: true, diagnosis: 'no answer', lastErrorReceived: received }, ['administratively down']],
    [
      'everything else, most decisive first',
      { heldBack: 'prefix limit', diagnosis: 'no answer', lastErrorReceived: received, lastErrorSent: sent },
      ['held back: prefix limit', 'no answer', `received ${received.text}`, `sent ${sent.text}`],
    ],
  ])('%s', (_what, change, said) => {
    expect(whyDown(peer('a', { state: 'active', ...change }))).toEqual(said);
  });

  it('is nobody’s question of a session that is up', () => {
    const blockedBy = { rule: 'export term deny', citation: 'c', term: 'deny', objects: [] };
    const told = { peer: 'a', verdict: 'not-advertised' as const, blockedBy, group: 'g', lastSent: null };
    const speaker = { steps: [], peers: [told], coveredBy: null };
    const document = explainDocument({
      prefix: '10.0.0.0/8',
      before: [],
      speaker,
      held: [],
      peer: () => peer('a', { state: 'established', lastErrorReceived: received }),
    });
    expect(document.peers).toEqual([told]);
  });
});
