/** `linnet config show [--origin]`: every value in effect and where it came from. */
import type { Command } from 'commander';
import { showConfig } from '../config/show.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { outputOption, printJson } from './output.ts';
import { printTable } from './table.ts';

/** Adds the command. */
export function define(command: Command, context: CommandContext): void {
  const show = command.command('show').description('print every value in effect').exitOverride();
  addConfigFlags(show);
  show.option('--origin', 'say where each value came from').addOption(outputOption('table', 'json'));
  show.action((options: { origin?: boolean; output: string }) => {
    const rows = showConfig(commandConfig(show, context));
    const origin = options.origin === true;
    if (options.output === 'json') {
      const values = Object.fromEntries(
        rows.map((row) => [row.key, origin ? { value: row.value, origin: row.origin } : { value: row.value }]),
      );
      printJson({ schema: 'linnet.config/v1', values });
    } else if (origin)
      printTable(
        ['KEY', 'VALUE', 'ORIGIN'],
        rows.map((row) => [row.key, row.value ?? '-', row.origin]),
      );
    else
      printTable(
        ['KEY', 'VALUE'],
        rows.map((row) => [row.key, row.value ?? '-']),
      );
  });
}
