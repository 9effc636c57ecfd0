/** Probes over the engines: BIRD by its round trips, the kernel's thread by its age, the speaker's by the memory it shares. */
import { describe, expect, it } from 'vitest';
import { createBeat } from '../../src/confd/native/beat.ts';
import { DEFAULT_READINESS, liveness, readiness } from '../../src/health/probes.ts';
import { createState, type HealthState, takeMain, takeSpeaker, threadView } from '../../src/health/state.ts';
import { kernel, mainPush, peer, speakerPush } from './fixtures.ts';

function running(change: Parameters<typeof mainPush>[0] = {}): HealthState {
  const state = createState(0);
  takeMain(state, mainPush(change), 0);
  takeSpeaker(state, speakerPush([peer('Global_192_0_2_1')]), 0);
  return state;
}

describe('BIRD under the driver', () => {
  it('makes liveness and readiness fail with its own words, and heals', () => {
    const state = running();
    state.daemons = [
      { name: 'BIRDv4', ok: true, detail: '' },
      { name: 'BIRDv6', ok: false, detail: 'unable to connect: bird6.ctl: no reply within 1000 ms' },
    ];
    expect(liveness(state, 0).message).toBe(
      'calico/node is not live: bird/confd is not live: BIRDv6 socket: unable to connect: bird6.ctl: no reply within 1000 ms',
    );
    expect(readiness(state, DEFAULT_READINESS, 0).message).toMatch(
      /^calico\/node is not ready: BIRD is not ready: Error querying BIRD: BIRDv6 socket: unable to connect/,
    );
    state.daemons = [{ name: 'BIRD', ok: true, detail: '' }];
    expect(liveness(state, 0).ok && readiness(state, DEFAULT_READINESS, 0).ok).toBe(true);
  });
});

describe("the kernel's thread", () => {
  it.each([
    [10_000, true],
    [10_001, false],
  ])('silent for %d ms: live %s', (ageMs, ok) => {
    const health = liveness(running({ kernel: { ...kernel, ageMs } }), 0);
    expect(health.ok).toBe(ok);
    if (!ok) expect(health.message).toBe('calico/node is not live: the kernel thread is stalled: no sign of life for 10.0 s');
  });
});

describe('a speaker that stands still', () => {
  it('is diagnosed from the memory it shares: what it does, and for how long', () => {
    const pushedAt = 1_700_000_000_000;
    const state = running();
    const marks = createBeat(() => pushedAt + 500);
    state.beat = marks.beat;
    marks.during('a configuration', () => {
      expect(threadView(state, 'speaker', 4000)).not.toHaveProperty('doing');
      takeMain(state, mainPush(), 7000);
      expect(liveness(state, 7000).message).toBe(
        'calico/node is not live: the speaker thread is stalled: no sign of life for 7.0 s, busy with a configuration for 6.5 s',
      );
    });
    expect(threadView(state, 'speaker', 7000).doing).toBe('busy with sockets, sessions and routes for 6.5 s');
  });
});
