/**
 * The control sockets of BIRD, spoken by the health thread: answers come from snapshots, so that a speaker that stands still is
 * named instead of waited for; routes come from it page by page (contracts.md, Behaviour decided).
 */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { SocketFamily } from '../birdctl/command.ts';
import { answerLine, CommandLines, type World } from '../birdctl/conversation.ts';
import type { Snapshot } from '../birdctl/protocols.ts';
import { BANNER } from '../birdctl/reply.ts';
import { MAX_CONNECTIONS, ROUTE_PAGE } from '../limits.ts';
import { stallText } from '../probes.ts';
import { sortedPeers, threadView } from '../state.ts';
import { readInterfaces } from './interfaces.ts';
import { askSpeaker, type Suppliers } from './suppliers.ts';
import { readWays } from './ways.ts';

/** A listening control socket. */
export interface BirdSocket {
  readonly server: Server;
  close(): Promise<void>;
}

/** Commands that a client may have sent ahead of its answers; who sends more is read more slowly. */
const MAX_AHEAD = 64;

/** What the commands of one family read. */
export function birdWorld(suppliers: Suppliers, wallClock: () => number): World {
  const { state } = suppliers;
  return {
    now: wallClock,
    ways: readWays,
    interfaces: readInterfaces,
    residentOctets: () => suppliers.process().residentOctets,
    snapshot: (): Snapshot => ({
      now: wallClock(),
      routerId: state.speaker?.routerId ?? '',
      startedAt: state.main?.startedAt ?? wallClock(),
      lastAppliedAt: state.main?.lastAppliedAt ?? 0,
      configured: state.speakerKnowsSnapshot,
      peers: sortedPeers(state),
      held: state.held,
      locals: state.speaker?.locals,
    }),
    stalled: () => {
      const stalled = state.threads.map((name) => threadView(state, name, suppliers.now())).find((thread) => thread.stalled);
      return stalled === undefined ? undefined : stallText(stalled);
    },
    page: async (query) => {
      const asked = await askSpeaker(suppliers, { kind: 'routes', limit: ROUTE_PAGE, ...query });
      return asked.ok ? { ok: true, ...asked.value } : { ok: false, message: asked.error.message };
    },
  };
}

/** Listens on a path that is free. Rejects with the system's error. */
export async function listenBird(path: string, family: SocketFamily, world: World): Promise<BirdSocket> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    // A client that goes away is not news.
    client.on('error', () => client.destroy());
    void converse(client, family, world);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // As BIRD's own: root and the group may ask.
  chmodSync(path, 0o660);
  return {
    server,
    close: async () => {
      for (const client of clients) client.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** One client: commands one after another, each reply as fast as it is read. */
async function converse(client: Socket, family: SocketFamily, world: World): Promise<void> {
  const lines = new CommandLines();
  client.setEncoding('latin1');
  if (!(await send(client, BANNER))) return;
  try {
    for await (const text of client) {
      const commands = lines.take(String(text));
      for (const line of commands.slice(0, MAX_AHEAD)) {
        for await (const piece of answerLine(line, family, world)) if (!(await send(client, piece))) return;
        if (line === undefined) return void client.end();
      }
      if (commands.length > MAX_AHEAD) return void client.end();
    }
  } catch {
    // The client broke off in the middle.
  } finally {
    client.destroySoon();
  }
}

/** Resolves when the client can take more; false where it is gone. */
function send(client: Socket, text: string): Promise<boolean> {
  if (client.destroyed) return Promise.resolve(false);
  if (client.write(text)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const done = (): void => {
      client.off('drain', done);
      client.off('close', done);
      resolve(!client.destroyed);
    };
    client.on('drain', done);
    client.on('close', done);
  });
}
