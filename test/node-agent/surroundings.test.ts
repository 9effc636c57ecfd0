/** What follows FelixConfiguration while the agent runs: the listener, timeouts, the debug server, the directory of statuses. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HealthListen } from '../../node-agent/health/figures.ts';
import { createSurroundings, type Surroundings } from '../../node-agent/surroundings.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';

let directory: string;
let running: Surroundings | undefined;
const calls: unknown[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-around-'));
  calls.length = 0;
});
afterEach(async () => {
  await running?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function make(): Surroundings {
  const health = {
    listen: (where: HealthListen | null) => void calls.push(['listen', where]),
    setTimeouts: (overrides: unknown) => void calls.push(['timeouts', overrides]),
  };
  running = createSurroundings(
    { health, log: SILENT_LOG, runDir: directory, queues: () => ({ waiting: 7 }) },
    { host: 'localhost', port: 9099 },
  );
  return running;
}

/** A port that nobody has at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function ask(port: number, path: string, host = 'localhost'): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (piece: Buffer) => (text += piece.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('the surroundings', () => {
  it('move the listener and the timeouts where they are said to be, once', async () => {
    const around = make();
    const felix = { endpointStatusPathPrefix: directory };
    around.follow(felix);
    around.follow({ ...felix, healthPort: 9100, healthTimeoutOverrides: [{ name: 'main', timeout: 5 }] });
    around.follow({ ...felix, healthPort: 9100, healthTimeoutOverrides: [{ name: 'main', timeout: 5 }] });
    around.follow({ ...felix, healthEnabled: false });
    await around.settled();
    expect(calls).toEqual([
      ['timeouts', []],
      ['listen', { host: 'localhost', port: 9100 }],
      ['timeouts', [{ name: 'main', timeout: 5 }]],
      ['listen', null],
      ['timeouts', []],
    ]);
  });

  it('make the directory of statuses below the prefix, and none for the empty one', async () => {
    const around = make();
    around.follow({ endpointStatusPathPrefix: '' });
    await around.settled();
    expect(existsSync(join(directory, 'endpoint-status'))).toBe(false);
    around.follow({ endpointStatusPathPrefix: directory });
    await around.settled();
    expect(existsSync(join(directory, 'endpoint-status'))).toBe(true);
    expect(around.faults()).toEqual([]);
  });

  it('go on saying that the directory cannot be had, and have it once it can be', async () => {
    const around = make();
    const path = join(directory, 'endpoint-status');
    writeFileSync(path, '');
    around.follow({ endpointStatusPathPrefix: directory });
    around.audit();
    await around.settled();
    expect(around.faults()).toEqual([`endpoint-status: ${path} is no directory`]);
    rmSync(path);
    around.audit();
    await around.settled();
    expect([around.faults(), statSync(path).isDirectory()]).toEqual([[], true]);
  });

  it('have a debug server where one is asked for, on loopback unless more is, and none by default', async () => {
    const around = make();
    around.follow({ endpointStatusPathPrefix: '' });
    await around.settled();
    expect(around.debug()).toBe(null);
    const port = await freePort();
    around.follow({ endpointStatusPathPrefix: '', debugPort: port });
    await around.settled();
    expect(around.debug()).toEqual({ host: 'localhost', port });
    expect((await ask(port, '/debug')).status).toBe(200);
    expect((await ask(port, '/debug', '203.0.113.1')).status).toBe(403);
    expect(JSON.parse((await ask(port, '/debug/threads')).text)).toMatchObject({ queues: { waiting: 7 } });
    around.follow({ endpointStatusPathPrefix: '', debugPort: port, debugHost: '0.0.0.0' });
    await around.settled();
    expect((await ask(port, '/debug', '203.0.113.1')).status).toBe(200);
    expect((await ask(port, '/debug', 'rebound.example')).status).toBe(403);
    around.follow({ endpointStatusPathPrefix: '' });
    await around.settled();
    await expect(ask(port, '/debug')).rejects.toThrow();
  });

  it('tell what they cannot have, and try again when asked again', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const around = make();
    const felix = { endpointStatusPathPrefix: '', debugPort: port, debugHost: '127.0.0.1' };
    around.follow(felix);
    await around.settled();
    expect(around.faults()).toEqual([expect.stringContaining('debug: ')]);
    await new Promise<void>((resolve) => void holder.close(() => resolve()));
    around.follow(felix);
    await around.settled();
    expect(around.faults()).toEqual([]);
    expect(around.debug()?.port).toBe(port);
  });
});
