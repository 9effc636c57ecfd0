/**
 * Files with octets and what another decoder makes of them as JSON: a line with the kind (`update ipv4 unicast`, `open`, `nlri ...`), lines
 * of hex (whole messages or bare bodies, with or without blanks and colons), and JSON. Only the form is known here, no file.
 */
import { MESSAGE_TYPE } from 'bgp-ts/wire';
import { member } from '../../interop/harness/json.ts';
import { hex, MARKER } from './hex.ts';

/** A file as read; `octets` is a whole message, a body or NLRI as `form` says. */
export interface DecodeFile {
  /** The words of its first line. */
  readonly words: readonly string[];
  readonly form: 'message' | 'body' | 'nlri';
  /** Message type; undefined for NLRI. */
  readonly type: number | undefined;
  readonly octets: Uint8Array;
  /** Undefined where the file has none. */
  readonly expected: unknown;
}

const TYPES: { readonly [word: string]: number } = {
  open: MESSAGE_TYPE.open,
  update: MESSAGE_TYPE.update,
  eor: MESSAGE_TYPE.update,
  notification: MESSAGE_TYPE.notification,
  keepalive: MESSAGE_TYPE.keepalive,
  refresh: MESSAGE_TYPE.routeRefresh,
  'route-refresh': MESSAGE_TYPE.routeRefresh,
};

const HEX_LINE = /^(?:0x)?[0-9a-f][0-9a-f:\s]*$/i;
const MARKER_DIGITS = MARKER.replaceAll(' ', '');

/** JSON whose long integers stay exact, as texts. */
function readJson(written: string): unknown {
  return JSON.parse(written.replaceAll(/([:[,]\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"'));
}

/** Reads a file; a text says why its form is none that is known. */
export function readDecodeFile(written: string): DecodeFile | string {
  const lines = written
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const jsonAt = lines.findIndex((line) => /^[{[]/.test(line));
  const before = jsonAt < 0 ? lines : lines.slice(0, jsonAt);
  const digits = before
    .filter((line) => HEX_LINE.test(line))
    .join('')
    .replaceAll(/0x|[:\s]/gi, '')
    .toLowerCase();
  if (digits === '' || digits.length % 2 !== 0) return 'no line of hex with whole octets';
  const words = (before.find((line) => !HEX_LINE.test(line)) ?? '').toLowerCase().split(/\s+/);
  const octets = hex(digits);
  let expected: unknown;
  try {
    expected = jsonAt < 0 ? undefined : readJson(lines.slice(jsonAt).join('\n'));
  } catch {
    return 'what follows the octets is no JSON';
  }
  if (digits.startsWith(MARKER_DIGITS)) return { words, form: 'message', type: octets[18], octets, expected };
  if (words[0] === 'nlri') return { words, form: 'nlri', type: undefined, octets, expected };
  const type = TYPES[words[0] ?? ''] ?? TYPES[String(member(expected, 'type'))];
  return type === undefined
    ? `"${words.join(' ')}" names no message and the octets have no marker`
    : { words, form: 'body', type, octets, expected };
}
