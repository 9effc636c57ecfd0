/** The real thing: a health worker, a main thread and a speaker thread, each of which is really blocked in turn. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import type { HealthOptions, QueryMessage, SpeakerMessage, SpeakerQuery } from '../../src/health/status.ts';
import { builtThread } from './built.ts';
import { mainPush, peer, route, speakerPush } from './fixtures.ts';

const url = builtThread();
const { startHealthThread }: typeof import('../../src/health/thread.ts') = await import(url);
const directory = mkdtempSync(join(tmpdir(), 'linnet-thread-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const listen = { api: { address: '127.0.0.1', port: 0 }, socket: null, metrics: null };
const start = (options: HealthOptions = { listen }) =>
  startHealthThread(options, {
    answer: async (query) =>
      query.kind === 'desired'
        ? { ok: true, answer: { kind: 'desired', version: 1, text: '{}\n' } }
        : { ok: false, fault: { code: 'not-found', message: 'no' } },
    failed: (error) => {
      throw error;
    },
  });

/** Polls until the answer satisfies; the last one otherwise. */
async function until<Value>(read: () => Promise<Value>, wanted: (value: Value) => boolean, withinMs: number): Promise<Value> {
  const end = Date.now() + withinMs;
  let value = await read();
  while (!wanted(value) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    value = await read();
  }
  return value;
}

interface Probe {
  readonly status: number;
  readonly ms: number;
  readonly message: string;
}

async function probe(base: string, path = '/livez'): Promise<Probe> {
  const begun = performance.now();
  const response = await fetch(base + path);
  const { message } = JSON.parse(await response.text());
  return { status: response.status, ms: performance.now() - begun, message };
}

/**
 * A thread that starts a health thread of its own as main does, pushes every second, and blocks itself on request without
 * using the CPU.
 */
const mainSource = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData.url).then(async ({ startHealthThread }) => {
  const health = await startHealthThread(workerData.options, { answer: async () => ({ ok: false, fault: { code: 'internal', message: '' } }), failed: (error) => { throw error; } });
  const push = () => health.push({ ...workerData.push, pushedAt: Date.now() });
  push();
  setInterval(push, 1000);
  parentPort.on('message', async (message) => {
    if (message.block) parentPort.postMessage('blocked'), Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.block);
    else { await health.stop(); process.exit(0); }
  });
  parentPort.postMessage(health.listening[0].text);
});`;

/** A thread that pushes like the speaker, answers queries, and runs in circles on request: no event of it is served meanwhile. */
const speakerSource = `
const { parentPort, workerData } = require('node:worker_threads');
let port;
const push = () => port.postMessage({ type: 'push', push: { ...workerData.push, pushedAt: Date.now() } });
parentPort.on('message', (message) => {
  if (message.port) {
    port = message.port;
    port.on('message', ({ id }) => port.postMessage({ type: 'answer', id, answer: { kind: 'routes', routes: [], next: null } }));
    push();
    setInterval(push, 1000);
  } else {
    parentPort.postMessage('blocked');
    for (const end = Date.now() + message.block; Date.now() < end; );
  }
});`;

/** Blocks a thread for 7 s; resolves when it has begun. */
function block(worker: Worker): Promise<unknown> {
  const begun = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage({ block: 7000 });
  return begun;
}

describe('stalls', () => {
  it.concurrent('a main thread that stands still is named within 7 s, and forgiven when it is back', { timeout: 30_000 }, async () => {
    const options: HealthOptions = { listen, threads: ['main'] };
    const main = new Worker(mainSource, { eval: true, workerData: { url, options, push: mainPush() } });
    const base = await new Promise<string>((resolve, reject) => main.once('message', resolve).once('error', reject));
    expect(
      await until(
        () => probe(base),
        ({ status }) => status === 200,
        2000,
      ),
    ).toMatchObject({ status: 200 });
    await block(main);
    const failed = await until(
      () => probe(base),
      ({ status }) => status === 503,
      7000,
    );
    expect(failed.message).toMatch(/^calico\/node is not live: the main thread is stalled: no sign of life for [5-7]\.\d s$/);
    expect(failed.ms).toBeLessThan(1000);
    const desired = await fetch(`${base}/api/v1/desired`);
    expect([desired.status, await desired.json()]).toMatchObject([503, { error: { code: 'THREAD_STALLED', thread: 'main' } }]);
    expect(
      await until(
        () => probe(base),
        ({ status }) => status === 200,
        6000,
      ),
    ).toMatchObject({ status: 200 });
    main.postMessage({});
    await new Promise((resolve) => main.once('exit', resolve));
  });

  it.concurrent('a speaker that runs in circles is named within 7 s, and forgiven when it is back', { timeout: 30_000 }, async () => {
    const health = await start();
    const base = health.listening[0]?.text ?? '';
    const beat = setInterval(() => health.push(mainPush()), 500);
    const speaker = new Worker(speakerSource, { eval: true, workerData: { push: speakerPush([peer('Global_192_0_2_1')]) } });
    const port = health.connectSpeaker();
    speaker.postMessage({ port }, [port]);
    expect(
      await until(
        () => probe(base, '/readyz'),
        ({ status }) => status === 200,
        5000,
      ),
    ).toMatchObject({ status: 200, message: 'ok' });
    expect((await fetch(`${base}/api/v1/routes`)).status).toBe(200);
    await block(speaker);
    // Not stalled yet, and silent: the query ends in a timeout that names the thread.
    const early = await fetch(`${base}/api/v1/routes`);
    expect([early.status, await early.json()]).toMatchObject([504, { error: { code: 'QUERY_TIMEOUT', thread: 'speaker' } }]);
    const failed = await until(
      () => probe(base),
      ({ status }) => status === 503,
      6000,
    );
    expect(failed.message).toContain('the speaker thread is stalled');
    expect(failed.ms).toBeLessThan(1000);
    expect((await fetch(`${base}/api/v1/peers`)).status).toBe(503);
    expect(await (await fetch(`${base}/metrics`)).text()).toContain(
      'linnet_bgp_session_up{peer="Global_192_0_2_1",peer_as="64512",type="ibgp"} 0\n',
    );
    expect(
      await until(
        () => probe(base, '/readyz'),
        ({ status }) => status === 200,
        6000,
      ),
    ).toMatchObject({ status: 200 });
    clearInterval(beat);
    await speaker.terminate();
    await health.stop();
  });
});

describe('the thread', () => {
  it('passes pushes and queries both ways', async () => {
    const health = await start();
    const base = health.listening[0]?.text ?? '';
    health.push(mainPush());
    const port = health.connectSpeaker();
    const say = (message: SpeakerMessage): void => port.postMessage(message);
    port.on('message', ({ id, query }: QueryMessage<SpeakerQuery>) => {
      if (query.kind === 'routes')
        say({
          type: 'answer',
          id,
          answer: { kind: 'routes', routes: query.family === 'ipv4-unicast' ? [route('10.0.0.0/8')] : [], next: null },
        });
    });
    say({ type: 'push', push: speakerPush([peer('a')]) });
    await until(
      () => probe(base, '/readyz'),
      ({ status }) => status === 200,
      2000,
    );
    expect(await (await fetch(`${base}/api/v1/desired`)).text()).toBe('{}\n');
    expect(await (await fetch(`${base}/api/v1/routes`)).json()).toMatchObject({ routes: [{ prefix: '10.0.0.0/8' }] });
    port.close();
    await health.stop();
  });

  it('forgets what a replaced speaker said', async () => {
    const health = await start();
    const base = health.listening[0]?.text ?? '';
    health.push(mainPush());
    const ready = (): Promise<Probe> => probe(base, '/readyz');
    const first = health.connectSpeaker();
    first.postMessage({ type: 'push', push: speakerPush([peer('old')]) });
    await until(ready, ({ status }) => status === 200, 2000);
    const second = health.connectSpeaker();
    expect((await until(ready, ({ status }) => status === 503, 2000)).message).toContain('its sessions are not reported yet');
    first.postMessage({ type: 'push', push: speakerPush([peer('old')]) });
    second.postMessage({ type: 'push', push: speakerPush([peer('new')]) });
    await until(ready, ({ status }) => status === 200, 2000);
    const { peers } = JSON.parse(await (await fetch(`${base}/api/v1/peers`)).text());
    expect(peers.map(({ id }: { id: string }) => id)).toEqual(['new']);
    first.close();
    second.close();
    await health.stop();
  });

  it('tells its owner when it dies, and can still be stopped', async () => {
    let resolveDied: (error: Error) => void = () => undefined;
    const died = new Promise<Error>((resolve) => {
      resolveDied = resolve;
    });
    const health = await startHealthThread(
      { listen },
      { answer: async () => ({ ok: false, fault: { code: 'internal', message: '' } }), failed: resolveDied },
    );
    // A push that breaks the contract is a bug of ours: it ends the thread.
    health.push(JSON.parse('{}'));
    expect(await died).toBeInstanceOf(TypeError);
    await health.stop();
  });

  it('says why it cannot listen, and starts nothing', async () => {
    const health = await start();
    const port = health.listening[0]?.port ?? 0;
    const again = start({ listen: { ...listen, api: { address: '127.0.0.1', port } } });
    await expect(again).rejects.toMatchObject({
      name: 'HealthStartError',
      code: 'HEALTH_LISTEN',
      message: `api listener 127.0.0.1:${port}: the address is taken by another process (EADDRINUSE)`,
    });
    await expect(start({ listen: { ...listen, api: { address: '0.0.0.0', port: 0 } } })).rejects.toMatchObject({ code: 'HEALTH_CONFIG' });
    await health.stop();
  });

  it('stops twice, and leaves no socket behind', async () => {
    const path = join(directory, 'linnet.sock');
    const health = await start({ listen: { api: null, socket: path, metrics: null } });
    expect(statSync(path).isSocket()).toBe(true);
    await Promise.all([health.stop(), health.stop()]);
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('stops at once while clients hold connections', async () => {
    const health = await start();
    const port = health.listening[0]?.port ?? 0;
    const half = connect({ host: '127.0.0.1', port });
    half.write('GET /livez HTTP/1.1\r\n');
    const idle = await fetch(`http://127.0.0.1:${port}/livez`);
    expect(idle.status).toBe(200);
    const closed = new Promise((resolve) => half.once('close', resolve).once('error', resolve));
    const begun = performance.now();
    await health.stop();
    expect(performance.now() - begun).toBeLessThan(1500);
    await closed;
  });
});
