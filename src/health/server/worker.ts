/** Entry of the health thread: owns the state, takes pushes from both ports, serves until told to stop. Started by ../thread.ts. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createLiveClock } from '../clock.ts';
import { LIVE_TICK_MS } from '../limits.ts';
import { DEFAULT_READINESS } from '../probes.ts';
import { createState, forgetSpeaker, takeMain, takeSpeaker } from '../state.ts';
import type {
  HealthOptions,
  LoopView,
  MainAnswer,
  MainMessage,
  MainQuery,
  SpeakerAnswer,
  SpeakerMessage,
  SpeakerQuery,
} from '../status.ts';
import type { ControlMessage, WorkerMessage } from '../thread.ts';
import { openListeners } from './listen.ts';
import { createQueries } from './queries.ts';
import type { Suppliers } from './suppliers.ts';

const PROCESS_START_S = (Date.now() - process.uptime() * 1000) / 1000;

/** Sampling interval of the loop delay, milliseconds: two wake-ups a second, since each costs this idle thread 0.1 ms of a core. */
const LOOP_RESOLUTION_MS = 500;

/** Loop delay of this thread since the last reading. */
function createLoopMeter(): () => LoopView {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delays.enable();
  // Node measures the whole interval between two ticks; lateness is what goes beyond it. NaN where nothing was measured.
  const ms = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - LOOP_RESOLUTION_MS) : 0);
  return () => {
    const view = { meanMs: ms(delays.mean), p99Ms: ms(delays.percentile(99)), maxMs: ms(delays.max) };
    delays.reset();
    return view;
  };
}

function processFigures(): { residentOctets: number; cpuSeconds: number; startedAt: number } {
  const { user, system } = process.cpuUsage();
  return { residentOctets: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, startedAt: PROCESS_START_S };
}

async function run(port: MessagePort, options: HealthOptions): Promise<void> {
  const now = createLiveClock(() => performance.now());
  const ticking = setInterval(now, LIVE_TICK_MS);
  const state = createState(now(), options.threads);
  let speakerPort: MessagePort | undefined;
  const main = createQueries<MainQuery, MainAnswer>((message) => port.postMessage(message));
  const speaker = createQueries<SpeakerQuery, SpeakerAnswer>((message) => speakerPort?.postMessage(message));
  const connectSpeaker = (connected: MessagePort): void => {
    speakerPort?.close();
    if (speakerPort !== undefined) forgetSpeaker(state);
    speaker.abandon();
    speakerPort = connected;
    connected.on('message', (message: SpeakerMessage) => {
      // What an old port still had under way is not news of the new thread.
      if (connected !== speakerPort) return;
      if (message.type === 'push') takeSpeaker(state, message.push, now());
      else if (message.type === 'daemons') state.daemons = message.daemons;
      else if (message.type === 'beat') state.beat = message.beat;
      else speaker.settle(message);
    });
  };
  const suppliers: Suppliers = {
    state,
    now,
    policy: options.readiness ?? DEFAULT_READINESS,
    main,
    speaker,
    desired: { held: undefined, asking: undefined },
    process: processFigures,
    loop: createLoopMeter(),
  };
  const report = (message: WorkerMessage): void => port.postMessage(message);
  // Pushes that come while the listeners open wait in the port.
  const opened = await openListeners(suppliers, options.listen);
  if (!opened.ok) {
    report({ type: 'refused', code: opened.refusal.code, message: opened.refusal.message });
    clearInterval(ticking);
    return;
  }
  report({ type: 'listening', listening: opened.listening });
  port.on('message', (message: MainMessage | ControlMessage) => {
    if (message.type === 'push') takeMain(state, message.push, now());
    else if (message.type === 'speaker') connectSpeaker(message.port);
    else if (message.type !== 'stop') main.settle(message);
    else {
      clearInterval(ticking);
      void opened.close().then(() => process.exit(0));
    }
  });
}

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
await run(parentPort, workerData);
