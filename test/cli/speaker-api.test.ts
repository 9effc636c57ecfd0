/** The answers of a bare speaker: the filters of the daemon's interface, and a dump that waits for its reader and for the sockets. */
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { SpeakerRouteQuery } from 'bgp-ts';
import { describe, expect, it } from 'vitest';
import { createSpeakerApi } from '../../src/cli/speaker-api.ts';
import { ROUTE_PAGE } from '../../src/health/limits.ts';
import type { RouteJson, RoutesDocument } from '../../src/health/status.ts';
import { peer, route, World } from '../bgp/speaker/world.ts';

/** 1 is asked; 2 and 3 are its clients and announce one route each, and 1 has `count` of its own. */
function setup(count: number) {
  const world = new World();
  const own = Array.from({ length: count }, (_, n) => route(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`));
  const live = world.add(1, [peer(2, { reflectorClient: true, passive: true }), peer(3, { reflectorClient: true, passive: true })], {
    routes: own,
  });
  world.add(2, [peer(1)], { routes: [route('192.0.2.0/24')] });
  world.add(3, [peer(1)], { routes: [route('198.51.100.0/24')] });
  world.network.advance(5_000);
  const asked: { query: SpeakerRouteQuery; limit: number; turn: number }[] = [];
  const counted = { turns: 0 };
  const api = createSpeakerApi({
    status: live.status,
    explain: live.explain,
    routes: (query, cursor, limit) => {
      asked.push({ query, limit, turn: counted.turns });
      return live.routes(query, cursor, limit);
    },
  });
  const ask = async (path: string, words = ''): Promise<{ status: number; text: string }> => {
    const answer = await api.get(path, new URLSearchParams(words), '');
    if (answer === undefined) throw new Error(`no answer to ${path}`);
    let text = '';
    for await (const piece of typeof answer.body === 'string' ? [answer.body] : answer.body) text += piece;
    return { status: answer.status, text };
  };
  const routes = async (words: string): Promise<string[]> => {
    const { text } = await ask('/api/v1/routes', words);
    const document: RoutesDocument = JSON.parse(text);
    return document.routes.map(({ prefix, from }) => `${prefix} ${from}`);
  };
  return { api, ask, routes, asked, counted };
}

describe('the answers of a bare speaker', () => {
  it.each([
    ['', ['10.0.0.0/32 local', '192.0.2.0/24 p2', '198.51.100.0/24 p3']],
    ['view=best&family=ipv6-unicast', []],
    ['prefix=192.0.2.0/24', ['192.0.2.0/24 p2']],
    ['view=received&peer=p3', ['198.51.100.0/24 p3']],
    ['view=received&peer=10.0.0.2', ['192.0.2.0/24 p2']],
    ['view=advertised&peer=p2', ['10.0.0.0/32 local', '198.51.100.0/24 p3']],
    ['view=advertised&peer=p2&prefix=198.51.100.0/24', ['198.51.100.0/24 p3']],
    ['view=all&limit=1', ['10.0.0.0/32 local']],
  ])('routes: %s', async (words, expected) => {
    expect((await setup(1).routes(words)).sort()).toEqual(expected);
  });

  it.each([
    ['view=received', 400, 'the view received needs a peer'],
    ['view=received&peer=p9', 404, 'there is no peer p9'],
    ['prefix=10.0.0.1/24', 400, 'is not a prefix without host bits'],
    ['family=ipv5', 400, 'ipv5 is no family'],
    ['format=xml', 400, 'xml is no format'],
    ['limit=0', 400, 'limit must be an integer from 1 to'],
    ['peers=p2', 400, 'peers is no parameter'],
    ['cursor=x', 400, 'the cursor is not of this query'],
  ])('refuse %s', async (words, status, message) => {
    const answer = await setup(0).ask('/api/v1/routes', words);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(message)]);
  });

  it('pages go on from their cursor, and lines are routes', async () => {
    const { ask, routes } = setup(700);
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const document: RoutesDocument = JSON.parse(
        (await ask('/api/v1/routes', `limit=300${cursor === '' ? '' : `&cursor=${cursor}`}`)).text,
      );
      expect(document.routes.length).toBeLessThanOrEqual(300);
      found.push(...document.routes.map(({ prefix, from }) => `${prefix} ${from}`));
      cursor = document.next;
    }
    expect(found).toEqual(await routes(''));
    const lines = (await ask('/api/v1/routes', 'format=jsonl')).text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as RouteJson).prefix)).toEqual(found.map((text) => text.split(' ')[0]));
  });

  it('explain says what each peer was told, and metrics count the sessions', async () => {
    const { ask } = setup(1);
    expect(JSON.parse((await ask('/api/v1/explain', 'prefix=192.0.2.0/24&peer=p3')).text)).toMatchObject({
      verdict: 'advertised',
      peers: [{ peer: 'p3', verdict: 'advertised' }],
    });
    expect((await ask('/metrics')).text).toContain('linnet_bgp_sessions{type="ibgp",state="established"} 2');
  });

  it('a dump is read a page at a time, with a turn of the loop before each', async () => {
    const { ask, asked, counted } = setup(10_000);
    let done = false;
    const turns = (async () => {
      for (; !done; counted.turns++) await turn();
    })();
    const { text } = await ask('/api/v1/routes', 'format=jsonl');
    done = true;
    await turns;
    expect(text.trimEnd().split('\n')).toHaveLength(10_002);
    expect(asked.length).toBe(Math.ceil(10_002 / ROUTE_PAGE) + 1);
    expect(Math.max(...asked.map(({ limit }) => limit))).toBe(ROUTE_PAGE);
    // Whoever waits in the loop has had a turn between any two pages.
    for (const [index, one] of asked.entries()) if (index > 0) expect(one.turn).toBeGreaterThan(asked[index - 1]?.turn ?? Infinity);
  });

  it('who does not read is not read for', async () => {
    const { api, asked } = setup(60_000);
    const server = createServer((_request, response) => {
      void api.get('/api/v1/routes', new URLSearchParams('format=jsonl'), '')?.then(async ({ body }) => {
        await pipeline(Readable.from(body, { highWaterMark: 1 }), response).catch(() => undefined);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const reader = get({ host: '127.0.0.1', port, agent: false });
    await new Promise<void>((resolve) => reader.once('response', (response) => response.pause() && resolve()));
    // The buffers of both sockets are full when nothing more is asked for over many turns.
    for (let still = 0, last = -1; still < 200; still = asked.length === last ? still + 1 : 0) {
      last = asked.length;
      await turn();
    }
    expect(asked.length).toBeLessThan(60_000 / ROUTE_PAGE);
    reader.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
