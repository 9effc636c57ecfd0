/** `node-agent why PREFIX`: which route of the cluster's a prefix gets here, which ones give way to it, and the objects behind each. */
import type { Prefix } from 'bgp-ts/net';
import { formatPrefix, hostPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { CommandError, EXIT } from '../../src/cli/exit.ts';
import { outputOption, printJson, printLines } from '../../src/cli/output.ts';
import { formatIssue } from '../../src/confd/resources/issue.ts';
import { type EncapExplanation, explainPrefix } from '../encap/explain.ts';
import type { Reason } from '../encap/types.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';
import { wantedNow } from './wanted.ts';

/** Adds the command. Exit status 0: there is a route; 1: the cluster wants none. */
export function define(command: Command, context: CommandContext): void {
  command.argument('<prefix>', 'a prefix, or an address');
  addConfigFlags(command);
  command.addOption(outputOption('table', 'json'));
  command.action(async (text: string, { output }: { output: string }) => {
    const prefix = prefixOf(text);
    if (prefix === undefined) throw new CommandError(EXIT.usage, `${JSON.stringify(text)} is neither a prefix nor an address`);
    const { config } = commandConfig(command, context);
    const { wishes } = await wantedNow(config);
    const found = explainPrefix(wishes, prefix);
    if (output === 'json') printJson({ schema: 'linnet.node-agent-why/v1', node: wishes.node, ...found });
    else printLines(linesOf(found, formatPrefix(prefix)));
    context.exit = found.routes.some(({ verdict }) => verdict === 'chosen') ? EXIT.ok : EXIT.negative;
  });
}

function prefixOf(text: string): Prefix | undefined {
  const address = parseAddress(text);
  return address === undefined ? parsePrefix(text) : hostPrefix(address);
}

const reasonLine = ({ object, rule }: Reason): string => `    ${object.kind}/${object.name}: ${rule}`;

function linesOf({ routes, serviceLoops, issues }: EncapExplanation, asked: string): string[] {
  return [
    ...(routes.length === 0 ? [`${asked}: the cluster wants no route here`] : []),
    ...routes.flatMap(({ prefix, target, node, verdict, reasons, ...route }) => [
      `${prefix} ${target}${node === '' ? '' : ` to ${node}`}: ${route.class}, ${verdict}`,
      ...reasons.map(reasonLine),
    ]),
    ...serviceLoops.flatMap(({ prefix, action, reasons }) => [
      `${prefix}: what is forwarded to a service that nobody translates is ${action === 'drop' ? 'dropped' : 'rejected'}`,
      ...reasons.map(reasonLine),
    ]),
    ...issues.map((issue) => `${issue.severity}: ${formatIssue(issue)}`),
  ];
}
