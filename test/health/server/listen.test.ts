/** Listeners on real sockets of the loopback: who may listen where, what stands in the way, and clients that misbehave. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Opened, openListeners } from '../../../src/health/server/listen.ts';
import type { ListenOptions } from '../../../src/health/status.ts';
import { runningWorld } from '../fixtures.ts';

const off: ListenOptions = { api: null, socket: null, metrics: null };
const free = { address: '127.0.0.1', port: 0 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(options: Partial<ListenOptions>): Promise<Extract<Opened, { ok: true }>> {
  const opened = await openListeners(runningWorld(), { ...off, ...options });
  if (!opened.ok) throw new Error(opened.refusal.message);
  closers.push(opened.close);
  return opened;
}

async function refusal(options: Partial<ListenOptions>) {
  const opened = await openListeners(runningWorld(), { ...off, ...options });
  if (opened.ok) await opened.close();
  return opened.ok ? undefined : opened.refusal;
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-health-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function occupy(where: { port: number; host: string } | { path: string }): Promise<Server> {
  return new Promise((resolve) => {
    const server = createTcpServer();
    closers.push(() => new Promise((closed) => server.close(closed)));
    server.listen(where, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function getStatus(options: { port: number } | { socketPath: string }, path = '/livez'): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', ...options, path, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    call.on('error', reject);
    call.end();
  });
}

describe('TCP listeners', () => {
  it('serve where they say they do', async () => {
    const { listening } = await open({ api: free, metrics: free });
    expect(listening.map(({ listener, text, port }) => [listener, text === `http://127.0.0.1:${port}`])).toEqual([
      ['api', true],
      ['metrics', true],
    ]);
    const [api, metrics] = listening;
    expect(
      await Promise.all([getStatus({ port: api?.port ?? 0 }, '/api/v1/status'), getStatus({ port: metrics?.port ?? 0 }, '/api/v1/status')]),
    ).toEqual([200, 404]);
  });

  it.each(['api', 'metrics'] as const)('a taken port is named (%s)', async (listener) => {
    const port = portOf(await occupy({ host: '127.0.0.1', port: 0 }));
    expect(await refusal({ [listener]: { address: '127.0.0.1', port } })).toEqual({
      code: 'HEALTH_LISTEN',
      message: `${listener} listener 127.0.0.1:${port}: the address is taken by another process (EADDRINUSE)`,
    });
  });

  it('closes what it had opened when a later one is refused', async () => {
    const taken = portOf(await occupy({ host: '127.0.0.1', port: 0 }));
    const spare = await occupy({ host: '127.0.0.1', port: 0 });
    const port = portOf(spare);
    await new Promise((closed) => spare.close(closed));
    expect(await refusal({ api: { address: '127.0.0.1', port }, metrics: { address: '127.0.0.1', port: taken } })).toMatchObject({
      code: 'HEALTH_LISTEN',
    });
    await expect(getStatus({ port })).rejects.toThrow('ECONNREFUSED');
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', '10.0.0.1', 'example.com', '127.evil.example'])(
    'everything is not served on %s',
    async (address) => {
      const refused = await refusal({ api: { address, port: 0 } });
      expect(refused?.code).toBe('HEALTH_CONFIG');
      expect(refused?.message).toContain(address);
      expect(refused?.message).toContain('TLS and a token');
    },
  );

  it.each(['127.0.0.1', '127.0.0.2', 'localhost'])('it is on %s', async (address) => {
    expect((await open({ api: { address, port: 0 } })).listening.length).toBe(1);
  });

  it('an address of no interface is named', async () => {
    expect(await refusal({ metrics: { address: '192.0.2.1', port: 0 } })).toEqual({
      code: 'HEALTH_LISTEN',
      message: 'metrics listener 192.0.2.1:0: no interface has this address (EADDRNOTAVAIL)',
    });
  });
});

describe('unix socket', () => {
  it('serves everything, to owner and group alone, and is gone after', async () => {
    const path = join(scratch(), 'linnet.sock');
    const opened = await open({ socket: path });
    expect(opened.listening).toEqual([{ listener: 'socket', text: `unix:${path}`, port: 0 }]);
    expect(await getStatus({ socketPath: path }, '/api/v1/status')).toBe(200);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await opened.close();
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('replaces a socket that nobody answers on', async () => {
    const path = join(scratch(), 'linnet.sock');
    // A listener that dies leaves its socket file behind; node removes it only on an orderly close.
    const dies = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    expect(spawnSync(process.execPath, ['-e', dies, path]).signal).toBe('SIGKILL');
    expect(statSync(path).isSocket()).toBe(true);
    await open({ socket: path });
    expect(await getStatus({ socketPath: path })).toBe(200);
  });

  it('never replaces one that answers', async () => {
    const path = join(scratch(), 'linnet.sock');
    await occupy({ path });
    expect(await refusal({ socket: path })).toEqual({ code: 'HEALTH_LISTEN', message: `socket ${path}: another process answers on it` });
    expect(statSync(path).isSocket()).toBe(true);
  });

  it('leaves a file of another kind alone', async () => {
    const path = join(scratch(), 'linnet.sock');
    writeFileSync(path, 'mine');
    expect(await refusal({ socket: path })).toMatchObject({ message: `socket ${path}: there is a file of another kind; it is left alone` });
    expect(statSync(path).size).toBe(4);
  });

  it.each([
    ['a missing directory', 'none/linnet.sock', 'its directory is missing or must not be written (EACCES)'],
    ['a path that is too long', 'x'.repeat(120), 'the path is longer than 107 octets'],
  ])('says why for %s', async (_name, name, why) => {
    const path = join(scratch(), name);
    const refused = await refusal({ socket: path });
    expect(refused?.message.startsWith(`socket ${path}: ${why}`)).toBe(true);
  });
});

describe('clients that misbehave', () => {
  it('100 at once all get their answer', async () => {
    const port = (await open({ api: free })).listening[0]?.port ?? 0;
    const paths = ['/livez', '/readyz', '/metrics', '/api/v1/status', '/api/v1/peers'];
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => getStatus({ port }, paths[i % paths.length])));
    expect(answers).toEqual(answers.map(() => 200));
  });

  it('half requests hold nobody up, and are ended', async () => {
    const port = (await open({ api: free })).listening[0]?.port ?? 0;
    const halves = Array.from({ length: 50 }, () => connect({ host: '127.0.0.1', port }));
    const ends = halves.map(
      (socket) =>
        new Promise<string>((resolve) => {
          let text = '';
          socket.on('data', (chunk) => {
            text += chunk.toString();
          });
          socket.on('close', () => resolve(text));
          socket.write('GET /livez HTTP/1.1\r\nhost: x\r\nx-half');
        }),
    );
    const started = Date.now();
    expect(await getStatus({ port })).toBe(200);
    expect(Date.now() - started).toBeLessThan(1000);
    const texts = await Promise.all(ends);
    expect(new Set(texts.map((text) => text.split('\r\n')[0]))).toEqual(new Set(['HTTP/1.1 408 Request Timeout']));
  });

  it('what is no request gets a 400', async () => {
    const port = (await open({ api: free })).listening[0]?.port ?? 0;
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('\x16\x03\x01 this is no HTTP\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += chunk.toString();
    expect(text.split('\r\n')[0]).toBe('HTTP/1.1 400 Bad Request');
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toEqual({ error: { code: 'BAD_REQUEST', message: 'this is not a request' } });
  });
});
