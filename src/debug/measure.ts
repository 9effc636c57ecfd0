/** What can be asked of a thread: how busy it is, a CPU profile, a heap snapshot. */
import { setTimeout as pause } from 'node:timers/promises';
import { field, type Inspected } from './threads.ts';

/** One thread over a window of time. */
export interface ThreadFigures {
  readonly name: string;
  /** Share of the window in which its event loop was busy, 0 to 1. */
  readonly utilization: number;
  /** Ms that a question took to be answered: how long its event loop makes others wait now. */
  readonly answerMs: number;
  /** Octets. */
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
}

const EXPRESSION = 'JSON.stringify([performance.eventLoopUtilization(), process.memoryUsage()])';

async function look(thread: Inspected): Promise<{ readonly loop: unknown; readonly memory: unknown; readonly took: number }> {
  const began = performance.now();
  const answer = await thread.call('Runtime.evaluate', { expression: EXPRESSION, returnByValue: true });
  const value = field(field(answer, 'result'), 'value');
  const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : [];
  const [loop, memory]: readonly unknown[] = Array.isArray(parsed) ? parsed : [];
  return { loop, memory, took: performance.now() - began };
}

const number = (value: unknown, name: string): number => {
  const found = field(value, name);
  return typeof found === 'number' ? found : 0;
};

/** Figures of a thread over so many ms. */
export async function figuresOf(thread: Inspected, ms: number): Promise<ThreadFigures> {
  const before = await look(thread);
  await pause(ms);
  const after = await look(thread);
  const [active, idle] = ['active', 'idle'].map((name) => number(after.loop, name) - number(before.loop, name));
  return {
    name: thread.name,
    utilization: Number(((active ?? 0) / Math.max(1, (active ?? 0) + (idle ?? 0))).toFixed(4)),
    answerMs: Number(after.took.toFixed(3)),
    heapUsed: number(after.memory, 'heapUsed'),
    heapTotal: number(after.memory, 'heapTotal'),
    external: number(after.memory, 'external'),
  };
}

/** A CPU profile of so many ms, as the developer tools of browsers open it (.cpuprofile). */
export async function profile(thread: Inspected, ms: number): Promise<unknown> {
  await thread.call('Profiler.enable');
  await thread.call('Profiler.start');
  await pause(ms);
  const answer = await thread.call('Profiler.stop');
  await thread.call('Profiler.disable');
  return field(answer, 'profile');
}

/**
 * Writes a heap snapshot to a new file that its owner alone may read. The thread stands still for it, and texts in memory are
 * in it. The thread writes by itself: of the pieces that the inspector sends from a worker, some are lost on their way.
 */
export async function heapSnapshot(thread: Inspected, path: string): Promise<void> {
  const expression = `process.getBuiltinModule('node:v8').writeHeapSnapshot(${JSON.stringify(path)})`;
  const answer = await thread.call('Runtime.evaluate', { expression, returnByValue: true });
  const problem = field(field(field(answer, 'exceptionDetails'), 'exception'), 'description');
  if (problem !== undefined) throw new Error(String(problem).split('\n')[0]);
}
