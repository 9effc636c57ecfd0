/**
 * Every error code and subcode of NOTIFICATION in one table, and the only functions that turn a fault into a pair of them.
 */
import { ATTRIBUTE } from './iana.ts';
import type { AttributeFault, DecodeError, NotificationMessage } from './types.ts';

/** Rows of the IANA registries "BGP Error (Notification) Codes" and their subcodes: numbers, registered name, defining text. */
export const ERRORS = {
  HEADER_UNSPECIFIC: { code: 1, subcode: 0, name: 'Message Header Error', citation: 'RFC 4271 section 6.1' },
  HEADER_NOT_SYNCHRONIZED: { code: 1, subcode: 1, name: 'Connection Not Synchronized', citation: 'RFC 4271 section 6.1' },
  HEADER_BAD_LENGTH: { code: 1, subcode: 2, name: 'Bad Message Length', citation: 'RFC 4271 section 6.1' },
  HEADER_BAD_TYPE: { code: 1, subcode: 3, name: 'Bad Message Type', citation: 'RFC 4271 section 6.1' },
  OPEN_UNSPECIFIC: { code: 2, subcode: 0, name: 'OPEN Message Error', citation: 'RFC 4271 section 6.2' },
  OPEN_UNSUPPORTED_VERSION: { code: 2, subcode: 1, name: 'Unsupported Version Number', citation: 'RFC 4271 section 6.2' },
  OPEN_BAD_PEER_AS: { code: 2, subcode: 2, name: 'Bad Peer AS', citation: 'RFC 4271 section 6.2' },
  OPEN_BAD_BGP_ID: { code: 2, subcode: 3, name: 'Bad BGP Identifier', citation: 'RFC 6286 section 2.2' },
  OPEN_UNSUPPORTED_PARAMETER: { code: 2, subcode: 4, name: 'Unsupported Optional Parameter', citation: 'RFC 4271 section 6.2' },
  OPEN_UNACCEPTABLE_HOLD_TIME: { code: 2, subcode: 6, name: 'Unacceptable Hold Time', citation: 'RFC 4271 section 6.2' },
  OPEN_UNSUPPORTED_CAPABILITY: { code: 2, subcode: 7, name: 'Unsupported Capability', citation: 'RFC 5492 section 5' },
  OPEN_ROLE_MISMATCH: { code: 2, subcode: 11, name: 'Role Mismatch', citation: 'RFC 9234 section 4.2' },
  UPDATE_UNSPECIFIC: { code: 3, subcode: 0, name: 'UPDATE Message Error', citation: 'RFC 4271 section 6.3' },
  UPDATE_MALFORMED_ATTRIBUTES: { code: 3, subcode: 1, name: 'Malformed Attribute List', citation: 'RFC 4271 section 6.3' },
  UPDATE_UNRECOGNIZED_WELL_KNOWN: { code: 3, subcode: 2, name: 'Unrecognized Well-known Attribute', citation: 'RFC 4271 section 6.3' },
  UPDATE_MISSING_WELL_KNOWN: { code: 3, subcode: 3, name: 'Missing Well-known Attribute', citation: 'RFC 4271 section 6.3' },
  UPDATE_ATTRIBUTE_FLAGS: { code: 3, subcode: 4, name: 'Attribute Flags Error', citation: 'RFC 4271 section 6.3' },
  UPDATE_ATTRIBUTE_LENGTH: { code: 3, subcode: 5, name: 'Attribute Length Error', citation: 'RFC 4271 section 6.3' },
  UPDATE_INVALID_ORIGIN: { code: 3, subcode: 6, name: 'Invalid ORIGIN Attribute', citation: 'RFC 4271 section 6.3' },
  UPDATE_INVALID_NEXT_HOP: { code: 3, subcode: 8, name: 'Invalid NEXT_HOP Attribute', citation: 'RFC 4271 section 6.3' },
  UPDATE_OPTIONAL_ATTRIBUTE: { code: 3, subcode: 9, name: 'Optional Attribute Error', citation: 'RFC 4271 section 6.3' },
  UPDATE_INVALID_NETWORK: { code: 3, subcode: 10, name: 'Invalid Network Field', citation: 'RFC 4271 section 6.3' },
  UPDATE_MALFORMED_AS_PATH: { code: 3, subcode: 11, name: 'Malformed AS_PATH', citation: 'RFC 4271 section 6.3' },
  HOLD_TIMER_EXPIRED: { code: 4, subcode: 0, name: 'Hold Timer Expired', citation: 'RFC 4271 section 6.5' },
  FSM_UNSPECIFIED: { code: 5, subcode: 0, name: 'Finite State Machine Error', citation: 'RFC 4271 section 6.6' },
  FSM_OPEN_SENT: { code: 5, subcode: 1, name: 'Receive Unexpected Message in OpenSent State', citation: 'RFC 6608 section 3' },
  FSM_OPEN_CONFIRM: { code: 5, subcode: 2, name: 'Receive Unexpected Message in OpenConfirm State', citation: 'RFC 6608 section 3' },
  FSM_ESTABLISHED: { code: 5, subcode: 3, name: 'Receive Unexpected Message in Established State', citation: 'RFC 6608 section 3' },
  CEASE_UNSPECIFIC: { code: 6, subcode: 0, name: 'Cease', citation: 'RFC 4271 section 6.7' },
  CEASE_MAX_PREFIXES: { code: 6, subcode: 1, name: 'Maximum Number of Prefixes Reached', citation: 'RFC 4486 section 3' },
  CEASE_ADMIN_SHUTDOWN: { code: 6, subcode: 2, name: 'Administrative Shutdown', citation: 'RFC 4486 section 3' },
  CEASE_PEER_DECONFIGURED: { code: 6, subcode: 3, name: 'Peer De-configured', citation: 'RFC 4486 section 3' },
  CEASE_ADMIN_RESET: { code: 6, subcode: 4, name: 'Administrative Reset', citation: 'RFC 4486 section 3' },
  CEASE_CONNECTION_REJECTED: { code: 6, subcode: 5, name: 'Connection Rejected', citation: 'RFC 4486 section 3' },
  CEASE_CONFIGURATION_CHANGE: { code: 6, subcode: 6, name: 'Other Configuration Change', citation: 'RFC 4486 section 3' },
  CEASE_COLLISION: { code: 6, subcode: 7, name: 'Connection Collision Resolution', citation: 'RFC 4486 section 3' },
  CEASE_OUT_OF_RESOURCES: { code: 6, subcode: 8, name: 'Out of Resources', citation: 'RFC 4486 section 3' },
  CEASE_HARD_RESET: { code: 6, subcode: 9, name: 'Hard Reset', citation: 'RFC 8538 section 3' },
  CEASE_BFD_DOWN: { code: 6, subcode: 10, name: 'BFD Down', citation: 'RFC 9384 section 3' },
  REFRESH_BAD_LENGTH: { code: 7, subcode: 1, name: 'Invalid Message Length', citation: 'RFC 7313 section 5' },
  SEND_HOLD_TIMER_EXPIRED: { code: 8, subcode: 0, name: 'Send Hold Timer Expired', citation: 'RFC 9687 section 3.2' },
} as const;

/** Name of a row of `ERRORS`. */
export type ErrorCode = keyof typeof ERRORS;

/** Registered names of the major codes, for pairs that no row of `ERRORS` knows. */
const MAJOR_NAMES: { readonly [code: number]: string } = {
  1: 'Message Header Error',
  2: 'OPEN Message Error',
  3: 'UPDATE Message Error',
  4: 'Hold Timer Expired',
  5: 'Finite State Machine Error',
  6: 'Cease',
  7: 'ROUTE-REFRESH Message Error',
  8: 'Send Hold Timer Expired',
};

const NO_DATA = new Uint8Array(0);

/** The NOTIFICATION that reports an error; `data` is empty unless given. */
export function notificationFor(error: { readonly code: ErrorCode; readonly data?: Uint8Array }): NotificationMessage {
  const { code, subcode } = ERRORS[error.code];
  return { type: 'notification', code, subcode, data: error.data ?? NO_DATA };
}

/** A decode error with the NOTIFICATION that answers it. `detail` is a short lower-case phrase for the log. */
export function decodeError(code: ErrorCode, detail: string, data?: Uint8Array): DecodeError {
  return { code, detail, notification: notificationFor(data === undefined ? { code } : { code, data }) };
}

/** A failed `Result` around `decodeError`. */
export function failure(code: ErrorCode, detail: string, data?: Uint8Array): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: decodeError(code, detail, data) };
}

/** The NOTIFICATION for a fault whose outcome is session-reset. Multiprotocol attributes: 3/9 (RFC 7606 section 7.11); else 3/1. */
export function notificationForFault(fault: AttributeFault): NotificationMessage {
  const multiprotocol = fault.attribute === ATTRIBUTE.mpReach || fault.attribute === ATTRIBUTE.mpUnreach;
  return notificationFor({ code: multiprotocol ? 'UPDATE_OPTIONAL_ATTRIBUTE' : 'UPDATE_MALFORMED_ATTRIBUTES' });
}

const NAME_BY_NUMBERS = new Map<number, string>(Object.values(ERRORS).map((row) => [row.code * 256 + row.subcode, row.name]));

/** Registered name of a code and subcode, such as `Cease/Hard Reset`; numbers stand where no name is registered. */
export function errorName(code: number, subcode: number): string {
  const major = MAJOR_NAMES[code] ?? `code ${code}`;
  const name = NAME_BY_NUMBERS.get(code * 256 + subcode);
  if (name === major) return major;
  return `${major}/${name ?? `subcode ${subcode}`}`;
}
