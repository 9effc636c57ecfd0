/** The kernel's thread as the daemon sees it: started before the speaker, told the configuration, joined to each speaker's life. */
import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Desired, DesireOptions } from '../confd/desired/types.ts';
import type { Log } from '../confd/log.ts';
import { kernelConfig } from '../confd/native/kernel-config.ts';
import { NATIVE_CAPABILITIES } from '../confd/native/unsupported.ts';
import type { Issue } from '../confd/resources/types.ts';
import type { Config } from '../config/types.ts';
import type { KernelView } from '../health/status.ts';
import { KERNEL_HEAP } from '../routes/kernel/heap.ts';
import type { FromKernel, KernelOptions, ToKernel } from '../routes/kernel/messages.ts';
import type { KernelStatus } from '../routes/kernel/sync-types.ts';
import type { Engine } from './engine.ts';
import { kernelIssues } from './kernel-issues.ts';
import { StartError } from './start-error.ts';

/** Abilities of the native engine where it writes kernel routes. */
export const KERNEL_CAPABILITIES = { ...NATIVE_CAPABILITIES, reachableBy: true } as const;

/** Options of the desired state with what the kernel's side needs. */
export function kernelDesireOptions(options: DesireOptions): DesireOptions {
  return { ...options, programme: true, engine: KERNEL_CAPABILITIES };
}

/** What the kernel's thread needs of the daemon. */
export interface KernelDeps {
  readonly log: Log;
  readonly issuesChanged: () => void;
  /** The thread died: routes stay, and the daemon starts anew. */
  readonly failed: (error: Error) => void;
}

/** A running kernel's thread. */
export interface KernelThread {
  /** A port for a new speaker's thread; it replaces the one before. */
  connectSpeaker(): MessagePort;
  configure(desired: Desired): void;
  issues(): readonly Issue[];
  /** The figures for health, with their age; undefined before the first. */
  view(): KernelView | undefined;
  /** Ends the thread; the routes stay. */
  stop(): Promise<void>;
}

/** Longest wait for the thread to end by itself, ms. */
const STOP_WAIT_MS = 2_000;

/**
 * Starts the thread where the configuration wants one: `on`, or `auto` for a native engine that serves one node and may
 * write routes. Throws StartError `KERNEL` where it cannot.
 */
export async function startKernel(config: Config, deps: KernelDeps): Promise<KernelThread | undefined> {
  if (config.kernel === 'off' || config.engine !== 'native') return undefined;
  if (config.kernel === 'auto' && config.transportMap.length > 0) return undefined;
  const options: KernelOptions = { protocol: config.kernelProtocol, auditMs: config.auditInterval * 1000 };
  const worker = new Worker(new URL('../routes/kernel/worker.js', import.meta.url), {
    name: 'kernel',
    workerData: options,
    resourceLimits: KERNEL_HEAP,
  });
  const [first]: FromKernel[] = await once(worker, 'message');
  if (first?.type === 'refused') {
    await worker.terminate();
    // Without the right to write there is nothing to spoil; beside another writer there is.
    if (config.kernel === 'on' || first.code === 'WRITER')
      throw new StartError('KERNEL', `${first.text}: no kernel routes (--kernel off goes without)`);
    deps.log.info({ because: first.text }, 'kernel routes are off');
    return undefined;
  }
  return runKernel(worker, config.compat === 'calico' ? 'bird' : 'kernel', deps);
}

/** The thread that `worker` is, from its first message on; `choice`: whose order of own and peers' routes counts. */
export function runKernel(worker: Worker, choice: 'kernel' | 'bird', deps: KernelDeps): KernelThread {
  let issues: readonly Issue[] = [];
  let stopping = false;
  let told: Desired | undefined;
  let heardAt = performance.now();
  let known = '';
  let trouble = '';
  let status: KernelStatus | undefined;
  let failure = new Error('the kernel thread ended by itself');
  const post = (message: ToKernel, transfer: readonly MessagePort[] = []): void => worker.postMessage(message, transfer);
  worker.on('message', (message: FromKernel) => {
    if (message.type === 'trouble') {
      deps.log.warn({ because: message.text }, 'kernel routes in trouble');
      trouble = message.text;
    } else if (message.type === 'recovered') {
      deps.log.info({}, 'kernel routes are read and kept again');
      trouble = '';
    } else if (message.type === 'status') {
      heardAt = performance.now();
      const news = JSON.stringify(message.status);
      if (news !== known) deps.log.debug({ ...message.status }, 'kernel routes');
      known = news;
      status = message.status;
    }
    const next = kernelIssues(status, trouble);
    if (JSON.stringify(next) === JSON.stringify(issues)) return;
    issues = next;
    deps.issuesChanged();
  });
  worker.on('error', (error) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      if (!stopping) deps.failed(failure);
      resolve();
    });
  });
  return {
    connectSpeaker: () => {
      const { port1, port2 } = new MessageChannel();
      post({ type: 'speaker', port: port1 }, [port1]);
      return port2;
    },
    configure: (desired) => {
      const { install, programme, networks } = desired;
      if (install === told?.install && programme === told.programme && networks === told.networks) return;
      told = desired;
      post({ type: 'configure', config: kernelConfig(desired, choice) });
    },
    issues: () => issues,
    view: () => (status === undefined ? undefined : kernelView(status, performance.now() - heardAt)),
    stop: async () => {
      stopping = true;
      post({ type: 'stop' });
      const late = setTimeout(() => void worker.terminate(), STOP_WAIT_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

function kernelView(status: KernelStatus, ageMs: number): KernelView {
  const { installed, best, unreachable, taken, failed, kept, repaired, drifted } = status;
  const { readings, overruns, batches, batchMs, slowestBatchMs } = status;
  const figures = { installed, wanted: best, unreachable, taken, failed, kept, repaired, drifted };
  return { ageMs: Math.round(ageMs), ...figures, readings, overruns, batches, batchMs, slowestBatchMs };
}

/** The engine with a kernel beside it: told of each state before the speaker is, ended after it. */
export function withKernel(engine: Engine, kernel: KernelThread | undefined): Engine {
  if (kernel === undefined) return engine;
  return {
    ...engine,
    apply: (desired, signal) => {
      kernel.configure(desired);
      return engine.apply(desired, signal);
    },
    engineIssues: () => [...engine.engineIssues(), ...kernel.issues()],
    stop: async (planned) => {
      // Its last withdrawals, of sessions that end, must not reach the kernel: the routes persist.
      await kernel.stop();
      await engine.stop(planned);
    },
  };
}
