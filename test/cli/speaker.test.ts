/** `linnet speaker`: one process's worth of it, in this one: the status socket, reading the file again, what it refuses. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getDocument, postDocument } from '../../src/cli/client.ts';
import { replayFile } from '../../src/cli/replay.ts';
import type { SpeakerArguments } from '../../src/cli/speaker.ts';
import { speakerCommand } from '../../src/cli/speaker.ts';

let folder = '';
let ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linnet-speaker-'));
});

afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.60', port: 0 }, resolve));
  const at = server.address();
  await new Promise((resolve) => server.close(resolve));
  return at !== null && typeof at === 'object' ? at.port : 0;
}

function get(socketPath: string, path: string): Promise<{ readonly status: number | undefined; readonly document: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, document: JSON.parse(text) }));
    });
    call.on('error', reject).end();
  });
}

/** Asks until `test` holds; the test's own time limit ends it. */
async function until<T>(ask: () => Promise<T>, test: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask().catch(() => undefined);
    if (value !== undefined && test(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function start(
  document: object,
  more: Partial<SpeakerArguments> = {},
): Promise<{ readonly config: string; readonly status: string; readonly done: Promise<number> }> {
  const config = join(folder, 'speaker.json');
  const status = join(folder, 'status.sock');
  await writeFile(config, JSON.stringify(document));
  const end = new AbortController();
  const done = speakerCommand({ config, status, log: 'error', ...more }, end.signal);
  ends.push(async () => {
    end.abort();
    expect(await done).toBe(0);
  });
  await Promise.race([
    until(
      () => get(status, '/status'),
      (answer) => answer.status === 200,
    ),
    done,
  ]);
  return { config, status, done };
}

describe('linnet speaker', () => {
  it('answers for its peers and routes, and reads its file again as a difference', async () => {
    const document = {
      localAs: 64512,
      routerId: '10.99.0.1',
      listen: { address: '127.0.0.60', port: await freePort() },
      neighbors: [{ address: '127.0.0.61', as: 64512, passive: true }],
      routes: [{ prefix: '192.0.2.0/24', communities: ['65000:1'] }],
    };
    const { config, status } = await start(document);
    expect(await get(status, '/peers')).toMatchObject({
      document: { schema: 'linnet.peers/v1', peers: [{ id: '127.0.0.61', state: 'active', remoteAs: 64512 }] },
    });
    expect(await get(status, '/routes')).toMatchObject({
      document: { schema: 'linnet.routes/v1', routes: [{ prefix: '192.0.2.0/24', from: 'local', communities: ['65000:1'] }] },
    });
    expect(await get(status, '/other')).toMatchObject({ status: 404 });

    await writeFile(config, JSON.stringify({ ...document, routes: [{ prefix: '2001:db8::/32' }] }));
    process.emit('SIGHUP');
    await until(
      () => get(status, '/routes'),
      ({ document: answer }) => JSON.stringify(answer).includes('2001:db8::/32') && !JSON.stringify(answer).includes('192.0.2.0/24'),
    );
    await writeFile(config, '{ broken');
    process.emit('SIGHUP');
    await writeFile(config, JSON.stringify({ ...document, routes: [{ prefix: '198.51.100.0/24' }] }));
    process.emit('SIGHUP');
    await until(
      () => get(status, '/routes'),
      ({ document: answer }) => JSON.stringify(answer).includes('198.51.100.0/24'),
    );
  });

  it('acts on its peers for linnet peer, and shows them to linnet peers', async () => {
    const document = {
      localAs: 64512,
      routerId: '10.99.0.1',
      listen: { address: '127.0.0.60', port: await freePort() },
      neighbors: [{ name: 'tor', address: '127.0.0.61', as: 64512, passive: true }],
    };
    const { status } = await start(document);
    const api = { kind: 'socket', path: status } as const;
    const act = (peer: string, action: string, body: object = {}): Promise<unknown> =>
      postDocument(api, `/api/v1/peers/${encodeURIComponent(peer)}/${action}`, 'linnet.peer-action/v1', body);
    expect(await act('127.0.0.61', 'shutdown', { text: 'maintenance' })).toEqual({
      schema: 'linnet.peer-action/v1',
      peer: 'tor',
      action: 'shutdown',
    });
    expect(await getDocument(api, '/api/v1/peers', 'linnet.peers/v1')).toMatchObject({
      peers: [{ id: 'tor', adminDown: true, state: 'idle' }],
      held: [],
    });
    await expect(act('tor', 'reset')).rejects.toMatchObject({ code: 1, message: 'peer tor is shut down: enable it' });
    await act('tor', 'enable');
    expect(await getDocument(api, '/api/v1/peers', 'linnet.peers/v1')).toMatchObject({ peers: [{ adminDown: false, state: 'active' }] });
    await expect(act('tor', 'refresh', { direction: 'in' })).rejects.toMatchObject({ code: 1 });
    await expect(act('tor', 'refresh')).rejects.toMatchObject({ code: 2 });
    await expect(act('nobody', 'reset')).rejects.toMatchObject({ code: 1, message: 'there is no peer nobody' });
  });

  it('remembers over a restart what an operator set, and refuses a second speaker in its directory', async () => {
    const stateDir = join(folder, 'state');
    const document = {
      localAs: 64512,
      routerId: '10.99.0.1',
      listen: { address: '127.0.0.60', port: await freePort() },
      neighbors: [{ name: 'tor', address: '127.0.0.61', as: 64512, passive: true }],
    };
    const { config, status } = await start(document, { stateDir });
    const api = { kind: 'socket', path: status } as const;
    await postDocument(api, '/api/v1/peers/tor/shutdown', 'linnet.peer-action/v1', { text: 'change 42' });
    const second = await speakerCommand({ config, stateDir, log: 'error' }, new AbortController().signal).catch((error: unknown) => error);
    expect(second).toMatchObject({ code: 2 });
    for (const end of ends.splice(0)) await end();
    const file = join(stateDir, 'peers.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ kept: false, peers: [{ id: 'tor', shutdown: 'change 42' }] });
    await start(document, { stateDir });
    expect(await getDocument(api, '/api/v1/peers', 'linnet.peers/v1')).toMatchObject({
      peers: [{ id: 'tor', adminDown: true, heldBack: 'shut down by an operator: change 42' }],
    });
  });

  it('records what it gets, and the replay does the same', async () => {
    const record = join(folder, 'run.jsonl');
    const document = {
      localAs: 64512,
      routerId: '10.99.0.1',
      listen: { address: '127.0.0.60', port: await freePort() },
      neighbors: [{ address: '127.0.0.61', as: 64512, passive: true }],
    };
    await start(document, { record });
    for (const end of ends.splice(0)) await end();
    expect(await replayFile(record)).toMatchObject({ truncated: false, differences: [] });
    expect((await stat(record)).mode & 0o777).toBe(0o600);
    await writeFile(
      record,
      (await readFile(record, 'utf8')).replace('127.0.0.61', '127.0.0.62').replace('"passive":true', '"passive":false'),
    );
    expect((await replayFile(record)).differences[0]).toMatchObject({ line: 2, call: 'handle configure' });
    await expect(replayFile(join(folder, 'speaker.json'))).rejects.toMatchObject({
      code: 2,
      message: expect.stringContaining('not a recording'),
    });
    await expect(replayFile(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 2, message: expect.stringContaining('cannot read') });
  });

  it('refuses a wrong configuration, a taken port and a taken socket with exit code 2', async () => {
    const document = { localAs: 64512, routerId: '10.99.0.1', listen: { address: '127.0.0.60', port: await freePort() } };
    const { config, status } = await start(document);
    const again = (path: string, socket = join(folder, 'other.sock')): Promise<unknown> =>
      speakerCommand({ config: path, status: socket, log: 'error' }, new AbortController().signal).catch((error: unknown) => error);
    expect(await again(config)).toMatchObject({ code: 2, message: expect.stringContaining('the port is in use') });
    const wrong = join(folder, 'wrong.json');
    await writeFile(wrong, JSON.stringify({ ...document, neighbours: [] }));
    expect(await again(wrong)).toMatchObject({ code: 2, message: expect.stringContaining('neighbours: []: unknown key') });
    const { listen: _, ...silent } = document;
    await writeFile(wrong, JSON.stringify(silent));
    expect(await again(wrong, status)).toMatchObject({ code: 2, message: expect.stringContaining('another process answers') });
    expect(await again(join(folder, 'nowhere.json'))).toMatchObject({ code: 2, message: expect.stringContaining('cannot read') });
  });
});
