/** `-o`: tables for people, JSON for programs. Documents go to stdout, everything else to stderr. */
import { Option } from 'commander';

/** Formats that a command may have. */
export type OutputFormat = 'table' | 'json' | 'jsonl';

/** The -o option of a command, with the formats it has. */
export function outputOption(...formats: readonly OutputFormat[]): Option {
  return new Option('-o, --output <format>', 'output format').choices(formats).default('table');
}

/** Writes one JSON document to stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Writes lines to stdout. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
}
