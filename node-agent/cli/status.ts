/** `node-agent status`: asks the running agent over its socket. */
import { request } from 'node:http';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/command.ts';
import { CommandError, EXIT } from '../../src/cli/exit.ts';
import { outputOption, printJson } from '../../src/cli/output.ts';
import { printTable } from '../../src/cli/table.ts';
import { isRecord } from '../../src/confd/resources/fields.ts';
import { addConfigFlags, commandConfig } from './config-flags.ts';

/** Name of the unix socket in the run directory. */
const SOCKET_NAME = 'agent.sock';
/** Ms that the agent has for its answer. */
const ANSWER_MS = 5_000;

/** Adds the command. Exit status 0: ready; 1: not ready; 3: no agent answers. */
export function define(command: Command, context: CommandContext): void {
  addConfigFlags(command);
  command.addOption(outputOption('table', 'json'));
  command.action(async ({ output }: { output: string }) => {
    const { config } = commandConfig(command, context);
    const document = await ask(join(config.runDir, SOCKET_NAME));
    if (output === 'json') printJson(document);
    else printStatus(document);
    context.exit = document['ready'] === true ? EXIT.ok : EXIT.negative;
  });
}

type Document = Readonly<Record<string, unknown>>;

async function ask(socketPath: string): Promise<Document> {
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: '/status', timeout: ANSWER_MS }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        body += piece;
      });
      answer.on('end', () => (answer.statusCode === 200 ? resolve(body) : reject(new Error(body.trim()))));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', reject);
    asked.end();
  }).catch((error: unknown) => {
    const because = error instanceof Error ? error.message : String(error);
    throw new CommandError(EXIT.unreachable, `no agent answers on ${socketPath}: ${because}`);
  });
  const document: unknown = JSON.parse(text);
  if (!isRecord(document)) throw new CommandError(EXIT.unreachable, `what answers on ${socketPath} is no agent`);
  return document;
}

const listOf = (value: unknown): readonly Document[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value));

function printStatus(document: Document): void {
  const rows = [
    ...listOf(document['reports']).map((one) => [textOf(one['name']), one['ready'] === true ? 'yes' : 'no', textOf(one['detail'])]),
    ...listOf(document['parts']).map((one) => [textOf(one['part']), one['ready'] === true ? 'yes' : 'no', textOf(one['detail'])]),
  ];
  printTable(['WHAT', 'READY', 'DETAIL'], rows);
  const wanted = document['wanted'];
  if (!isRecord(wanted)) return;
  process.stdout.write('\n');
  printTable(
    ['WANTED', 'NUMBER'],
    [
      ['devices', textOf(wanted['devices'])],
      ['tunnel endpoints', textOf(wanted['tunnelEndpoints'])],
      ...Object.entries(isRecord(wanted['routes']) ? wanted['routes'] : {}).map(([name, count]) => [`routes ${name}`, textOf(count)]),
      ['pod MTU', textOf(document['podMtu'])],
      ['issues', textOf(listOf(document['issues']).length)],
    ],
  );
}
