/** The program: one command a file, each loaded only when it is asked for, so that `linnet health` stays fast. */
import { Command, CommanderError } from 'commander';
import type { CommandContext, CommandModule } from './command.ts';
import { CommandError, EXIT } from './exit.ts';

interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const COMMANDS: readonly CommandRow[] = [
  { name: 'run', summary: 'run the daemon of one node', load: () => import('./run.ts') },
  { name: 'speaker', summary: 'run a bare speaker or route reflector from a JSON file', load: () => import('./speaker.ts') },
  { name: 'render', summary: 'write the BIRD configuration of a node', load: () => import('./render.ts') },
  { name: 'desired', summary: 'print the desired state of a node', load: () => import('./desired.ts') },
  { name: 'check', summary: 'validate a directory of manifests', load: () => import('./check.ts') },
  { name: 'explain', summary: 'say why a prefix is advertised, or why not', load: () => import('./explain.ts') },
  { name: 'peers', summary: 'list the sessions', load: () => import('./peers.ts') },
  { name: 'peer', summary: 'shut down, enable, reset, refresh or drain a session', load: () => import('./peer.ts') },
  { name: 'drain', summary: 'take a node out of service before it goes, and back', load: () => import('./drain.ts') },
  { name: 'routes', summary: 'list routes', load: () => import('./routes.ts') },
  { name: 'health', summary: 'ask for liveness and readiness', load: () => import('./health.ts') },
  { name: 'replay', summary: 'play a recording of a speaker back and compare', load: () => import('./replay.ts') },
  { name: 'demo', summary: 'show a cluster at work on this machine', load: () => import('./demo-command.ts') },
  { name: 'diags', summary: 'write a support bundle without secrets', load: () => import('./diags.ts') },
  { name: 'config', summary: 'show the effective configuration', load: () => import('./config.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
];

/** Runs one command line (without node and script) and sets the process's exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOfReader);
  const context: CommandContext = { environment: process.env, exit: EXIT.ok };
  try {
    const { program, words } = await buildProgram(argv, context);
    await program.parseAsync(words, { from: 'user' });
    process.exitCode = context.exit;
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

async function buildProgram(argv: readonly string[], context: CommandContext): Promise<{ program: Command; words: string[] }> {
  let words = [...argv];
  const program = new Command('linnet').description('BGP control plane with route reflection for Calico-style clusters').exitOverride();
  program.helpCommand(false).showHelpAfterError('(linnet --help lists the commands)');
  program.addHelpText(
    'after',
    '\nExit status: 0 yes, 1 negative answer, 2 usage, 3 daemon or datastore unreachable, 4 fault of the program.',
  );
  for (const row of COMMANDS) {
    const command = program
      .command(row.name)
      .description(row.summary)
      .exitOverride()
      .showHelpAfterError(`(linnet ${row.name} --help says more)`);
    if (row.name !== argv[0]) continue;
    const module = await row.load();
    module.define(command, context);
    words = module.rewrite?.(argv) ?? words;
  }
  return { program, words };
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version are answers; without a command the help is one to a usage error.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof CommandError) {
    process.stderr.write(`linnet: ${error.message}\n`);
    return error.code;
  }
  process.stderr.write(`linnet: fault of the program: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.fault;
}

/** A reader such as `head` may close stdout: that ends the command quietly. */
function endOfReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
  throw error;
}
