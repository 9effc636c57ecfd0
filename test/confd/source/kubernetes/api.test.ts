/** What the API client makes of refusals, and of answers that never begin or end. */
import { afterEach, describe, expect, it } from 'vitest';
import { createApi } from '../../../../src/confd/source/kubernetes/api.ts';
import { proxySettings } from '../../../../src/confd/source/kubernetes/proxy.ts';
import { type Reply, startScripted, status } from './scripted-server.ts';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

/** A refusal whose text is never whole. */
const half: Reply = (_request, response) => void response.writeHead(503).write('{"kind":"Status"');

const none: Reply = () => undefined;

async function ask(what: 'get' | 'stream', reply: Reply, answerMs: number): Promise<unknown> {
  const server = await startScripted(() => reply);
  cleanup.push(() => server.stop());
  const connection = { server: server.url, headers: {}, tls: { rejectUnauthorized: true } };
  const api = createApi(async () => connection, proxySettings({}), { connectMs: 10_000, answerMs, idleMs: 10_000 });
  cleanup.push(() => api.close());
  return api[what]('/x', new AbortController().signal);
}

describe.each(['get', 'stream'] as const)('the API client: %s', (what) => {
  it.each([
    ['a refusal that does not end', half],
    ['an answer that does not begin', none],
  ])('gives up %s', async (_what, reply) => {
    expect(await ask(what, reply, 100)).toMatchObject({ ok: false, failure: { code: 'DATASTORE_UNREACHABLE' } });
  });

  it.each([
    ['7', 7],
    ['', 0],
    ['-3', 0],
    ['Wed, 21 Oct 2099 07:28:00 GMT', 0],
  ])('waits as long as Retry-After says where it is a number: %j', async (text, seconds) => {
    const answer = await ask(what, status(429, 'patience', { 'retry-after': text }), 10_000);
    expect(answer).toMatchObject({ ok: false, failure: { retryAfter: seconds, message: 'status 429: patience' } });
  });
});
