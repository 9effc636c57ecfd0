/** The program: one command a file, each loaded only when it is asked for. */
import { Command, CommanderError } from 'commander';
import type { CommandContext, CommandModule } from '../../src/cli/command.ts';
import { CommandError, EXIT } from '../../src/cli/exit.ts';

interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const COMMANDS: readonly CommandRow[] = [
  { name: 'run', summary: 'keep the encapsulation of one node in order', load: () => import('./run.ts') },
  { name: 'status', summary: 'ask a running agent how it stands', load: () => import('./status.ts') },
  { name: 'plan', summary: 'print what would be changed, and change nothing', load: () => import('./plan.ts') },
  { name: 'why', summary: 'say which route a prefix gets and why', load: () => import('./why.ts') },
  { name: 'cleanup', summary: 'remove everything of the agent from the kernel', load: () => import('./cleanup.ts') },
  { name: 'config', summary: 'show the effective configuration', load: () => import('./config.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
];

/** Runs one command line (without node and script) and sets the process's exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOfReader);
  const context: CommandContext = { environment: process.env, exit: EXIT.ok };
  try {
    const program = await buildProgram(argv, context);
    await program.parseAsync([...argv], { from: 'user' });
    process.exitCode = context.exit;
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

async function buildProgram(argv: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command('node-agent')
    .description("VXLAN, IPIP and plain routes between a node's pods and those of others")
    .exitOverride();
  program.helpCommand(false).showHelpAfterError('(node-agent --help lists the commands)');
  program.addHelpText(
    'after',
    '\nExit status: 0 yes, 1 negative answer, 2 usage, 3 agent or datastore unreachable, 4 fault of the program.',
  );
  for (const row of COMMANDS) {
    const command = program
      .command(row.name)
      .description(row.summary)
      .exitOverride()
      .showHelpAfterError(`(node-agent ${row.name} --help says more)`);
    if (row.name === argv[0]) (await row.load()).define(command, context);
  }
  return program;
}

function exitCodeOf(error: unknown): number {
  // Help and version are answers; without a command the help is one to a usage error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`node-agent: ${error.message}\n`);
    return error.code;
  }
  process.stderr.write(`node-agent: fault of the program: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.fault;
}

/** A reader such as `head` may close stdout: that ends the command quietly. */
function endOfReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
  throw error;
}
