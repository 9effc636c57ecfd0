/** BGP messages read from a stream by hand: no code of ours takes part, so that it can say what a decoder is wrong about. */

/** One message: type (RFC 4271 section 4.1), whole length, and what follows the header. */
export interface Framed {
  readonly type: number;
  readonly length: number;
  readonly body: Buffer;
}

const HEADER = 19;
const MP_REACH = 14;
const EXTENDED_LENGTH = 0x10;

/** Cuts a stream into messages. Throws where a marker or a length is wrong, or octets are left. */
export function framesOf(stream: Buffer, longest: number): Framed[] {
  const frames: Framed[] = [];
  for (let at = 0; at < stream.length; ) {
    if (at + HEADER > stream.length || stream.subarray(at, at + 16).some((octet) => octet !== 0xff))
      throw new Error(`octet ${at}: no header`);
    const length = stream.readUInt16BE(at + 16);
    if (length < HEADER || length > longest || at + length > stream.length) throw new Error(`octet ${at}: length ${length}`);
    frames.push({ type: stream.readUInt8(at + 18), length, body: stream.subarray(at + HEADER, at + length) });
    at += length;
  }
  return frames;
}

/** Prefixes without path identifiers as `LENGTH HEX`. Throws where one does not end at the end. */
function nlriOf(octets: Buffer, bits: number): string[] {
  const found: string[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = octets.readUInt8(at);
    const end = at + 1 + Math.ceil(length / 8);
    if (length > bits || end > octets.length) throw new Error(`NLRI octet ${at}: length ${length}`);
    found.push(`${length} ${octets.subarray(at + 1, end).toString('hex')}`);
    at = end;
  }
  return found;
}

/** The prefixes an UPDATE announces, IPv4 in the body and IPv6 in MP_REACH_NLRI. Throws where its lengths do not add up. */
export function announcedIn(body: Buffer): string[] {
  const withdrawn = body.readUInt16BE(0);
  const attributes = 2 + withdrawn + 2;
  const end = attributes + body.readUInt16BE(2 + withdrawn);
  if (end > body.length) throw new Error('attributes beyond the message');
  const found = nlriOf(body.subarray(end), 32);
  for (let at = attributes; at < end; ) {
    const wide = (body.readUInt8(at) & EXTENDED_LENGTH) !== 0;
    const value = at + (wide ? 4 : 3);
    const next = value + (wide ? body.readUInt16BE(at + 2) : body.readUInt8(at + 2));
    if (next > end) throw new Error(`attribute octet ${at}: beyond the attributes`);
    // AFI, SAFI, length of the next hop, the next hop, one reserved octet.
    if (body.readUInt8(at + 1) === MP_REACH) found.push(...nlriOf(body.subarray(value + 5 + body.readUInt8(value + 3), next), 128));
    at = next;
  }
  return found;
}
