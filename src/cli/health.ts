/** `linnet health [--live] [--ready]`: the probes, for people and for exec probes. */
import type { Command } from 'commander';
import type { HealthDocument } from '../health/status.ts';
import { addApiOptions, apiOf, getAnswer } from './client.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson } from './output.ts';
import { printTable } from './table.ts';

interface HealthOptions {
  readonly live?: boolean;
  readonly ready?: boolean;
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
}

/** Adds the command. Exit status 0: every probe asked for is well; 1: one is not; 3: no daemon answers. */
export function define(command: Command, context: CommandContext): void {
  command.option('--live', 'ask for liveness').option('--ready', 'ask for readiness (both when neither is named)');
  command.addOption(outputOption('table', 'json'));
  addApiOptions(command);
  command.action(async (options: HealthOptions) => {
    const api = await apiOf(options, context);
    const both = options.live !== true && options.ready !== true;
    const paths = [...(both || options.live === true ? ['/liveness'] : []), ...(both || options.ready === true ? ['/readiness'] : [])];
    const probes = await Promise.all(paths.map(async (path) => parseHealth(await getAnswer(api, path))));
    context.exit = probes.every((probe) => probe.ok) ? EXIT.ok : EXIT.negative;
    if (options.output === 'json') printJson({ schema: 'linnet.health-report/v1', ok: context.exit === EXIT.ok, probes });
    else printTable(['PROBE', 'CHECK', 'OK', 'DETAIL'], probes.flatMap(rowsOf));
    for (const probe of probes) if (!probe.ok) process.stderr.write(`${probe.message}\n`);
  });
}

function parseHealth(answer: { readonly status: number; readonly body: string }): HealthDocument {
  // 503 is an answer of a probe like 200; anything else is not one of our daemons.
  if (answer.status !== 200 && answer.status !== 503) throw new CommandError(EXIT.fault, `the probe answered ${answer.status}`);
  return JSON.parse(answer.body);
}

function rowsOf(probe: HealthDocument): readonly string[][] {
  return probe.checks.map((check) => [probe.probe, check.name, check.ok ? 'yes' : 'no', check.detail]);
}
