/** What can be fuzzed, and how a target is run: batches of inputs, each of which its target, seed and number make again. */
import { writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { drawFrom, mutated } from './mutate.ts';

/** A decoder with everything that works on what it decoded. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs; mutations start from them. */
  readonly seeds: readonly Uint8Array[];
  /** Takes any octets. Throws where a property does not hold. */
  readonly run: (input: Uint8Array) => void;
  /** Longest input, octets. Default 4096. */
  readonly limit?: number;
}

/** How long to run: until this many inputs or this many ms, whichever is later. */
export interface FuzzBudget {
  readonly seed: number;
  readonly inputs: number;
  readonly ms: number;
}

/** What a run did. */
export interface FuzzResult {
  readonly inputs: number;
  /** Live octets more than before, after a collection of garbage; 0 where the budget has no time. */
  readonly grown: number;
}

const BATCH = 64;
const DEFAULT_LIMIT = 4096;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Octets in use after a collection. */
function live(): number {
  collect();
  // The first leaves buffers to a thread of its own, and still counts them; the next waits for that.
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Input number `index` of a target: 0 and up to the number of seeds are the seeds themselves. */
export function inputOf(target: FuzzTarget, seed: number, index: number): Uint8Array {
  const own = target.seeds[index];
  return own ?? mutated(target.seeds, drawFrom(Math.imul(seed, 0x9e3779b1) ^ index), target.limit ?? DEFAULT_LIMIT);
}

/** Runs one input; an error names the input so that it can be run again. */
export function runInput(target: FuzzTarget, input: Uint8Array, label: string): void {
  try {
    target.run(input);
  } catch (error) {
    const text = Buffer.from(input).toString('hex');
    throw new Error(`${target.name}, ${label}: ${error instanceof Error ? error.message : String(error)}\ninput: ${text}`, {
      cause: error,
    });
  }
}

/** Runs a target; `heartbeat` is a file that tells a watchdog which batch is being worked on. */
export async function fuzz(target: FuzzTarget, budget: FuzzBudget, heartbeat?: string): Promise<FuzzResult> {
  const end = performance.now() + budget.ms;
  let index = 0;
  const batch = (): void => {
    if (heartbeat !== undefined) writeFileSync(heartbeat, `${target.name}, seed ${budget.seed}, inputs from ${index}\n`);
    for (const last = index + BATCH; index < last; index++)
      runInput(target, inputOf(target, budget.seed, index), `seed ${budget.seed}, input ${index}`);
  };
  // The first inputs fill caches and compile code; a run this short could not tell growth from that.
  batch();
  const measured = budget.ms > 0;
  const before = measured ? live() : 0;
  while (index < budget.inputs || performance.now() < end) {
    batch();
    await turn();
  }
  return { inputs: index, grown: measured ? live() - before : 0 };
}
