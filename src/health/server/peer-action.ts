/** `POST /api/v1/peers/{peer}/{action}`: what an operator does to a peer. Served by listener 1 and the unix socket, never to the public. */
import { MAX_SHUTDOWN_OCTETS } from '../limits.ts';
import type { ErrorDocument, PeerActionDocument, PeerActionView } from '../status.ts';
import { type Answer, errorAnswer, jsonAnswer } from './answer.ts';
import { PEER_ACTIONS } from './documents-schema.ts';
import { peerNamed } from './inquiries.ts';
import { describe, object, oneOf, type Schema, text } from './schema.ts';
import { askSpeaker, type Outcomes, type Suppliers } from './suppliers.ts';

/** Path, with the names of its parameters as fastify writes them. */
export const PEER_ACTION_PATH = '/api/v1/peers/:peer/:action';

/** One line for OpenAPI. */
export const PEER_ACTION_SUMMARY =
  'Carries out an action on a peer: shutdown with a text for its operator (RFC 9003), enable, reset, refresh in or out (RFC 2918), gshut on or off (RFC 8326).';

/** Parameters in the path. */
export const peerActionParams: Schema = object({
  peer: describe('id of a peer, or its address where that is unique', { ...text, minLength: 1, maxLength: 256 }),
  action: oneOf(...PEER_ACTIONS),
});

/** The body. JSON is demanded: a page of another site cannot send it to loopback without asking first. */
export const peerActionBody: Schema = object(
  {
    text: describe(`shutdown: for the peer's operator, at most ${MAX_SHUTDOWN_OCTETS} octets of UTF-8`, text),
    state: describe('gshut: on makes the peer prefer other paths, off ends that', oneOf('on', 'off')),
    direction: describe('refresh: in asks the peer for its routes, out sends it ours', oneOf('in', 'out')),
  },
  ['text', 'state', 'direction'],
);

/** A request after validation. */
export interface PeerActionRequest {
  readonly peer: string;
  readonly action: string;
  readonly text: string | undefined;
  readonly direction: string | undefined;
  readonly state: string | undefined;
}

/** Carries the action out; the answer comes when the speaker has done it. */
export async function peerAction(suppliers: Suppliers, request: PeerActionRequest): Promise<Answer> {
  const action = readAction(request);
  if (!action.ok) return errorAnswer(action.error);
  const peer = peerNamed(suppliers.state, request.peer);
  if (!peer.ok) return errorAnswer(peer.error);
  const asked = await askSpeaker(suppliers, { kind: 'act', peer: peer.value, action: action.value });
  if (!asked.ok) return errorAnswer(asked.error);
  return jsonAnswer({ schema: 'linnet.peer-action/v1', peer: peer.value, action: action.value.kind } satisfies PeerActionDocument);
}

function wrong(message: string): { readonly ok: false; readonly error: ErrorDocument['error'] } {
  return { ok: false, error: { code: 'BAD_REQUEST', message } };
}

function readAction({ action, text: words, direction, state }: PeerActionRequest): Outcomes<PeerActionView> {
  if (words !== undefined && action !== 'shutdown') return wrong(`${action} takes no text`);
  if (direction !== undefined && action !== 'refresh') return wrong(`${action} takes no direction`);
  if (state !== undefined && action !== 'gshut') return wrong(`${action} takes no state`);
  switch (action) {
    case 'shutdown':
      if (Buffer.byteLength(words ?? '') > MAX_SHUTDOWN_OCTETS) return wrong(`the text has more than ${MAX_SHUTDOWN_OCTETS} octets`);
      return { ok: true, value: { kind: action, text: words ?? '' } };
    case 'enable':
    case 'reset':
      return { ok: true, value: { kind: action } };
    case 'refresh':
      if (direction !== 'in' && direction !== 'out') return wrong('refresh needs the direction in or out');
      return { ok: true, value: { kind: action, direction } };
    case 'gshut':
      if (state !== 'on' && state !== 'off') return wrong('gshut needs the state on or off');
      return { ok: true, value: { kind: action, on: state === 'on' } };
    default:
      return wrong(`there is no action ${action}`);
  }
}
