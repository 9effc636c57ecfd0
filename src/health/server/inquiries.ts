/** Endpoints that ask a thread: routes, explain, desired. */
import { explainDocument } from '../explanation.ts';
import { ROUTE_PAGE } from '../limits.ts';
import { type HealthState, sortedPeers } from '../state.ts';
import type { ErrorDocument, ExplainStep, HeldPeerView, RouteViewName } from '../status.ts';
import { type Answer, errorAnswer, JSON_TYPE, JSONL_TYPE, jsonAnswer } from './answer.ts';
import type { Request } from './endpoints.ts';
import { type PrefixText, readPrefix } from './prefix.ts';
import { asJson, asJsonLines, FAMILY_ORDER, fetchPage, type Position, type RoutesRequest, readCursor } from './stream-routes.ts';
import { askDesired, askMain, askSpeaker, type Outcomes, type Suppliers } from './suppliers.ts';

function textOf(request: Request, name: string): string | undefined {
  const value = request.query[name];
  return typeof value === 'string' ? value : undefined;
}

function fault(code: ErrorDocument['error']['code'], message: string): { readonly ok: false; readonly error: ErrorDocument['error'] } {
  return { ok: false, error: { code, message } };
}

/** Id of the peer named, null when none is. */
function peerOf(state: HealthState, request: Request): Outcomes<string | null> {
  const name = textOf(request, 'peer');
  return name === undefined ? { ok: true, value: null } : peerNamed(state, name);
}

/** Id of the peer with this id, or with this address where only one has it. */
export function peerNamed(state: HealthState, name: string): Outcomes<string> {
  if (state.peers.has(name)) return { ok: true, value: name };
  const [peer, another] = sortedPeers(state).filter((candidate) => candidate.remote.address === name);
  if (peer !== undefined && another === undefined) return { ok: true, value: peer.id };
  if (another !== undefined) return fault('NO_SUCH_PEER', `several peers have the address ${name}: name one by its id`);
  const held = heldNamed(state, name);
  if (held !== undefined) return fault('NO_SUCH_PEER', `peer ${held.id} is not started: ${held.detail} (${held.issue})`);
  return fault('NO_SUCH_PEER', `there is no peer ${name}`);
}

function heldNamed(state: HealthState, name: string): HeldPeerView | undefined {
  return state.held.find((candidate) => candidate.id === name || candidate.address === name);
}

function prefixOf(request: Request): Outcomes<PrefixText | null> {
  const text = textOf(request, 'prefix');
  if (text === undefined) return { ok: true, value: null };
  const prefix = readPrefix(text);
  return prefix === undefined ? fault('BAD_PREFIX', `${text} is not a prefix without host bits`) : { ok: true, value: prefix };
}

function isView(text: string): text is RouteViewName {
  return text === 'best' || text === 'all' || text === 'received' || text === 'advertised';
}

/** Families a request is about: that of its prefix, the one named, or both. */
function familiesOf(request: Request, prefix: PrefixText | null): readonly number[] {
  const named = prefix?.family ?? textOf(request, 'family');
  return named === undefined
    ? FAMILY_ORDER.map((_, index) => index)
    : FAMILY_ORDER.flatMap((family, index) => (family === named ? [index] : []));
}

function readRoutesRequest(state: HealthState, request: Request): Outcomes<RoutesRequest> {
  const peer = peerOf(state, request);
  const prefix = prefixOf(request);
  if (!prefix.ok) return prefix;
  if (!peer.ok) return peer;
  const view = textOf(request, 'view') ?? 'best';
  if (!isView(view)) return fault('BAD_REQUEST', `${view} is no view`);
  if ((view === 'received' || view === 'advertised') && peer.value === null) return fault('BAD_REQUEST', `the view ${view} needs a peer`);
  const family = textOf(request, 'family');
  if (prefix.value !== null && family !== undefined && family !== prefix.value.family)
    return fault('BAD_REQUEST', `${prefix.value.text} is not of the family ${family}`);
  const families = familiesOf(request, prefix.value);
  const cursor = textOf(request, 'cursor');
  const from: Position | undefined = cursor === undefined ? { family: families[0] ?? 0, cursor: 0 } : readCursor(cursor);
  if (from === undefined || !families.includes(from.family)) return fault('BAD_REQUEST', 'the cursor is not of this query');
  const limit = request.query['limit'];
  return {
    ok: true,
    value: {
      view,
      peer: peer.value,
      prefix: prefix.value?.text ?? null,
      families,
      from,
      limit: typeof limit === 'number' ? limit : undefined,
    },
  };
}

/** `/api/v1/routes`. The first page is fetched before the status is decided: a stalled speaker is a 503, never half a document. */
export async function routes(suppliers: Suppliers, request: Request): Promise<Answer> {
  const read = readRoutesRequest(suppliers.state, request);
  if (!read.ok) return errorAnswer(read.error);
  const first = await fetchPage(suppliers, read.value, read.value.from, Math.min(ROUTE_PAGE, read.value.limit ?? ROUTE_PAGE));
  if (!first.ok) return errorAnswer(first.error);
  const format = textOf(request, 'format');
  const lines = format === undefined ? /jsonl|ndjson/.test(request.accept) : format === 'jsonl';
  if (lines) return { status: 200, type: JSONL_TYPE, body: asJsonLines(suppliers, read.value, first.value) };
  return { status: 200, type: JSON_TYPE, body: asJson(suppliers, read.value, first.value) };
}

/** `/api/v1/explain`: main's steps, then the speaker's, as each recorded them. A peer that is not started can be asked about too. */
export async function explain(suppliers: Suppliers, request: Request): Promise<Answer> {
  const { state } = suppliers;
  const prefix = prefixOf(request);
  if (!prefix.ok) return errorAnswer(prefix.error);
  if (prefix.value === null) return errorAnswer({ code: 'BAD_REQUEST', message: 'explain needs a prefix' });
  const peer = peerOf(state, request);
  const held = peer.ok ? undefined : heldNamed(state, textOf(request, 'peer') ?? '');
  if (!peer.ok && held === undefined) return errorAnswer(peer.error);
  const query = { kind: 'explain', prefix: prefix.value.text, peer: peer.ok ? peer.value : null } as const;
  const [speaker, before] = await Promise.all([askSpeaker(suppliers, query), mainSteps(suppliers, query)]);
  if (!speaker.ok) return errorAnswer(speaker.error);
  if (!before.ok) return errorAnswer(before.error);
  const parts = { prefix: query.prefix, before: before.value, peer: (id: string) => state.peers.get(id) };
  if (held !== undefined) return jsonAnswer(explainDocument({ ...parts, speaker: { ...speaker.value, peers: [] }, held: [held] }));
  return jsonAnswer(explainDocument({ ...parts, speaker: speaker.value, held: query.peer === null ? state.held : [] }));
}

/** A bare speaker has no main thread to ask. */
async function mainSteps(
  suppliers: Suppliers,
  query: { kind: 'explain'; prefix: string; peer: string | null },
): Promise<Outcomes<readonly ExplainStep[]>> {
  if (!suppliers.state.threads.includes('main')) return { ok: true, value: [] };
  const asked = await askMain(suppliers, query);
  return asked.ok ? { ok: true, value: asked.value.steps } : asked;
}

/** `/api/v1/desired`: main's own text, octet for octet. */
export async function desired(suppliers: Suppliers): Promise<Answer> {
  const asked = await askDesired(suppliers);
  return asked.ok ? { status: 200, type: JSON_TYPE, body: asked.value } : errorAnswer(asked.error);
}
