/** What the daemon makes of what its kernel thread says; the thread is a real one that says what the test wants. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { runKernel } from '../../src/main/kernel.ts';

/** Says each of the messages, and ends when it is told to stop. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  for (const message of workerData) parentPort.postMessage(message);
  parentPort.on('message', ({ type }) => type === 'stop' && parentPort.close());
`;

async function codesAfter(messages: readonly object[]): Promise<readonly (readonly string[])[]> {
  const seen: (readonly string[])[] = [];
  const worker = new Worker(THREAD, { eval: true, workerData: [...messages, { type: 'last' }] });
  const told = new Promise<void>((resolve) => worker.on('message', ({ type }: { type: string }) => type === 'last' && resolve()));
  const thread = runKernel(worker, 'kernel', {
    log: SILENT_LOG,
    issuesChanged: () => void seen.push(thread.issues().map(({ code }) => code)),
    failed: (error) => {
      throw error;
    },
  });
  await told;
  const ended = once(worker, 'exit');
  await thread.stop();
  await ended;
  return seen;
}

describe("the kernel's thread", () => {
  it('that is in trouble is an issue until it has recovered, told once each', async () => {
    const trouble = { type: 'trouble', text: 'ENOBUFS' };
    expect(await codesAfter([trouble, trouble, { type: 'recovered' }])).toEqual([['KERNEL_LOST'], []]);
  });

  it('that says it is well is no news', async () => {
    expect(await codesAfter([{ type: 'recovered' }])).toEqual([]);
  });
});
