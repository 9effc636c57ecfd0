/** `linnet run`: the daemon of one node. */
import type { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';
import { interruptSignal } from './interrupt.ts';

/** Adds the command. Exit status 0 after SIGTERM or SIGINT; 2 where it cannot start as configured; 3 without its datastore; 4 for a fault of ours. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command);
  command.action(async () => {
    const result = commandConfig(command, context);
    const { HealthStartError, runDaemon, StartError } = await import('../main.ts');
    const error = await runDaemon(result, interruptSignal()).catch((problem: unknown) => {
      if (problem instanceof StartError && problem.code === 'UNREACHABLE') throw new CommandError(EXIT.unreachable, problem.message);
      if (problem instanceof StartError || problem instanceof HealthStartError) throw new CommandError(EXIT.usage, problem.message);
      throw problem;
    });
    if (error !== undefined) throw error;
  });
}
