/**
 * The caller's side of the health thread: starts the worker, pushes to it, answers its queries. Imported by main; the
 * worker's side is server/worker.ts. No HTTP here.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { HealthOptions, ListeningView, MainAnswer, MainMessage, MainPush, MainQuery, QueryFault, QueryMessage } from './status.ts';

/** Outcome of one query. */
export type Answered<Answer> = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly fault: QueryFault };

/** What the thread needs of main. */
export interface HealthSeams {
  /** Answers a query from main's own state; a rejection is answered as `internal` without its text. */
  readonly answer: (query: MainQuery) => Promise<Answered<MainAnswer>>;
  /** The worker died after it had started; a bug of ours, so the daemon should end. Called at most once. */
  readonly failed: (error: Error) => void;
}

/** A running health thread. */
export interface HealthThread {
  readonly listening: readonly ListeningView[];
  /** Main's sign of life: call at least every second; PUSH_INTERVAL_MS. */
  push(push: MainPush): void;
  /**
   * A fresh port for the speaker's thread (transfer it): it posts SpeakerMessage and gets QueryMessage<SpeakerQuery>.
   * Called again after a restart of that thread; what the old port said is then forgotten.
   */
  connectSpeaker(): MessagePort;
  /** Closes every listener, removes the socket file and ends the worker. Idempotent. */
  stop(): Promise<void>;
}

/** Caller to worker, beside MainMessage. */
export type ControlMessage = { readonly type: 'speaker'; readonly port: MessagePort } | { readonly type: 'stop' };

/** Worker to caller, beside the queries. */
export type WorkerMessage =
  | { readonly type: 'listening'; readonly listening: readonly ListeningView[] }
  | { readonly type: 'refused'; readonly code: string; readonly message: string };

/** Sign-of-life interval of both pushing threads, milliseconds; 5 missed ones are a stall. */
export const PUSH_INTERVAL_MS = 1000;

/** Longest wait for the worker to close by itself, milliseconds; then it is terminated. */
const STOP_WAIT_MS = 2000;

/** The health thread could not start: `HEALTH_LISTEN` (message names the address and why) or `HEALTH_CONFIG`. Not retryable. */
export class HealthStartError extends Error {
  readonly code: string;
  readonly retryable = false;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'HealthStartError';
    this.code = code;
  }
}

/** Starts the worker and resolves when every listener is up. Rejects with HealthStartError when one cannot be. */
export async function startHealthThread(options: HealthOptions, seams: HealthSeams): Promise<HealthThread> {
  const worker = new Worker(new URL('./server/worker.js', import.meta.url), { workerData: options, name: 'health' });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const listening = await firstReport(worker, exited);
  let stopping = false;
  worker.on('error', seams.failed);
  worker.on('message', (message: QueryMessage<MainQuery>) => void answerQuery(worker, seams, message));
  const post = (message: MainMessage): void => worker.postMessage(message);
  return {
    listening,
    push: (push) => post({ type: 'push', push }),
    connectSpeaker: () => connectSpeaker(worker),
    stop: async () => {
      if (!stopping) {
        stopping = true;
        worker.postMessage({ type: 'stop' } satisfies ControlMessage);
      }
      const late = setTimeout(() => void worker.terminate(), STOP_WAIT_MS);
      await exited;
      clearTimeout(late);
    },
  };
}

/** The worker's first message: where it listens, or why it cannot. */
async function firstReport(worker: Worker, exited: Promise<void>): Promise<readonly ListeningView[]> {
  const report = await new Promise<WorkerMessage>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    void exited.then(() => reject(new Error('the health thread ended before it listened')));
  });
  worker.removeAllListeners('error');
  if (report.type === 'listening') return report.listening;
  await exited;
  throw new HealthStartError(report.code, report.message);
}

function connectSpeaker(worker: Worker): MessagePort {
  const channel = new MessageChannel();
  worker.postMessage({ type: 'speaker', port: channel.port1 } satisfies ControlMessage, [channel.port1]);
  return channel.port2;
}

async function answerQuery(worker: Worker, seams: HealthSeams, message: QueryMessage<MainQuery>): Promise<void> {
  const answered = await seams
    .answer(message.query)
    .catch((): Answered<MainAnswer> => ({ ok: false, fault: { code: 'internal', message: 'main failed to answer' } }));
  const reply: MainMessage = answered.ok
    ? { type: 'answer', id: message.id, answer: answered.answer }
    : { type: 'fault', id: message.id, fault: answered.fault };
  worker.postMessage(reply);
}
