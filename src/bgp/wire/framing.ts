/**
 * Cuts a TCP stream into BGP messages and checks their headers (RFC 4271 sections 4.1 and 6.1, RFC 8654).
 */
import { decodeError } from './errors.ts';
import { MESSAGE_TYPE } from './iana.ts';
import { readU16 } from './reader.ts';
import type { DecodeError, Result } from './types.ts';
import { copyOctets, writeU16 } from './writer.ts';

/** Octets of the message header: marker, length, type (RFC 4271 section 4.1). */
export const HEADER_OCTETS = 19;

/** Octets of the largest message (RFC 4271 section 4.1). */
export const MAX_MESSAGE = 4096;

/** Octets of the largest message where RFC 8654 was negotiated. */
export const MAX_EXTENDED_MESSAGE = 65535;

const MARKER_OCTETS = 16;

/** A message cut from the stream: its type is one of `MESSAGE_TYPE`, its body everything after the header. */
export interface RawMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Smallest whole message by type: RFC 4271 section 6.1; ROUTE-REFRESH has its own error for its length (RFC 7313 section 5). */
const MIN_OCTETS: { readonly [type: number]: number } = {
  [MESSAGE_TYPE.open]: 29,
  [MESSAGE_TYPE.update]: 23,
  [MESSAGE_TYPE.notification]: 21,
  [MESSAGE_TYPE.keepalive]: 19,
  [MESSAGE_TYPE.routeRefresh]: 19,
};

/** Largest whole message by type: KEEPALIVE is its header, OPEN never grows (RFC 8654 section 4). */
function maxOctets(type: number, maxMessage: number): number {
  if (type === MESSAGE_TYPE.keepalive) return HEADER_OCTETS;
  return type === MESSAGE_TYPE.open ? MAX_MESSAGE : maxMessage;
}

function badLength(length: number): DecodeError {
  const data = new Uint8Array(2);
  writeU16(data, 0, length);
  return decodeError('HEADER_BAD_LENGTH', `message length ${length}`, data);
}

/** The fault of the header at `offset`, if any; 19 octets must be there. */
function headerFault(octets: Uint8Array, offset: number, maxMessage: number): DecodeError | undefined {
  for (let at = offset; at < offset + MARKER_OCTETS; at += 1) {
    if (octets[at] !== 0xff) return decodeError('HEADER_NOT_SYNCHRONIZED', 'marker is not all ones');
  }
  const length = readU16(octets, offset + 16);
  const type = octets[offset + 18] ?? 0;
  // RFC 4271 section 6.1 checks the length against 19 and the maximum before it looks at the type.
  if (length < HEADER_OCTETS || length > maxMessage) return badLength(length);
  const min = MIN_OCTETS[type];
  if (min === undefined) return decodeError('HEADER_BAD_TYPE', `message type ${type}`, Uint8Array.of(type));
  return length < min || length > maxOctets(type, maxMessage) ? badLength(length) : undefined;
}

const EMPTY = new Uint8Array(0);

/**
 * The messages of one connection. A message that lies whole inside a chunk is handed out as a view of it; only one that
 * straddles chunks is copied, once. Memory held is at most one message and the chunks not taken yet.
 */
export class Framer {
  #maxMessage: number;
  #chunk: Uint8Array = EMPTY;
  #offset = 0;
  /** Front part of a message whose rest has not arrived; its length counts the octets there so far. */
  #held: Uint8Array = EMPTY;
  #heldLength = 0;
  #error: DecodeError | undefined;

  /** `maxMessage` in octets: 4096, or 65535 once RFC 8654 was negotiated. */
  constructor(maxMessage: number = MAX_MESSAGE) {
    this.#maxMessage = maxMessage;
  }

  /** Changes the largest message accepted from now on. */
  setMaxMessage(maxMessage: number): void {
    this.#maxMessage = maxMessage;
  }

  /**
   * Adds octets from the wire. Views of them are handed out: they may be written over once `take` has said that there is no more, and nobody uses
   * those views any longer.
   */
  feed(octets: Uint8Array): void {
    if (this.#offset >= this.#chunk.length) {
      this.#chunk = octets;
    } else {
      const joined = new Uint8Array(this.#chunk.length - this.#offset + octets.length);
      joined.set(this.#chunk.subarray(this.#offset));
      joined.set(octets, this.#chunk.length - this.#offset);
      this.#chunk = joined;
    }
    this.#offset = 0;
  }

  /**
   * Keeps what was added and not taken yet as a copy: the octets may be written over although `take` has not said that there is no more.
   * Returns how many octets that are.
   */
  retain(): number {
    this.#chunk = copyOctets(this.#chunk, this.#offset);
    this.#offset = 0;
    return this.#chunk.length;
  }

  /** The next whole message; undefined until more octets come. After an error the stream is lost and only the error comes. */
  take(): Result<RawMessage, DecodeError> | undefined {
    if (this.#error !== undefined) return { ok: false, error: this.#error };
    return this.#heldLength > 0 ? this.#takeHeld() : this.#takeWhole();
  }

  #fail(error: DecodeError): Result<RawMessage, DecodeError> {
    this.#error = error;
    this.#chunk = EMPTY;
    this.#held = EMPTY;
    return { ok: false, error };
  }

  #takeWhole(): Result<RawMessage, DecodeError> | undefined {
    const chunk = this.#chunk;
    const start = this.#offset;
    const available = chunk.length - start;
    if (available >= HEADER_OCTETS) {
      const fault = headerFault(chunk, start, this.#maxMessage);
      if (fault !== undefined) return this.#fail(fault);
      const end = start + readU16(chunk, start + 16);
      if (end <= chunk.length) {
        this.#offset = end;
        return { ok: true, value: { type: chunk[start + 18] ?? 0, body: chunk.subarray(start + HEADER_OCTETS, end) } };
      }
      this.#hold(end - start);
    } else if (available > 0) {
      this.#hold(HEADER_OCTETS);
    }
    return undefined;
  }

  /** Keeps what is left of the chunk as the front of a message of which `size` octets are wanted next. */
  #hold(size: number): void {
    this.#held = new Uint8Array(size);
    this.#heldLength = 0;
    this.#fill();
  }

  /** Moves octets from the chunk into the held message; true when it is full. */
  #fill(): boolean {
    const count = Math.min(this.#held.length - this.#heldLength, this.#chunk.length - this.#offset);
    this.#held.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#heldLength);
    this.#heldLength += count;
    this.#offset += count;
    return this.#heldLength === this.#held.length;
  }

  #takeHeld(): Result<RawMessage, DecodeError> | undefined {
    if (!this.#fill()) return undefined;
    if (this.#heldLength === HEADER_OCTETS) {
      const fault = headerFault(this.#held, 0, this.#maxMessage);
      if (fault !== undefined) return this.#fail(fault);
      const whole = new Uint8Array(readU16(this.#held, 16));
      whole.set(this.#held);
      this.#held = whole;
      if (!this.#fill()) return undefined;
    }
    const message = this.#held;
    this.#held = EMPTY;
    this.#heldLength = 0;
    return { ok: true, value: { type: message[18] ?? 0, body: message.subarray(HEADER_OCTETS) } };
  }
}

/** Writes marker, length and type at `offset` and returns the offset of the body. */
export function writeHeader(target: Uint8Array, offset: number, length: number, type: number): number {
  target.fill(0xff, offset, offset + MARKER_OCTETS);
  writeU16(target, offset + 16, length);
  target[offset + 18] = type;
  return offset + HEADER_OCTETS;
}

/** A whole message around a body. */
export function frame(type: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_OCTETS + body.length);
  writeHeader(message, 0, message.length, type);
  message.set(body, HEADER_OCTETS);
  return message;
}

/** KEEPALIVE is the header alone (RFC 4271 section 4.4). */
export function encodeKeepalive(): Uint8Array {
  return frame(MESSAGE_TYPE.keepalive, EMPTY);
}
