/** What processes cost, and the figures of a row of measurements. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Clock ticks a second: 100 on every Linux. */
const TICKS = 100;

/** Processor seconds of a process with all its threads so far, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory now and at most so far, MB (10^6 octets). */
export function memory(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (key: string): number => Math.round((Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

/** Share of one core that each process took over some seconds, in percent. */
export async function shares(pids: readonly number[], seconds: number): Promise<readonly number[]> {
  const before = pids.map(cpuSeconds);
  const began = performance.now();
  await pause(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  const after = pids.map(cpuSeconds);
  return after.map((value, index) => ((value - (before[index] ?? 0)) / elapsed) * 100);
}

/** The value that this share of all does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Calls `step` so many times a second until the signal aborts, and waits for what it began. Calls do not wait for each other. */
export async function paced(perSecond: number, signal: AbortSignal, step: (index: number) => Promise<void>): Promise<void> {
  const began = performance.now();
  const running = new Set<Promise<void>>();
  for (let index = 0; !signal.aborted; index += 1) {
    const wait = began + (index * 1000) / perSecond - performance.now();
    if (wait > 1) await pause(wait);
    const call = step(index).finally(() => running.delete(call));
    running.add(call);
  }
  await Promise.all(running);
}
