import type { Run } from './figures.js';

/** One row of the table of bars. */
export interface Row {
  readonly scenario: string;
  readonly label: string;
  readonly ratio: number | undefined;
  readonly verdict: 'met' | 'not met' | 'not measured' | '';
}

/** Rows for the scenarios that were run. */
export function rowsOf(runs: { readonly [scenario: string]: { readonly [daemon: string]: readonly Run[] } }): Row[];

/** The Markdown table with its legend. */
export function markdown(rows: readonly Row[], about: string): string;
