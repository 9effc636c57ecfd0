import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/confd/clock.ts';
import type { ConvergeState, Timing } from '../../src/confd/converge.ts';
import { converge } from '../../src/confd/converge.ts';
import type { Desired, DesireResult } from '../../src/confd/desired/types.ts';
import type { ApplyResult } from '../../src/confd/driver.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { createStore } from '../../src/confd/resources/store.ts';
import type { Issue, SnapshotDelta } from '../../src/confd/resources/types.ts';
import type { Change, Source } from '../../src/confd/source/types.ts';

/** A source fed by the test; `end` closes the stream that is being watched. */
function fakeSource() {
  const queue: (Change | 'end' | Error)[] = [];
  let wake = (): void => undefined;
  let watches = 0;
  const source: Source = {
    async *watch(signal) {
      watches += 1;
      signal.addEventListener('abort', () => wake());
      while (!signal.aborted) {
        const next = queue.shift();
        if (next === 'end') return;
        if (next instanceof Error) throw next;
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  return {
    source,
    watches: () => watches,
    push: (...changes: (Change | 'end' | Error)[]) => {
      queue.push(...changes);
      wake();
    },
  };
}

/** A driver whose applies end when the test says so. */
function fakeDriver() {
  const given: string[] = [];
  const open: { resolve: (result: ApplyResult) => void; reject: (error: Error) => void }[] = [];
  let waiting = (): void => undefined;
  return {
    given,
    apply: (desired: Desired) => {
      given.push(desired.routerId);
      return new Promise<ApplyResult>((resolve, reject) => {
        open.push({ resolve, reject });
        waiting();
      });
    },
    /** Waits for an apply in flight and ends it. */
    finish: async (outcome: Partial<ApplyResult['touched']> | Error = { peers: 1 }, issues: readonly Issue[] = []) => {
      if (open.length === 0) await new Promise<void>((resolve) => (waiting = resolve));
      const apply = open.shift();
      if (outcome instanceof Error) apply?.reject(outcome);
      else apply?.resolve({ issues, touched: { peers: 0, routes: 0, policies: 0, ...outcome } });
    },
  };
}

/** Waits pass at once and are counted. */
function fakeClock() {
  const waits: number[] = [];
  let time = 1000;
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    wait: async (ms) => {
      waits.push(ms);
      time += ms;
    },
  };
  return { clock, waits, advance: (ms: number) => (time += ms) };
}

const issue = (code: string): Issue => ({
  code,
  severity: 'error',
  object: { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'a' },
  field: '',
  got: 'null',
  rule: 'is wrong',
  source: null,
  transient: false,
});

const desiredNamed = (name: string): Desired => ({
  node: 'a',
  routerId: name,
  asNumber: 64512,
  addresses: {},
  networks: {},
  listen: { addresses: [], port: 179 },
  peers: [],
  filters: [],
  advertise: [],
  install: [],
});

/** A change that the fake store and engine read: its name is in the removed reference. */
const change = (name: string, more: Partial<Change> = {}): Change => ({
  upsert: [],
  remove: name === '' ? [] : [{ apiVersion: 'v1', kind: 'Service', namespace: 'd', name }],
  issues: [],
  inSync: true,
  ...more,
});

function setup(compute?: (names: readonly string[] | undefined) => DesireResult) {
  const names: string[] = [];
  const computed: (readonly string[] | undefined)[] = [];
  const source = fakeSource();
  const driver = fakeDriver();
  const { clock, waits, advance } = fakeClock();
  const reports: { state: ConvergeState; timing: Timing | undefined }[] = [];
  let seen = (): void => undefined;
  const { snapshot } = createStore();
  const controller = new AbortController();
  const done = converge(
    {
      source: source.source,
      store: {
        snapshot,
        apply: (given: Change): SnapshotDelta => {
          names.push(...given.remove.map((ref) => ref.name));
          return { changed: given.remove.map((ref) => ({ kind: 'Service', key: ref.name })), issuesChanged: given.issues.length > 0 };
        },
      },
      compute: (_snapshot, delta) => {
        const keys = delta?.changed.map((entry) => entry.key);
        computed.push(keys);
        return compute?.(keys) ?? { desired: desiredNamed(names.join('+')), issues: [] };
      },
      driver,
      clock,
      log: SILENT_LOG,
      report: (state, timing) => {
        reports.push({ state, timing });
        seen();
      },
    },
    controller.signal,
  );
  /** Until a report fulfils the condition. */
  const until = async (condition: (state: ConvergeState) => boolean): Promise<ConvergeState> => {
    for (;;) {
      const state = reports.at(-1)?.state;
      if (state !== undefined && condition(state)) return state;
      await new Promise<void>((resolve) => (seen = resolve));
    }
  };
  const stop = async (): Promise<void> => {
    controller.abort();
    await done;
  };
  return { source, driver, waits, advance, reports, computed, until, stop, controller, done };
}

describe('converge', () => {
  it('applies nothing before the first complete view', async () => {
    const t = setup();
    t.source.push(change('a', { inSync: false }), change('b', { inSync: false }), change('c'));
    await t.driver.finish();
    const state = await t.until((s) => s.applied.changed === 1);
    expect(t.driver.given).toEqual(['a+b+c']);
    expect(state.firstAppliedAt).toBeGreaterThan(0);
    expect(t.computed).toEqual([undefined]);
    await t.stop();
  });

  it('turns changes that arrive during an apply into one pass on the newest state', async () => {
    const t = setup();
    t.source.push(change('a'));
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 1);
    t.source.push(change('b'));
    await t.until((s) => s.applied.changed === 1);
    const second = t.driver.finish();
    await second;
    await t.until((s) => s.applied.changed === 2);
    t.source.push(change('c'));
    while (t.driver.given.length < 3) await Promise.resolve();
    t.source.push(change('d'), change('e'), change('f'));
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    expect(t.driver.given).toHaveLength(3);
    await t.driver.finish();
    await t.driver.finish();
    const state = await t.until((s) => s.applied.changed === 4);
    expect(t.driver.given).toEqual(['a', 'a+b', 'a+b+c', 'a+b+c+d+e+f']);
    expect(t.computed.at(-1)).toEqual(['d', 'e', 'f']);
    expect(state.coalesced).toBe(2);
    await t.stop();
  });

  it('counts an apply that touched nothing as unchanged', async () => {
    const t = setup();
    t.source.push(change('a'));
    await t.driver.finish({});
    const state = await t.until((s) => s.applied.unchanged === 1);
    expect(state.applied).toEqual({ changed: 0, unchanged: 1, failed: 0 });
    await t.stop();
  });

  it('gives the state again after the engine failed, waiting longer each time', async () => {
    const t = setup();
    t.source.push(change('a'));
    await t.driver.finish(new Error('no'));
    await t.driver.finish(new Error('no'));
    await t.driver.finish();
    const state = await t.until((s) => s.applied.changed === 1);
    expect(state.applied.failed).toBe(2);
    expect(t.driver.given).toEqual(['a', 'a', 'a']);
    expect(t.computed).toHaveLength(1);
    expect(t.waits).toEqual([500, 1000]);
    await t.stop();
  });

  it('keeps the last state while the source has lost its datastore', async () => {
    const t = setup();
    t.source.push(change('a'));
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 1);
    t.source.push(change('b', { inSync: false }));
    const lost = await t.until((s) => !s.inSync);
    expect(lost.desired?.routerId).toBe('a');
    expect(t.driver.given).toEqual(['a']);
    t.source.push(change('c'));
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 2);
    expect(t.driver.given).toEqual(['a', 'a+b+c']);
    await t.stop();
  });

  it('waits for the own node and then is ready', async () => {
    let known = false;
    const t = setup((keys) => {
      known ||= keys?.includes('node') ?? false;
      return known ? { desired: desiredNamed('here'), issues: [] } : { desired: undefined, issues: [issue('NODE_UNKNOWN')] };
    });
    t.source.push(change('other'));
    const waiting = await t.until((s) => s.issues.length === 1);
    expect([waiting.firstAppliedAt, waiting.issues[0]?.code]).toEqual([0, 'NODE_UNKNOWN']);
    t.source.push(change('node'));
    await t.driver.finish();
    const state = await t.until((s) => s.applied.changed === 1);
    expect(state.issues).toEqual([]);
    await t.stop();
  });

  it('watches a source anew that ended or threw', async () => {
    const t = setup();
    t.source.push('end', new Error('broken'), change('a'));
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 1);
    expect(t.source.watches()).toBe(3);
    expect(t.waits).toEqual([500, 1000]);
    await t.stop();
  });

  it('measures from the newest write to the acknowledgement', async () => {
    const t = setup();
    t.source.push(change('a', { writtenAt: 600, inSync: false }), change('b', { writtenAt: 400 }));
    while (t.driver.given.length < 1) await Promise.resolve();
    t.advance(50);
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 1);
    expect(t.reports.at(-1)?.timing).toEqual({ at: 1050, total: 450, desire: 0, apply: 50 });
    await t.stop();
  });

  it('reports the issues of store, engine and desired state in one list', async () => {
    const t = setup(() => ({ desired: desiredNamed('x'), issues: [issue('FROM_DESIRE')] }));
    t.source.push(change('a', { issues: [{ scope: 'f', issues: [] }] }));
    await t.driver.finish({ peers: 1 }, [issue('FROM_ENGINE')]);
    const state = await t.until((s) => s.applied.changed === 1);
    expect(state.issues.map((entry) => entry.code)).toEqual(['FROM_DESIRE', 'FROM_ENGINE']);
    await t.stop();
  });

  it('does nothing where nothing that counts changed', async () => {
    const t = setup();
    t.source.push(change('a'));
    await t.driver.finish();
    await t.until((s) => s.applied.changed === 1);
    t.source.push(change(''), change(''));
    const state = await t.until((s) => s.changes === 3);
    expect([t.computed.length, t.driver.given.length, state.applied.unchanged]).toEqual([1, 1, 0]);
    await t.stop();
  });

  it('rejects for a bug inside the computation', async () => {
    const t = setup(() => {
      throw new Error('ours');
    });
    t.source.push(change('a'));
    await expect(t.done).rejects.toThrow('ours');
  });
});
