import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createState, forgetSpeaker, peerClass, takeMain, takeSpeaker, threadView } from '../../src/health/state.ts';
import { heldPeer, issue, mainPush, peer, speakerPush } from './fixtures.ts';

describe('main pushes', () => {
  it('keeps lists that a push leaves out', () => {
    const state = createState(0);
    takeMain(
      state,
      mainPush({
        issues: [issue()],
        held: [heldPeer('a', '192.0.2.9')],
        settings: [{ name: 'n', value: 'v', origin: 'flag' }],
      }),
      0,
    );
    takeMain(state, mainPush({ desiredVersion: 2 }), 1000);
    expect([state.issues.length, state.held.length, state.settings.length, state.main?.desiredVersion]).toEqual([1, 1, 1, 2]);
    takeMain(state, mainPush({ issues: [], held: [], settings: [] }), 2000);
    expect([state.issues, state.held, state.settings]).toEqual([[], [], []]);
  });

  it('makes a loop delay without samples 0', () => {
    const state = createState(0);
    takeMain(state, mainPush({ loop: { meanMs: Number.NaN, p99Ms: 1, maxMs: Number.POSITIVE_INFINITY } }), 0);
    expect(state.main?.loop).toEqual({ meanMs: 0, p99Ms: 1, maxMs: 0 });
  });
});

describe('speaker pushes', () => {
  const ids = (state: ReturnType<typeof createState>): string[] => [...state.peers.keys()].sort();

  it('replaces every peer when complete, else merges', () => {
    const state = createState(0);
    takeSpeaker(state, speakerPush([peer('a'), peer('b')]), 0);
    expect(ids(state)).toEqual(['a', 'b']);
    takeSpeaker(
      state,
      speakerPush([], { peers: { complete: false, upsert: [peer('c'), peer('b', { state: 'idle' })], remove: ['a'] } }),
      1,
    );
    expect(ids(state)).toEqual(['b', 'c']);
    expect(state.peers.get('b')?.state).toBe('idle');
    takeSpeaker(state, speakerPush([peer('c')]), 2);
    expect(ids(state)).toEqual(['c']);
  });

  it('forgets a replaced thread but not the sums', () => {
    const state = createState(0, ['main', 'speaker'], 0);
    takeSpeaker(state, speakerPush([peer('a', { updatesSent: 5 })]), 0);
    forgetSpeaker(state);
    expect([state.speaker, state.peers.size, state.otherCounters.ibgp.updatesSent]).toEqual([undefined, 0, 5]);
    takeSpeaker(state, speakerPush([peer('a', { updatesSent: 2 })]), 2);
    expect(state.otherCounters.ibgp.updatesSent).toBe(7);
  });

  it('sums never go back, whatever comes, goes or restarts', () => {
    const onePeer = fc.record({ id: fc.constantFrom('Mesh_1', 'Mesh_2', 'Global_3', 'other'), updatesSent: fc.nat(50) });
    const step = fc.record({
      complete: fc.boolean(),
      peers: fc.uniqueArray(onePeer, { selector: ({ id }) => id }),
      gone: fc.subarray(['Mesh_1', 'Global_3']),
    });
    fc.assert(
      fc.property(fc.array(step), fc.nat(3), (sequence, cap) => {
        const state = createState(0, ['main', 'speaker'], cap);
        let before = 0;
        for (const { complete, peers, gone } of sequence) {
          const upsert = peers.map(({ id, updatesSent }) => peer(id, { updatesSent }));
          takeSpeaker(state, speakerPush([], { peers: { complete, upsert, remove: gone } }), 0);
          expect(state.otherCounters.ibgp.updatesSent).toBeGreaterThanOrEqual(before);
          before = state.otherCounters.ibgp.updatesSent;
          expect(state.exported.size).toBeLessThanOrEqual(cap);
          for (const id of state.exported) expect(state.peers.has(id)).toBe(true);
        }
      }),
    );
  });
});

describe('threads', () => {
  it.each([
    ['has never pushed, allowed', undefined, 29_000, { ageMs: null, stalled: false }],
    ['has never pushed, too long', undefined, 30_001, { ageMs: null, stalled: true }],
    ['pushed just now', 100, 100, { ageMs: 0, stalled: false }],
    ['pushed 5 s ago', 0, 5000, { ageMs: 5000, stalled: false }],
    ['pushed longer ago', 0, 5001, { ageMs: 5001, stalled: true }],
  ])('%s', (_name, pushedAt, now, expected) => {
    const state = createState(0);
    if (pushedAt !== undefined) takeSpeaker(state, speakerPush(), pushedAt);
    expect(threadView(state, 'speaker', now)).toMatchObject(expected);
  });
});

describe('a replaced speaker', () => {
  it('is starting, and stalled when none of its successors pushes either', () => {
    const state = createState(0);
    takeSpeaker(state, speakerPush(), 1000);
    const views = [2000, 12_000, 31_000, 31_001].map((now) => {
      forgetSpeaker(state);
      return threadView(state, 'speaker', now);
    });
    expect(views.map(({ ageMs, stalled }) => [ageMs, stalled])).toEqual([
      [null, false],
      [null, false],
      [null, false],
      [null, true],
    ]);
    takeSpeaker(state, speakerPush(), 40_000);
    expect(threadView(state, 'speaker', 40_000)).toMatchObject({ ageMs: 0, stalled: false });
  });
});

describe('class of a peer', () => {
  it.each([
    ['Mesh_10_0_0_2', 'mesh'],
    ['Node_10_0_0_2', 'node'],
    ['Global_10_0_0_2_port_1790', 'global'],
    ['Local_Workload_10_0_0_2', 'local-workload'],
    ['tor-a', 'other'],
  ])('%s', (id, expected) => {
    expect(peerClass(id)).toBe(expected);
  });
});
