/** The debug server over real HTTP, with a worker beside the main thread. */
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DebugServer, startDebugServer } from '../../src/debug/server.ts';

const state: { server?: DebugServer; worker?: Worker } = {};

beforeAll(async () => {
  state.server = await startDebugServer({ host: '127.0.0.1', port: 0, directory: tmpdir(), queues: () => ({ changes: 7 }) });
  const worker = new Worker('setInterval(() => { for (let i = 0; i < 1e5; i += 1); }, 5)', { eval: true, name: 'speaker' });
  state.worker = worker;
  await new Promise<void>((resolve) => worker.once('online', resolve));
});

afterAll(async () => {
  await state.server?.stop();
  await state.worker?.terminate();
});

function ask(path: string, options: { readonly method?: string; readonly headers?: Record<string, string> } = {}) {
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    request({ host: '127.0.0.1', port: state.server?.port, path, ...options }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }));
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
const document = async (path: string): Promise<unknown> => JSON.parse((await ask(path)).body);

describe('the debug server', () => {
  it('tells how busy each thread is, and the queues', async () => {
    expect(await document('/debug/threads')).toMatchObject({
      schema: 'linnet.debug-threads/v1',
      queues: { changes: 7 },
      threads: expect.arrayContaining([
        expect.objectContaining({ name: 'main', heapUsed: expect.any(Number) }),
        expect.objectContaining({ name: 'speaker', utilization: expect.any(Number) }),
      ]),
    });
  });

  it.each(['main', 'speaker'])('takes a CPU profile of %s', async (thread) => {
    const profile = await document(`/debug/profile?thread=${thread}&seconds=0.2`);
    expect(profile).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array) });
  });

  it('takes a heap snapshot of a worker', async () => {
    const snapshot = await document('/debug/heap?thread=speaker');
    expect(snapshot).toMatchObject({ snapshot: { node_count: expect.any(Number) } });
  });

  it.each([
    ['/debug/heap?thread=nobody', {}, 404],
    ['/debug/profile?seconds=0', {}, 400],
    ['/debug/profile?seconds=301', {}, 400],
    ['/elsewhere', {}, 404],
    ['/debug/threads', { method: 'POST' }, 405],
    ['/debug/threads', { headers: { host: 'evil.example' } }, 403],
    ['/debug/threads', { headers: { origin: 'http://127.0.0.1' } }, 403],
  ])('refuses %s %o', async (path, options, status) => {
    expect((await ask(path, options)).status).toBe(status);
  });

  it('answers one question at a time', async () => {
    const [first, second] = await Promise.all([ask('/debug/profile?seconds=0.3'), ask('/debug/threads')]);
    expect([first?.status, second?.status].sort()).toEqual([200, 409]);
  });

  it('says which address cannot be had', async () => {
    const taken = startDebugServer({ host: '127.0.0.1', port: state.server?.port ?? 0, directory: tmpdir(), queues: () => ({}) });
    await expect(taken).rejects.toThrow('EADDRINUSE');
  });
});
