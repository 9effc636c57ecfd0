/** `GET` and `POST /api/v1/drain`: the node's way out (RFC 8326). Served by listener 1 and the unix socket, never to the public. */
import { ENGINE_TIMEOUT_MS } from '../limits.ts';
import type { DrainDocument, DrainRequestView } from '../status.ts';
import { type Answer, errorAnswer, jsonAnswer } from './answer.ts';
import { describe, object, oneOf, type Schema } from './schema.ts';
import { askMain, type Suppliers } from './suppliers.ts';

/** Path of both. */
export const DRAIN_PATH = '/api/v1/drain';

/** One line for OpenAPI. */
export const DRAIN_SUMMARY =
  "The node's way out: peers are told to prefer other paths, the sessions are ended, or both are taken back (RFC 8326).";

/** What may be asked for. */
const REQUESTS = ['on', 'leave', 'off'] as const;

/** The body. JSON is demanded, as of every action. */
export const drainBody: Schema = object({
  state: describe('on tells every peer to prefer other paths, leave ends the sessions, off takes both back', oneOf(...REQUESTS)),
});

/** Asks main; the answer comes when the engine has it. `wanted` undefined: only shown. */
export async function drain(suppliers: Suppliers, wanted: string | undefined): Promise<Answer> {
  const request: DrainRequestView | undefined = wanted === undefined ? 'show' : REQUESTS.find((one) => one === wanted);
  if (request === undefined) return errorAnswer({ code: 'BAD_REQUEST', message: 'drain needs the state on, leave or off' });
  const asked = await askMain(suppliers, { kind: 'drain', request }, request === 'show' ? undefined : ENGINE_TIMEOUT_MS);
  if (!asked.ok) return errorAnswer(asked.error);
  const node = suppliers.state.main?.node ?? '';
  return jsonAnswer({ schema: 'linnet.drain/v1', node, ...asked.value.drain } satisfies DrainDocument);
}
