/** `linnet check DIR`: validates manifests without running anything. */
import type { Command } from 'commander';
import { formatIssueLine } from '../confd/resources/issue.ts';
import { checkDirectory } from '../confd/source/file/index.ts';
import { REAL_CLOCK } from '../main/clock.ts';
import { requireManifests } from '../main/datastore.ts';
import { StartError } from '../main/start-error.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson, printLines } from './output.ts';

/** Adds the command. Exit status 1 where an issue is an error; warnings alone are clean. */
export function define(command: Command, context: CommandContext): void {
  command.argument('<dir>', 'directory of manifests').addOption(outputOption('table', 'json'));
  command.action(async (directory: string, options: { output: string }) => {
    await requireManifests(directory).catch((error: unknown) => {
      throw error instanceof StartError ? new CommandError(EXIT.unreachable, `${directory} does not exist or cannot be read`) : error;
    });
    const { issues, objects } = await checkDirectory(directory, REAL_CLOCK);
    const errors = issues.filter((issue) => issue.severity === 'error').length;
    context.exit = errors === 0 ? EXIT.ok : EXIT.negative;
    if (options.output === 'json') printJson({ schema: 'linnet.check/v1', objects, errors, warnings: issues.length - errors, issues });
    else {
      printLines(issues.map(formatIssueLine));
      process.stderr.write(`${objects} good objects, ${errors} errors, ${issues.length - errors} warnings\n`);
    }
  });
}
