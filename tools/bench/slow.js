/** Does one receiver that stops reading hold up the others? The same rounds with and without it, and what is queued meanwhile. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { summary } from './figures.js';
import { publish } from './publish.js';
import { number } from './table.js';

const TESTER = fileURLToPath(new URL('slow-tester.js', import.meta.url));
const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
/** Bars: medians with and without the pause, and what the speaker may queue. */
const RATIO_MOST = 1.2;
const QUEUE_MOST_MB = 16;
const LIMIT_MS = 180_000;

function runTester(args) {
  const inside = 'ip link set lo up && exec taskset -c 1 "$@"';
  const child = spawn('unshare', ['--net', '--', 'sh', '-c', inside, 'sh', process.execPath, TESTER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (words += chunk));
  const timer = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS);
  return new Promise((done) => {
    child.once('close', (status) => {
      clearTimeout(timer);
      done({ status, words });
    });
  });
}

const held = (ok) => (ok ? 'met' : 'not met');
const range = ({ median, min, max }) => `${number(median)} ms (${number(min)}–${number(max)})`;

/** Runs the part; returns what was wrong in words. */
export async function runSlow(_bench, { out, quick, say, root, publish: toPublish }, stopped) {
  const [receivers, prefixes, blocks] = quick ? [50, 2000, 2] : [200, 5000, 5];
  const folder = join(out, 'slow');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'slow.json');
  say(`slow peer: ${receivers} receivers, ${prefixes} routes a round, about 1 min`);
  const { status, words } = await runTester([receivers, prefixes, blocks, file, PROBE].map(String));
  if (status !== 0) return [`slow peer: exit ${status}: ${words.slice(-600)}`];
  const { without, paused, behind, catchUp, ended } = JSON.parse(readFileSync(file, 'utf8'));
  const { queues } = JSON.parse(readFileSync(`${file}.probe`, 'utf8'));
  const [plain, held1, caught] = [summary(without), summary(paused), summary(catchUp)];
  const ratio = held1.median / plain.median;
  const mb = (octets) => octets / 2 ** 20;
  const queuedMb = mb(queues.logs + queues.longest);
  const lines = [
    `all reading ${range(plain)}; one paused, the others ${range(held1)}: ratio ${number(ratio)} (bar: ≤ ${RATIO_MOST}; ${held(ratio <= RATIO_MOST)})`,
    `queued for one peer at most ${number(queuedMb)} MB: logs ${number(mb(queues.logs))}, its socket ${number(mb(queues.longest))} (bar: ≤ ${QUEUE_MOST_MB} MB; ${held(queuedMb <= QUEUE_MOST_MB)})`,
    `under way to all sockets at most ${number(mb(queues.sum))} MB, octets that several peers share counted for each`,
    `the paused one was ${Math.min(...behind)} to ${Math.max(...behind)} routes behind and level again after ${range(caught)}`,
  ];
  for (const line of lines) say(`  ${line}`);
  writeFileSync(join(folder, 'slow.txt'), `${lines.join('\n')}\n`);
  if (toPublish && !stopped()) say(publish(join(root, 'docs', 'benchmarks.md'), 'bench-slow', lines.map((line) => `- ${line}`).join('\n')));
  return ended === 0 ? [] : [`slow peer: ${ended} sessions ended`];
}
