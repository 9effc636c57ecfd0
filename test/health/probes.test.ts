/** Liveness and readiness as tables (control-plane 8.1, 8.2). */
import { describe, expect, it } from 'vitest';
import { DEFAULT_READINESS, liveness, probeText, readiness } from '../../src/health/probes.ts';
import { createState, takeMain, takeSpeaker } from '../../src/health/state.ts';
import type { HeldPeerView, PeerView, ReadinessPolicy } from '../../src/health/status.ts';
import { heldPeer, mainPush, peer, speakerPush } from './fixtures.ts';

const at = (address: string, state: PeerView['state'] = 'established', id = `Mesh_${address}`): PeerView =>
  peer(id, { state, remote: { address, port: 179 } });

/** Readiness at `age` ms after the start, both threads fresh. */
function ready(
  peers: readonly PeerView[],
  age: number,
  more: { held?: readonly HeldPeerView[]; classes?: Partial<ReadinessPolicy['classes']> } = {},
) {
  const state = createState(0);
  takeMain(state, mainPush({ held: more.held ?? [] }), age);
  takeSpeaker(state, speakerPush(peers), age);
  const policy = { ...DEFAULT_READINESS, classes: { ...DEFAULT_READINESS.classes, ...more.classes } };
  return readiness(state, policy, age);
}

describe('sessions, Calico rule', () => {
  const both = 'calico/node is not ready: BGP not established with 10.0.0.2';
  it.each<[string, PeerView[], number, string]>([
    ['no peers', [], 0, 'ok'],
    ['young: all established', [at('10.0.0.1'), at('10.0.0.2')], 29_999, 'ok'],
    ['young: one of two down', [at('10.0.0.1'), at('10.0.0.2', 'active')], 29_999, both],
    ['old: one of two down', [at('10.0.0.1'), at('10.0.0.2', 'active')], 30_000, 'ok'],
    [
      'old: all down',
      [at('10.0.0.1', 'idle'), at('10.0.0.2', 'connect')],
      60_000,
      'calico/node is not ready: BGP not established with 10.0.0.1,10.0.0.2',
    ],
    [
      'old: IPv6 all down, IPv4 up',
      [at('10.0.0.1'), at('2001:db8::2', 'active')],
      60_000,
      'calico/node is not ready: BGP not established with 2001:db8::2',
    ],
    ['workload peers are not looked at', [at('10.0.0.1', 'idle', 'Local_Workload_10_0_0_1')], 0, 'ok'],
    ['peers of a bare speaker are', [at('10.0.0.1', 'idle', 'tor')], 0, 'calico/node is not ready: BGP not established with 10.0.0.1'],
    ['a peer shut down by the operator is not missed', [{ ...at('10.0.0.1', 'idle'), adminDown: true }], 0, 'ok'],
  ])('%s', (_name, peers, age, message) => {
    const health = ready(peers, age);
    expect([health.message, health.ok]).toEqual([message, message === 'ok']);
  });

  it('misses a peer that is held back', () => {
    const health = ready([], 60_000, { held: [heldPeer('Global_10_0_0_9', '10.0.0.9')] });
    expect(health.message).toBe('calico/node is not ready: BGP not established with 10.0.0.9');
  });
});

describe('sessions, own policy', () => {
  const tors = [at('10.0.0.1', 'established', 'Global_1'), at('10.0.0.2', 'active', 'Global_2')];
  it.each([
    [
      'all: one dead ToR of two is noticed at any age',
      { global: 'all' },
      90_000,
      'calico/node is not ready: BGP not established with 10.0.0.2',
    ],
    ['one: is enough even while young', { global: 'one' }, 1000, 'ok'],
    ['ignored: not looked at', { global: 'ignored' }, 1000, 'ok'],
  ] as const)('%s', (_name, classes, age, message) => {
    expect(ready(tors, age, { classes }).message).toBe(message);
  });

  it('wants one of the class itself, not of another', () => {
    const peers = [at('10.0.0.1', 'active', 'Global_1'), at('10.0.0.3')];
    expect(ready(peers, 90_000, { classes: { global: 'one' } }).message).toBe(
      'calico/node is not ready: BGP not established with 10.0.0.1',
    );
  });
});

describe('first apply', () => {
  it('is not ready before, nor until the speaker reported after it', () => {
    const state = createState(0);
    const now = () => readiness(state, DEFAULT_READINESS, 0);
    expect(now().message).toContain('the datastore has not delivered a complete snapshot yet');
    takeMain(state, mainPush({ firstAppliedAt: 0, source: { kind: 'file', inSync: true } }), 0);
    takeSpeaker(state, speakerPush(), 0);
    expect(now().message).toContain('the first complete snapshot is not applied yet');
    takeMain(state, mainPush({ firstAppliedAt: 5 }), 0);
    expect(now().message).toContain('its sessions are not reported yet');
    takeSpeaker(state, speakerPush(), 0);
    expect(now()).toMatchObject({ ok: true, message: 'ok' });
  });

  it('stays ready when the datastore is lost later', () => {
    const state = createState(0);
    takeMain(state, mainPush(), 0);
    takeSpeaker(state, speakerPush(), 0);
    takeMain(state, mainPush({ source: { kind: 'file', inSync: false } }), 0);
    expect(readiness(state, DEFAULT_READINESS, 0).ok).toBe(true);
  });
});

describe('listeners', () => {
  it('names the address that is not listened on', () => {
    const state = createState(0);
    takeMain(state, mainPush(), 0);
    takeSpeaker(state, speakerPush([], { listeners: [{ address: '10.0.0.1', port: 179, up: false, error: 'EADDRINUSE' }] }), 0);
    expect(readiness(state, DEFAULT_READINESS, 0).message).toBe(
      'calico/node is not ready: BGP is not listening on 10.0.0.1 port 179 (EADDRINUSE)',
    );
  });
});

describe('stalled threads', () => {
  it.each([
    ['main', 'the main thread is stalled: no sign of life for 6.0 s'],
    ['speaker', 'the speaker thread is stalled: no sign of life for 6.0 s'],
  ] as const)('%s', (name, text) => {
    const state = createState(0);
    takeMain(state, mainPush(), name === 'main' ? 0 : 6000);
    takeSpeaker(state, speakerPush(), name === 'speaker' ? 0 : 6000);
    const live = liveness(state, 6000);
    expect([live.ok, live.message]).toEqual([false, `calico/node is not live: ${text}`]);
    expect(live.checks.filter((check) => !check.ok)).toEqual([{ name: `thread-${name}`, ok: false, detail: text, thread: name }]);
    expect(readiness(state, DEFAULT_READINESS, 6000).message).toBe(`calico/node is not ready: ${text}`);
  });

  it('a bare speaker has no main thread to miss', () => {
    const state = createState(0, ['speaker']);
    takeSpeaker(state, speakerPush([], { routerId: '' }), 60_000);
    expect([liveness(state, 60_000).ok, readiness(state, DEFAULT_READINESS, 60_000).ok]).toEqual([true, false]);
    takeSpeaker(state, speakerPush(), 60_000);
    expect(readiness(state, DEFAULT_READINESS, 60_000).ok).toBe(true);
  });
});

describe('text', () => {
  it('is one line, or one per check', () => {
    const state = createState(0);
    takeMain(state, mainPush(), 6000);
    takeSpeaker(state, speakerPush(), 0);
    const live = liveness(state, 6000);
    expect(probeText(live, false)).toBe('calico/node is not live: the speaker thread is stalled: no sign of life for 6.0 s\n');
    expect(probeText(live, true).split('\n').slice(0, 2)).toEqual([
      '[+]thread-main ok: running',
      '[-]thread-speaker failed: the speaker thread is stalled: no sign of life for 6.0 s',
    ]);
  });
});
