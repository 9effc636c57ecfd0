/** `linnet desired`: what the routing engine of a node should do, each entry with the resources it comes from. */
import type { Command } from 'commander';
import { formatIssueLine } from '../confd/resources/issue.ts';
import type { Issue } from '../confd/resources/types.ts';
import { addApiOptions, apiOf, getAnswer, requireOk } from './client.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags } from './config-flags.ts';
import { EXIT } from './exit.ts';
import { OFFLINE_KEYS, offline, wantsOffline } from './offline.ts';
import { outputOption, printLines } from './output.ts';
import { formatTable } from './table.ts';

/** Adds the command. Exit status 1 where the node is not known. */
export function define(command: Command, context: CommandContext): void {
  command.addOption(outputOption('table', 'json'));
  addConfigFlags(command, OFFLINE_KEYS);
  addApiOptions(command);
  command.action(async (options: { api?: string; runDir?: string; output: string }) => {
    const text = wantsOffline(command) ? await offlineText(command, context) : await runningText(options, context);
    const document = parseDesired(text);
    if (options.output === 'json') process.stdout.write(text);
    else printLines(sections(document));
    context.exit = document.node === null ? EXIT.negative : EXIT.ok;
    if (document.node === null) process.stderr.write('linnet: the node is not there (yet)\n');
  });
}

async function offlineText(command: Command, context: CommandContext): Promise<string> {
  const { desired, issues } = await offline(command, context);
  const { desiredText } = await import('../main/desired-text.ts');
  return desiredText(desired, issues);
}

async function runningText(options: { api?: string; runDir?: string }, context: CommandContext): Promise<string> {
  const answer = await getAnswer(await apiOf(options, context), '/api/v1/desired');
  requireOk(answer);
  return answer.body;
}

interface ShownEntry {
  readonly id: string;
  readonly reasons: readonly { readonly object: string }[];
  readonly [field: string]: unknown;
}

/** The fields of `linnet.desired/v1` that the table shows. */
interface ShownDesired {
  readonly node: string | null;
  readonly routerId?: string;
  readonly asNumber?: number;
  readonly peers: readonly ShownEntry[];
  readonly filters: readonly ShownEntry[];
  readonly advertise: readonly ShownEntry[];
  readonly install: readonly ShownEntry[];
  readonly issues: readonly Issue[];
}

function parseDesired(text: string): ShownDesired {
  return JSON.parse(text);
}

const SECTIONS: readonly (readonly [title: string, list: 'peers' | 'filters' | 'advertise' | 'install', columns: readonly string[]])[] = [
  ['Peers', 'peers', ['id', 'address', 'port', 'remoteAs', 'localAs', 'passive', 'reflectorClient', 'heldBy']],
  ['Filters', 'filters', ['id']],
  ['Advertised', 'advertise', ['id', 'class']],
  ['Installed', 'install', ['id', 'kind', 'gateway']],
];

function sections(document: ShownDesired): readonly string[] {
  if (document.node === null) return issueLines(document.issues);
  const head = [`Node ${document.node}, AS ${document.asNumber ?? ''}, router id ${document.routerId ?? ''}`];
  const tables = SECTIONS.flatMap(([title, list, columns]) => {
    const rows = document[list].map((entry) => [
      ...columns.map((column) => cell(entry[column])),
      entry.reasons.map((reason) => reason.object).join(' '),
    ]);
    return ['', `${title} (${rows.length})`, ...(rows.length === 0 ? [] : formatTable([...columns.map(heading), 'BECAUSE OF'], rows))];
  });
  return [...head, ...tables, ...(document.issues.length === 0 ? [] : ['', ...issueLines(document.issues)])];
}

/** Issues of the table; a cluster may have one for each of its objects. */
const MOST_ISSUES = 50;

function issueLines(issues: readonly Issue[]): readonly string[] {
  const more = issues.length - MOST_ISSUES;
  return [
    `Issues (${issues.length})`,
    ...issues.slice(0, MOST_ISSUES).map(formatIssueLine),
    ...(more > 0 ? [`and ${more} more: -o json`] : []),
  ];
}

const heading = (column: string): string => column.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase();

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'object' && 'code' in value) return String(value.code);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}
