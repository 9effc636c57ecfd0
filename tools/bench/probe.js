/**
 * The speaker on real sockets with meters around it, for the bench alone: `node probe.js CONFIG.json REPORT.json [--memory]`. It is
 * `linnet speaker` without its log: same core, same host. Writes the report on SIGTERM, and on SIGUSR2 begins to measure anew.
 * A slice is one call of the core's `work` with the sending of what it produced.
 */
import { openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createSpeaker, parseSpeakerConfig } from 'bgp-ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from 'bgp-ts/io';

/** Sampling interval of the loop delay, ms. */
const RESOLUTION_MS = 10;
/** Between two looks at tables and queues, ms; only with `--memory`, because a look walks all peers. */
const LOOK_MS = 100;
/** Slices are counted in steps of this many ms. */
const STEP_MS = 0.25;
const STEPS = 4000;

const schedstat = openSync('/proc/thread-self/schedstat', 'r');
const text = Buffer.alloc(64);

/** CPU time of this thread, ms. The kernel brings its account up to date when the process asks for its own usage. */
function threadCpu() {
  process.cpuUsage();
  const length = readSync(schedstat, text, 0, text.length, 0);
  return Number(text.toString('latin1', 0, text.indexOf(0x20, 0)) || text.toString('latin1', 0, length)) / 1e6;
}

function createSlices() {
  const steps = new Uint32Array(STEPS);
  const state = { count: 0, max: 0, sum: 0, units: 0, unitsMax: 0, octetsMax: 0, over: 0 };
  return {
    add(ms, units, octets) {
      state.count++;
      state.sum += ms;
      state.max = Math.max(state.max, ms);
      state.units += units;
      state.unitsMax = Math.max(state.unitsMax, units);
      state.octetsMax = Math.max(state.octetsMax, octets);
      if (ms > 10) state.over++;
      steps[Math.min(STEPS - 1, Math.floor(ms / STEP_MS))]++;
    },
    view() {
      let seen = 0;
      const p99 = steps.findIndex((count) => {
        seen += count;
        return count > 0 && seen >= state.count * 0.99;
      });
      return { ...state, p99: (p99 + 1) * STEP_MS };
    },
    reset() {
      steps.fill(0);
      for (const key of Object.keys(state)) state[key] = 0;
    },
  };
}

const slices = createSlices();
const inputs = createSlices();
let open;

const sent = (outputs) =>
  outputs.reduce((sum, output) => (output.type === 'send' ? sum + output.buffers.reduce((n, { length }) => n + length, 0) : sum), 0);

/** The host asks for the time right after it has performed what `work` returned: that ends the slice. */
function now() {
  const time = monotonicNow();
  if (open !== undefined) {
    const { from, outputs } = open;
    open = undefined;
    slices.add(threadCpu() - from, outputs.length, sent(outputs));
  }
  return time;
}

const core = createSpeaker({ random: Math.random, wallClock: wallClockOf });
const speaker = {
  ...core,
  handle(input, time) {
    const from = threadCpu();
    const outputs = core.handle(input, time);
    inputs.add(threadCpu() - from, outputs.length, 0);
    return outputs;
  },
  work(_clock, budgetMs) {
    const from = threadCpu();
    const result = core.work(monotonicNow, budgetMs);
    open = { from, outputs: result.outputs };
    return result;
  },
};

const [configPath, reportPath, option] = process.argv.slice(2);
const config = parseSpeakerConfig(readFileSync(configPath, 'utf8'));
if (!config.ok) throw new Error(JSON.stringify(config.error));
const host = createSpeakerHost({
  speaker,
  now,
  warmUp: true,
  onEvent: () => undefined,
  onListenError: (error) => process.stderr.write(`${error.message}\n`),
});

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let fullest;
let heldBefore = 0;
const queues = { logs: 0, longest: 0, sum: 0 };
let workBefore = {};

/** Tables when most paths were in them, and the most that queues held: logs of the groups and what sockets have not taken. */
function look() {
  const { peers, prefixes, paths, attributeSets, groups, work } = core.status();
  const logs = groups.reduce((sum, { logOctets }) => sum + logOctets, 0);
  // The host keeps its sockets to itself; Node's list of them is undocumented, and good enough for a bench.
  const queued = process._getActiveHandles().map(({ writableLength = 0 }) => writableLength);
  queues.logs = Math.max(queues.logs, logs);
  queues.longest = Math.max(queues.longest, ...queued);
  queues.sum = Math.max(
    queues.sum,
    queued.reduce((sum, octets) => sum + octets, 0),
  );
  const held = paths['ipv4-unicast'] + paths['ipv6-unicast'];
  const settled = held === heldBefore;
  heldBefore = held;
  // Garbage is not what a route takes: once nothing changes any more it is collected, and that look is the one that counts.
  if (!settled || (fullest !== undefined && held <= fullest.paths)) return;
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  fullest = {
    paths: held,
    prefixes: prefixes['ipv4-unicast'] + prefixes['ipv6-unicast'],
    peers: peers.length,
    attributeSets,
    logs,
    rss,
    heapUsed,
    arrayBuffers,
    work,
  };
}

const late = (nanoseconds) => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) : 0);

function report() {
  const work = Object.fromEntries(Object.entries(core.status().work).map(([name, count]) => [name, count - (workBefore[name] ?? 0)]));
  const loop = { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max), samples: delay.count };
  writeFileSync(reportPath, JSON.stringify({ slices: slices.view(), inputs: inputs.view(), loop, work, queues, fullest }));
}

function restartMeters() {
  slices.reset();
  inputs.reset();
  delay.reset();
  workBefore = core.status().work;
  Object.assign(queues, { logs: 0, longest: 0, sum: 0 });
}

await host.configure(config.value);
delay.enable();
const looking = option === '--memory' ? setInterval(look, LOOK_MS) : undefined;
process.on('SIGUSR2', restartMeters);
process.once('SIGTERM', () => {
  clearInterval(looking);
  report();
  void host.stop(false).then(() => process.exit(0));
});
