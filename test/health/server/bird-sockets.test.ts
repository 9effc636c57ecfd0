/** Control sockets of BIRD over real sockets in a temporary directory: halves of commands, crowds, slow readers, and who reads them in the field. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { World } from '../../../src/health/birdctl/conversation.ts';
import { type BirdSocket, birdWorld, listenBird } from '../../../src/health/server/bird-sockets.ts';
import { openListeners } from '../../../src/health/server/listen.ts';
import type { SpeakerQuery } from '../../../src/health/status.ts';
import { readExporter, readStatus } from '../birdctl/parsers.ts';
import { peer, route, runningWorld } from '../fixtures.ts';

let directory = '';
let open: BirdSocket[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-birdctl-'));
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
  rmSync(directory, { recursive: true });
});

/** A client that reads replies one by one; the first is the banner. */
class Client {
  readonly socket: Socket;
  private text = '';
  private wake: () => void = () => undefined;

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.text += text;
      this.wake();
    });
  }

  /** Up to the end of the next reply: a line of four digits and a space. */
  async reply(): Promise<string> {
    for (;;) {
      const end = /^\d{4} .*\n/m.exec(this.text);
      if (end !== null) {
        const whole = this.text.slice(0, end.index + end[0].length);
        this.text = this.text.slice(whole.length);
        return whole;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`);
    return await this.reply();
  }
}

const TOR = peer('Global_192_0_2_254', { since: Date.now(), remote: { address: '192.0.2.254', port: 179 } });
const DOWN = peer('Node_192_0_2_9_port_1790', { state: 'connect', since: Date.now(), diagnosis: 'no route to host', families: [] });
const V6 = peer('Mesh_2001_db8__9', { remote: { address: '2001:db8::9', port: 179 } });
const LOCAL = peer('Local_Workload_10_0_0_7', { remote: { address: '10.0.0.7', port: 179 } });

async function listen(world?: World, family: 'ipv4' | 'ipv6' = 'ipv4'): Promise<string> {
  const path = join(directory, `${family}.ctl`);
  open.push(await listenBird(path, family, world ?? birdWorld(runningWorld({}, [TOR, DOWN, V6, LOCAL]), Date.now)));
  return path;
}

describe('BIRD control socket', () => {
  it('greets like BIRD, and half a command waits for its other half', async () => {
    const client = new Client(await listen());
    expect(await client.reply()).toBe('0001 BIRD 1.6.8 ready.\n');
    client.socket.write('show pro');
    client.socket.write('tocols\r\nshow sta');
    expect(await client.reply()).toMatch(/^2002-name/);
    expect(await client.ask('tus')).toMatch(/^1000-BIRD 1\.6\.8\n1011-Router ID is 192\.0\.2\.100\n/);
    client.socket.destroy();
  });

  it('answers commands that were sent ahead, in order', async () => {
    const client = new Client(await listen());
    client.socket.write('show status\nfoo\nshow protocols nosuch\n');
    expect(await client.reply()).toMatch(/^0001 /);
    const replies = [await client.reply(), await client.reply(), await client.reply()];
    expect(replies.map((text) => text.split('\n').at(-2)?.slice(0, 4))).toEqual(['0013', '9001', '9002']);
    client.socket.destroy();
  });

  it('lets go of a client that sends a line without end', async () => {
    const client = new Client(await listen());
    const closed = new Promise<void>((resolve) => client.socket.once('close', () => resolve()));
    client.socket.write('x'.repeat(5000));
    expect(await client.reply()).toMatch(/^0001 /);
    expect(await client.reply()).toBe('9000 Command too long\n');
    await closed;
  });

  it('answers 100 clients at once while others hold half a command and one does not read', async () => {
    const many = Array.from({ length: 2000 }, (_, index) => route(`10.${index >> 8}.${index & 255}.0/24`, { from: TOR.id }));
    const base = birdWorld(runningWorld({}, [TOR, DOWN]), Date.now);
    const world: World = {
      ...base,
      page: async ({ cursor }) => ({
        ok: true,
        routes: many.slice(cursor, cursor + 100),
        next: cursor + 100 < many.length ? cursor + 100 : null,
      }),
    };
    const path = await listen(world);
    const idle = Array.from({ length: 20 }, () =>
      connect(path, function (this: Socket) {
        this.write('show ');
      }),
    );
    const deaf = connect(path);
    deaf.pause();
    deaf.write('show route all\n');
    const clients = Array.from({ length: 100 }, () => new Client(path));
    const replies = await Promise.all(
      clients.map(async (client, index) => {
        await client.reply();
        return await client.ask(index % 2 === 0 ? 'show protocols' : 'show route count');
      }),
    );
    expect(new Set(replies.filter((_, index) => index % 2 === 1))).toEqual(new Set(['0014 2000 of 2000 routes for 2000 networks\n']));
    expect(new Set(replies.filter((_, index) => index % 2 === 0)).size).toBe(1);
    for (const socket of [...idle, deaf, ...clients.map((client) => client.socket)]) socket.destroy();
  });

  it('asks for a page only when the one before was taken, so a reader that stops costs nothing', async () => {
    let asked = 0;
    const pages = 10_000;
    const routes = Array.from({ length: 250 }, (_, index) => route(`10.0.${index}.0/24`, { from: TOR.id }));
    const world: World = {
      ...birdWorld(runningWorld({}, [TOR]), Date.now),
      page: async ({ cursor }) => {
        asked += 1;
        return { ok: true, routes, next: cursor + 1 < pages ? cursor + 1 : null };
      },
    };
    const deaf = connect(await listen(world));
    deaf.pause();
    deaf.write('show route\n');
    const settled = async (): Promise<number> => {
      for (let before = -1; before !== asked || asked === 0; ) {
        before = asked;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return asked;
    };
    expect(await settled()).toBeLessThan(pages / 10);
    deaf.destroy();
  });

  it('is read by the rules of calicoctl node status and of readiness: sessions of one family, no local workloads', async () => {
    const client = new Client(await listen());
    await client.reply();
    expect(readStatus(await client.ask('show protocols'), '.')).toMatchObject([
      { address: '192.0.2.254', type: 'global', state: 'up', bgpState: 'Established', info: '' },
      { address: '192.0.2.9.port.1790', type: 'node specific', state: 'start', bgpState: 'Connect', info: 'Socket: no route to host' },
    ]);
    client.socket.destroy();
    const six = new Client(await listen(undefined, 'ipv6'));
    await six.reply();
    expect(readStatus(await six.ask('show protocols'), ':')).toMatchObject([
      { address: '2001:db8::9', type: 'node-to-node mesh', state: 'up' },
    ]);
    six.socket.destroy();
  });

  it('is read by the rules of bird_exporter: every protocol, its routes and its lines of changes', async () => {
    const client = new Client(await listen());
    await client.reply();
    const found = readExporter(await client.ask('show protocols all'));
    expect(found.map((one) => [one.proto, one.up, one.imported, one.filtered, one.exported, one.changes])).toEqual([
      ['Static', true, 0, 0, 0, 4],
      ['Kernel', true, 0, 0, 0, 4],
      ['Device', true, 0, 0, 0, 4],
      ['Direct', true, 0, 0, 0, 4],
      ['BGP', true, 9, 1, 4, 4],
      ['BGP', true, 9, 1, 4, 4],
      ['BGP', false, 0, 0, 0, 4],
    ]);
    expect(found.at(-1)?.description).toBe('Connection to BGP peer');
    client.socket.destroy();
  });
});

describe('opening them', () => {
  it('a socket that answers is left alone, a dead one and nothing else is replaced', async () => {
    const listenAt = () => openListeners(runningWorld({}, []), { api: null, socket: null, metrics: null, bird: directory });
    const bird = createServer(() => undefined);
    await new Promise<void>((resolve) => bird.listen(join(directory, 'bird6.ctl'), resolve));
    expect(await listenAt()).toMatchObject({
      ok: false,
      refusal: { code: 'HEALTH_LISTEN', message: expect.stringMatching(/bird6\.ctl: another process answers on it/) },
    });
    await new Promise((resolve) => bird.close(resolve));
    writeFileSync(join(directory, 'bird.ctl'), 'not a socket');
    expect(await listenAt()).toMatchObject({ ok: false, refusal: { message: expect.stringMatching(/a file of another kind/) } });
    rmSync(join(directory, 'bird.ctl'));
    const opened = await listenAt();
    expect(opened.ok && opened.listening.map((one) => one.text)).toEqual(
      ['bird.ctl', 'bird6.ctl'].map((name) => `unix:${join(directory, name)}`),
    );
    if (opened.ok) await opened.close();
  });
});

describe('questions for routes', () => {
  it('go to the speaker page by page, and its refusal is the reply', async () => {
    const asked: SpeakerQuery[] = [];
    const world = birdWorld(
      runningWorld(
        {
          speaker: (query) => {
            asked.push(query);
            return { fault: { code: 'unavailable', message: 'later' } };
          },
        },
        [TOR],
      ),
      Date.now,
    );
    const client = new Client(await listen(world));
    await client.reply();
    expect(await client.ask('show route')).toMatch(/^9001 .*later\n$/);
    expect(asked).toMatchObject([{ kind: 'routes', view: 'all', family: 'ipv4-unicast', peer: null, prefix: null, cursor: 0 }]);
    client.socket.destroy();
  });
});
