/** Random numbers from a printed seed: the same seed gives the same world on every machine. */

/** A source of choices. */
export interface Random {
  /** Integer from 0 to below `limit`. */
  below(limit: number): number;
  /** True once in `n`. */
  oneIn(n: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** Each item with a chance of one half. */
  some<T>(items: readonly T[]): T[];
}

/** Deterministic choices for a seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return {
    below,
    oneIn: (n) => below(n) === 0,
    pick: (items) => items[below(items.length)] ?? items[0],
    some: (items) => items.filter(() => below(2) === 0),
  };
}

/** How many cases to run and from which seed: LINNET_RUNS and LINNET_SEED, else `runs` from a fixed seed. */
export function runsFrom(runs: number): { readonly runs: number; readonly seed: number } {
  const number = (text: string | undefined, otherwise: number): number => (text === undefined || text === '' ? otherwise : Number(text));
  const seed = number(process.env['LINNET_SEED'], 20_240_601);
  return { runs: number(process.env['LINNET_RUNS'], runs), seed };
}

/** Runs a property for consecutive seeds; a failure names the seed that replays it alone (LINNET_SEED=n LINNET_RUNS=1). */
export function forSeeds(runs: number, property: (random: Random, seed: number) => void): void {
  const plan = runsFrom(runs);
  for (let index = 0; index < plan.runs; index += 1) {
    const seed = plan.seed + index;
    try {
      property(randomFrom(seed), seed);
    } catch (cause) {
      throw new Error(`fails for seed ${seed}; replay with LINNET_SEED=${seed} LINNET_RUNS=1`, { cause });
    }
  }
}
