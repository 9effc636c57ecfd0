/** Routes as pages, as one document and as lines; a dump that breaks off; a reader that does not read. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ROUTE_PAGE } from '../../../src/health/limits.ts';
import { createServer } from '../../../src/health/server/server.ts';
import type { SpeakerAnswer, SpeakerQuery } from '../../../src/health/status.ts';
import { type Reply, route, runningWorld, type World } from '../fixtures.ts';
import { schemaChecks } from './schema-check.ts';

const check = await schemaChecks();

/** A speaker with `size` IPv4 routes and 3 of IPv6; cursors are indexes. */
function table(size: number): (query: SpeakerQuery) => Reply<SpeakerAnswer> {
  return (query) => {
    if (query.kind !== 'routes') return 'silence';
    const total = query.family === 'ipv4-unicast' ? size : 3;
    const end = Math.min(query.cursor + query.limit, total);
    const routes = Array.from({ length: end - query.cursor }, (_, i) => {
      const n = query.cursor + i;
      return route(query.family === 'ipv4-unicast' ? `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32` : `2001:db8::${n}/128`);
    });
    return { kind: 'routes', routes, next: end < total ? end : null };
  };
}

async function inject(at: World, url: string, accept = '*/*') {
  const app = createServer(at, 'everything');
  const answer = await app.inject({ url, headers: { accept } });
  await app.close();
  return { status: answer.statusCode, type: String(answer.headers['content-type']), body: answer.body };
}

describe('a whole table', () => {
  it('is one document of both families', async () => {
    const at = runningWorld({ speaker: table(1000) });
    const document = JSON.parse((await inject(at, '/api/v1/routes')).body);
    expect(check('Routes', document)).toEqual([]);
    expect([document.routes.length, new Set(document.routes.map((r: { prefix: string }) => r.prefix)).size, document.next]).toEqual([
      1003,
      1003,
      null,
    ]);
    expect(at.asked.speaker.every((query) => query.kind === 'routes' && query.limit <= ROUTE_PAGE)).toBe(true);
  });

  it.each([
    ['/api/v1/routes?format=jsonl', '*/*'],
    ['/api/v1/routes', 'application/jsonl'],
    ['/api/v1/routes', 'application/x-ndjson'],
  ])('is lines: %s with Accept %s', async (url, accept) => {
    const { body, type } = await inject(runningWorld({ speaker: table(600) }), url, accept);
    const lines = body
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect([type, lines.length]).toEqual(['application/jsonl; charset=utf-8', 603]);
    expect(lines.flatMap((line) => check('Route', line))).toEqual([]);
  });

  it('may be empty', async () => {
    const at = runningWorld({ speaker: () => ({ kind: 'routes', routes: [], next: null }) });
    expect(JSON.parse((await inject(at, '/api/v1/routes')).body).routes).toEqual([]);
    expect((await inject(at, '/api/v1/routes?format=jsonl')).body).toBe('');
  });
});

describe('pages', () => {
  it('follow each other without gap or repetition, across families', async () => {
    const at = runningWorld({ speaker: table(700) });
    const seen: string[] = [];
    let cursor: string | null = '';
    let pages = 0;
    while (cursor !== null && pages < 20) {
      const answer = await inject(at, `/api/v1/routes?limit=300${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const document: { routes: { prefix: string }[]; next: string | null } = JSON.parse(answer.body);
      expect(document.routes.length).toBeLessThanOrEqual(300);
      seen.push(...document.routes.map(({ prefix }) => prefix));
      cursor = document.next;
      pages += 1;
    }
    expect([seen.length, new Set(seen).size, pages]).toEqual([703, 703, 3]);
  });

  it.each<[string, Partial<SpeakerQuery>]>([
    ['family=ipv6-unicast', { family: 'ipv6-unicast' }],
    ['prefix=2001:db8::/32', { family: 'ipv6-unicast', prefix: '2001:db8::/32', view: 'best' }],
    ['view=received&peer=192.0.2.1&family=ipv4-unicast', { view: 'received', peer: 'Global_192_0_2_1', family: 'ipv4-unicast' }],
    ['view=all&prefix=10.0.0.0/8&limit=5', { view: 'all', prefix: '10.0.0.0/8', limit: 5 }],
  ])('%s asks the speaker just that', async (query, asked) => {
    const at = runningWorld({ speaker: table(3) });
    expect((await inject(at, `/api/v1/routes?${query}`)).status).toBe(200);
    expect(at.asked.speaker.length).toBe(1);
    expect(at.asked.speaker[0]).toMatchObject({ kind: 'routes', cursor: 0, ...asked });
  });
});

describe('a dump that breaks off', () => {
  const breaking = (): World => {
    const answer = table(1000);
    return runningWorld({
      speaker: (query) =>
        query.kind === 'routes' && query.cursor > 300 ? { fault: { code: 'unavailable', message: 'gone' } } : answer(query),
    });
  };

  it('says so in the document, with the cursor to go on from', async () => {
    const document = JSON.parse((await inject(breaking(), '/api/v1/routes')).body);
    expect(check('Routes', document)).toEqual([]);
    expect([document.routes.length, document.next, document.error]).toEqual([
      512,
      '0.512',
      { code: 'UNAVAILABLE', message: 'gone', thread: 'speaker' },
    ]);
  });

  it('says so in the last line', async () => {
    const lines = (await inject(breaking(), '/api/v1/routes?format=jsonl')).body.split('\n');
    expect(JSON.parse(lines.at(-2) ?? '')).toEqual({ error: { code: 'UNAVAILABLE', message: 'gone', thread: 'speaker' } });
    expect(lines.length).toBe(514);
  });
});

/** Resolves when `read` has given the same value for `quietMs`. */
async function settled(read: () => number, quietMs: number): Promise<number> {
  let last = read();
  let since = Date.now();
  while (Date.now() - since < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (read() !== last) since = Date.now();
    last = read();
  }
  return last;
}

describe('over a real socket', () => {
  const size = 100_000;

  it('a client that does not read stops the dump; when it reads, it gets every route', async () => {
    const at = runningWorld({ speaker: table(size) });
    const app = createServer(at, 'everything');
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const client = connect({ host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 });
    client.pause();
    client.write('GET /api/v1/routes?format=jsonl&family=ipv4-unicast HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const pages = await settled(() => at.asked.speaker.length, 300);
    // What the kernel buffers between the two ends takes up is out of our hands; the rest of the dump must not have been asked for.
    expect(pages).toBeGreaterThan(1);
    expect(pages).toBeLessThan(size / ROUTE_PAGE / 2);
    let routes = 0;
    for await (const chunk of client) routes += chunk.toString('latin1').split('"prefix":').length - 1;
    // A name cut in two by a chunk's end is missed by this count.
    expect(routes).toBeGreaterThan(size * 0.99);
    expect(at.asked.speaker.length).toBe(Math.ceil(size / ROUTE_PAGE));
    await app.close();
  });

  it('a client that leaves ends the dump', async () => {
    const at = runningWorld({ speaker: table(10_000_000) });
    const app = createServer(at, 'everything');
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const client = connect({ host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 });
    client.write('GET /api/v1/routes?format=jsonl HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => client.once('data', resolve));
    client.destroy();
    const pages = await settled(() => at.asked.speaker.length, 300);
    expect(pages).toBeLessThan(10_000_000 / ROUTE_PAGE / 10);
    await app.close();
  });
});
