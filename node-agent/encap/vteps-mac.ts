/** The MAC of a node's VXLAN device where nobody wrote one: the same on every node that asks, as Felix derives it. Pure. */
import type { IpFamily } from './types.ts';

/** SHA-1 (FIPS 180-4) of the UTF-8 octets of a text: 20 octets. It names devices here and protects nothing. */
export function sha1(text: string): Uint8Array {
  const message = padded(new TextEncoder().encode(text));
  const state = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  const view = new DataView(message.buffer);
  for (let offset = 0; offset < message.length; offset += 64) compress(state, view, offset);
  const digest = new Uint8Array(20);
  const out = new DataView(digest.buffer);
  state.forEach((word, index) => {
    out.setUint32(index * 4, word);
  });
  return digest;
}

/** Section 5.1.1: a 1 bit, zeros, and the length in bits. */
function padded(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(Math.ceil((octets.length + 9) / 64) * 64);
  message.set(octets);
  message[octets.length] = 0x80;
  new DataView(message.buffer).setUint32(message.length - 4, octets.length * 8);
  return message;
}

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** Function and constant of each quarter of the 80 rounds (sections 4.1.1, 4.2.1). */
const QUARTERS: readonly { readonly mix: (b: number, c: number, d: number) => number; readonly constant: number }[] = [
  { mix: (b, c, d) => (b & c) | (~b & d), constant: 0x5a827999 },
  { mix: (b, c, d) => b ^ c ^ d, constant: 0x6ed9eba1 },
  { mix: (b, c, d) => (b & c) | (b & d) | (c & d), constant: 0x8f1bbcdc },
  { mix: (b, c, d) => b ^ c ^ d, constant: 0xca62c1d6 },
];

/** Section 6.1.2. */
function compress(state: Uint32Array, view: DataView, offset: number): void {
  const schedule = new Int32Array(80);
  for (let at = 0; at < 16; at++) schedule[at] = view.getInt32(offset + at * 4);
  const word = (at: number): number => schedule[at] ?? 0;
  for (let at = 16; at < 80; at++) schedule[at] = rotated(word(at - 3) ^ word(at - 8) ^ word(at - 14) ^ word(at - 16), 1);
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
  for (const [quarter, { mix, constant }] of QUARTERS.entries()) {
    for (let at = quarter * 20; at < quarter * 20 + 20; at++) {
      const next = (rotated(a, 5) + mix(b, c, d) + e + constant + word(at)) | 0;
      [a, b, c, d, e] = [next, a, rotated(b, 30), c, d];
    }
  }
  for (const [index, value] of [a, b, c, d, e].entries()) state[index] = (state[index] ?? 0) + value;
}

/** MAC of a node's device of the family, lower case with colons: 66 and the first five octets of the SHA-1 of its name, with `-v6` for IPv6. */
export function derivedMac(node: string, family: IpFamily): string {
  const digest = sha1(family === 'ipv4' ? node : `${node}-v6`);
  return ['66', ...Array.from(digest.subarray(0, 5), (octet) => octet.toString(16).padStart(2, '0'))].join(':');
}
