import type { PeerAction, SpeakerEvent, SpeakerInput } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import type { RouteExplanation, RouteView } from 'bgp-ts/rib';
import { describe, expect, it } from 'vitest';
import { diffConfig, sealDelta } from '../../../src/confd/native/delta.ts';
import type { FromThread, HealthReply, ThreadQuery } from '../../../src/confd/native/protocol.ts';
import { createThreadLogic, MAX_PAGE } from '../../../src/confd/native/thread.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import type { ListenerFigures } from '../../../src/confd/native/views.ts';
import { address, desired, prefix } from './fixtures.ts';

const config = createTranslator({ session: SESSION_DEFAULTS, sessionFamilies: 'peer', listenPort: undefined, transport: transportMap([]) })(
  desired(),
).config;

const shownRoute: RouteView = {
  prefix: prefix('198.51.100.1/32'),
  from: 'local',
  best: true,
  accepted: true,
  stale: false,
  attributes: { origin: 'igp', asPath: [], nextHop: address('192.0.2.1') },
  at: 1,
  reasons: [],
};
const explanation: RouteExplanation = { prefix: prefix('198.51.100.1/32'), candidates: [], peers: [] };

function setup() {
  const inputs: SpeakerInput['type'][] = [];
  const main: FromThread[] = [];
  const health: HealthReply[] = [];
  const asked: { limit: number; peer: string | undefined }[] = [];
  const acted: { peer: string; action: PeerAction }[] = [];
  const live = createSpeaker({ random: () => 0, wallClock: () => 0 });
  let listeners: readonly ListenerFigures[] = [];
  const logic = createThreadLogic({
    speaker: {
      submit: async (input) => {
        inputs.push(input.type);
        live.handle(input, 0);
      },
      status: live.status,
      routes: (query, _cursor, limit) => {
        asked.push({ limit, peer: query.peer });
        return { routes: [shownRoute], next: 7 };
      },
      explain: () => explanation,
      memory: live.memory,
      act: (peer, action) => {
        acted.push({ peer, action });
        live.handle({ type: 'peer-action', peer, action }, 0);
      },
      listeners: () => listeners,
      stop: async (planned) => void inputs.push(planned ? 'shutdown' : 'closed'),
    },
    now: () => 5,
    loop: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }),
    toMain: (message) => void main.push(message),
    toHealth: (reply) => void health.push(reply),
  });
  const configure = async (id: number): Promise<void> =>
    logic.main({ type: 'configure', id, sealed: sealDelta(diffConfig(undefined, config)) });
  return { logic, inputs, main, health, asked, acted, configure, listen: (figures: readonly ListenerFigures[]) => (listeners = figures) };
}

const query = (more: Partial<Extract<ThreadQuery, { kind: 'routes' }>> = {}): ThreadQuery => ({
  kind: 'routes',
  view: 'best',
  family: 'ipv4-unicast',
  peer: null,
  prefix: null,
  cursor: 0,
  limit: 10,
  ...more,
});

describe('the speaker thread', () => {
  it('tells main what operators set, when it changed', async () => {
    const t = setup();
    await t.configure(1);
    const peer = 'Global_192_0_2_254';
    const act = (action: PeerAction): boolean => {
      t.logic.health({ type: 'query', id: 1, query: { kind: 'act', peer, action } });
      return t.logic.event({ kind: 'peer-action', peer, action });
    };
    act({ kind: 'shutdown', text: 'maintenance' });
    act({ kind: 'shutdown', text: 'maintenance' });
    act({ kind: 'enable' });
    expect(t.main.flatMap((message) => (message.type === 'memory' ? [message.peers] : []))).toEqual([
      [{ id: peer, shutdown: 'maintenance' }],
      [],
    ]);
  });

  it('acknowledges a configuration when the speaker has it', async () => {
    const t = setup();
    await t.configure(3);
    expect([t.inputs, t.main]).toEqual([['configure'], [{ type: 'configured', id: 3 }]]);
  });

  it('answers pages of routes, never larger than its bound', async () => {
    const t = setup();
    await t.configure(1);
    t.logic.health({ type: 'query', id: 9, query: query({ peer: 'Global_192_0_2_254', limit: 1_000_000 }) });
    expect(t.asked).toEqual([{ limit: MAX_PAGE, peer: 'Global_192_0_2_254' }]);
    expect(t.health).toMatchObject([
      { type: 'answer', id: 9, answer: { kind: 'routes', routes: [{ prefix: '198.51.100.1/32', nextHop: '192.0.2.1' }], next: 7 } },
    ]);
  });

  it.each<[string, ThreadQuery, string]>([
    ['an unknown peer', query({ peer: 'nobody' }), 'not-found'],
    ['no prefix', query({ prefix: 'x' }), 'bad-request'],
    ['an unknown peer to explain', { kind: 'explain', prefix: '198.51.100.1/32', peer: 'nobody' }, 'not-found'],
  ])('refuses %s', (_name, asked, code) => {
    const t = setup();
    t.logic.health({ type: 'query', id: 1, query: asked });
    expect(t.health).toMatchObject([{ type: 'fault', id: 1, fault: { code } }]);
  });

  it('carries out actions on peers that it has', async () => {
    const t = setup();
    await t.configure(1);
    const peer = 'Global_192_0_2_254';
    const act = (action: PeerAction, whom = peer): void =>
      t.logic.health({ type: 'query', id: 1, query: { kind: 'act', peer: whom, action } });
    act({ kind: 'shutdown', text: 'maintenance' });
    act({ kind: 'refresh', direction: 'in' });
    act({ kind: 'enable' }, 'nobody');
    expect(t.acted).toEqual([{ peer, action: { kind: 'shutdown', text: 'maintenance' } }]);
    expect(t.health).toMatchObject([
      { type: 'answer', id: 1, answer: { kind: 'act' } },
      { type: 'fault', fault: { code: 'conflict', message: `the session with peer ${peer} is not up` } },
      { type: 'fault', fault: { code: 'not-found' } },
    ]);
  });

  it('explains from the records of the speaker', () => {
    const t = setup();
    t.logic.health({ type: 'query', id: 1, query: { kind: 'explain', prefix: '198.51.100.1/32', peer: null } });
    expect(t.health).toMatchObject([
      { type: 'answer', answer: { kind: 'explain', steps: [{ stage: 'origin', verdict: 'stop' }], peers: [] } },
    ]);
  });

  it('begins with a complete push when the health thread is there', async () => {
    const t = setup();
    await t.logic.main({ type: 'health', port: undefined });
    expect(t.health).toMatchObject([{ type: 'push', push: { pushedAt: 5, routerId: '', peers: { complete: true } } }]);
  });

  it('tells main of a listener once when it fails and once when it is up', () => {
    const t = setup();
    const down = { address: '127.0.0.1', port: 179, up: false, error: 'in use' };
    const states: (readonly ListenerFigures[])[] = [
      [{ ...down, up: true, error: null }],
      [down],
      [down],
      [{ ...down, up: true, error: null }],
      [down],
      [],
    ];
    for (const state of states) {
      t.listen(state);
      t.logic.push();
    }
    expect(t.main.map((message) => message.type === 'listener' && message.up)).toEqual([false, true, false, true]);
  });

  it.each<[SpeakerEvent, boolean, number]>([
    [{ kind: 'session-state', peer: 'p', from: 'idle', to: 'connect', because: '' }, true, 1],
    [{ kind: 'best-changed', prefixes: 3 }, false, 0],
  ])('passes facts on: %j', (event, soon, told) => {
    const t = setup();
    expect([t.logic.event(event), t.main.length]).toEqual([soon, told]);
  });

  it('ends the sessions before it says so', async () => {
    const t = setup();
    await t.logic.main({ type: 'stop', planned: true, text: 'bye' });
    expect([t.inputs, t.main.at(-1)]).toEqual([['shutdown'], { type: 'stopped' }]);
  });
});
