/** `node-agent config show [--origin]`: every value said here and where it came from. */
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { outputOption, printJson } from '../../src/cli/output.ts';
import { printTable } from '../../src/cli/table.ts';
import { showAgentConfig } from '../config/read.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';

/** Adds the command. */
export function define(command: Command, context: CommandContext): void {
  const show = command.command('show').description('print every value in effect').exitOverride();
  addConfigFlags(show);
  show.option('--origin', 'say where each value came from').addOption(outputOption('table', 'json'));
  show.action((options: { origin?: boolean; output: string }) => {
    const rows = showAgentConfig(commandConfig(show, context));
    const origin = options.origin === true;
    if (options.output === 'json') {
      const values = rows.map((row) => [row.key, origin ? { value: row.value, origin: row.origin } : { value: row.value }]);
      printJson({ schema: 'linnet.node-agent-config/v1', values: Object.fromEntries(values) });
    } else
      printTable(
        origin ? ['KEY', 'VALUE', 'ORIGIN'] : ['KEY', 'VALUE'],
        rows.map((row) => [row.key, row.value ?? '-', ...(origin ? [row.origin] : [])]),
      );
  });
}
