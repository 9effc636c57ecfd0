/** The NOTIFICATIONs that sessions themselves decide to send; numbers and texts are rows of wire/errors.ts. */

import type { ErrorCode, NotificationMessage } from '../wire/index.ts';
import { hardReset, notificationFor, shutdownData } from '../wire/index.ts';

/** Cease of the given kind (RFC 4486). Administrative shutdown and reset may carry a text for the peer's operator (RFC 9003). */
export function cease(code: Extract<ErrorCode, `CEASE_${string}`>, text = ''): NotificationMessage {
  const carriesText = code === 'CEASE_ADMIN_SHUTDOWN' || code === 'CEASE_ADMIN_RESET';
  return notificationFor(carriesText && text !== '' ? { code, data: shutdownData(text) } : { code });
}

/** FSM error with the subcode of the state in which the message came (RFC 6608 section 3). */
export const FSM_ERRORS = { 'open-sent': 'FSM_OPEN_SENT', 'open-confirm': 'FSM_OPEN_CONFIRM', established: 'FSM_ESTABLISHED' } as const;

/** True for the loss of a collision, which is no error of the session (RFC 4271 section 6.8). */
export function isCollision(message: NotificationMessage): boolean {
  const { code, subcode } = notificationFor({ code: 'CEASE_COLLISION' });
  return message.code === code && message.subcode === subcode;
}

/** True where nothing that we send was taken for too long (RFC 9687 section 3.2). */
export function isSendHold(message: NotificationMessage): boolean {
  return message.code === notificationFor({ code: 'SEND_HOLD_TIMER_EXPIRED' }).code;
}

/** True where the peer refuses our optional parameters: capabilities are such (RFC 5492 section 3). */
export function refusesOptions(message: NotificationMessage): boolean {
  const { code, subcode } = notificationFor({ code: 'OPEN_UNSUPPORTED_PARAMETER' });
  return message.code === code && message.subcode === subcode;
}

const HARD: readonly ErrorCode[] = ['CEASE_MAX_PREFIXES', 'CEASE_ADMIN_SHUTDOWN', 'CEASE_PEER_DECONFIGURED', 'CEASE_ADMIN_RESET'];

/**
 * What is sent to a peer that has the N bit too: an end that is meant to end the routes as well is wrapped in a hard reset, everything
 * else leaves them to graceful restart (RFC 8538 sections 3 and 4).
 */
export function afterNBit(message: NotificationMessage): NotificationMessage {
  const meant = HARD.some((name) => {
    const { code, subcode } = notificationFor({ code: name });
    return message.code === code && message.subcode === subcode;
  });
  return meant ? hardReset(message) : message;
}

/** True for a hard reset (RFC 8538 section 3). */
export function isHardReset(message: NotificationMessage): boolean {
  const { code, subcode } = notificationFor({ code: 'CEASE_HARD_RESET' });
  return message.code === code && message.subcode === subcode;
}
