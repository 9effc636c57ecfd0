/** Entry of the kernel's thread: routes of the speaker and of the configuration into the kernel, routes of the kernel back. */
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import type { FromKernel, KernelOptions, KernelToSpeaker, SpeakerToKernel, ToKernel } from './messages.ts';
import { mayWrite, openNetlinkKernel } from './netlink.ts';
import type { KernelSync } from './sync.ts';
import { createKernelSync } from './sync.ts';
import type { Kernel } from './table.ts';
import { holdNumber, liveWriter } from './writers.ts';

type Refusal = Extract<FromKernel, { type: 'refused' }>;

/** A number that its process has just left may still be held for a moment: so many looks, ms apart. */
const LOOKS = 10;
const LOOK_MS = 200;

/** Between two signs of life, ms. */
const ALIVE_MS = 1000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function open({ protocol }: KernelOptions): Promise<Kernel | Refusal> {
  const refuse = (code: Refusal['code'], text: string): Refusal => ({ type: 'refused', code, text });
  try {
    if (!mayWrite()) return refuse('DENIED', 'this process may not change routes (CAP_NET_ADMIN)');
    for (let look = 1; (await holdNumber(protocol)) === undefined; look++) {
      if (look === LOOKS) return refuse('WRITER', `another linnet writes routes with protocol ${protocol} here`);
      await pause(LOOK_MS);
    }
    const writer = liveWriter(protocol);
    if (writer !== undefined) return refuse('WRITER', `${writer} writes routes with protocol ${protocol} here`);
    return openNetlinkKernel({ protocol });
  } catch (error) {
    return refuse('UNAVAILABLE', error instanceof Error ? error.message : String(error));
  }
}

/** One life of the speaker's thread: what it says, until another one comes. */
function join(sync: KernelSync, port: MessagePort): void {
  const say = (message: KernelToSpeaker): void => port.postMessage(message);
  say({ type: 'learned', set: sync.learned(), remove: [] });
  port.on('message', (message: SpeakerToKernel) => {
    if (message.type === 'settled') sync.settled();
    else {
      sync.best(message.changes);
      say({ type: 'taken' });
    }
  });
}

async function run(main: MessagePort, options: KernelOptions): Promise<void> {
  const tell = (message: FromKernel): void => main.postMessage(message);
  // Messages wait in the port until there is somebody to take them.
  const kernel = await open(options);
  if ('code' in kernel) {
    tell(kernel);
    main.close();
    return;
  }
  let speaker: MessagePort | undefined;
  const sync = createKernelSync({
    kernel,
    auditMs: options.auditMs,
    now: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    learned: (change) => speaker?.postMessage({ type: 'learned', ...change } satisfies KernelToSpeaker),
    status: (status) => tell({ type: 'status', status }),
    failed: (error) => tell({ type: 'trouble', text: error.message }),
    recovered: () => tell({ type: 'recovered' }),
  });
  sync.start();
  const alive = setInterval(() => tell({ type: 'status', status: sync.status() }), ALIVE_MS);
  main.on('message', (message: ToKernel<MessagePort>) => {
    if (message.type === 'configure') sync.configure(message.config);
    else if (message.type === 'speaker') {
      if (speaker !== undefined) sync.beginEpoch();
      speaker?.close();
      speaker = message.port;
      join(sync, speaker);
    } else {
      clearInterval(alive);
      sync.stop();
      speaker?.close();
      main.close();
    }
  });
  tell({ type: 'ready' });
}

if (parentPort === null) throw new Error('worker.ts is the entry of a worker thread');
await run(parentPort, workerData);
