/**
 * A recording of a speaker: lines of JSON, the first a header, every other one call with all it depended on.
 *
 *   {"format":"linnet.recording/v1","wallClock":MS,"restarting":null|{"forwarding":BOOL}}
 *   ["h",NOW,INPUT,[RANDOM,...],HASH]              handle(INPUT, NOW)
 *   ["w",[CLOCK,...],BUDGET,[RANDOM,...],HASH]     work(clock, BUDGET); CLOCK is what the clock said, in order
 *
 * HASH is 32 bits over the outputs, so that a replay knows the first call that differs. Octets are {"$octets":BASE64}; a secret is
 * {"$secret":N}, the N-th different one of this recording: its text is nowhere in the file.
 */
import { isSecretText, secretText } from '../net/index.ts';
import type { SpeakerOutput } from '../speaker-types.ts';

/** Format and version; a replay refuses any other. */
export const RECORDING_FORMAT = 'linnet.recording/v1';

/** First line of a recording. `wallClock`: wall-clock milliseconds at monotonic 0. */
export interface RecordingHeader {
  readonly format: typeof RECORDING_FORMAT;
  readonly wallClock: number;
  readonly restarting: { readonly forwarding: boolean } | null;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function hashOctets(hash: number, octets: Uint8Array): number {
  let value = hash;
  for (const octet of octets) value = Math.imul(value ^ octet, FNV_PRIME);
  return value;
}

/** FNV-1a over what a call returned: octets to be sent as they are, all else as JSON. Unsigned 32 bits. */
export function hashOutputs(outputs: readonly SpeakerOutput[], from = FNV_OFFSET): number {
  let hash = from;
  for (const output of outputs) {
    const { buffers, ...rest } = output.type === 'send' ? output : { ...output, buffers: [] };
    hash = hashOctets(hash, Buffer.from(JSON.stringify(encodeValue(rest, new Map()))));
    for (const buffer of buffers) hash = hashOctets(hash, buffer);
  }
  return hash >>> 0;
}

/** Plain data as JSON can carry it. `secrets` numbers the secrets met so far by their text. */
export function encodeValue(value: unknown, secrets: Map<string, number>): unknown {
  if (value instanceof Uint8Array) return { $octets: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') };
  if (isSecretText(value)) {
    const number = secrets.get(value.reveal()) ?? secrets.size + 1;
    secrets.set(value.reveal(), number);
    return { $secret: number };
  }
  if (Array.isArray(value)) return value.map((item: unknown) => encodeValue(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encodeValue(item, secrets)]));
}

/** The data that `encodeValue` was given; secrets come back as different texts of no meaning. */
export function decodeValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeValue);
  if (typeof value !== 'object' || value === null) return value;
  if ('$octets' in value && typeof value.$octets === 'string') return new Uint8Array(Buffer.from(value.$octets, 'base64'));
  if ('$secret' in value) return secretText(`recorded secret ${String(value.$secret)}`);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decodeValue(item)]));
}
