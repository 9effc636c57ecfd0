/** The octets of an answer against a real server: what is read when, how much is held, and how it ends. */
import { getEventListeners } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { Agent, type Dispatcher } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { type Body, HELD_OCTETS, openBody } from '../../../../src/confd/source/kubernetes/body.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const task of cleanup.splice(0).reverse()) await task();
});

interface Opened {
  readonly response: ServerResponse;
  readonly body: Body;
  readonly abort: AbortController;
  /** Octets that were read from the socket. */
  readonly arrived: { octets: number };
}

/** An answer that has begun. */
async function open(): Promise<Opened> {
  const begun: { response?: ServerResponse } = {};
  const server = createServer((_request, response) => {
    begun.response = response;
    // Words before the answer are not its beginning.
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeHead(200).flushHeaders();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const dispatcher = new Agent();
  cleanup.push(() => new Promise((resolve) => server.close(resolve)));
  cleanup.push(async () => server.closeAllConnections());
  cleanup.push(() => dispatcher.destroy());
  const abort = new AbortController();
  const options = { origin: `http://127.0.0.1:${address.port}`, path: '/', method: 'GET' as const };
  const arrived = { octets: 0 };
  const { body, statusCode } = await openBody(counting(dispatcher, arrived), options, abort.signal);
  expect(statusCode).toBe(200);
  if (begun.response === undefined) throw new Error('no answer');
  return { response: begun.response, body, abort, arrived };
}

/** Counts what is read before it is handed on. */
function counting(dispatcher: Dispatcher, arrived: { octets: number }): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const counted = {
      ...handler,
      onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
        arrived.octets += chunk.length;
        handler.onResponseData?.(controller, chunk);
      },
    };
    return dispatch(options, counted);
  });
}

const write = (response: ServerResponse, text: string): Promise<void> => new Promise((resolve) => response.write(text, () => resolve()));
const textOf = (pieces: readonly Uint8Array[] | undefined): string | undefined => pieces && Buffer.concat(pieces).toString();

/** Reads until so many octets came. */
async function readOctets(body: Body, count: number): Promise<number> {
  let read = 0;
  while (read < count) {
    const pieces = await body.next();
    if (pieces === undefined) break;
    for (const piece of pieces) read += piece.length;
  }
  return read;
}

describe('the octets of an answer', () => {
  it('come as they are sent, and end', async () => {
    const { response, body, abort } = await open();
    await write(response, 'one');
    expect(textOf(await body.next())).toBe('one');
    response.end('two');
    expect(textOf(await body.next())).toBe('two');
    expect(await body.next()).toBeUndefined();
    await body.rest(() => Promise.reject(new Error('nothing is to come')));
    // A signal that outlives many answers does not keep them.
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  it('that pile up during a rest are read in one go', async () => {
    const { response, body } = await open();
    await write(response, 'first');
    await body.next();
    const sent = Array.from({ length: 40 }, (_, index) => `event ${index}\n`);
    await body.rest(async () => {
      for (const text of sent) await write(response, text);
    });
    let [text, calls] = ['', 0];
    for (; text.length < sent.join('').length; calls += 1) text += textOf(await body.next());
    expect(text).toBe(sent.join(''));
    // One call as a rule; the loop may turn before a busy kernel has handed over the last of them.
    expect(calls).toBeLessThan(sent.length / 2);
  });

  it('are not handed on during a rest, but for the piece at which reading stops', async () => {
    const { response, body, arrived } = await open();
    await write(response, 'first');
    await body.next();
    const before = arrived.octets;
    await body.rest(async () => {
      for (const text of ['second', 'third', 'fourth']) {
        await write(response, text);
        // The loop polls for sockets in each of its turns.
        for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => void setImmediate(resolve));
      }
      expect(arrived.octets).toBeLessThanOrEqual(before + 'second'.length);
    });
    let text = '';
    while (text.length < 'secondthirdfourth'.length) text += textOf(await body.next());
    expect(text).toBe('secondthirdfourth');
  });

  it('wait in the kernel while nobody reads, and come whole', async () => {
    const { response, body } = await open();
    const all = HELD_OCTETS * 40;
    const parts = Array.from({ length: 40 }, () => 'x'.repeat(HELD_OCTETS));
    const writing = Promise.all(parts.map((part) => write(response, part)));
    const first = await new Promise<readonly Uint8Array[] | undefined>((resolve) => {
      // Long enough for much more than is held to arrive, if it were read.
      void body.rest(() => new Promise((done) => void setTimeout(done, 50))).then(async () => resolve(await body.next()));
    });
    const held = (first ?? []).reduce((sum, { length }) => sum + length, 0);
    expect(held).toBeGreaterThanOrEqual(HELD_OCTETS);
    // One piece more than fits, at most as large as a read of a socket.
    expect(held).toBeLessThan(HELD_OCTETS + 128 * 1024);
    expect(held + (await readOctets(body, all - held))).toBe(all);
    await writing;
  });

  it('are not rested from until all is read that was at hand', async () => {
    const { response, body } = await open();
    await write(response, 'first');
    await body.next();
    const writing = write(response, 'x'.repeat(HELD_OCTETS * 32));
    let rests = 0;
    const rest = (): Promise<void> =>
      body.rest(async () => {
        rests += 1;
      });
    let read = 0;
    for (let calls = 0; read < HELD_OCTETS * 32; calls += 1) {
      await rest();
      for (const piece of (await body.next()) ?? []) read += piece.length;
      if (calls > 1000) throw new Error('never read');
    }
    await writing;
    expect(rests).toBeGreaterThan(0);
    // A rest for each two fills of what is held would be sixteen.
    expect(rests).toBeLessThan(8);
    expect(read).toBe(HELD_OCTETS * 32);
  });

  it('fail where the connection breaks, after what came before it', async () => {
    const { response, body } = await open();
    await write(response, 'half');
    expect(textOf(await body.next())).toBe('half');
    response.destroy();
    await expect(body.next()).rejects.toThrow();
  });

  it('end with the signal, also during a rest', async () => {
    const { response, body, abort } = await open();
    await write(response, 'first');
    await body.next();
    await body.rest(async () => abort.abort(new Error('enough')));
    await expect(body.next()).rejects.toThrow('enough');
  });

  it('do not begin where the signal came first', async () => {
    const dispatcher = new Agent();
    cleanup.push(() => dispatcher.destroy());
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => new Promise((resolve) => server.close(resolve)));
    cleanup.push(async () => server.closeAllConnections());
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const asked = openBody(dispatcher, { origin, path: '/', method: 'GET' }, AbortSignal.abort(new Error('too late')));
    await expect(asked).rejects.toThrow('too late');
  });
});
