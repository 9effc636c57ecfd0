/** What the API client makes of answers that never end. */
import { afterEach, describe, expect, it } from 'vitest';
import { createApi } from '../../../../src/confd/source/kubernetes/api.ts';
import { proxySettings } from '../../../../src/confd/source/kubernetes/proxy.ts';
import { type Reply, startScripted } from './scripted-server.ts';

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

/** A refusal whose text is never whole. */
const half: Reply = (_request, response) => void response.writeHead(503).write('{"kind":"Status"');

describe('the API client', () => {
  it.each(['get', 'stream'] as const)('gives up a refusal that does not end: %s', async (what) => {
    const server = await startScripted(() => half);
    cleanup.push(() => server.stop());
    const connection = { server: server.url, headers: {}, tls: { rejectUnauthorized: true } };
    const api = createApi(async () => connection, proxySettings({}), { connectMs: 10_000, answerMs: 100, idleMs: 10_000 });
    cleanup.push(() => api.close());
    const answer = await api[what]('/x', new AbortController().signal);
    expect(answer).toMatchObject({ ok: false, failure: { code: 'DATASTORE_UNREACHABLE' } });
  });
});
