/**
 * Routes page by page from the speaker's cursors: one page is asked for when the client has read the one before, so a slow
 * reader costs a few pages of memory here and nothing at all in the speaker (bgp-speaker 4.12).
 */
import { ROUTE_PAGE } from '../limits.ts';
import type { ErrorDocument, FamilyView, RouteJson, RoutesDocument, RouteViewName } from '../status.ts';
import { askSpeaker, type Outcomes, type Suppliers } from './suppliers.ts';

/** Where a page begins: index into FAMILY_ORDER and the speaker's cursor in it. */
export interface Position {
  readonly family: number;
  readonly cursor: number;
}

/** What is asked for, checked. */
export interface RoutesRequest {
  readonly view: RouteViewName;
  readonly peer: string | null;
  readonly prefix: string | null;
  /** Families wanted, as indexes into FAMILY_ORDER, ascending. */
  readonly families: readonly number[];
  readonly from: Position;
  /** Most routes; undefined: all. */
  readonly limit: number | undefined;
}

/** Families in the order of a dump. */
export const FAMILY_ORDER: readonly FamilyView[] = ['ipv4-unicast', 'ipv6-unicast'];

/** Routes of one page and where to go on; null: that was the end. */
export interface RoutesPage {
  readonly routes: readonly RouteJson[];
  readonly next: Position | null;
}

/** Reads a cursor that `writeCursor` wrote. */
export function readCursor(text: string): Position | undefined {
  const match = /^([01])\.(\d{1,15})$/.exec(text);
  return match === null ? undefined : { family: Number(match[1]), cursor: Number(match[2]) };
}

/** Opaque to clients. */
function writeCursor(position: Position | null): string | null {
  return position === null ? null : `${position.family}.${position.cursor}`;
}

/** One page of at most `limit` routes. */
export async function fetchPage(suppliers: Suppliers, request: RoutesRequest, at: Position, limit: number): Promise<Outcomes<RoutesPage>> {
  const family = FAMILY_ORDER[at.family] ?? 'ipv4-unicast';
  const { view, peer, prefix } = request;
  const asked = await askSpeaker(suppliers, { kind: 'routes', view, family, peer, prefix, cursor: at.cursor, limit });
  if (!asked.ok) return asked;
  const { routes, next } = asked.value;
  if (next !== null) return { ok: true, value: { routes, next: { family: at.family, cursor: next } } };
  const following = request.families.find((index) => index > at.family);
  return { ok: true, value: { routes, next: following === undefined ? null : { family: following, cursor: 0 } } };
}

/** A step of a dump: routes, or its end (with an error where it broke off). */
type Step =
  | { readonly kind: 'routes'; readonly routes: readonly RouteJson[] }
  | { readonly kind: 'end'; readonly next: Position | null; readonly error?: ErrorDocument['error'] };

/** All pages after `first`, as they are pulled. */
async function* steps(suppliers: Suppliers, request: RoutesRequest, first: RoutesPage): AsyncIterable<Step> {
  let left = request.limit ?? Infinity;
  let page = first;
  for (;;) {
    if (page.routes.length > 0) yield { kind: 'routes', routes: page.routes };
    left -= page.routes.length;
    if (page.next === null || left <= 0) {
      yield { kind: 'end', next: page.next };
      return;
    }
    const following = await fetchPage(suppliers, request, page.next, Math.min(ROUTE_PAGE, left));
    if (!following.ok) {
      yield { kind: 'end', next: page.next, error: following.error };
      return;
    }
    page = following.value;
  }
}

/** One RoutesDocument, piece by piece. A dump that breaks off says so in `error` and where to go on in `next`. */
export async function* asJson(suppliers: Suppliers, request: RoutesRequest, first: RoutesPage): AsyncIterable<string> {
  const head = {
    schema: 'linnet.routes/v1',
    node: suppliers.state.main?.node ?? '',
    view: request.view,
    peer: request.peer,
  } satisfies Partial<RoutesDocument>;
  yield `${JSON.stringify(head).slice(0, -1)},"routes":[`;
  let separator = '';
  for await (const step of steps(suppliers, request, first)) {
    if (step.kind === 'routes') {
      yield separator + step.routes.map((route) => JSON.stringify(route)).join(',');
      separator = ',';
    } else {
      const tail = { next: writeCursor(step.next), ...(step.error === undefined ? {} : { error: step.error }) };
      yield `],${JSON.stringify(tail).slice(1)}\n`;
    }
  }
}

/** One route a line; a dump that breaks off ends with an ErrorDocument as its last line. */
export async function* asJsonLines(suppliers: Suppliers, request: RoutesRequest, first: RoutesPage): AsyncIterable<string> {
  for await (const step of steps(suppliers, request, first)) {
    if (step.kind === 'routes') yield step.routes.map((route) => `${JSON.stringify(route)}\n`).join('');
    else if (step.error !== undefined) yield `${JSON.stringify({ error: step.error } satisfies ErrorDocument)}\n`;
  }
}
