/** The health thread as it is shipped: probes, the socket, moving, and a main thread that is blocked. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentFigures } from '../../../node-agent/health/figures.ts';
import type { HealthThread } from '../../../node-agent/health/thread.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const url = new URL('../../../dist/node-agent/health/thread.js', import.meta.url).href;

/** A worker needs compiled files; built again where a source is newer (`npm test` has built already). */
function build(): void {
  const sources = readdirSync(join(root, 'node-agent/health')).filter((name) => name.endsWith('.ts'));
  const isOld = (name: string): boolean => {
    const output = join(root, 'dist/node-agent/health', name.replace(/\.ts$/, '.js'));
    return !existsSync(output) || statSync(output).mtimeMs < statSync(join(root, 'node-agent/health', name)).mtimeMs;
  };
  if (sources.some(isOld)) spawnSync('npx', ['tsc', '-b', 'node-agent'], { cwd: root });
}

const FIGURES: AgentFigures = {
  ...{ version: '1', node: 'n1', inSync: true, devices: { 'vxlan-v4': 1450 }, podMtu: 1450, vteps: { ipv4: 2, ipv6: 0 }, routes: {} },
  ...{ serviceLoops: 0, issues: { error: 0, warning: 0 }, parts: {}, applies: { done: 1, failed: 0 }, losses: 0, suppressedLines: 0 },
  loop: { meanMs: 0, p99Ms: 0, maxMs: 0 },
};
const report = (name: string, ready: boolean) => ({ name, live: true, ready, detail: ready ? '' : 'waiting' });

let directory: string;
let health: HealthThread | undefined;
const heard: (string | undefined)[] = [];
beforeAll(build, 60_000);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-health-'));
  heard.length = 0;
});
afterEach(async () => {
  await health?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function start(port: number): Promise<HealthThread> {
  const { startHealth }: typeof import('../../../node-agent/health/thread.ts') = await import(url);
  health = await startHealth(
    { listen: { host: '127.0.0.1', port }, socket: join(directory, 'agent.sock'), reporters: ['main', 'dataplane'] },
    { listening: (address, refused) => void heard.push(refused ?? address ?? 'nowhere'), failed: (error) => heard.push(error.message) },
  );
  return health;
}

function ask(options: RequestOptions): Promise<{ readonly status: number; readonly text: string; readonly answer: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent: false, ...options }, (answer) => {
      let text = '';
      answer.on('data', (piece: Buffer) => (text += piece.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, answer }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function eventually(look: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 400 && !(await look()); turn++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(await look()).toBe(true);
}

describe('the health thread', () => {
  it('answers probes with a table, 503 until everybody is ready, and the status on its socket alone', async () => {
    const port = await freePort();
    const thread = await start(port);
    const at = (path: string, more: RequestOptions = {}) => ask({ host: '127.0.0.1', port, path, ...more });
    expect(await at('/readiness')).toMatchObject({ status: 503 });
    thread.push({ reports: [report('main', true), report('dataplane', false)], figures: FIGURES, status: '{"a":1}' });
    await eventually(async () => (await at('/readiness')).text.includes('waiting'));
    expect((await at('/readiness')).status).toBe(503);
    expect((await at('/liveness')).status).toBe(200);
    thread.push({ reports: [report('dataplane', true)], figures: FIGURES });
    await eventually(async () => (await at('/readiness')).status === 200);
    expect((await at('/metrics')).text).toContain('linnet_agent_device_mtu{device="vxlan-v4"} 1450\n');
    expect((await at('/status')).status).toBe(404);
    expect((await at('/readiness', { method: 'POST' })).status).toBe(405);
    const socketPath = join(directory, 'agent.sock');
    expect((await ask({ socketPath, path: '/status' })).text).toBe('{"a":1}\n');
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  });

  it('moves, stays away from a taken port with a word, and leaves no socket behind', async () => {
    const [first, second] = [await freePort(), await freePort()];
    const thread = await start(first);
    thread.listen({ host: '127.0.0.1', port: second });
    await eventually(() => Promise.resolve(heard.length === 1));
    expect((await ask({ host: '127.0.0.1', port: second, path: '/liveness' })).status).toBe(200);
    await expect(ask({ host: '127.0.0.1', port: first, path: '/liveness' })).rejects.toThrow();
    const holder = createServer();
    await new Promise<void>((resolve) => void holder.listen(first, '127.0.0.1', resolve));
    thread.listen({ host: '127.0.0.1', port: first });
    await eventually(() => Promise.resolve(heard.length === 2));
    expect(heard).toEqual([`127.0.0.1:${second}`, `127.0.0.1:${first}: EADDRINUSE`]);
    thread.listen(null);
    await eventually(() => Promise.resolve(heard.length === 3));
    await new Promise<void>((resolve) => void holder.close(() => resolve()));
    await thread.stop();
    expect(existsSync(join(directory, 'agent.sock'))).toBe(false);
  });

  it('says that main is blocked while it is', async () => {
    const port = await freePort();
    // A thread of its own stands for main: it pushes once and then holds its event loop.
    const main = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       import(workerData.url).then(async ({ startHealth }) => {
         const health = await startHealth(workerData.start, { listening: () => {}, failed: (error) => { throw error; } });
         health.setTimeouts([{ name: 'main', timeout: 0.3 }]);
         health.push(workerData.push);
         setTimeout(() => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000); }, 50);
       });`,
      {
        eval: true,
        workerData: {
          url,
          start: { listen: { host: '127.0.0.1', port }, socket: join(directory, 'blocked.sock'), reporters: ['main'] },
          push: { reports: [report('main', true)], figures: FIGURES },
        },
      },
    );
    try {
      const probe = () => ask({ host: '127.0.0.1', port, path: '/liveness' }).catch(() => undefined);
      await eventually(async () => (await probe())?.status === 503);
      expect((await probe())?.text).toMatch(/main +no .*event loop is blocked/);
      expect((await ask({ host: '127.0.0.1', port, path: '/metrics' })).text).toContain('linnet_agent_device_mtu{device="vxlan-v4"} 0\n');
    } finally {
      await main.terminate();
    }
  });
});
