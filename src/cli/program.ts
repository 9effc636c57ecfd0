/** A program of several commands: one a file, each loaded only when it is asked for, so that the quick ones stay quick. */
import { Command, CommanderError } from 'commander';
import type { CommandContext, CommandModule } from './command.ts';
import { CommandError, EXIT } from './exit.ts';

/** A command. */
export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** A program. */
export interface Program {
  readonly name: string;
  readonly description: string;
  /** What is unreachable where the exit status is 3. */
  readonly server: string;
  readonly commands: readonly CommandRow[];
}

/** Runs one command line (without node and script) and sets the process's exit code. Never rejects. */
export async function runProgram(program: Program, argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOfReader);
  const context: CommandContext = { environment: process.env, exit: EXIT.ok };
  try {
    const { command, words } = await buildCommand(program, argv, context);
    await command.parseAsync(words, { from: 'user' });
    process.exitCode = context.exit;
  } catch (error) {
    process.exitCode = exitCodeOf(program, error);
  }
}

async function buildCommand(
  { name, description, server, commands }: Program,
  argv: readonly string[],
  context: CommandContext,
): Promise<{ command: Command; words: string[] }> {
  let words = [...argv];
  const root = new Command(name).description(description).exitOverride();
  root.helpCommand(false).showHelpAfterError(`(${name} --help lists the commands)`);
  root.addHelpText(
    'after',
    `\nExit status: 0 yes, 1 negative answer, 2 usage, 3 ${server} or datastore unreachable, 4 fault of the program.`,
  );
  for (const row of commands) {
    const command = root
      .command(row.name)
      .description(row.summary)
      .exitOverride()
      .showHelpAfterError(`(${name} ${row.name} --help says more)`);
    if (row.name !== argv[0]) continue;
    const module = await row.load();
    module.define(command, context);
    words = module.rewrite?.(argv) ?? words;
  }
  return { command: root, words };
}

function exitCodeOf({ name }: Program, error: unknown): number {
  // Help and version are answers; without a command the help is one to a usage error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`${name}: ${error.message}\n`);
    return error.code;
  }
  process.stderr.write(`${name}: fault of the program: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.fault;
}

/** A reader such as `head` may close stdout: that ends the command quietly. */
function endOfReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
  throw error;
}
