/**
 * Text form of IPv4 addresses: dotted decimal, four parts, no leading zeros (RFC 6943 section 3.1.1 asks for the strict form).
 */

const DIGIT_0 = 48;
const DIGIT_9 = 57;
const DOT = 46;

/** Parses strict dotted decimal into an unsigned 32-bit number; undefined for anything else. */
export function parseIpv4Text(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let value = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const char = at < text.length ? text.charCodeAt(at) : DOT;
    if (char === DOT) {
      if (digits === 0 || part > 255) return undefined;
      value = value * 256 + part;
      parts += 1;
      part = 0;
      digits = 0;
    } else {
      if (char < DIGIT_0 || char > DIGIT_9) return undefined;
      // A second digit after a leading zero would be read as octal elsewhere.
      if (digits > 0 && part === 0) return undefined;
      part = part * 10 + (char - DIGIT_0);
      digits += 1;
      if (digits > 3) return undefined;
    }
  }
  return parts === 4 ? value : undefined;
}

/** Dotted decimal of an unsigned 32-bit number. */
export function formatIpv4Number(value: number): string {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
