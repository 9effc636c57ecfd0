/** `linnet routes [--peer P] [--received|--advertised|--best|--all] [PREFIX]`: routes, streamed page by page. */

import { parsePrefix } from 'bgp-ts/net';
import type { Command } from 'commander';
import type { RouteJson, RoutesDocument, RouteViewName } from '../health/status.ts';
import type { Api } from './client.ts';
import { addApiOptions, apiOf, getDocument, getLines } from './client.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';
import { canonicalPrefix } from './explain.ts';
import { formatSince } from './format.ts';
import { OFFLINE_KEYS, offlineNode, wantsOffline } from './offline.ts';
import { outputOption, printJson, printLines } from './output.ts';
import { formatTable } from './table.ts';

interface RoutesOptions {
  readonly peer?: string;
  readonly received?: boolean;
  readonly advertised?: boolean;
  readonly best?: boolean;
  readonly all?: boolean;
  readonly family?: string;
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
}

/** Routes asked for at once: a table is laid out a page at a time, so memory does not grow with the routes. */
const PAGE = 1000;

const HEAD = ['PREFIX', 'NEXT HOP', 'FROM', 'AS PATH', 'LOCAL PREF', 'COMMUNITIES', 'AGE', 'FLAGS'];

/** Adds the command. Exit status 1 where there is no such route. */
export function define(command: Command, context: CommandContext): void {
  command.argument('[prefix]', 'only this prefix or address').option('--peer <peer>', 'a peer: its id, or its address');
  command
    .option('--best', 'best paths (default)')
    .option('--all', 'every path')
    .option('--received', 'what --peer sent')
    .option('--advertised', 'what --peer is sent');
  command.option('--family <family>', 'ipv4-unicast or ipv6-unicast');
  command.addOption(outputOption('table', 'json', 'jsonl'));
  addConfigFlags(command, OFFLINE_KEYS);
  addApiOptions(command);
  command.action(async (text: string | undefined, options: RoutesOptions) => {
    const query = {
      view: viewOf(options),
      peer: options.peer,
      prefix: text === undefined ? undefined : canonicalPrefix(text),
      family: familyOf(options.family),
    };
    const found = wantsOffline(command)
      ? await offlineRoutes(command, context, query, options.output)
      : await runningRoutes(await apiOf(options, context), query, options.output);
    context.exit = found > 0 || query.prefix === undefined ? EXIT.ok : EXIT.negative;
  });
}

interface Query {
  readonly view: RouteViewName;
  readonly peer: string | undefined;
  readonly prefix: string | undefined;
  readonly family: 'ipv4-unicast' | 'ipv6-unicast' | undefined;
}

function viewOf(options: RoutesOptions): RouteViewName {
  const views: readonly RouteViewName[] = (['best', 'all', 'received', 'advertised'] as const).filter((view) => options[view] === true);
  if (views.length > 1) throw new CommandError(EXIT.usage, `${views.map((view) => `--${view}`).join(' and ')} exclude each other`);
  const view = views[0] ?? 'best';
  if ((view === 'received' || view === 'advertised') && options.peer === undefined)
    throw new CommandError(EXIT.usage, `--${view} needs --peer`);
  return view;
}

function familyOf(text: string | undefined): Query['family'] {
  if (text === undefined || text === 'ipv4-unicast' || text === 'ipv6-unicast') return text;
  throw new CommandError(EXIT.usage, `--family ${text} is not ipv4-unicast or ipv6-unicast`);
}

/** Prints as routes come; returns how many there were. */
async function runningRoutes(api: Api, query: Query, output: string): Promise<number> {
  const path = '/api/v1/routes';
  let found = 0;
  if (output === 'jsonl') {
    for await (const line of getLines(api, path, { ...query, format: 'jsonl' })) {
      process.stdout.write(`${line}\n`);
      found += 1;
    }
    return found;
  }
  if (output === 'json') {
    const document = await getDocument<RoutesDocument>(api, path, 'linnet.routes/v1', { ...query });
    printJson(document);
    return document.routes.length;
  }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: RoutesDocument = await getDocument<RoutesDocument>(api, path, 'linnet.routes/v1', {
      ...query,
      limit: String(PAGE),
      cursor,
    });
    printPage(page.routes, found === 0);
    found += page.routes.length;
    cursor = page.next;
  }
  return found;
}

function printPage(routes: readonly RouteJson[], first: boolean): void {
  if (routes.length === 0) return;
  const lines = formatTable(HEAD, routes.map(routeRow));
  printLines(first ? lines : lines.slice(1));
}

function routeRow(route: RouteJson): readonly string[] {
  const communities = [...(route.communities ?? []), ...(route.largeCommunities ?? []), ...(route.extendedCommunities ?? [])];
  const flags = [route.best ? 'best' : '', route.accepted ? '' : 'rejected', route.stale ? 'stale' : ''].filter((flag) => flag !== '');
  return [
    route.pathId === undefined ? route.prefix : `${route.prefix} #${route.pathId}`,
    route.nextHop ?? 'self',
    route.from,
    route.asPath ?? '',
    route.localPref === undefined ? '' : String(route.localPref),
    communities.join(' '),
    route.at === 0 ? '' : formatSince(route.at, Date.now()),
    flags.join(','),
  ];
}

/** A speaker in memory with the node's configuration, its peers up and silent: what it originates and what each would be sent. */
async function offlineRoutes(command: Command, context: CommandContext, query: Query, output: string): Promise<number> {
  const { desired, config } = await offlineNode(command, context);
  const [{ rehearse }, { routeView }, { formatAddress }] = await Promise.all([
    import('../main/rehearsal.ts'),
    import('../confd/native/views.ts'),
    import('bgp-ts/net'),
  ]);
  const peer = desired.peers.find((entry) => entry.id === query.peer || formatAddress(entry.address) === query.peer)?.id;
  if (query.peer !== undefined && peer === undefined) throw new CommandError(EXIT.negative, `no peer ${query.peer}`);
  const speaker = rehearse(config);
  const prefix = query.prefix === undefined ? undefined : parsePrefix(query.prefix);
  const families = query.family === undefined ? (['ipv4-unicast', 'ipv6-unicast'] as const) : [query.family];
  const routes: RouteJson[] = [];
  for (const family of families) {
    const wanted = { view: query.view, family, ...(peer === undefined ? {} : { peer }), ...(prefix === undefined ? {} : { prefix }) };
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const page: ReturnType<typeof speaker.routes> = speaker.routes(wanted, cursor, PAGE);
      routes.push(...page.routes.map((route) => routeView(route)));
      cursor = page.next;
    }
  }
  const document: RoutesDocument = {
    schema: 'linnet.routes/v1',
    node: desired.node,
    view: query.view,
    peer: peer ?? null,
    routes,
    next: null,
  };
  if (output === 'json') printJson(document);
  else if (output === 'jsonl') printLines(routes.map((route) => JSON.stringify(route)));
  else printPage(routes, true);
  return routes.length;
}
