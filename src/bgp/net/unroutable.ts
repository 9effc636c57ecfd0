/**
 * Prefixes whose addresses mean something on one link or one machine only, or a group: no unicast route leads there. What BIRD ignores as
 * bogus: the first address of a prefix decides, so that the next shorter prefix that starts there is one too.
 */
import { parsePrefix, prefixContains, prefixesEqual } from './prefix.ts';
import type { IpFamily, Prefix } from './types.ts';

/** A prefix, with everything inside it or by itself. */
export interface UnroutablePrefix {
  readonly prefix: Prefix;
  readonly inside: boolean;
}

const rows = (...texts: readonly (readonly [text: string, inside: boolean])[]): readonly UnroutablePrefix[] =>
  texts.flatMap(([text, inside]) => {
    const prefix = parsePrefix(text);
    return prefix === undefined ? [] : [{ prefix, inside }];
  });

/** Loopback (RFC 1122), multicast (RFC 5771); loopback, link-local (RFC 4291), multicast. */
export const UNROUTABLE: { readonly [family in IpFamily]: readonly UnroutablePrefix[] } = {
  ipv4: rows(['127.0.0.0/8', true], ['224.0.0.0/4', true], ['224.0.0.0/3', false]),
  ipv6: rows(['::1/128', true], ['fe80::/10', true], ['fe80::/9', false], ['ff00::/8', true]),
};

/** True for a prefix that no peer may be told of and no route may lead to. */
export function isUnroutable(prefix: Prefix): boolean {
  return UNROUTABLE[prefix.family].some((one) => (one.inside ? prefixContains(one.prefix, prefix) : prefixesEqual(one.prefix, prefix)));
}
