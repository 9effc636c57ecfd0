/** `node-agent version`. */
import type { Command } from 'commander';
import { outputOption, printJson, printLines } from '../../src/cli/output.ts';
import { programVersion } from '../../src/main/version.ts';

/** Adds the command. */
export function define(command: Command): void {
  command.addOption(outputOption('table', 'json'));
  command.action(({ output }: { output: string }) => {
    if (output === 'json') printJson({ schema: 'linnet.version/v1', version: programVersion() });
    else printLines([programVersion()]);
  });
}
