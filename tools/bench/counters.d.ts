import type { RunResult } from './figures.js';

/** What is wrong with a finished scenario of Linnet, in words. */
export function complaints(result: RunResult): string[];
