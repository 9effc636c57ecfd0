import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/confd/clock.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import type { Issue } from '../../src/confd/resources/types.ts';
import type { FailureCode } from '../../src/confd/source/failure.ts';
import { createIssueEvents, EVENTS_A_MINUTE, MAX_WAITING } from '../../src/node/issue-events.ts';

function issue(name: string, change: Partial<Issue> = {}): Issue {
  return {
    code: 'BGPPEER_AS_MISSING',
    severity: 'error',
    object: { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', namespace: '', name },
    field: 'spec.asNumber',
    got: '0',
    rule: 'is unset',
    source: null,
    transient: false,
    ...change,
  };
}

/** Runs until everything told is told; time moves with each wait. */
async function told(lists: readonly (readonly Issue[])[], options: { readonly fail?: FailureCode; readonly hours?: number } = {}) {
  const abort = new AbortController();
  let now = 0;
  const created: { readonly namespace: string; readonly event: Readonly<Record<string, unknown>>; readonly at: number }[] = [];
  let tries = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    wait: async (ms) => {
      now += ms;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    },
  };
  const events = createIssueEvents({
    node: 'node-1',
    clock,
    random: () => 0,
    digest: (text) => text.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase(),
    log: SILENT_LOG,
    writer: {
      uidOf: async ({ name }) => ({ ok: true, value: name === 'gone' ? undefined : `uid-${name}` }),
      createEvent: async (namespace, event) => {
        tries += 1;
        if (options.fail !== undefined) return { ok: false, failure: { code: options.fail, message: '', retryAfter: 0 } };
        created.push({ namespace, event, at: now });
        return { ok: true, value: undefined };
      },
    },
  });
  const running = events.run(abort.signal);
  for (const list of lists) {
    events.take(list);
    for (let turn = 0; turn < 3 * list.length + 6; turn += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
    now += (options.hours ?? 0) * 3_600_000;
  }
  abort.abort();
  await running;
  return { created, tries };
}

describe('issues as events', () => {
  it('carry object, identity, reason and the text of the issue', async () => {
    const { created } = await told([[issue('tor')]]);
    expect(created).toMatchObject([
      {
        namespace: 'default',
        event: {
          kind: 'Event',
          metadata: { namespace: 'default' },
          involvedObject: { kind: 'BGPPeer', name: 'tor', uid: 'uid-tor' },
          reason: 'BgppeerAsMissing',
          message: 'BGPPeer/tor spec.asNumber: 0 is unset',
          type: 'Warning',
          firstTimestamp: '1970-01-01T00:00:00Z',
        },
      },
    ]);
  });

  it('are in the namespace of their object; what is about the daemon is on its Node', async () => {
    const web = issue('web', { object: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' } });
    const daemon = issue('speaker', { object: { apiVersion: 'linnet/v1', kind: 'Daemon', namespace: '', name: 'speaker' } });
    const { created } = await told([[web, daemon]]);
    expect(created.map(({ namespace, event }) => [namespace, event['involvedObject']])).toEqual([
      ['shop', { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop', uid: 'uid-web' }],
      ['default', { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'uid-node-1' }],
    ]);
  });

  it('are told once however often the issue comes and goes, and again when the event has expired', async () => {
    const list = [issue('tor')];
    expect((await told([list, [], list, list])).created).toHaveLength(1);
    const { created } = await told([list, list], { hours: 1 });
    expect(created).toHaveLength(2);
    const names = created.map(({ event }) => JSON.stringify(event['metadata']));
    expect(names[0]).not.toBe(names[1]);
  });

  it('come at a steady pace', async () => {
    const { created } = await told([Array.from({ length: 40 }, (_, index) => issue(`p${index}`))]);
    expect(created.length).toBe(40);
    expect(created.at(-1)?.at).toBeGreaterThanOrEqual((39 * 60_000) / EVENTS_A_MINUTE);
  });

  it('do not pile up without bound', async () => {
    const { created } = await told([Array.from({ length: MAX_WAITING + 20 }, (_, index) => issue(`p${index}`))]);
    expect(created.length).toBeLessThanOrEqual(MAX_WAITING);
  });

  it.each<[FailureCode, number]>([
    ['DATASTORE_CONFLICT', 1],
    ['DATASTORE_FORBIDDEN', 1],
    ['DATASTORE_UNREACHABLE', 2],
  ])('%s: asked %i times for the same in two views', async (fail, expected) => {
    const list = [issue('tor')];
    expect((await told([list, list], { fail })).tries).toBe(expected);
  });

  it('an object that is gone has none', async () => {
    expect((await told([[issue('gone')]])).created).toEqual([]);
  });
});
