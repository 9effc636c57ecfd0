/** The BIRD engine in the health thread's eyes: what its sockets say, in the speaker's place, and silence where they say nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SILENT_LOG } from '../../src/confd/log.ts';
import type { SpeakerMessage } from '../../src/health/status.ts';
import { observeBird } from '../../src/main/bird-health.ts';
import { address, desired, peer } from '../confd/native/fixtures.ts';

const ROWS = [
  '0001 BIRD 2.0.12 ready.\n',
  '1002-Global_192_0_2_254 BGP        ---        up     12:00:00.000  Established\n',
  '1006-  BGP state:          Established\n     Neighbor ID:      192.0.2.9\n     Hold timer:       180.25/240\n     Routes:         12 imported, 3 exported, 2 preferred\n',
  '1002-Other BGP        ---        start  12:00:00.000  Active\n',
  '0000 \n',
];

let folder = '';
let connections = 0;
let server: Server;
let stop: () => void = () => undefined;
let health: MessagePort;
beforeEach(() => {
  connections = 0;
  folder = mkdtempSync(join(tmpdir(), 'linnet-observe-'));
});
afterEach(() => {
  stop();
  health.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Observes a daemon that answers, or accepts and says nothing. */
async function observe(answers: boolean): Promise<SpeakerMessage[]> {
  const socket = join(folder, 'bird.ctl');
  const [greeting, ...reply] = ROWS;
  server = createServer((connection) => {
    connections += 1;
    if (!answers) return;
    connection.write(greeting ?? '');
    connection.on('data', () => connection.write(reply.join('')));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const { port1, port2 } = new MessageChannel();
  health = port1;
  const heard: SpeakerMessage[] = [];
  health.on('message', (message: SpeakerMessage) => heard.push(message));
  const state = desired({ peers: [peer({ internal: true, passive: true }), peer({ id: 'Node_absent', address: address('192.0.2.3') })] });
  stop = observeBird({
    port: port2,
    sockets: [socket],
    desired: () => state,
    draining: () => true,
    loop: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }),
    log: SILENT_LOG,
  });
  return heard;
}

async function eventually(look: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!look()) {
    if (performance.now() > deadline) throw new Error('not within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('reports the wanted peers that BIRD has, with their figures', async () => {
  const heard = await observe(true);
  await eventually(() => heard.some(({ type }) => type === 'push'));
  const message = heard.find(({ type }) => type === 'push');
  expect(message).toMatchObject({ type: 'push', push: { routerId: '192.0.2.1', localAs: 64512, peers: { complete: true, remove: [] } } });
  const peers = message?.type === 'push' ? message.push.peers.upsert : [];
  expect(peers).toHaveLength(1);
  expect(peers[0]).toMatchObject({
    id: 'Global_192_0_2_254',
    state: 'established',
    type: 'ibgp',
    passive: true,
    remoteId: '192.0.2.9',
    holdTime: 240,
    flaps: 0,
    draining: true,
    families: [{ family: 'ipv4-unicast', received: 12, advertised: 3 }],
  });
});

it('says where routes are to be asked for', async () => {
  const heard = await observe(true);
  health.postMessage({ type: 'query', id: 7, query: { kind: 'explain', prefix: '10.0.0.0/8', peer: null } });
  await eventually(() => heard.some(({ type }) => type === 'fault'));
  expect(heard.find(({ type }) => type === 'fault')).toEqual({
    type: 'fault',
    id: 7,
    fault: { code: 'unavailable', message: 'BIRD holds the routes: ask it with birdc' },
  });
});

it('has no sessions to tell while BIRD is silent, and says that it is', async () => {
  const heard = await observe(false);
  // Looks and round trips begin anew when those before have given up.
  await eventually(() => connections >= 4);
  expect(heard).toMatchObject([
    { type: 'daemons', daemons: [{ name: 'BIRD', ok: false, detail: expect.stringMatching(/^unable to connect: /) }] },
  ]);
});

const STATUS = '1000-BIRD 1.6.8\n1011-Router ID is 192.0.2.1\n0013 Daemon is up and running\n';

it('each way of not being BIRD is known by its round trip, and so is the way back', async () => {
  let says: readonly [banner: string, status: string] = ['0001 BIRD 1.6.8 ready.\n', STATUS];
  const socket = join(folder, 'bird.ctl');
  const listen = async (): Promise<void> => {
    server = createServer((connection) => {
      connection.on('error', () => undefined);
      connection.write(says[0]);
      connection.on('data', () => connection.write(says[1]));
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  };
  await listen();
  const { port1, port2 } = new MessageChannel();
  health = port1;
  let now: boolean | undefined;
  health.on('message', (message: SpeakerMessage) => {
    if (message.type === 'daemons') now = message.daemons[0]?.ok;
  });
  stop = observeBird({
    port: port2,
    sockets: [socket],
    desired: () => undefined,
    draining: () => false,
    loop: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }),
    log: SILENT_LOG,
  });
  const well = says;
  const faults: readonly (typeof says)[] = [
    ['220 another daemon\n', STATUS],
    ['0001 BIRD 1.6.8 rea', STATUS],
    [well[0], '1000-BI'],
    [well[0], '1000-GoBGP\n0013 Daemon is up and running\n'],
    [well[0], ''],
  ];
  for (const fault of faults) {
    await eventually(() => now === true);
    says = fault;
    await eventually(() => now === false);
    says = well;
  }
  await eventually(() => now === true);
  await new Promise((resolve) => server.close(resolve));
  await eventually(() => now === false);
  await listen();
  await eventually(() => now === true);
}, 40_000);
