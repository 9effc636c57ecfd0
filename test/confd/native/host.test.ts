import type { SpeakerConfig } from 'bgp-ts';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/confd/clock.ts';
import { SILENT_LOG } from '../../../src/confd/log.ts';
import type { ThreadEvents } from '../../../src/confd/native/host.ts';
import { createSpeakerHost, STABLE_MS } from '../../../src/confd/native/host.ts';
import type { FromThread, ToThread } from '../../../src/confd/native/protocol.ts';
import { createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import { desired, route } from './fixtures.ts';

const config: SpeakerConfig = createTranslator({
  session: SESSION_DEFAULTS,
  sessionFamilies: 'peer',
  listenPort: undefined,
  transport: transportMap([]),
})(desired()).config;

interface FakeThread {
  readonly posted: ToThread[];
  readonly events: ThreadEvents;
  terminated: boolean;
}

function setup(acknowledge = true) {
  const threads: FakeThread[] = [];
  const waits: number[] = [];
  const pending: (() => void)[] = [];
  const changes: number[] = [];
  let time = 0;
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    wait: (ms, signal) => {
      waits.push(ms);
      return new Promise((resolve) => {
        pending.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
    },
  };
  const host = createSpeakerHost({
    spawn: (events) => {
      const thread: FakeThread = { posted: [], events, terminated: false };
      threads.push(thread);
      return {
        post: (message) => {
          thread.posted.push(message);
          if (message.type === 'configure' && acknowledge) queueMicrotask(() => events.message({ type: 'configured', id: message.id }));
          if (message.type === 'stop') queueMicrotask(() => events.message({ type: 'stopped' }));
        },
        terminate: async () => {
          thread.terminated = true;
          events.exit(undefined);
        },
      };
    },
    clock,
    log: SILENT_LOG,
    issuesChanged: () => changes.push(1),
    event: () => undefined,
    portOwner: async () => 'bird (process 7)',
    remember: () => undefined,
  });
  const elapse = async (ms: number): Promise<void> => {
    time += ms;
    for (const resolve of pending.splice(0)) resolve();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  const thread = (index: number): FakeThread => {
    const found = threads[index];
    if (found === undefined) throw new Error(`no thread ${index}`);
    return found;
  };
  return { host, threads, thread, waits, changes, elapse, advance: (ms: number) => (time += ms) };
}

const never = new AbortController().signal;
const listener = (up: boolean): FromThread => ({
  type: 'listener',
  address: '127.0.0.1',
  port: 179,
  up,
  error: up ? null : 'the port is in use',
});

describe('the speaker host', () => {
  it('gives the whole configuration once and then only differences', async () => {
    const t = setup();
    t.host.start();
    expect(await t.host.configure(config, never)).toEqual({ peers: 1, routes: 1, policies: 2 });
    expect(await t.host.configure(structuredClone(config), never)).toEqual({ peers: 0, routes: 0, policies: 0 });
    expect(await t.host.configure({ ...config, routes: [] }, never)).toEqual({ peers: 0, routes: 1, policies: 0 });
    expect(t.thread(0).posted.map((message) => message.type === 'configure' && message.sealed.delta.complete)).toEqual([true, false]);
  });

  it('starts a dead thread anew with the whole state, says so, and waits longer each time', async () => {
    const t = setup();
    t.host.start();
    await t.host.configure(config, never);
    t.thread(0).events.exit(new Error('boom'));
    expect(t.host.issues().map((issue) => [issue.code, issue.got])).toEqual([['SPEAKER_RESTARTED', '"boom"']]);
    await t.elapse(100);
    expect(t.thread(1).posted[0]).toMatchObject({
      type: 'configure',
      sealed: { delta: { complete: true, peers: { set: config.peers }, routes: { set: config.routes } } },
    });
    expect(t.host.issues()).toEqual([]);
    t.thread(1).events.exit(undefined);
    await t.elapse(200);
    t.advance(STABLE_MS);
    t.thread(2).events.exit(undefined);
    expect(t.waits).toEqual([100, 200, 100]);
    await t.host.stop(false, 'bye');
  });

  it('acknowledges a configuration given to a dead thread when the next one has it', async () => {
    const t = setup();
    t.host.start();
    await t.host.configure(config, never);
    t.thread(0).events.exit(new Error('boom'));
    const applied = t.host.configure({ ...config, routes: [] }, never);
    await t.elapse(100);
    expect((await applied).routes).toBe(1);
    expect(t.thread(1).posted).toHaveLength(1);
    await t.host.stop(false, 'bye');
  });

  it('shows a listener that failed until it is up, and who holds the port', async () => {
    const t = setup();
    t.host.start();
    t.thread(0).events.message(listener(false));
    expect(t.host.issues()[0]).toMatchObject({
      code: 'LISTEN_FAILED',
      got: '"127.0.0.1 port 179"',
      rule: 'cannot be listened on: the port is in use',
    });
    await t.elapse(0);
    expect(t.host.issues()[0]?.rule).toBe('cannot be listened on: the port is in use; bird (process 7) listens there');
    t.thread(0).events.message(listener(true));
    expect([t.host.issues(), t.changes.length]).toEqual([[], 3]);
  });

  it('stops once, ends the thread and refuses more', async () => {
    const t = setup();
    t.host.start();
    await Promise.all([t.host.stop(true, 'bye'), t.host.stop(true, 'bye')]);
    expect(t.thread(0).posted).toEqual([{ type: 'stop', planned: true, text: 'bye' }]);
    expect(t.thread(0).terminated).toBe(true);
    await expect(t.host.configure(config, never)).rejects.toThrow('being stopped');
    t.host.start();
    expect(t.threads).toHaveLength(1);
  });

  it('does not wait for ever for a thread that hangs', async () => {
    const t = setup(false);
    t.host.start();
    const controller = new AbortController();
    const applied = t.host.configure(
      { ...config, routes: [...config.routes, { prefix: route('198.51.100.9/32').prefix, protocol: 'static', reasons: [] }] },
      controller.signal,
    );
    controller.abort();
    expect((await applied).routes).toBe(2);
    await t.host.stop(false, 'bye');
  });
});
