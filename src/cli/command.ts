/** What every command file provides, and the options that several share. */
import type { Command } from 'commander';
import type { ExitCode } from './exit.ts';

/** One command line being run: its environment and the exit code that the command sets. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  exit: ExitCode;
}

/** A command's file: adds arguments, options and the action to its command. */
export interface CommandModule {
  readonly define: (command: Command, context: CommandContext) => void;
  /** Words as others write them, in the forms that `define` knows. Absent: taken as they are. */
  readonly rewrite?: (words: readonly string[]) => string[];
}
