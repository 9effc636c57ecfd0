/**
 * NOTIFICATION (RFC 4271 section 4.5): code, subcode, data. Shutdown communication of RFC 9003, hard reset of RFC 8538.
 */
import { ERRORS, errorName, failure, notificationFor } from './errors.ts';
import { frame } from './framing.ts';
import { MESSAGE_TYPE } from './iana.ts';
import type { DecodeError, NotificationMessage, Result } from './types.ts';
import { concatOctets, copyOctets } from './writer.ts';

/** Longest shutdown text in octets of UTF-8 (RFC 9003 section 2). */
export const MAX_SHUTDOWN_OCTETS = 255;

/** Decodes a body; the data is a copy, so that it may outlive the receive buffer. */
export function decodeNotification(body: Uint8Array): Result<NotificationMessage, DecodeError> {
  const [code, subcode] = body;
  if (code === undefined || subcode === undefined) return failure('HEADER_BAD_LENGTH', 'NOTIFICATION shorter than its codes');
  return { ok: true, value: { type: 'notification', code, subcode, data: copyOctets(body, 2) } };
}

/** The whole message. */
export function encodeNotification(message: NotificationMessage): Uint8Array {
  return frame(MESSAGE_TYPE.notification, concatOctets(Uint8Array.of(message.code, message.subcode), message.data));
}

/** Data field of Cease/2 and Cease/4: a length octet and the text in UTF-8, cut at a character boundary (RFC 9003 section 2). */
export function shutdownData(text: string): Uint8Array {
  if (text === '') return new Uint8Array(0);
  const room = new Uint8Array(MAX_SHUTDOWN_OCTETS);
  const { written } = new TextEncoder().encodeInto(text, room);
  return concatOctets(Uint8Array.of(written), room.subarray(0, written));
}

/** Text for people out of octets a peer chose: control characters become spaces, so that a log line stays one line. */
function printable(octets: Uint8Array): string {
  return new TextDecoder('utf-8').decode(octets).replaceAll(/\p{Cc}|\p{Zl}|\p{Zp}/gu, ' ');
}

/** Shutdown text of a Cease/2 or Cease/4; undefined where there is none or its length is wrong (RFC 9003 section 2). */
export function shutdownText(message: NotificationMessage): string | undefined {
  const { code, subcode } = message;
  const carriesText =
    code === ERRORS.CEASE_ADMIN_SHUTDOWN.code &&
    (subcode === ERRORS.CEASE_ADMIN_SHUTDOWN.subcode || subcode === ERRORS.CEASE_ADMIN_RESET.subcode);
  const length = message.data[0] ?? 0;
  if (!carriesText || length === 0 || length > message.data.length - 1) return undefined;
  return printable(message.data.subarray(1, 1 + length));
}

/** Wraps a NOTIFICATION so that a peer which negotiated the N bit drops the routes all the same (RFC 8538 section 3.1). */
export function hardReset(inner: NotificationMessage): NotificationMessage {
  return notificationFor({ code: 'CEASE_HARD_RESET', data: concatOctets(Uint8Array.of(inner.code, inner.subcode), inner.data) });
}

/** The NOTIFICATION inside a Cease/Hard Reset; undefined for others. */
export function hardResetReason(message: NotificationMessage): NotificationMessage | undefined {
  const { code, subcode } = ERRORS.CEASE_HARD_RESET;
  if (message.code !== code || message.subcode !== subcode) return undefined;
  const inner = decodeNotification(message.data);
  return inner.ok ? inner.value : undefined;
}

/** One line for people: registered names, then shutdown text, inner reason or data in hex. */
export function describeNotification(message: NotificationMessage): string {
  const name = errorName(message.code, message.subcode);
  const text = shutdownText(message);
  if (text !== undefined) return `${name}: ${text}`;
  const inner = hardResetReason(message);
  if (inner !== undefined) return `${name} (${describeNotification(inner)})`;
  if (message.data.length === 0) return name;
  return `${name}: ${Array.from(message.data.subarray(0, 64), (octet) => octet.toString(16).padStart(2, '0')).join('')}`;
}
