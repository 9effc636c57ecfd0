/** Messages inside a received buffer, and what errors say (NLMSG_ERROR with its extended acknowledgement). */
import { readText } from './attributes.ts';
import { ATTRIBUTE_TYPE_MASK, HEADER, NLM_F } from './constants.ts';

/** Called for each message with the bounds of its body; `false` ends the walk. */
export type EachMessage = (type: number, flags: number, seq: number, portId: number, at: number, end: number) => boolean;

/** Walks the messages of `octets[0, length)`. A message that is cut off ends the walk; returns false then. */
export function eachMessage(octets: Buffer, length: number, each: EachMessage): boolean {
  let at = 0;
  while (at + HEADER <= length) {
    const size = octets.readUInt32LE(at);
    if (size < HEADER || at + size > length) return false;
    const body = at + HEADER;
    if (
      !each(
        octets.readUInt16LE(at + 4),
        octets.readUInt16LE(at + 6),
        octets.readUInt32LE(at + 8),
        octets.readUInt32LE(at + 12),
        body,
        at + size,
      )
    )
      return true;
    at += (size + 3) & ~3;
  }
  return at >= length;
}

/** What the kernel answered: errno 0 is an acknowledgement. */
export interface KernelAnswer {
  /** Positive errno, 0 = success. */
  readonly errno: number;
  /** The kernel's own words, '' where it gave none. */
  readonly text: string;
}

const NLMSGERR_ATTR_MSG = 1;

/** The text among attributes in `[at, end)`. */
function extendedText(octets: Buffer, at: number, end: number): string {
  while (at + 4 <= end) {
    const length = octets.readUInt16LE(at);
    if (length < 4 || at + length > end) return '';
    if ((octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK) === NLMSGERR_ATTR_MSG) return readText(octets, at + 4, length - 4);
    at += (length + 3) & ~3;
  }
  return '';
}

/** Reads an NLMSG_ERROR whose body is `[at, end)`; undefined where it is cut off. */
export function decodeAnswer(octets: Buffer, flags: number, at: number, end: number): KernelAnswer | undefined {
  if (end - at < 4 + HEADER) return undefined;
  const errno = -octets.readInt32LE(at);
  if ((flags & NLM_F.ackAttributes) === 0) return { errno, text: '' };
  // Without CAPPED the request itself follows its header, and the attributes come after it.
  const original = (flags & NLM_F.capped) === 0 && errno !== 0 ? octets.readUInt32LE(at + 4) : HEADER;
  if (original > end) return { errno, text: '' };
  return { errno, text: extendedText(octets, at + 4 + ((original + 3) & ~3), end) };
}

/** Reads an NLMSG_DONE: errno 0, or why the dump ended early. */
export function decodeDone(octets: Buffer, flags: number, at: number, end: number): KernelAnswer {
  if (end - at < 4) return { errno: 0, text: '' };
  const text = (flags & NLM_F.ackAttributes) === 0 ? '' : extendedText(octets, at + 4, end);
  return { errno: -octets.readInt32LE(at), text };
}
