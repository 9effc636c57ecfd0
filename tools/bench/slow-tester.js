/**
 * A sender, receivers, and one receiver that sometimes does not read: `node slow-tester.js RECEIVERS PREFIXES BLOCKS RESULT.json PROBE`,
 * in a network namespace of its own. Starts the probe on core 0. One sample is a sender announcing all its prefixes anew, each with
 * its own attributes, until every receiver that reads has them; samples with and without the pause alternate in blocks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { addressFromNumber } from 'bgp-ts/net';
import { encodeKeepalive, encodeOpen, encodeUpdate, MESSAGE_TYPE } from 'bgp-ts/wire';

const AS = 64512;
const DUT = { host: '127.0.0.1', port: 179 };
const HOLD_S = 90;
/** Samples in a block with, or without, the pause. */
const BLOCK = 3;
const LIMIT_MS = 60_000;
const HEADER_OCTETS = 19;
const NO_CAPABILITIES = { routeRefresh: false, enhancedRouteRefresh: false, extendedMessage: false, unknown: [] };
const [receivers, prefixes, blocks] = process.argv.slice(2, 5).map(Number);
const [resultPath, probe] = process.argv.slice(5);
const addressOf = (i) => `127.1.${Math.floor(i / 250)}.${(i % 250) + 1}`;

/** Calls `onMessage(type, body)` for each message of a stream. */
function createFramer(onMessage) {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= HEADER_OCTETS) {
      const length = rest.readUInt16BE(at + 16);
      if (rest.length - at < length) break;
      onMessage(rest[at + 18], rest.subarray(at + HEADER_OCTETS, at + length));
      at += length;
    }
    rest = rest.subarray(at);
  };
}

/** Round and prefix of an UPDATE: the sender's own large community, the last attribute by type; undefined for End-of-RIB. */
function markOf(body) {
  const withdrawn = body.readUInt16BE(0);
  const attributes = body.readUInt16BE(2 + withdrawn);
  const end = 4 + withdrawn + attributes;
  return attributes < 12 ? undefined : { round: body.readUInt32BE(end - 8), prefix: body.readUInt32BE(end - 4) };
}

/** What a session holds: the round of each prefix, and how many are of the round under way. */
class View {
  constructor(socket) {
    this.socket = socket;
    this.rounds = new Uint32Array(prefixes);
    this.level = 0;
    this.updates = 0;
    this.ended = false;
  }

  take({ round, prefix }, current) {
    this.updates++;
    if (round === current && this.rounds[prefix] !== round) this.level++;
    this.rounds[prefix] = round;
  }
}

/** A session, once it is up. `world` holds the round under way and whom to tell of progress. */
async function openSession(i, world) {
  const socket = connect({ ...DUT, localAddress: addressOf(i) });
  const view = new View(socket);
  const up = new Promise((done, failed) => {
    const end = (why) => {
      view.ended = true;
      failed(new Error(`session ${i}: ${why}`));
    };
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('closed'));
    socket.on(
      'data',
      createFramer((type, body) => {
        if (type === MESSAGE_TYPE.open) socket.write(encodeKeepalive());
        else if (type === MESSAGE_TYPE.notification) end('notification');
        else if (type === MESSAGE_TYPE.keepalive) done(view);
        const mark = type === MESSAGE_TYPE.update ? markOf(body) : undefined;
        if (mark === undefined) return;
        view.take(mark, world.round);
        if (view.level === prefixes) world.look();
      }),
    );
  });
  up.catch(() => undefined);
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const capabilities = { ...NO_CAPABILITIES, families: ['ipv4-unicast'], multiprotocol: true, fourOctetAs: AS };
  socket.write(encodeOpen({ type: 'open', version: 4, myAs: AS, holdTime: HOLD_S, bgpId: 0x0a640001 + i, capabilities }));
  return up;
}

function announcements(round) {
  const messages = [];
  for (let i = 0; i < prefixes; i++) {
    messages.push(
      ...encodeUpdate({
        announced: [{ prefix: { family: 'ipv4', words: [(0xac100000 + i) >>> 0, 0, 0, 0], length: 32 } }],
        attributes: {
          origin: 'igp',
          asPath: [],
          nextHop: addressFromNumber(0x0a640001 + receivers),
          localPref: 100,
          largeCommunities: [[AS, round, i]],
        },
      }),
    );
  }
  return Buffer.concat(messages);
}

/** Announces everything anew and settles with the ms until all of `who` have it. */
function sample(world, sender, who) {
  world.round++;
  for (const view of world.views) view.level = 0;
  const octets = announcements(world.round);
  const from = performance.now();
  sender.socket.write(octets);
  return level(world, who, from);
}

/** Settles with the ms since `from` once all of `who` hold the round under way. */
function level(world, who, from) {
  return new Promise((done, failed) => {
    const limit = setTimeout(() => failed(new Error(`round ${world.round}: a receiver never had everything`)), LIMIT_MS);
    world.look = () => {
      if (who.some((view) => view.level < prefixes)) return;
      clearTimeout(limit);
      world.look = () => undefined;
      done(performance.now() - from);
    };
    world.look();
  });
}

/** Everything between the first connection and the result. */
async function measure() {
  const world = { round: 0, look: () => undefined, views: [] };
  for (let i = 0; i <= receivers; i++) world.views.push(await openSession(i, world));
  const keepalives = setInterval(
    () => {
      for (const { socket } of world.views) socket.write(encodeKeepalive());
    },
    (HOLD_S * 1000) / 3,
  );
  const sender = world.views[receivers];
  const all = world.views.slice(0, receivers);
  const [slow, ...reading] = all;
  const result = { without: [], paused: [], behind: [], catchUp: [], catchUpUpdates: [], ended: 0 };
  for (let i = 0; i < BLOCK; i++) await sample(world, sender, all);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < BLOCK; i++) result.without.push(await sample(world, sender, all));
    slow.socket.pause();
    for (let i = 0; i < BLOCK; i++) result.paused.push(await sample(world, sender, reading));
    result.behind.push(prefixes - slow.level);
    const [from, updates] = [performance.now(), slow.updates];
    slow.socket.resume();
    result.catchUp.push(await level(world, all, from));
    result.catchUpUpdates.push(slow.updates - updates);
  }
  clearInterval(keepalives);
  result.ended = world.views.filter(({ ended }) => ended).length;
  return result;
}

/** Waits until the speaker listens. */
async function listening() {
  for (const end = performance.now() + 20_000; performance.now() < end; await delay(50)) {
    const socket = connect(DUT);
    const ok = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (ok) return;
  }
  throw new Error('the speaker never listened');
}

// Small buffers, or the kernel takes everything that a receiver does not read.
writeFileSync('/proc/sys/net/ipv4/tcp_rmem', '4096 65536 131072');
writeFileSync('/proc/sys/net/ipv4/tcp_wmem', '4096 65536 131072');
const neighbors = Array.from({ length: receivers + 1 }, (_, i) => ({ address: addressOf(i), as: AS, rrClient: true, passive: true }));
const config = {
  localAs: AS,
  routerId: '10.99.0.1',
  clusterId: '10.99.0.1',
  listen: { address: DUT.host, port: DUT.port },
  holdTime: HOLD_S,
  neighbors,
};
const configPath = `${resultPath}.config`;
writeFileSync(configPath, JSON.stringify(config));
const speaker = spawn('taskset', ['-c', '0', process.execPath, probe, configPath, `${resultPath}.probe`, '--memory'], { stdio: 'inherit' });
const ended = once(speaker, 'exit');
process.once('SIGTERM', () => speaker.kill('SIGTERM'));
try {
  await listening();
  writeFileSync(resultPath, JSON.stringify(await measure()));
} finally {
  speaker.kill('SIGTERM');
  await ended;
}
process.exit(0);
