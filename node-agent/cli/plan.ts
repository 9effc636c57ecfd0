/** `node-agent plan`: what the agent would change in the kernel now. It may run beside an agent, and changes nothing. */
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { outputOption, printJson, printLines } from '../../src/cli/output.ts';
import { printTable } from '../../src/cli/table.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { formatIssue } from '../../src/confd/resources/issue.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { wantedNow } from './wanted.ts';

/** Adds the command. Exit status 0: nothing would be changed; 1: something would. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command);
  command.addOption(outputOption('table', 'json'));
  command.action(async ({ output }: { output: string }) => {
    const { config } = commandConfig(command, context);
    const wanted = await wantedNow(config);
    const { planDataplane } = await import('../dataplane.ts');
    const steps = planDataplane(config, wanted, SILENT_LOG);
    if (output === 'json') printJson({ schema: 'linnet.node-agent-plan/v1', node: wanted.wishes.node, steps, issues: wanted.issues });
    else {
      if (steps.length === 0) printLines(['nothing to do']);
      else
        printTable(
          ['PART', 'STEP', 'BECAUSE'],
          steps.map(({ part, step, because }) => [part, step, because]),
        );
      for (const issue of wanted.issues) process.stderr.write(`node-agent: ${formatIssue(issue)}\n`);
    }
    context.exit = steps.length === 0 ? EXIT.ok : EXIT.negative;
  });
}
