/** One look at the process under test; sizes in octets. */
export interface Sample {
  readonly minute: number;
  readonly rss: number;
  readonly heap: number;
}

/** Median slope between all pairs of samples, a minute. */
export function slope(samples: readonly Sample[], field: 'rss' | 'heap'): number;
/** The samples after warming up. */
export function settled(samples: readonly Sample[]): readonly Sample[];
/** What grew, in words; undefined where nothing did or the samples are too few to say. */
export function growth(samples: readonly Sample[], field: 'rss' | 'heap'): string | undefined;
/** Octets as MiB. */
export function mib(octets: number): string;
/** Counts that differ, in words. */
export function leaks(baseline: { readonly [name: string]: number }, now: { readonly [name: string]: number }): readonly string[];
