/** Main's side of the health thread. */
import { Worker } from 'node:worker_threads';
import type { AgentPush, FromHealth, HealthListen, HealthStart, ToHealth } from './figures.ts';

/** Ms between two signs of life of main. */
export const PUSH_MS = 1_000;
/** Ms that the thread gets to close by itself. */
const STOP_MS = 2_000;

/** What the thread needs of main. */
export interface HealthSeams {
  /** The outcome of a later `listen`: where, or why not. */
  readonly listening: (address: string | null, refused: string | undefined) => void;
  /** It died: a bug of ours. */
  readonly failed: (error: Error) => void;
}

/** A running health thread. */
export interface HealthThread {
  /** Where it listens for probes; null: nowhere but on the unix socket. */
  readonly address: string | null;
  push(push: AgentPush): void;
  /** Seconds by name of the reporter. */
  setTimeouts(overrides: readonly { readonly name: string; readonly timeout: number }[]): void;
  /** Goes on listening elsewhere, or nowhere. */
  listen(listen: HealthListen | null): void;
  /** Closes everything. Idempotent. */
  stop(): Promise<void>;
}

/** Starts it. Rejects with a sentence where the socket or the listener cannot be had. */
export async function startHealth(start: HealthStart, seams: HealthSeams): Promise<HealthThread> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: start, name: 'health' });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const first = await new Promise<FromHealth>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if (first.refused !== undefined) {
    await worker.terminate();
    throw new Error(first.refused);
  }
  worker.on('error', seams.failed);
  worker.on('message', ({ address, refused }: FromHealth) => seams.listening(address, refused));
  const post = (message: ToHealth): void => worker.postMessage(message);
  let stopping = false;
  return {
    address: first.address,
    push: (push) => post({ type: 'push', push }),
    setTimeouts: (overrides) => post({ type: 'timeouts', overrides }),
    listen: (listen) => post({ type: 'listen', listen }),
    async stop() {
      if (!stopping) post({ type: 'stop' });
      stopping = true;
      const late = setTimeout(() => void worker.terminate(), STOP_MS);
      await exited;
      clearTimeout(late);
    },
  };
}
