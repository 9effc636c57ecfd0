/** How connections to a datastore are read: nothing while the reader of a stream rests. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createDispatchers } from '../../../src/confd/source/dispatchers.ts';
import { openBody } from '../../../src/confd/source/kubernetes/body.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const write = (response: ServerResponse | undefined, text: string): Promise<void> =>
  new Promise((resolve) => response?.write(text, () => resolve()));

describe('a connection', () => {
  it('is left alone after the first octets that come in a rest', async () => {
    const begun: { response?: ServerResponse } = {};
    const server = createServer((_request, response) => {
      begun.response = response;
      response.writeHead(200).write('first');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => new Promise((resolve) => server.close(resolve)));
    cleanup.push(() => server.closeAllConnections());
    const sockets: Socket[] = [];
    const connected = (message: unknown): void => {
      if (typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket)
        sockets.push(message.socket);
    };
    subscribe('undici:client:connected', connected);
    cleanup.push(() => unsubscribe('undici:client:connected', connected));
    const dispatchers = createDispatchers(10_000);
    cleanup.push(() => dispatchers.close());
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const dispatcher = dispatchers.to({ server: origin, tls: { rejectUnauthorized: true }, proxy: undefined });
    const { body } = await openBody(dispatcher, { origin, path: '/', method: 'GET' }, new AbortController().signal);
    await body.next();
    const octets = (): number => sockets[0]?.bytesRead ?? 0;
    const before = octets();
    expect(before).toBeGreaterThan(0);
    await body.rest(async () => {
      // Two pieces: the parser stops at the first, and what is read behind it is held.
      for (let pieces = 0; pieces < 2; pieces += 1) {
        await write(begun.response, 'x'.repeat(1000));
        for (let turns = 0; turns < 50; turns += 1) await turn();
      }
      const held = octets();
      for (let pieces = 0; pieces < 10; pieces += 1) await write(begun.response, 'x'.repeat(1000));
      for (let turns = 0; turns < 50; turns += 1) await turn();
      expect(octets()).toBe(held);
    });
    let read = 0;
    while (read < 12_000) for (const piece of (await body.next()) ?? []) read += piece.length;
    expect(read).toBe(12_000);
  });
});
