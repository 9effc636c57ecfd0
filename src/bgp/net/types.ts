/**
 * Values of the network layer: addresses and prefixes. Nothing here knows BGP, text or octets beyond that.
 * Plain data, so they survive structured clone between threads; formatted text only at the edges (wire, render, JSON).
 */

/** IP version. */
export type IpFamily = 'ipv4' | 'ipv6';

/**
 * An IP address as four unsigned 32-bit words, network order. IPv4 lives in the first word; the others are 0.
 * An IPv4-mapped IPv6 address stays ipv6.
 */
export interface Address {
  readonly family: IpFamily;
  readonly words: readonly [number, number, number, number];
}

/** An IP prefix. Host bits beyond `length` are always 0; length is 0-32 (ipv4) or 0-128 (ipv6). */
export interface Prefix {
  readonly family: IpFamily;
  readonly words: readonly [number, number, number, number];
  readonly length: number;
}
