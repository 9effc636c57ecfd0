/** `show route` in pages: one is asked of the speaker when the client has read the one before, so that a million routes cost it nothing at once. */
import type { FamilyView, PeerView, RouteJson, RouteViewName } from '../status.ts';
import type { RouteCommand, SocketFamily } from './command.ts';
import { coveringNetworks } from './network.ts';
import { OWN_PROTOCOLS, protocolName } from './protocols.ts';
import { CODE, Reply } from './reply.ts';
import { protocolOf, type RouteContext, routeLines, type Way } from './routes.ts';

/** One page asked of the speaker. */
export interface PageQuery {
  readonly view: RouteViewName;
  readonly family: FamilyView;
  readonly peer: string | null;
  readonly prefix: string | null;
  readonly cursor: number;
}

/** A page, or why there is none. */
export type PageAnswer =
  | { readonly ok: true; readonly routes: readonly RouteJson[]; readonly next: number | null }
  | { readonly ok: false; readonly message: string };

/** What routes are read from. */
export interface RouteWorld {
  readonly peers: () => readonly PeerView[];
  readonly page: (query: PageQuery) => Promise<PageAnswer>;
  /** How next hops are reached, read once per command. */
  readonly ways: () => (nextHop: string) => Way | undefined;
  /** Wall-clock ms. */
  readonly now: () => number;
}

/** What is walked and what of it is shown. */
interface Selection {
  readonly view: RouteViewName;
  readonly peer: string | null;
  readonly keep: (route: RouteJson) => boolean;
  /** The peer that must not have been told the route. */
  readonly withheldFrom?: string;
}

type Refusal = { readonly code: number; readonly text: string };

/** The reply, piece by piece. */
export async function* showRoute(command: RouteCommand, family: SocketFamily, world: RouteWorld): AsyncIterable<string> {
  const reply = new Reply();
  const peers = world.peers();
  const selected = selectionOf(command, family, peers);
  if ('code' in selected) {
    yield reply.end(selected.code, selected.text);
    return;
  }
  const addresses = new Map(peers.map((peer) => [peer.id, peer.remote.address]));
  const context: RouteContext = { now: world.now(), all: command.all, way: world.ways(), addressOf: (id) => addresses.get(id) };
  const totals = { shown: 0, routes: 0, networks: 0 };
  for await (const page of pages(command, family, selected, world)) {
    if (!page.ok) {
      yield reply.end(CODE.syntax, page.message);
      return;
    }
    const shown = await keep(page.routes, selected, family, world);
    totals.shown += shown.length;
    totals.routes += page.routes.length;
    totals.networks += new Set(page.routes.map((route) => route.prefix)).size;
    if (command.count !== 'only' && shown.length > 0) yield routeLines(reply, shown, context);
  }
  yield closing(reply, command, totals);
}

function closing(reply: Reply, command: RouteCommand, totals: { shown: number; routes: number; networks: number }): string {
  const exact = command.prefix !== undefined || command.covering !== undefined;
  if (exact && totals.routes === 0) return reply.end(CODE.notInTable, 'Network not in table');
  if (command.count === undefined) return reply.end(CODE.ok);
  return reply.end(CODE.routesEnd, `${totals.shown} of ${totals.routes} routes for ${totals.networks} networks`);
}

function selectionOf(command: RouteCommand, family: SocketFamily, peers: readonly PeerView[]): Selection | Refusal {
  const { table, protocol, exporting } = command;
  if (table !== undefined && table !== 'master') return { code: CODE.syntax, text: `${table} is not a table` };
  const byName = new Map(
    peers.filter((peer) => peer.remote.address.includes(':') === (family === 'ipv6')).map((peer) => [protocolName(peer.id), peer]),
  );
  const own = new Set<string>(OWN_PROTOCOLS.map(({ name }) => name));
  for (const name of [protocol, exporting?.protocol])
    if (name !== undefined && !byName.has(name) && !own.has(name)) return { code: CODE.syntax, text: `${name} is not a protocol` };
  const keep = (route: RouteJson): boolean =>
    route.accepted !== command.filtered && (!command.primary || route.best) && (protocol === undefined || protocolOf(route) === protocol);
  if (exporting === undefined) {
    // Counted are also the routes that are passed over.
    const source = protocol === undefined || command.count !== undefined ? undefined : byName.get(protocol);
    return { view: command.primary && !command.filtered ? 'best' : 'all', peer: source?.id ?? null, keep };
  }
  if (own.has(exporting.protocol)) return ownExport(exporting, keep);
  return exportSelection(exporting, byName.get(exporting.protocol), keep);
}

/** Of BIRD's protocols beside sessions only the kernel is told anything: not its own routes nor those of interfaces. */
function ownExport({ mode, protocol }: NonNullable<RouteCommand['exporting']>, keep: Selection['keep']): Selection {
  const offered = (route: RouteJson): boolean =>
    protocol === 'kernel1' && keep(route) && protocolOf(route) !== 'kernel1' && protocolOf(route) !== 'direct1';
  const is = (route: RouteJson): boolean => mode === 'preexport' || (mode === 'export') === (route.from !== 'local' || isProgrammed(route));
  return { view: 'best', peer: null, keep: (route) => offered(route) && is(route) };
}

/** Blocks of this node get blackholes; ranges of Services are announced and never installed (contracts.md, Behaviour decided). */
function isProgrammed({ reasons }: RouteJson): boolean {
  return !reasons.some(({ object }) => /^(?:Service|BGPConfiguration)\//.test(object));
}

/** `show static`: own routes of no other origin. */
export async function* showStatic(family: SocketFamily, world: Pick<RouteWorld, 'page'>): AsyncIterable<string> {
  const reply = new Reply();
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page: PageAnswer = await world.page({ view: 'all', family: `${family}-unicast`, peer: null, prefix: null, cursor });
    if (!page.ok) {
      yield reply.end(CODE.syntax, page.message);
      return;
    }
    const own = page.routes.filter((route) => protocolOf(route) === 'static1');
    if (own.length > 0)
      yield reply.line(1009, ...own.map(({ prefix, nextHop }) => `${prefix} ${nextHop === null ? 'blackhole' : `via ${nextHop}`}`));
    cursor = page.next;
  }
  yield reply.end(CODE.ok);
}

function exportSelection(
  { mode }: NonNullable<RouteCommand['exporting']>,
  peer: PeerView | undefined,
  keep: Selection['keep'],
): Selection | Refusal {
  if (peer === undefined) return { code: CODE.syntax, text: 'routes to protocols other than BGP are not listed here' };
  if (peer.state !== 'established') return { code: CODE.protocolDown, text: 'Protocol is down' };
  if (mode === 'export') return { view: 'advertised', peer: peer.id, keep };
  const others = (route: RouteJson): boolean => route.from !== peer.id && keep(route);
  return { view: 'best', peer: null, keep: others, ...(mode === 'noexport' ? { withheldFrom: peer.id } : {}) };
}

/** The pages of the whole table, or the one of the network asked for. */
async function* pages(
  command: RouteCommand,
  family: SocketFamily,
  { view, peer }: Selection,
  world: RouteWorld,
): AsyncIterable<PageAnswer> {
  const ask = (prefix: string | null, cursor: number): Promise<PageAnswer> =>
    world.page({ view, family: `${family}-unicast`, peer, prefix, cursor });
  if (command.covering !== undefined) {
    for (const network of coveringNetworks(command.covering)) {
      const page = await ask(network, 0);
      if (page.ok && !page.routes.some((route) => route.accepted)) continue;
      yield page;
      return;
    }
    return;
  }
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page: PageAnswer = await ask(command.prefix ?? null, cursor);
    yield page;
    cursor = page.ok ? page.next : null;
  }
}

async function keep(
  routes: readonly RouteJson[],
  selection: Selection,
  family: SocketFamily,
  world: RouteWorld,
): Promise<readonly RouteJson[]> {
  const kept = routes.filter(selection.keep);
  const { withheldFrom } = selection;
  if (withheldFrom === undefined) return kept;
  const withheld: RouteJson[] = [];
  for (const route of kept) {
    const told = await world.page({
      view: 'advertised',
      family: `${family}-unicast`,
      peer: withheldFrom,
      prefix: route.prefix,
      cursor: 0,
    });
    if (told.ok && told.routes.length === 0) withheld.push(route);
  }
  return withheld;
}
