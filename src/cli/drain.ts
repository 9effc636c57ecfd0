/** `linnet drain`: takes the node of a running daemon out of service, and brings it back with --undo (RFC 8326). */
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { DrainDocument } from '../health/status.ts';
import { addApiOptions, apiOf, getDocument, postDocument } from './client.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson, printLines } from './output.ts';

interface DrainOptions {
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
  readonly undo?: true;
  readonly show?: true;
  readonly stay?: true;
  readonly wait: string;
}

/** Longest wait, seconds: beyond it somebody has forgotten about it. */
const MAX_WAIT = 3600;
const PATH = '/api/v1/drain';
const SCHEMA = 'linnet.drain/v1';

/** Adds the command. Exit status 1: the daemon does not answer, or could not do it. */
export function define(command: Command, context: CommandContext): void {
  command
    .option('--wait <seconds>', `between telling the peers and ending the sessions, 0-${MAX_WAIT}`, '15')
    .option('--stay', 'leave the sessions up')
    .addOption(new Option('--undo', 'back into service').conflicts(['stay', 'wait', 'show']))
    .addOption(new Option('--show', 'only say how far it is').conflicts(['stay', 'wait']))
    .addOption(outputOption('table', 'json'));
  addApiOptions(command);
  command.action(async (options: DrainOptions) => {
    const document = await carryOut(options, context);
    if (options.output === 'json') printJson(document);
    else printLines([lineOf(document)]);
  });
}

async function carryOut(options: DrainOptions, context: CommandContext): Promise<DrainDocument> {
  const wait = secondsOf(options.wait);
  const api = await apiOf(options, context);
  if (options.show) return getDocument<DrainDocument>(api, PATH, SCHEMA);
  const ask = (state: 'on' | 'leave' | 'off'): Promise<DrainDocument> => postDocument<DrainDocument>(api, PATH, SCHEMA, { state });
  if (options.undo) return ask('off');
  const told = await ask('on');
  // Peers need a moment to choose and install other paths; only then may the old ones go (RFC 8326 section 4.2).
  await pause(wait * 1000);
  return options.stay ? told : ask('leave');
}

function secondsOf(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= MAX_WAIT) return value;
  throw new CommandError(EXIT.usage, `--wait ${JSON.stringify(text)} is not 0-${MAX_WAIT} seconds`);
}

const MEANING: Readonly<Record<DrainDocument['phase'], string>> = {
  off: 'in service',
  draining: 'peers are told to prefer other paths',
  left: 'the sessions are ended until linnet drain --undo',
};

function lineOf({ node, phase, since, causes }: DrainDocument): string {
  const because = causes.length === 0 ? '' : ` (${causes.join(', ')}, since ${new Date(since).toISOString()})`;
  return `${node}: ${MEANING[phase]}${because}`;
}
