/** One list and watch against a scripted server: what is asked, after what wait, and what is told. */
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/confd/clock.ts';
import type { Failure } from '../../../../src/confd/source/failure.ts';
import type { Api } from '../../../../src/confd/source/kubernetes/api.ts';
import { createApi } from '../../../../src/confd/source/kubernetes/api.ts';
import type { Watched } from '../../../../src/confd/source/kubernetes/kinds.ts';
import { proxySettings } from '../../../../src/confd/source/kubernetes/proxy.ts';
import { reflect } from '../../../../src/confd/source/kubernetes/reflector.ts';
import { events, impatientClock, page, peerObject, type Reply, type ScriptedServer, startScripted, status } from './scripted-server.ts';

const PEERS: Watched = {
  id: 'BGPPeer',
  kind: 'BGPPeer',
  apiVersion: 'crd.projectcalico.org/v1',
  path: '/apis/crd.projectcalico.org/v1/bgppeers',
};
const changed = (name: string, version: string): unknown => ({ type: 'MODIFIED', object: peerObject(name, 1, version) });
const bookmark = (resourceVersion: string): unknown => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });
/** Version of an event of which nothing comes. */
const HEARTBEAT = '99';
const listed = (resourceVersion: string): unknown => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } },
});
const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } };

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

interface Run {
  readonly server: ScriptedServer;
  readonly told: readonly string[];
  readonly failures: readonly Failure[];
  readonly waits: readonly number[];
  /** Queries of the watches, in order. */
  watches(): readonly URLSearchParams[];
}

interface RunOptions {
  readonly idleMs?: number;
  /** What a server answers that streams lists. */
  readonly streamed?: readonly Reply[];
  readonly watched?: Watched;
  /** Called in the nth rest of a watch. */
  readonly resting?: (nth: number) => Promise<void>;
  /** Called when news were told of. */
  readonly paused?: () => void | Promise<void>;
}

/** Runs until `lists` and `watches` have no script any more; the request after them is the end. */
async function run(
  lists: readonly Reply[],
  watches: readonly Reply[],
  { idleMs = 90_000, streamed, watched = PEERS, resting, paused }: RunOptions = {},
): Promise<Run> {
  const abort = new AbortController();
  const over: Reply = (_request, response) => {
    abort.abort();
    response.destroy();
  };
  const server = await startScripted(
    (url, nth) => (url.searchParams.has('watch') ? watches : lists)[nth - 1] ?? over,
    streamed === undefined ? undefined : (_url, nth) => streamed[nth - 1] ?? over,
  );
  cleanup.push(() => server.stop());
  const api: Api = createApi(async () => ({ server: server.url, headers: {}, tls: { rejectUnauthorized: true } }), proxySettings({}));
  cleanup.push(() => api.close());
  const impatient = impatientClock();
  const clock: Clock = {
    ...impatient,
    async wait(ms, signal) {
      await impatient.wait(ms, signal);
      if (ms === watched.restMs) await resting?.(impatient.waits.length);
    },
  };
  const told: string[] = [];
  const failures: Failure[] = [];
  await reflect(
    watched,
    { api, clock, random: () => 0, idleMs },
    {
      list: () => ({
        add: (items) => void told.push(`page ${items.length}`),
        remove: () => void told.push('removed'),
        commit: () => void told.push('commit'),
      }),
      event: ({ type, resourceVersion }) => {
        told.push(`${type} ${resourceVersion}`);
        return resourceVersion !== HEARTBEAT;
      },
      pause: () => {
        told.push('pause');
        void paused?.();
      },
      reached: () => void told.push('reached'),
      relisting: () => void told.push('relisting'),
      failed: (failure) => void failures.push(failure),
    },
    abort.signal,
  );
  const queries = (): readonly URLSearchParams[] =>
    server.asked.filter((url) => url.searchParams.has('watch')).map((url) => url.searchParams);
  return { server, told, failures, waits: impatient.waits, watches: queries };
}

describe('list and watch', () => {
  it('lists in pages and watches from the version of the list, with bookmarks', async () => {
    const { server, told, watches } = await run([page([1, 2], '7', 'more'), page([3], '7')], [events([changed('a', '8')])]);
    expect(told.slice(0, 5)).toEqual(['page 2', 'page 1', 'commit', 'reached', 'reached']);
    expect(server.asked.slice(0, 2).map(({ search }) => search)).toEqual(['?limit=150', '?limit=150&continue=more']);
    expect(Object.fromEntries(watches()[0] ?? [])).toEqual({
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
      timeoutSeconds: '240',
    });
  });

  it('goes on from the last event or bookmark, without a wait where the server ended the watch', async () => {
    const { told, watches, waits } = await run(
      [page([], '7')],
      [events([changed('a', '8'), bookmark('20')]), events([{ type: 'DELETED', object: peerObject('a', 1, '21') }])],
    );
    expect(watches().map((query) => query.get('resourceVersion'))).toEqual(['7', '20', '21']);
    expect(told).toContain('deleted 21');
    expect(waits).toEqual([]);
  });

  it('gives up a watch that fell silent after an event, and lets one be silent that never had any', async () => {
    // The clock lets an idle time of a minute pass at once, and none of the time a watch was asked for.
    const { watches, failures } = await run([page([], '7')], [events([changed('a', '8')], 'stays')], { idleMs: 60_000 });
    expect(failures.map(({ message }) => message)).toEqual(['nothing came for too long']);
    expect(watches()[1]?.get('resourceVersion')).toBe('8');
  });

  it('believes no half line where the connection breaks, and resumes after the first wait', async () => {
    const { told, watches, failures, waits } = await run([page([], '7')], [events([changed('a', '8')], 'breaks')]);
    expect(told.filter((line) => line.startsWith('changed'))).toEqual(['changed 8']);
    expect(watches()[1]?.get('resourceVersion')).toBe('8');
    expect(failures.map(({ code }) => code)).toEqual(['DATASTORE_UNREACHABLE']);
    expect(waits).toEqual([800]);
  });

  it.each([
    ['an event', events([gone])],
    ['a status', status(410, 'too old')],
  ])('lists again at once after 410 in %s, and with waits when that goes on', async (_where, reply) => {
    const { told, waits, failures } = await run([page([], '7'), page([], '9'), page([], '11')], [reply, reply]);
    expect(told.filter((line) => line === 'commit')).toHaveLength(3);
    expect(told.filter((line) => line === 'relisting')).toHaveLength(2);
    expect(failures.map(({ code }) => code)).toEqual(['DATASTORE_GONE']);
    expect(waits).toEqual([800]);
  });

  it('begins a list anew where its token has expired', async () => {
    const { server, told } = await run([page([1], '7', 'more'), status(410, 'token expired'), page([1, 2], '8')], []);
    expect(server.asked.slice(0, 3).map(({ search }) => search)).toEqual(['?limit=150', '?limit=150&continue=more', '?limit=150']);
    expect(told.filter((line) => line === 'commit')).toHaveLength(1);
  });

  it('waits longer and longer, and as long as the server asks', async () => {
    const { waits, failures } = await run(
      [status(500, 'a'), status(503, 'b'), status(429, 'c', { 'retry-after': '9' }), status(500, 'd'), page([], '7')],
      [],
    );
    expect(waits).toEqual([800, 1600, 9000, 6400]);
    expect(failures.map(({ message }) => message)).toEqual(['status 500: a', 'status 503: b', 'status 429: c', 'status 500: d']);
  });

  it('begins with short waits again when a server that was away answers, if only to ask for patience', async () => {
    const away: Reply = (request) => request.socket.destroy();
    const { waits } = await run([away, away, away, status(429, 'starting', { 'retry-after': '1' }), page([], '7')], []);
    expect(waits).toEqual([800, 1600, 3200, 1000]);
  });

  it('lists again after three failures of the server with one version: its data may be older than ours', async () => {
    const { told } = await run([page([], '7'), page([], '3')], [status(504, 'x'), status(504, 'x'), status(504, 'x')]);
    expect(told.filter((line) => line === 'commit')).toHaveLength(2);
  });

  it('counts a watch that ends at once and silently as a failure', async () => {
    const { failures, waits } = await run([page([], '7')], [events([])]);
    expect(failures.map(({ message }) => message)).toEqual(['the server ended a watch at once']);
    expect(waits).toEqual([800]);
  });

  it.each([
    ['no JSON', '<html>'],
    ['no list', '{"kind":"Status"}'],
    ['a list without a version', '{"items":[]}'],
  ])('takes %s for a failure', async (_what, text) => {
    const { failures, told } = await run([(_request, response) => response.end(text)], []);
    expect(failures.map(({ message }) => message)).toEqual(['the answer is no list']);
    expect(told).toEqual([]);
  });

  it('takes an event that is none for a failure and goes on from before it', async () => {
    const { failures, watches } = await run([page([], '7')], [events([changed('a', '8'), 'nonsense', changed('a', '9')])]);
    expect(failures.map(({ message }) => message)).toEqual(['an event that is none']);
    expect(watches()[1]?.get('resourceVersion')).toBe('8');
  });

  it('holds no event without bound', async () => {
    const endless: Reply = (_request, response) => void response.writeHead(200).write('x'.repeat(17 * 1024 * 1024));
    const { failures } = await run([page([], '7')], [endless]);
    expect(failures.map(({ message }) => message)).toEqual(['an event of a watch is too long']);
  });
});

describe('a list that is streamed', () => {
  const added = (name: string, version: string): unknown => ({ type: 'ADDED', object: peerObject(name, 1, version) });

  it('ends with its bookmark, and the same stream is then the watch', async () => {
    const { server, told, watches } = await run([], [], {
      streamed: [
        events([
          added('a', '3'),
          bookmark('4'),
          added('b', '2'),
          { type: 'DELETED', object: peerObject('b', 1, '5') },
          listed('7'),
          changed('a', '8'),
        ]),
      ],
    });
    expect(told.slice(0, 6)).toEqual(['page 1', 'page 1', 'removed', 'commit', 'reached', 'changed 8']);
    expect(Object.fromEntries(server.asked[0]?.searchParams ?? [])).toEqual({
      watch: '1',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      resourceVersion: '',
      timeoutSeconds: '240',
    });
    expect(watches()[1]?.get('resourceVersion')).toBe('8');
  });

  it('does not count where it breaks off, begins anew, and comes in pages after the third time', async () => {
    const cut = events([added('a', '3')], 'breaks');
    const { told, failures, waits } = await run([page([1, 2], '9')], [], { streamed: [cut, events([added('a', '3')]), cut] });
    expect(told).toEqual(['page 1', 'page 1', 'page 1', 'page 2', 'commit', 'reached']);
    expect(failures.map(({ message }) => message)).toContain('the server ended a list before its end');
    expect(waits).toHaveLength(3);
  });

  it('waits longer each time it breaks off: a part of a list is no sign of health', async () => {
    const part = events([added('a', '3')]);
    const { waits } = await run([page([1, 2], '9')], [], { streamed: [part, part, part] });
    expect(waits).toEqual([800, 1600, 3200]);
  });

  it('comes in pages, without a wait, where the server does not know of streams', async () => {
    const { told, failures, waits } = await run([page([1], '9')], []);
    expect(told).toEqual(['page 1', 'commit', 'reached']);
    expect([failures, waits]).toEqual([[], []]);
  });

  it('is given up for pages where a server that does not know it sends events and never the bookmark', async () => {
    const silent = events([added('a', '3')], 'stays');
    const { told, failures } = await run([page([1, 2], '9')], [], { streamed: [silent], idleMs: 60_000 });
    expect(failures.map(({ message }) => message)).toEqual(['nothing came for too long']);
    expect(told.slice(-3)).toEqual(['page 2', 'commit', 'reached']);
  });

  it.each([429, 500, 503])('is asked for again after status %i', async (code) => {
    const { server, told, waits } = await run([], [], {
      streamed: [status(code, 'patience', { 'retry-after': '2' }), events([listed('7')])],
    });
    expect(told).toEqual(['commit', 'reached']);
    expect(server.asked[1]?.searchParams.get('sendInitialEvents')).toBe('true');
    expect(waits[0]).toBe(2000);
  });

  it('comes again after 410, with waits when that goes on', async () => {
    const { told, waits } = await run([], [], {
      streamed: [events([listed('7'), gone]), events([listed('8'), gone]), events([listed('9')])],
    });
    expect(told.filter((line) => line === 'relisting')).toHaveLength(2);
    expect(waits[0]).toBe(800);
  });
});

describe('heartbeats', () => {
  const watched = { ...PEERS, restMs: 500 };

  it('are rested after, and all that came meanwhile is read at once: a watch does not fall behind', async () => {
    const beats = Array.from({ length: 40 }, () => `${JSON.stringify(changed('a', HEARTBEAT))}\n`);
    const stream: { answer?: ServerResponse } = {};
    const busy: Reply = (_request, response) => {
      stream.answer = response;
      response.writeHead(200).write(beats[0]);
    };
    const still = await run([page([], '7')], [busy], {
      watched,
      async resting(nth) {
        if (nth > 1) stream.answer?.end();
        // Each one by itself, as a server writes them.
        else for (const beat of beats.slice(1)) await new Promise<void>((resolve) => stream.answer?.write(beat, () => resolve()));
      },
    });
    expect(still.told.filter((line) => line === `changed ${HEARTBEAT}`)).toHaveLength(40);
    expect(still.waits).toEqual([500, 500]);
    expect(still.told).not.toContain('pause');
  });

  it('are no reason to keep news waiting that came with them', async () => {
    const news = await run([page([], '7')], [events([changed('a', HEARTBEAT), changed('a', '100')])], { watched });
    expect(news.waits).toEqual([]);
    expect(news.told).toContain('pause');
  });

  it('are rested after again once there was news, and not before they are whole', async () => {
    const beat = JSON.stringify(changed('a', HEARTBEAT));
    const stream: { answer?: ServerResponse } = {};
    const begins: Reply = (_request, response) => {
      stream.answer = response;
      response.writeHead(200).write(`${JSON.stringify(changed('a', '100'))}\n`);
    };
    const { waits, told } = await run([page([], '7')], [begins], {
      watched,
      async paused() {
        stream.answer?.write(beat);
        for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => void setImmediate(resolve));
        stream.answer?.write('\n');
      },
      resting: async () => void stream.answer?.end(),
    });
    expect(waits).toEqual([500]);
    expect(told).toContain(`changed ${HEARTBEAT}`);
  });

  it('of a list are read without a rest', async () => {
    const items = Array.from({ length: 5 }, (_, index) => ({ type: 'ADDED', object: peerObject(`n${index}`, 1, '3') }));
    const { waits, told } = await run([], [], { watched, streamed: [events([...items, listed('7')])] });
    expect(told.at(-1)).toBe('reached');
    expect(waits).not.toContain(watched.restMs);
  });
});
