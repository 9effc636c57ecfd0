/**
 * NOTIFICATIONs that the session itself decides to send (Cease, FSM errors, hold time, OPEN checks) and the text that
 * people read for any of them. Errors found while decoding carry their own, from wire/.
 */
import type { NotificationMessage } from '../wire/types.ts';
import { SHUTDOWN_TEXT_MAX_OCTETS } from './limits.ts';

const NONE = new Uint8Array(0);

/** Cease subcodes this speaker sends (RFC 4486 section 3). */
export const CEASE = {
  maxPrefixes: 1,
  adminShutdown: 2,
  peerDeconfigured: 3,
  adminReset: 4,
  connectionRejected: 5,
  configurationChange: 6,
  collision: 7,
  outOfResources: 8,
} as const;

/** OPEN error subcodes this speaker sends (RFC 4271 section 6.2, RFC 5492 section 5). */
export const OPEN_ERROR = { version: 1, badPeerAs: 2, badBgpId: 3, unsupportedParameter: 4, holdTime: 6, unsupportedCapability: 7 } as const;

/** FSM error subcodes by state (RFC 6608 section 3). */
export const FSM_ERROR = { 'open-sent': 1, 'open-confirm': 2, established: 3 } as const;

/** Builds a NOTIFICATION; `data` defaults to none. */
export function notification(code: number, subcode: number, data: Uint8Array = NONE): NotificationMessage {
  return { type: 'notification', code, subcode, data };
}

/** Cease with its subcode (RFC 4486); admin shutdown and reset may carry a text (RFC 9003), cut to 255 octets at a character's edge. */
export function cease(reason: keyof typeof CEASE, text = ''): NotificationMessage {
  const carriesText = reason === 'adminShutdown' || reason === 'adminReset';
  return notification(6, CEASE[reason], carriesText && text !== '' ? shutdownText(text) : NONE);
}

/** Hold Timer Expired (RFC 4271 section 6.5). */
export function holdTimerExpired(): NotificationMessage {
  return notification(4, 0);
}

/** One octet of length, then UTF-8 (RFC 9003 section 2). */
function shutdownText(text: string): Uint8Array {
  let octets = new TextEncoder().encode(text);
  if (octets.length > SHUTDOWN_TEXT_MAX_OCTETS) {
    let end = SHUTDOWN_TEXT_MAX_OCTETS;
    // 10xxxxxx continues a character: never cut inside one.
    while (end > 0 && ((octets[end] ?? 0) & 0xc0) === 0x80) end--;
    octets = octets.slice(0, end);
  }
  const data = new Uint8Array(octets.length + 1);
  data[0] = octets.length;
  data.set(octets, 1);
  return data;
}

const CODES: { readonly [code: number]: { readonly name: string; readonly subcodes: { readonly [subcode: number]: string } } } = {
  1: { name: 'Message Header Error', subcodes: { 1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type' } },
  2: {
    name: 'OPEN Message Error',
    subcodes: {
      1: 'Unsupported Version Number', 2: 'Bad Peer AS', 3: 'Bad BGP Identifier', 4: 'Unsupported Optional Parameter',
      6: 'Unacceptable Hold Time', 7: 'Unsupported Capability', 11: 'Role Mismatch',
    },
  },
  3: {
    name: 'UPDATE Message Error',
    subcodes: {
      1: 'Malformed Attribute List', 2: 'Unrecognized Well-known Attribute', 3: 'Missing Well-known Attribute', 4: 'Attribute Flags Error',
      5: 'Attribute Length Error', 6: 'Invalid ORIGIN Attribute', 8: 'Invalid NEXT_HOP Attribute', 9: 'Optional Attribute Error',
      10: 'Invalid Network Field', 11: 'Malformed AS_PATH',
    },
  },
  4: { name: 'Hold Timer Expired', subcodes: {} },
  5: {
    name: 'Finite State Machine Error',
    subcodes: { 1: 'Unexpected Message in OpenSent', 2: 'Unexpected Message in OpenConfirm', 3: 'Unexpected Message in Established' },
  },
  6: {
    name: 'Cease',
    subcodes: {
      1: 'Maximum Number of Prefixes Reached', 2: 'Administrative Shutdown', 3: 'Peer De-configured', 4: 'Administrative Reset', 5: 'Connection Rejected',
      6: 'Other Configuration Change', 7: 'Connection Collision Resolution', 8: 'Out of Resources', 9: 'Hard Reset', 10: 'BFD Down',
    },
  },
  7: { name: 'ROUTE-REFRESH Message Error', subcodes: { 1: 'Invalid Message Length' } },
  8: { name: 'Send Hold Timer Expired', subcodes: {} },
};

/** What a NOTIFICATION says, for status and log: names of the IANA registry, plus the text of RFC 9003 where there is one. Never throws. */
export function describeNotification(message: NotificationMessage): string {
  const entry = CODES[message.code];
  const name = entry?.name ?? `Error ${message.code}`;
  const sub = entry?.subcodes[message.subcode] ?? (message.subcode === 0 ? '' : `subcode ${message.subcode}`);
  const text = shutdownTextOf(message);
  return `${name}${sub === '' ? '' : `/${sub}`}${text === '' ? '' : `: ${text}`}`;
}

function shutdownTextOf(message: NotificationMessage): string {
  const length = message.data[0];
  if (message.code !== 6 || (message.subcode !== CEASE.adminShutdown && message.subcode !== CEASE.adminReset) || length === undefined) return '';
  if (length === 0 || message.data.length < 1 + length) return '';
  // Control characters from a peer do not belong in a log line.
  return Array.from(new TextDecoder().decode(message.data.subarray(1, 1 + length)), (c) => (c < ' ' || c === '\u007f' ? ' ' : c)).join('');
}
