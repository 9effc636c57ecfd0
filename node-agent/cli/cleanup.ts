/**
 * `node-agent cleanup`: takes what the agent made out of the kernel: devices that carry its mark, routes and rules of its protocol
 * number, pins of its instance. What others made stays. Not while an agent runs.
 */
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { outputOption, printJson, printLines } from '../../src/cli/output.ts';
import { printTable } from '../../src/cli/table.ts';
import { createLog } from '../../src/main/log.ts';
import { localFelix } from '../config/read.ts';
import type { AgentWanted, DataplaneStatus } from '../dataplane-types.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { started } from './started.ts';

/** Adds the command. Exit status 0: nothing of ours is left; 1: something could not be removed; 2: an agent runs. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command);
  command.addOption(outputOption('table', 'json'));
  command.action(async ({ output }: { output: string }) => {
    const { config } = commandConfig(command, context);
    const { createDataplane } = await import('../dataplane.ts');
    const node = config.node ?? '';
    const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel, { node });
    // The MTU file is for the CNI plugin of whoever comes next: it stays as it is.
    const deps = { log, changed: () => undefined, fail: (error: Error) => log.error({ because: error.message }, 'cleanup') };
    const dataplane = await started(() => createDataplane({ ...config, mtuFile: 'none' }, deps));
    await dataplane.apply(nothing(node, localFelix(config)), AbortSignal.timeout(0));
    const { parts } = dataplane.status();
    await dataplane.stop();
    if (output === 'json') printJson({ schema: 'linnet.node-agent-cleanup/v1', parts: parts.map(summary) });
    else print(parts);
    context.exit = parts.every(({ figures }) => figures.failing === 0) ? EXIT.ok : EXIT.negative;
  });
}

/** The wish for nothing at all. */
function nothing(node: string, felix: AgentWanted['felix']): AgentWanted {
  return { felix, wishes: { node, addresses: {}, devices: [], vteps: [], routes: [], serviceLoops: [], issues: [] } };
}

const summary = ({ part, figures, detail }: DataplaneStatus['parts'][number]) => ({
  part,
  removed: figures.operations,
  failing: figures.failing,
  detail,
});

function print(parts: DataplaneStatus['parts']): void {
  const changes = parts.reduce((sum, { figures }) => sum + figures.operations, 0);
  if (changes === 0) printLines(['nothing of this agent is in the kernel']);
  else
    printTable(
      ['PART', 'REMOVED', 'FAILING', 'DETAIL'],
      parts.map(summary).map((row) => [row.part, `${row.removed}`, `${row.failing}`, row.detail]),
    );
}
