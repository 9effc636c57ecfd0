/** `linnet version`. */
import type { Command } from 'commander';
import { programVersion } from '../main/version.ts';
import { outputOption, printJson } from './output.ts';

/** Adds the command. */
export function define(command: Command): void {
  command.addOption(outputOption('table', 'json')).action((options: { output: string }) => {
    const version = programVersion();
    if (options.output === 'json') printJson({ schema: 'linnet.version/v1', version, node: process.version });
    else process.stdout.write(`linnet ${version} (Node ${process.version})\n`);
  });
}
