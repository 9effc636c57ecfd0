import type { Difference } from './compare.js';

/** One entry of docs/parity-differences.yaml. */
export interface Entry {
  readonly name: string;
  readonly engines: readonly string[];
  readonly scenario: string;
  readonly reason: string;
  readonly switch: string;
  /** It may also explain nothing: chance on Calico's node too. */
  readonly race: boolean;
  readonly tests: readonly (readonly [string, (text: string) => boolean])[];
}

/** A difference with where it was seen and what was in the kernel there. */
export interface Seen extends Difference {
  readonly scenario: string;
  readonly kernelRoute: string;
}

/** A test against a pattern. */
export function globOf(pattern: string): (text: string) => boolean;
/** Reads the file; throws where an entry is not one. */
export function readEntries(text: string): Entry[];
/** True where the entry explains the difference. */
export function explains(entry: Entry, engine: string, difference: Seen): boolean;
/** Sorts differences by the first entry that explains them. */
export function explain(
  entries: readonly Entry[],
  engine: string,
  differences: readonly Seen[],
): { used: Map<string, number>; left: Seen[] };
/** Entries that explained nothing although they could have. */
export function idle(entries: readonly Entry[], engine: string, scenarios: readonly string[], used: ReadonlyMap<string, number>): Entry[];
