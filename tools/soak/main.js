/**
 * `npm run soak`: one speaker, many reflector clients, random churn, flaps and refreshes for a long time. At every look the churn rests
 * until each client's view is exact; the process's memory, descriptors and timers are taken there. Exit status 1 where a check failed.
 */
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readArguments, USAGE } from './arguments.js';
import { Client } from './client.js';
import { startSubject } from './subject.js';
import { growth, leaks, mib, settled, slope } from './verdict.js';
import { createRandom, createWorld } from './world.js';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const say = (line) => process.stdout.write(`${line}\n`);

const AS = 64_512;
const LISTEN = { host: '127.200.0.1', port: 11_790 };
const OWN_PREFIXES = 10;
const SHARED_PREFIXES = 500;
/**
 * How many of the shared ones a client speaks of. Few, so that the table has its lasting size before the samples count: with all of them it
 * would grow for longer than an hour, and the memory of the speaker with it.
 */
const SHARED_OF_CLIENT = 20;
/** Between two rounds of changes, ms. */
const ROUND_MS = 100;
const FLAPS_PER_SECOND = 0.5;
const REFRESHES_PER_SECOND = 0.3;
/** Longest a client stays away, ms. */
const AWAY_MS = 3000;
/** The views must be exact this soon after the last change, ms; generous, because the machine may be busy. */
const EXACT_WITHIN_MS = 60_000;
/** Looks over the whole run; each rests the churn. */
const LOOKS = 40;
const LOOK_MIN_MS = 15_000;

const addressOf = (number) => `127.200.${1 + (number >> 8)}.${number & 255}`;

function createSoak(options) {
  const faults = [];
  const random = createRandom(options.seed);
  const world = createWorld(options.clients, options.clients * OWN_PREFIXES + SHARED_PREFIXES);
  const fault = (text) => {
    if (faults.length < 20) say(`FAULT ${text}`);
    faults.push(text);
  };
  const clients = Array.from(
    { length: options.clients },
    (_, number) => new Client({ number, address: addressOf(number), remote: LISTEN, as: AS, prefixes: world.prefixes, onFault: fault }),
  );
  const counts = { changes: 0, flaps: 0, refreshes: 0 };
  const away = new Set();
  return { options, faults, fault, random, world, clients, counts, away };
}

/** Connects a client, again where the speaker has not let go of its last session yet, and announces its routes. */
async function join({ world, fault }, client, subject) {
  const end = performance.now() + EXACT_WITHIN_MS;
  for (;;) {
    try {
      await client.connect();
      break;
    } catch (error) {
      if (performance.now() > end || !subject.alive()) return fault(`client ${client.number} cannot connect: ${error.message}`);
      await pause(200);
    }
  }
  for (const [prefix, localPref] of world.of(client.number)) client.announce(prefix, localPref);
}

/** One client's random prefix: one of its own, or one that others announce too. */
function choosePrefix({ random, options }, client) {
  const shared = random(3) === 0;
  if (!shared) return client.number * OWN_PREFIXES + random(OWN_PREFIXES);
  return options.clients * OWN_PREFIXES + ((client.number * 7 + random(SHARED_OF_CLIENT)) % SHARED_PREFIXES);
}

function change(soak) {
  const client = soak.clients[soak.random(soak.clients.length)];
  const prefix = choosePrefix(soak, client);
  soak.counts.changes++;
  if (soak.world.has(client.number, prefix) && soak.random(3) === 0) {
    soak.world.withdraw(client.number, prefix);
    if (client.isUp) client.withdraw(prefix);
  } else {
    const localPref = soak.world.announce(client.number, prefix);
    if (client.isUp) client.announce(prefix, localPref);
  }
}

function flap(soak, subject) {
  const client = soak.clients[soak.random(soak.clients.length)];
  if (!client.isUp) return;
  soak.counts.flaps++;
  client.leave(['reset', 'close', 'notification'][soak.random(3)]);
  const back = pause(soak.random(AWAY_MS)).then(() => join(soak, client, subject));
  soak.away.add(back);
  void back.finally(() => soak.away.delete(back));
}

function refresh(soak) {
  const client = soak.clients[soak.random(soak.clients.length)];
  if (!client.isUp) return;
  soak.counts.refreshes++;
  client.refresh();
}

/** Churns until `end` (ms of the monotonic clock) or until the speaker is gone. */
async function churn(soak, subject, end) {
  const perRound = (rate) => (soak.random(1_000_000) / 1_000_000 < (rate * ROUND_MS) / 1000 ? 1 : 0);
  while (performance.now() < end && subject.alive()) {
    const changes = Math.max(1, Math.round((soak.options.changes * ROUND_MS) / 1000));
    for (let index = 0; index < changes; index++) change(soak);
    if (perRound(FLAPS_PER_SECOND) === 1) flap(soak, subject);
    if (perRound(REFRESHES_PER_SECOND) === 1) refresh(soak);
    await pause(ROUND_MS);
  }
}

/** Waits until every view is exact; a fault where one never is. */
async function exact(soak, subject) {
  await Promise.all(soak.away);
  const end = performance.now() + EXACT_WITHIN_MS;
  const up = (number) => soak.clients[number].isUp;
  for (;;) {
    const wrong = soak.clients.map((client) => soak.world.difference(client.number, client.view, up)).find((text) => text !== undefined);
    if (wrong === undefined || !subject.alive()) return;
    if (performance.now() > end) return soak.fault(`a view is not exact after ${EXACT_WITHIN_MS / 1000} s: ${wrong}`);
    await pause(250);
  }
}

/** Measures until nothing differs from the baseline; timers of work under way come and go, so it looks a few times. */
async function measureAgainst(soak, subject, baseline, what) {
  let found = [];
  let sample;
  for (let round = 0; round < 20; round++) {
    sample = await subject.measure();
    found = baseline === undefined ? [] : leaks(baseline, sample.resources);
    if (found.length === 0) return sample;
    await pause(500);
  }
  soak.fault(`${what}: ${found.join(', ')}`);
  return sample;
}

/** Every client leaves; what the speaker holds then, once it let go of all: twice the same, so that nothing of a moment is in it. */
async function emptied(soak, subject) {
  for (const client of soak.clients) client.leave('close');
  let before;
  for (let round = 0; round < 40; round++) {
    const { resources } = await subject.measure();
    if ((resources.TCPSocketWrap ?? 0) === 0 && before !== undefined && leaks(before, resources).length === 0) return resources;
    before = resources;
    await pause(250);
  }
  return before;
}

async function soakFor(soak, subject) {
  // The first round of sessions also brings what a process opens once and keeps.
  await Promise.all(soak.clients.map((client) => join(soak, client, subject)));
  const idle = await emptied(soak, subject);
  await Promise.all(soak.clients.map((client) => join(soak, client, subject)));
  for (const client of soak.clients)
    for (let index = 0; index < OWN_PREFIXES; index++) {
      const prefix = client.number * OWN_PREFIXES + index;
      client.announce(prefix, soak.world.announce(client.number, prefix));
    }
  await exact(soak, subject);
  const busy = (await subject.measure()).resources;
  const began = performance.now();
  const total = soak.options.minutes * 60_000;
  const every = Math.max(LOOK_MIN_MS, total / LOOKS);
  const samples = [];
  while (performance.now() - began < total && subject.alive()) {
    await churn(soak, subject, Math.min(performance.now() + every, began + total));
    await exact(soak, subject);
    if (!subject.alive()) break;
    const { rss, heap, resources } = await measureAgainst(soak, subject, busy, 'with all sessions up');
    const minute = (performance.now() - began) / 60_000;
    samples.push({ minute, rss, heap });
    const { changes, flaps, refreshes } = soak.counts;
    say(
      `${minute.toFixed(1).padStart(6)} min  paths ${soak.world.paths()}  rss ${mib(rss)} MiB  heap ${mib(heap)} MiB  fd ${resources.fd}  timers ${resources.Timeout ?? 0}  ` +
        `changes ${changes}  flaps ${flaps}  refreshes ${refreshes}  views exact  faults ${soak.faults.length}`,
    );
  }
  if (subject.alive()) {
    await emptied(soak, subject);
    await measureAgainst(soak, subject, idle, 'after all sessions ended');
  }
  return { samples, busy };
}

function report(soak, { samples, busy }, code) {
  const kept = settled(samples);
  const updates = soak.clients.reduce((sum, { updates: own }) => sum + own, 0);
  const rows = [
    ['clients, prefixes', `${soak.options.clients}, ${soak.world.prefixes}`],
    ['changes, flaps, refreshes', `${soak.counts.changes}, ${soak.counts.flaps}, ${soak.counts.refreshes}`],
    ['UPDATEs received by clients', `${updates}`],
    ['looks with every view exact', `${samples.length}`],
    [
      'RSS first, last, slope after warm-up',
      `${mib(samples[0]?.rss ?? 0)}, ${mib(samples.at(-1)?.rss ?? 0)} MiB, ${mib(slope(kept, 'rss') * 60)} MiB/h`,
    ],
    [
      'heap first, last, slope after warm-up',
      `${mib(samples[0]?.heap ?? 0)}, ${mib(samples.at(-1)?.heap ?? 0)} MiB, ${mib(slope(kept, 'heap') * 60)} MiB/h`,
    ],
    ['descriptors, timers with all sessions', `${busy?.fd ?? 0}, ${busy?.Timeout ?? 0}`],
    ['exit status of the speaker', `${code}`],
    ['faults', `${soak.faults.length}`],
  ];
  say('');
  for (const [name, value] of rows) say(`${name.padEnd(40)} ${value}`);
  for (const text of soak.faults.slice(0, 20)) say(`FAULT ${text}`);
}

async function main() {
  const options = readArguments(process.argv.slice(2), Math.floor(Math.random() * 0xffff_ffff));
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  if (options.help === true) return say(USAGE);
  say(`soak of ${options.minutes} minutes with ${options.clients} clients, seed ${options.seed}`);
  const soak = createSoak(options);
  const subject = startSubject({ root, listen: LISTEN, as: AS, neighbors: soak.clients.map(({ number }) => addressOf(number)) });
  process.once('exit', subject.kill);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  let result = { samples: [] };
  try {
    result = await soakFor(soak, subject);
  } catch (error) {
    soak.fault(error instanceof Error ? error.message : String(error));
  }
  if (!subject.alive()) soak.fault(`the speaker ended: ${subject.logEnd()}`);
  const code = await subject.stop();
  if (code !== 0) soak.fault(`the speaker ended with ${code}`);
  for (const field of ['rss', 'heap']) {
    const grew = growth(result.samples, field);
    if (grew !== undefined) soak.fault(grew);
  }
  report(soak, result, code);
  subject.remove();
  process.exit(soak.faults.length === 0 ? 0 : 1);
}

await main();
