import type { Entry, Seen } from './entries.js';

/** One scenario with one engine. */
export interface ScenarioResult {
  readonly engine: string;
  readonly scenario: string;
  readonly differences: number;
  readonly left: readonly Seen[];
  readonly again: boolean;
}

/** One engine over all scenarios. */
export interface EngineResult {
  readonly name: string;
  readonly seconds: number;
  readonly used: ReadonlyMap<string, number>;
  readonly idle: readonly string[];
}

/** Everything a run found. */
export interface Findings {
  readonly results: readonly ScenarioResult[];
  readonly engines: readonly EngineResult[];
  readonly entries: readonly Entry[];
  readonly skipped: readonly { readonly engine: string; readonly because: string }[];
}

/** The findings as text. */
export function tableOf(findings: Findings): string;
/** The findings as `linnet.parity/v1`. */
export function documentOf(findings: Omit<Findings, 'entries'>): object;
/** Counts for the closing line. */
export function tally(findings: Pick<Findings, 'results' | 'engines'>): { passed: number; failed: number };
