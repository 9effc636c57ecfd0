import type { ErrorCode } from 'bgp-ts/wire';
import {
  decodeNotification,
  decodeRouteRefresh,
  describeNotification,
  ERRORS,
  encodeNotification,
  encodeRouteRefresh,
  errorName,
  hardReset,
  hardResetReason,
  notificationFor,
  shutdownData,
  shutdownText,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzRuns, u8 } from './arbitraries.ts';
import { hex, MARKER, toHex } from './hex.ts';

describe('NOTIFICATION', () => {
  it.each([
    ['hold timer expired', `${MARKER} 0015 03 04 00`, notificationFor({ code: 'HOLD_TIMER_EXPIRED' }), 'Hold Timer Expired'],
    [
      'bad length',
      `${MARKER} 0017 03 01 02 0012`,
      notificationFor({ code: 'HEADER_BAD_LENGTH', data: hex('0012') }),
      'Message Header Error/Bad Message Length: 0012',
    ],
    [
      'administrative shutdown with a text (RFC 9003)',
      `${MARKER} 001b 03 06 02 # Cease, administrative shutdown
       05 68656c6c6f        # length and text`,
      notificationFor({ code: 'CEASE_ADMIN_SHUTDOWN', data: shutdownData('hello') }),
      'Cease/Administrative Shutdown: hello',
    ],
    [
      'send hold timer expired (RFC 9687)',
      `${MARKER} 0015 03 08 00`,
      notificationFor({ code: 'SEND_HOLD_TIMER_EXPIRED' }),
      'Send Hold Timer Expired',
    ],
  ])('%s both ways', (_name, octets, message, text) => {
    expect(toHex(encodeNotification(message))).toBe(toHex(hex(octets)));
    expect(decodeNotification(hex(octets).subarray(19))).toEqual({ ok: true, value: message });
    expect(describeNotification(message)).toBe(text);
  });

  it('every pair of the registry has its name, and no two rows are the same pair', () => {
    const rows = Object.entries(ERRORS);
    const pairs = new Set(rows.map(([, row]) => `${row.code}/${row.subcode}`));
    expect(pairs.size).toBe(rows.length);
    for (const [, row] of rows) expect(errorName(row.code, row.subcode).endsWith(row.name)).toBe(true);
    expect([errorName(6, 99), errorName(99, 1)]).toEqual(['Cease/subcode 99', 'code 99/subcode 1']);
  });

  it('any octets are described on one line', () => {
    fc.assert(
      fc.property(u8, u8, fc.uint8Array({ maxLength: 300 }), (code, subcode, data) => {
        const text = describeNotification({ type: 'notification', code, subcode, data });
        expect(text).not.toMatch(/\p{Cc}/u);
        const decoded = decodeNotification(Uint8Array.of(code, subcode, ...data));
        expect(decoded.ok && toHex(decoded.value.data)).toBe(toHex(data));
      }),
      { numRuns: fuzzRuns(500) },
    );
  });

  it('the data outlives the receive buffer, also where that is a Node Buffer', () => {
    const received = Buffer.from([6, 2, 1, 0x61]);
    const decoded = decodeNotification(received);
    received.fill(0);
    expect(decoded.ok && toHex(decoded.value.data)).toBe('0161');
  });

  it('a body without codes is a bad length', () => {
    expect([decodeNotification(hex('')), decodeNotification(hex('06'))].map((result) => (result.ok ? '' : result.error.code))).toEqual([
      'HEADER_BAD_LENGTH',
      'HEADER_BAD_LENGTH',
    ]);
  });
});

describe('shutdown texts (RFC 9003)', () => {
  const shutdown = (data: Uint8Array, code: ErrorCode = 'CEASE_ADMIN_SHUTDOWN'): string | undefined =>
    shutdownText(notificationFor({ code, data }));

  it('come back, cut to 255 octets between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const data = shutdownData(text);
        expect(data.length).toBeLessThanOrEqual(256);
        const back = shutdown(data, 'CEASE_ADMIN_RESET') ?? '';
        expect(back).not.toContain('\ufffd'.repeat(2));
        if (new TextEncoder().encode(text).length <= 255) expect(back.length).toBe(text.length);
      }),
    );
    expect(shutdown(shutdownData('ü'.repeat(200)))).toBe('ü'.repeat(127));
  });

  it.each([
    ['no data', '', undefined],
    ['length 0', '00', undefined],
    ['a length beyond the data', '05 61', undefined],
    ['octets after the text', '01 61 62', 'a'],
    ['line breaks', '03 61 0a 62', 'a b'],
    ['octets that are no UTF-8', '02 c3 28', '\ufffd('],
  ])('%s', (_name, data, text) => {
    expect(shutdown(hex(data))).toBe(text);
  });

  it('belong to two subcodes only', () => {
    expect(shutdown(shutdownData('x'), 'CEASE_COLLISION')).toBeUndefined();
  });
});

describe('hard reset (RFC 8538 section 3.1)', () => {
  it('carries the reason inside', () => {
    const inner = notificationFor({ code: 'CEASE_ADMIN_SHUTDOWN', data: shutdownData('bye') });
    const outer = hardReset(inner);
    expect(toHex(outer.data)).toBe('060203627965');
    expect(hardResetReason(outer)).toEqual(inner);
    expect(describeNotification(outer)).toBe('Cease/Hard Reset (Cease/Administrative Shutdown: bye)');
    expect(hardResetReason(inner)).toBeUndefined();
    expect(hardResetReason({ ...outer, data: hex('06') })).toBeUndefined();
  });
});

describe('ROUTE-REFRESH', () => {
  it.each([
    ['IPv4 request', `${MARKER} 0017 05 0001 00 01`, { family: 'ipv4-unicast' as const, subtype: 0 }],
    ['IPv6 begin (RFC 7313)', `${MARKER} 0017 05 0002 01 01`, { family: 'ipv6-unicast' as const, subtype: 1 }],
    ['IPv4 end', `${MARKER} 0017 05 0001 02 01`, { family: 'ipv4-unicast' as const, subtype: 2 }],
  ])('%s both ways', (_name, octets, message) => {
    expect(toHex(encodeRouteRefresh(message))).toBe(toHex(hex(octets)));
    expect(decodeRouteRefresh(hex(octets).subarray(19))).toEqual({ ok: true, value: { type: 'route-refresh', ...message } });
  });

  it('of a family we do not carry is no error; of another length it is (RFC 7313 section 5)', () => {
    expect(decodeRouteRefresh(hex('0019 00 46'))).toEqual({ ok: true, value: { type: 'route-refresh', family: undefined, subtype: 0 } });
    const short = decodeRouteRefresh(hex('0001 00'));
    expect(short.ok ? '' : [short.error.notification.code, short.error.notification.subcode, short.error.notification.data.length]).toEqual(
      [7, 1, 22],
    );
  });
});
