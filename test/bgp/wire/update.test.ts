import { formatPrefix } from 'bgp-ts/net';
import type { Family, PathAttributes, UpdateContext } from 'bgp-ts/wire';
import { decodeUpdate, encodeUpdate, MAX_EXTENDED_MESSAGE, MAX_MESSAGE } from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes, FULL_CONTEXT, fuzzRuns, ipv4Prefix, ipv6Prefix, u32 } from './arbitraries.ts';

const body = (message: Uint8Array): Uint8Array => message.subarray(19);

/** What a 2-octet peer cannot be told: confederation segments have no place in AS4_PATH. */
function withoutConfederation(typed: PathAttributes): PathAttributes {
  return { ...typed, asPath: typed.asPath.filter(({ type }) => type === 'set' || type === 'sequence') };
}

describe('typed UPDATEs come back as they were sent', () => {
  const pathRoutes = fc.array(fc.record({ prefix: fc.oneof(ipv4Prefix, ipv6Prefix), pathId: u32 }), { minLength: 1, maxLength: 60 });

  it.each([
    ['4096 octets', MAX_MESSAGE, []],
    ['65535 octets', MAX_EXTENDED_MESSAGE, []],
    ['path identifiers', MAX_MESSAGE, ['ipv4-unicast', 'ipv6-unicast']],
  ] as const)('%s', (_name, maxMessage, addPath: readonly Family[]) => {
    const ctx: UpdateContext = { ...FULL_CONTEXT, addPathReceive: addPath };
    fc.assert(
      fc.property(pathRoutes, pathRoutes, attributes, (withdrawn, announced, typed) => {
        // An IPv6 prefix cannot have an IPv4 next hop on the wire.
        const legal = typed.nextHop.family === 'ipv6' ? announced : announced.filter(({ prefix }) => prefix.family === 'ipv4');
        const messages = encodeUpdate({ withdrawn, announced: legal, attributes: typed }, { addPath, maxMessage });
        const seen = { withdrawn: [] as string[], announced: [] as string[] };
        const key = (route: { prefix: Parameters<typeof formatPrefix>[0]; pathId?: number }): string =>
          `${formatPrefix(route.prefix)} ${addPath.length > 0 ? route.pathId : ''}`;
        for (const message of messages) {
          expect(message.length).toBeLessThanOrEqual(maxMessage);
          const decoded = decodeUpdate(body(message), ctx);
          if (!decoded.ok) throw new Error(decoded.error.detail);
          expect(decoded.value.faults).toEqual([]);
          seen.withdrawn.push(...decoded.value.withdrawn.map(key));
          seen.announced.push(...decoded.value.announced.map(key));
          for (const route of decoded.value.announced) expect(route.attributes).toEqual(typed);
        }
        expect(seen.withdrawn.toSorted()).toEqual(withdrawn.map(key).toSorted());
        expect(seen.announced.toSorted()).toEqual(legal.map(key).toSorted());
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  it('through a peer with 2-octet AS numbers (RFC 6793)', () => {
    fc.assert(
      fc.property(ipv4Prefix, attributes, (prefix, typed) => {
        const wide = withoutConfederation(typed);
        const [message] = encodeUpdate({ announced: [{ prefix }], attributes: wide }, { fourOctetAs: false });
        if (message === undefined) throw new Error('nothing encoded');
        const decoded = decodeUpdate(body(message), { ...FULL_CONTEXT, fourOctetAs: false });
        expect(decoded.ok && decoded.value.announced[0]?.attributes).toEqual(wide);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
