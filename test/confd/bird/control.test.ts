/** The control socket's framing and its client against servers that answer well, late, in pieces, with rubbish, or not at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openControl } from '../../../src/confd/bird/control.ts';
import { isRefusal, ReplyReader, replyText } from '../../../src/confd/bird/control-reply.ts';

const DIALOGUE = [
  '0001 BIRD 1.6.8 ready.\n',
  '2002-name     proto    table    state  since       info\n',
  '1002-Mesh_10_0_0_2 BGP      master   start  12:00:00    Active        \n',
  '1006-  Preference:     100\n   Input filter:   x\n',
  '+3100 a message nobody asked for\n',
  '0000 \n',
  '8002 /x/bird.conf:1:1 syntax error\n',
].join('');

describe('framing', () => {
  it('puts replies together', () => {
    const replies = new ReplyReader().push(DIALOGUE);
    expect(replies.map(({ code, lines }) => [code, lines.length])).toEqual([
      [1, 1],
      [0, 5],
      [8002, 1],
    ]);
    expect(replies[1]?.lines[3]).toEqual({ code: 1006, text: '  Input filter:   x' });
    expect(replies.map(isRefusal)).toEqual([false, false, true]);
    expect(replies.map(replyText)[2]).toBe('/x/bird.conf:1:1 syntax error');
  });

  it('whatever the pieces are', () => {
    const whole = new ReplyReader().push(DIALOGUE);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: DIALOGUE.length })), (cuts) => {
        const reader = new ReplyReader();
        const at = [0, ...cuts.toSorted((a, b) => a - b), DIALOGUE.length];
        expect(at.slice(1).flatMap((end, index) => reader.push(DIALOGUE.slice(at[index], end)))).toEqual(whole);
      }),
    );
  });

  it.each(['HTTP/1.1 400\n', '12 x\n', 'x'.repeat(2_000_000)])('is not BIRD', (text) => {
    expect(() => new ReplyReader().push(text)).toThrow();
  });
});

const servers: { server: Server; folder: string }[] = [];
afterEach(() => {
  for (const { server, folder } of servers.splice(0)) {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function serve(serveOne: (socket: Socket) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-ctl-'));
  const path = join(folder, 'bird.ctl');
  const server = createServer((socket) => {
    // A client that gives up takes the rest of what was written with it.
    socket.on('error', () => undefined);
    serveOne(socket);
  });
  servers.push({ server, folder });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

describe('the client', () => {
  it('greets, asks in order and closes', async () => {
    const path = await serve((socket) => {
      socket.write('0001 BIRD 2.0.12 ready.\n');
      socket.on('data', (text) => socket.write(String(text).replace(/(.*)\n/g, '1000-$1\n0000 \n')));
    });
    const control = await openControl(path);
    const [first, second] = await Promise.all([control.command('one'), control.command('two')]);
    expect([control.greeting, first.lines[0]?.text, second.lines[0]?.text]).toEqual(['BIRD 2.0.12 ready.', 'one', 'two']);
    control.close();
    await control.ended;
    await expect(control.command('three')).rejects.toThrow('closed');
  });

  it('refuses a command of two lines', async () => {
    const control = await openControl(await serve((socket) => socket.write('0001 BIRD ready.\n')));
    await expect(control.command('show status\ndown')).rejects.toThrow('one line');
    control.close();
  });

  it('does not wait for a socket that is not there', async () => {
    await expect(openControl('/nonexistent/bird.ctl')).rejects.toThrow('ENOENT');
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['no greeting', () => undefined, 'no answer in 50 ms'],
    ['half a line', (socket) => socket.write('0001 BI'), 'no answer in 50 ms'],
    ['another greeting', (socket) => socket.write('9001 no\n'), 'unexpected greeting 9001'],
    ['rubbish', (socket) => socket.write('SSH-2.0\n'), 'not a reply of BIRD'],
    ['the end at once', (socket) => socket.end(), 'the connection ended'],
  ])('gives up on %s', async (_what, behave, why) => {
    // A busy machine takes longer than that for an answer, too.
    await expect(openControl(await serve(behave), why.startsWith('no answer') ? 50 : 30_000)).rejects.toThrow(why);
  });

  it('gives up on a daemon that stops in the middle of a reply', async () => {
    const path = await serve((socket) => {
      socket.write('0001 BIRD ready.\n');
      socket.on('data', () => socket.write('1000-half\n'));
    });
    const control = await openControl(path);
    await expect(control.command('show status', 50)).rejects.toThrow('no answer in 50 ms');
    await control.ended;
  });
});
