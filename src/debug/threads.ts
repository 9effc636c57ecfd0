/**
 * The threads of this process as V8's inspector sees them, reached from the main thread without a word in the others. Nothing
 * is attached before the first question, and everything is let go after each.
 */
import { Session } from 'node:inspector';

/** A thread that can be asked. */
export interface Inspected {
  /** `main`, or the name that its worker was given. */
  readonly name: string;
  /** Calls a method of the inspector's protocol. Rejects with what the inspector says. */
  call(method: string, params?: object): Promise<unknown>;
  /** Parameters of a notification from now on. */
  on(method: string, listener: (params: unknown) => void): void;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
/** A member of a message of the inspector; undefined where there is none. */
export const field = (value: unknown, name: string): unknown => (isFields(value) ? value[name] : undefined);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One worker: numbered calls inside messages of the main thread's session. */
function workerThread(main: Inspected, sessionId: string, name: string) {
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, (params: unknown) => void>();
  let last = 0;
  const thread: Inspected = {
    name,
    call: (method, params = {}) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        const message = JSON.stringify({ id: last, method, params });
        main.call('NodeWorker.sendMessageToWorker', { sessionId, message }).catch(reject);
      }),
    on: (method, listener) => void listeners.set(method, listener),
  };
  const take = (message: string): void => {
    const value: unknown = JSON.parse(message);
    const [id, error] = [field(value, 'id'), field(value, 'error')];
    if (typeof id !== 'number') {
      listeners.get(text(field(value, 'method')))?.(field(value, 'params'));
      return;
    }
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(field(value, 'result'));
    else call?.reject(new Error(text(field(error, 'message'))));
  };
  return { thread, take };
}

/** `[worker 3] speaker` of Node, without what is not the name. */
const nameOf = (title: string): string => title.replace(/^\[worker \d+\]\s*/, '') || title;

/** Attaches to all threads for the time of `work`. */
export async function withThreads<T>(work: (threads: readonly Inspected[]) => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  try {
    const main: Inspected = {
      name: 'main',
      call: (method, params = {}) =>
        new Promise((resolve, reject) => {
          session.post(method, params, (error: Error | null, result?: object) => (error === null ? resolve(result) : reject(error)));
        }),
      on: (method, listener) => void session.on(method, (message: { readonly params: unknown }) => listener(message.params)),
    };
    const workers = new Map<string, ReturnType<typeof workerThread>>();
    main.on('NodeWorker.attachedToWorker', (params) => {
      const id = text(field(params, 'sessionId'));
      workers.set(id, workerThread(main, id, nameOf(text(field(field(params, 'workerInfo'), 'title')))));
    });
    main.on('NodeWorker.receivedMessageFromWorker', (params) => {
      workers.get(text(field(params, 'sessionId')))?.take(text(field(params, 'message')));
    });
    // Its answer comes after all workers that run have been told of.
    await main.call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return await work([main, ...[...workers.values()].map(({ thread }) => thread)]);
  } finally {
    session.disconnect();
  }
}
