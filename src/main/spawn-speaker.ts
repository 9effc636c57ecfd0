/** Starts the speaker's thread and joins it to the health thread by a port of their own. */

import type { MessagePort } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import type { Thread, ThreadEvents } from '../confd/native/host.ts';
import type { FromThread, KernelHello, ThreadOptions, ToThread } from '../confd/native/protocol.ts';

/** One life of the thread; `health` and `kernel` are transferred to it. */
export function spawnSpeaker(events: ThreadEvents, health: MessagePort, options: ThreadOptions, kernel?: MessagePort): Thread {
  const worker = new Worker(new URL('../confd/native/worker.js', import.meta.url), { name: 'speaker', workerData: options });
  let failure: Error | undefined;
  worker.on('message', (message: FromThread) => events.message(message));
  worker.on('error', (error) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  worker.on('exit', () => events.exit(failure));
  const hello: ToThread<MessagePort> = { type: 'health', port: health };
  worker.postMessage(hello, [health]);
  if (kernel !== undefined) worker.postMessage({ type: 'kernel', port: kernel } satisfies KernelHello<MessagePort>, [kernel]);
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
