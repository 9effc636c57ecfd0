/** `linnet peer NAME shutdown [TEXT] | enable | reset | refresh in|out | gshut on|off`: acts on one session of a running daemon or bare speaker. */
import { Argument, type Command } from 'commander';
import type { PeerActionDocument } from '../health/status.ts';
import { addApiOptions, apiOf, postDocument } from './client.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson, printLines } from './output.ts';

interface PeerOptions {
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
}

/** Adds the command. Exit status 1: there is no such peer, or it cannot be done in its present state. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('<peer>', 'id of the peer, or its address where that is unique')
    .addArgument(new Argument('<action>', 'what to do').choices(['shutdown', 'enable', 'reset', 'refresh', 'gshut']))
    .argument('[detail]', 'shutdown: text for the operator of the peer (RFC 9003); refresh: in or out; gshut (RFC 8326): on or off')
    .addOption(outputOption('table', 'json'));
  addApiOptions(command);
  command.action(async (peer: string, action: string, detail: string | undefined, options: PeerOptions) => {
    if (peer === '') throw new CommandError(EXIT.usage, 'the id of the peer is empty');
    const body = bodyOf(action, detail);
    const path = `/api/v1/peers/${encodeURIComponent(peer)}/${action}`;
    const document = await postDocument<PeerActionDocument>(await apiOf(options, context), path, 'linnet.peer-action/v1', body);
    if (options.output === 'json') printJson(document);
    else printLines([`${document.peer}: ${DONE[document.action]}`]);
  });
}

const DONE: Readonly<Record<PeerActionDocument['action'], string>> = {
  shutdown: 'shut down until it is enabled',
  enable: 'enabled',
  reset: 'session ended, and begun again',
  refresh: 'routes asked for or sent again',
  gshut: 'told to prefer other paths, or no longer',
};

function bodyOf(action: string, detail: string | undefined): object {
  switch (action) {
    case 'shutdown':
      return detail === undefined ? {} : { text: detail };
    case 'refresh':
      if (detail === 'in' || detail === 'out') return { direction: detail };
      throw new CommandError(EXIT.usage, 'refresh needs in or out');
    case 'gshut':
      if (detail === 'on' || detail === 'off') return { state: detail };
      throw new CommandError(EXIT.usage, 'gshut needs on or off');
    default:
      if (detail !== undefined) throw new CommandError(EXIT.usage, `${action} takes nothing more, not "${detail}"`);
      return {};
  }
}
