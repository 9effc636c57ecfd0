import type { OpenMessage } from 'bgp-ts/wire';
import { capabilityNames, decodeOpen, encodeOpen, NO_CAPABILITIES } from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzRuns, open } from './arbitraries.ts';
import { hex, MARKER, toHex } from './hex.ts';

const plain: OpenMessage = { type: 'open', version: 4, myAs: 64512, holdTime: 90, bgpId: 0x0a000001, capabilities: NO_CAPABILITIES };

/** Octets both ways. */
const vectors: readonly (readonly [string, string, OpenMessage])[] = [
  [
    'no optional parameters',
    `${MARKER} 001d 01 # header
     04                # version
     fc00              # my AS 64512
     005a              # hold time 90
     0a000001          # identifier
     00                # no parameters`,
    plain,
  ],
  [
    'what a route reflector sends',
    `${MARKER} 0056 01 # header
     04 5ba0 005a 0a000001 # version, AS_TRANS, hold time, identifier
     39 02 37          # one parameter with capabilities
     01 04 0001 00 01  # IPv4 unicast
     01 04 0002 00 01  # IPv6 unicast
     02 00             # route refresh
     05 06 0001 0001 0002 # IPv4 NLRI over IPv6 next hops
     06 00             # extended messages
     40 06 c078 0001 01 80 # graceful restart: R and N, 120 s, IPv4 with F
     41 04 00011170    # AS 70000
     45 04 0001 01 03  # ADD-PATH both ways
     46 00             # enhanced route refresh
     47 07 0002 01 80 015180 # LLGR: IPv6 with F, 86400 s`,
    {
      ...plain,
      myAs: 23456,
      capabilities: {
        families: ['ipv4-unicast', 'ipv6-unicast'],
        multiprotocol: true,
        fourOctetAs: 70000,
        routeRefresh: true,
        enhancedRouteRefresh: true,
        extendedMessage: true,
        gracefulRestart: {
          restarting: true,
          notification: true,
          restartTime: 120,
          families: [{ family: 'ipv4-unicast', forwarding: true }],
        },
        longLivedGracefulRestart: [{ family: 'ipv6-unicast', forwarding: true, staleTime: 86400 }],
        addPath: [{ family: 'ipv4-unicast', mode: 'both' }],
        extendedNextHop: [{ family: 'ipv4-unicast', nextHop: 'ipv6' }],
        unknown: [],
      },
    },
  ],
];

describe('OPEN both ways', () => {
  it.each(vectors)('%s', (_name, octets, message) => {
    expect(toHex(encodeOpen(message))).toBe(toHex(hex(octets)));
    expect(decodeOpen(hex(octets).subarray(19))).toEqual({ ok: true, value: message });
  });

  it('comes back as it was sent, in the extended form where it must be (RFC 9072)', () => {
    let extended = 0;
    fc.assert(
      fc.property(open, (message) => {
        const octets = encodeOpen(message);
        if (octets[28] === 255 && octets[29] === 255) extended += 1;
        expect(decodeOpen(octets.subarray(19))).toEqual({ ok: true, value: message });
      }),
      { numRuns: fuzzRuns(500) },
    );
    expect(extended).toBeGreaterThan(0);
  });
});

describe('optional parameters as others send them', () => {
  const decode = (parameters: string): ReturnType<typeof decodeOpen> => decodeOpen(hex(`04 fc00 005a 0a000001 ${parameters}`));
  const capabilities = (parameters: string): string => {
    const decoded = decode(parameters);
    return decoded.ok ? capabilityNames(decoded.value.capabilities).join(', ') : decoded.error.code;
  };

  it.each([
    ['one parameter per capability', '08 02 02 02 00 02 02 46 00', 'route-refresh, enhanced-route-refresh'],
    ['the extended form with a short list, its first length ignored (RFC 9072 section 2)', 'ff ff 0005 02 0002 0200', 'route-refresh'],
    ['the extended form after a length that is not 255', '01 ff 0005 02 0002 0200', 'route-refresh'],
    ['a repeated capability counts once', '0a 02 08 02 00 02 00 01 02 00 00', 'route-refresh, code 1'],
    ['an unknown family is kept aside', '08 02 06 01 04 0019 00 41', 'code 1'],
    ['an unknown capability is kept', '05 02 03 4b 01 61', 'code 75'],
    ['a route refresh capability with a value is not honoured', '05 02 03 02 01 00', 'code 2'],
    ['an ADD-PATH mode of 4 makes the tuple void (RFC 7911 section 4)', '08 02 06 45 04 0001 01 04', 'add-path'],
    ['no parameters', '00', ''],
    ['an authentication parameter (RFC 4271 section 6.2)', '03 01 01 00', 'OPEN_UNSUPPORTED_PARAMETER'],
    ['a parameter longer than the list', '04 02 06 02 00', 'OPEN_UNSPECIFIC'],
    ['a list longer than the message', '08 02 02 02 00', 'OPEN_UNSPECIFIC'],
    ['a list shorter than the message', '00 02 02 02 00', 'OPEN_UNSPECIFIC'],
    ['a capability longer than its parameter', '05 02 03 45 04 00', 'OPEN_UNSPECIFIC'],
    ['an extended list cut short (CVE-2022-40302)', 'ff ff 00', 'OPEN_UNSPECIFIC'],
    ['an extended length without its parameters (CVE-2022-43681)', 'ff ff', 'OPEN_UNSPECIFIC'],
  ])('%s', (_name, parameters, expected) => {
    expect(capabilities(parameters)).toBe(expected);
  });

  it('of the same family twice the first counts; of graceful restart twice the last (RFC 4724 section 3)', () => {
    const decoded = decode('14 02 12 45 08 0001 01 01 0001 01 02 40 02 0001 40 02 0002');
    expect(decoded.ok && [decoded.value.capabilities.addPath, decoded.value.capabilities.gracefulRestart?.restartTime]).toEqual([
      [{ family: 'ipv4-unicast', mode: 'receive' }],
      2,
    ]);
  });
});

describe('OPEN fields that no configuration can accept (RFC 4271 section 6.2)', () => {
  it.each([
    ['version 3', '03 fc00 005a 0a000001 00', [2, 1, '0004']],
    ['version 5 with fields we do not know', '05', [2, 1, '0004']],
    ['AS 0 (RFC 7607)', '04 0000 005a 0a000001 00', [2, 2, '']],
    ['4-octet AS 0 (RFC 7607)', '04 fc00 005a 0a000001 08 02 06 41 04 00000000', [2, 2, '']],
    ['identifier 0 (RFC 6286 section 2.1)', '04 fc00 005a 00000000 00', [2, 3, '']],
    ['hold time 1', '04 fc00 0001 0a000001 00', [2, 6, '']],
    ['hold time 2', '04 fc00 0002 0a000001 00', [2, 6, '']],
    ['cut off in the identifier', '04 fc00 005a 0a00', [2, 0, '']],
  ] as const)('%s', (_name, body, [code, subcode, data]) => {
    const decoded = decodeOpen(hex(body));
    if (decoded.ok) throw new Error('accepted');
    const { notification } = decoded.error;
    expect([notification.code, notification.subcode, toHex(notification.data)]).toEqual([code, subcode, data]);
  });

  it('hold time 0 is legal', () => {
    expect(decodeOpen(hex('04 fc00 0000 0a000001 00')).ok).toBe(true);
  });
});
