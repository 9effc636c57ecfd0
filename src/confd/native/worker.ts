/**
 * Entry of the speaker's thread: joins the speaker, its sockets and clock, and the two message ports (main, and the health
 * thread, whose port main hands over). Nothing else runs in this thread, so that no session waits for anything.
 */

import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import type { LocalRoute, Speaker, SpeakerConfig } from 'bgp-ts';
import { createSpeaker } from 'bgp-ts';
import { createSpeakerHost, ListenError, monotonicNow, wallClockOf } from 'bgp-ts/io';
import { formatAddress } from 'bgp-ts/net';
import type { KernelToSpeaker } from '../../routes/kernel/messages.ts';
import type { LearnedChange } from '../../routes/kernel/sync-types.ts';
import { createBeat } from './beat.ts';
import type { KernelLink } from './kernel-link.ts';
import { createKernelLink } from './kernel-link.ts';
import { createLearnedRoutes } from './learned-routes.ts';
import { measureLoop } from './loop-delay.ts';
import { type OwnAuditCounters, startOwnAudit } from './own-audit.ts';
import type { HealthQuestion, HealthReply, KernelHello, ThreadOptions, ToThread } from './protocol.ts';
import type { SpeakerThreadLogic, ThreadSpeaker } from './thread.ts';
import { createThreadLogic } from './thread.ts';

/** Sign of life for the health thread, ms. */
const PUSH_MS = 1000;

/** A session changed: its neighbours in time share one push, ms. */
const PUSH_SOON_MS = 50;

/** Until every peer has been heard, or waited for long enough, that is looked at so often, ms. */
const KERNEL_TICK_MS = 500;

/** Wait before a listener that could not be opened is tried again, ms. */
const LISTEN_RETRY_MS = 5000;

interface Sockets extends ThreadSpeaker {
  /** Tries again what could not be opened. */
  retryListeners(): void;
  /** Takes what the kernel has learned or lost. */
  learn(change: LearnedChange): void;
  readonly bestChanges: Speaker['bestChanges'];
  readonly hasWork: Speaker['hasWork'];
}

/** The audit over the real speaker; its timers do not keep the thread alive. */
function auditOwn(
  intervalMs: number,
  speaker: Speaker,
  own: ReturnType<typeof createLearnedRoutes>,
  repair: (routes: readonly LocalRoute[]) => void,
): () => OwnAuditCounters {
  return startOwnAudit({
    intervalMs,
    wanted: own.all,
    current: (route) => own.at(route.prefix),
    isThere: ({ prefix }) => {
      const family = prefix.family === 'ipv4' ? 'ipv4-unicast' : 'ipv6-unicast';
      return speaker.routes({ view: 'all', family, prefix }, 0, 1).routes.some((route) => route.from === 'local');
    },
    busy: speaker.hasWork,
    repair,
    after: (ms, call) => void setTimeout(call, ms).unref(),
  });
}

function createSockets(options: ThreadOptions, onEvent: SpeakerThreadLogic['event']): Sockets {
  const restarting = options.recovery ? { restarting: { forwarding: true } } : {};
  const speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf, ...restarting });
  const failed = new Map<string, string>();
  const learned = createLearnedRoutes();
  let config: SpeakerConfig | undefined;
  const keyOf = ({ address, port }: SpeakerConfig['listen'][number]): string => `${formatAddress(address)} ${port}`;
  const host = createSpeakerHost({
    speaker,
    now: monotonicNow,
    warmUp: true,
    auditMs: options.auditMs,
    onEvent,
    memoryUsed: () => process.memoryUsage.rss() / options.memoryLimit,
    // The address is known to whoever reads it: only the reason after it.
    onListenError: (error) => void failed.set(keyOf(error.endpoint), error.message.slice(error.message.indexOf(': ') + 2)),
  });
  host.handle({ type: 'recall', peers: options.remembered });
  const configure = async (wanted: SpeakerConfig): Promise<void> => {
    try {
      await host.configure(wanted);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
    }
  };
  const audited = auditOwn(options.auditMs, speaker, learned, (set) => host.handle({ type: 'routes', set, remove: [] }));
  return {
    status: () => {
      const status = speaker.status();
      return { ...status, work: { ...status.work, ...audited() } };
    },
    routes: speaker.routes,
    explain: speaker.explain,
    memory: speaker.memory,
    own: learned,
    bestChanges: speaker.bestChanges,
    hasWork: speaker.hasWork,
    learn: (change) => {
      const input = learned.learn(change);
      if (input !== undefined) host.handle(input);
    },
    submit: async (given) => {
      const input = learned.join(given);
      if (input.type === 'routes') host.handle(input);
      else {
        config = input.config;
        const wanted = new Set(config.listen.map(keyOf));
        for (const key of [...failed.keys()]) if (!wanted.has(key)) failed.delete(key);
        await configure(config);
      }
    },
    act: (peer, action) => host.handle({ type: 'peer-action', peer, action }),
    listeners: () =>
      (config?.listen ?? []).map((endpoint) => {
        const error = failed.get(keyOf(endpoint)) ?? null;
        return { address: formatAddress(endpoint.address), port: endpoint.port, up: error === null, error };
      }),
    retryListeners: () => {
      if (config === undefined || failed.size === 0) return;
      const whole = config;
      // Listeners are kept equal to what is wanted: leaving the failed ones out for a moment asks for them anew.
      const working = whole.listen.filter((endpoint) => !failed.has(keyOf(endpoint)));
      failed.clear();
      void configure({ ...whole, listen: working });
      void configure(whole);
    },
    stop: (planned, text) => host.stop(planned, text),
  };
}

function linkKernel(port: MessagePort, speaker: Sockets): KernelLink {
  const link = createKernelLink({
    send: (message) => port.postMessage(message),
    take: speaker.bestChanges,
    status: speaker.status,
    busy: speaker.hasWork,
    now: monotonicNow,
    later: setImmediate,
    learned: speaker.learn,
  });
  port.on('message', (message: KernelToSpeaker) => link.received(message));
  return link;
}

function run(main: MessagePort, options: ThreadOptions): void {
  let health: MessagePort | undefined;
  let soon: NodeJS.Timeout | undefined;
  let kernel: KernelLink | undefined;
  const marks = createBeat(Date.now);
  const speaker = createSockets(options, (event) => {
    if (event.kind === 'best-changed') kernel?.changed();
    const changed = logic.event(event);
    if (changed) soon ??= setTimeout(push, PUSH_SOON_MS);
    return changed;
  });
  const logic: SpeakerThreadLogic = createThreadLogic({
    speaker,
    now: Date.now,
    loop: measureLoop(),
    toMain: (message) => main.postMessage(message),
    toHealth: (message) => health?.postMessage(message),
  });
  function push(): void {
    clearTimeout(soon);
    soon = undefined;
    marks.during('its status', logic.push);
  }
  const timers = [
    setInterval(push, PUSH_MS),
    setInterval(speaker.retryListeners, LISTEN_RETRY_MS),
    setInterval(() => kernel?.tick(), KERNEL_TICK_MS),
  ];
  let kernelPort: MessagePort | undefined;
  main.on('message', (message: ToThread<MessagePort> | KernelHello<MessagePort>) => {
    if (message.type === 'kernel') {
      kernelPort = message.port;
      kernel = linkKernel(message.port, speaker);
      return;
    }
    if (message.type === 'health') {
      health = message.port;
      health.postMessage({ type: 'beat', beat: marks.beat } satisfies HealthReply);
      health.on('message', (question: HealthQuestion) => marks.during('a question of the health thread', () => logic.health(question)));
    }
    void marks
      .during('a configuration', () => logic.main(message))
      .then(() => {
        if (message.type === 'configure') kernel?.configured();
        if (message.type !== 'stop') return;
        kernelPort?.close();
        for (const timer of timers) clearInterval(timer);
        clearTimeout(soon);
        health?.close();
        main.close();
      });
  });
}

if (parentPort === null) throw new Error('worker.ts is the entry of a worker thread');
run(parentPort, workerData);
