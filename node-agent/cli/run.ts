/** `node-agent run`: the agent of one node. */
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { interruptSignal } from '../../src/cli/interrupt.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { started } from './started.ts';

/** Adds the command. Exit status 0 after SIGTERM or SIGINT; 2 where it cannot start as configured; 3 without its manifests; 4 for a fault of ours. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command);
  command.action(async () => {
    const result = commandConfig(command, context);
    const { runAgent } = await import('../main.ts');
    const error = await started(() => runAgent(result, interruptSignal()));
    if (error !== undefined) throw error;
  });
}
