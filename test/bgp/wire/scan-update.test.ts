import type { UpdateContext } from 'bgp-ts/wire';
import { encodeEndOfRib, scanUpdate } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { FULL_CONTEXT } from './arbitraries.ts';
import { hex, toHex } from './hex.ts';

const ORIGIN = '40 01 01 00';
const AS_PATH = '40 02 06 02 01 0000fde9';
const NEXT_HOP = '40 03 04 0a000001';
const MED = '80 04 04 00000005';
const REACH = '80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8';
const UNREACH = '80 0f 08 0002 01 20 20010db9';

/** A body from the hex of its three parts. */
function body(attributes: string, nlri = '', withdrawn = ''): Uint8Array {
  const [gone, block, routes] = [hex(withdrawn), hex(attributes), hex(nlri)];
  return Uint8Array.of(gone.length >>> 8, gone.length & 255, ...gone, block.length >>> 8, block.length & 255, ...block, ...routes);
}

const runs = (list: readonly { readonly family: string; readonly octets: Uint8Array }[]): string[] =>
  list.map(({ family, octets }) => `${family} ${toHex(octets)}`);

function scan(octets: Uint8Array, changes: Partial<UpdateContext> = {}): Record<string, unknown> | string {
  const scanned = scanUpdate(octets, { ...FULL_CONTEXT, ...changes });
  if (!scanned.ok) return `${scanned.error.code} ${scanned.error.notification.code}/${scanned.error.notification.subcode}`;
  const { withdrawn, announced, attributes, faults, endOfRib, ignored } = scanned.value;
  return {
    withdrawn: runs(withdrawn),
    announced: runs(announced),
    nextHops: announced.map(({ nextHop }) => toHex(nextHop)),
    attributes: toHex(attributes),
    faults: faults.map(({ outcome, attribute, citation }) => `${outcome} ${attribute} ${citation}`),
    endOfRib,
    ignored,
  };
}

const NOTHING = { withdrawn: [], announced: [], nextHops: [], attributes: '', faults: [], endOfRib: undefined, ignored: undefined };

describe('an UPDATE cut into parts', () => {
  it('IPv4 routes and attributes are views of the body', () => {
    const octets = body(`${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, '18 0a0102', '10 0a01');
    const scanned = scanUpdate(octets, FULL_CONTEXT);
    if (!scanned.ok) throw new Error(scanned.error.detail);
    const { withdrawn, announced, attributes } = scanned.value;
    expect(runs(withdrawn)).toEqual(['ipv4-unicast 100a01']);
    expect(runs(announced)).toEqual(['ipv4-unicast 180a0102']);
    expect(announced[0]?.nextHop.length).toBe(0);
    expect(
      [attributes, ...withdrawn.map((run) => run.octets), ...announced.map((run) => run.octets)].every(
        (view) => view.buffer === octets.buffer,
      ),
    ).toBe(true);
  });

  it.each([
    ['first', `${REACH} ${ORIGIN} ${AS_PATH}`, `${ORIGIN} ${AS_PATH}`],
    ['last', `${ORIGIN} ${AS_PATH} ${REACH}`, `${ORIGIN} ${AS_PATH}`],
    ['in the middle', `${ORIGIN} ${REACH} ${AS_PATH}`, `${ORIGIN} ${AS_PATH}`],
    ['beside MP_UNREACH_NLRI', `${ORIGIN} ${UNREACH} ${AS_PATH} ${REACH} ${MED}`, `${ORIGIN} ${AS_PATH} ${MED}`],
    ['before MP_UNREACH_NLRI', `${REACH} ${UNREACH} ${ORIGIN} ${AS_PATH}`, `${ORIGIN} ${AS_PATH}`],
  ])('MP_REACH_NLRI %s is taken out of the attributes', (_name, attributes, rest) => {
    expect(scan(body(attributes))).toEqual({
      ...NOTHING,
      announced: ['ipv6-unicast 2020010db8'],
      nextHops: ['20010db8000000000000000000000001'],
      withdrawn: attributes.includes(UNREACH) ? ['ipv6-unicast 2020010db9'] : [],
      attributes: toHex(hex(rest)),
    });
  });

  it('all four places at once (RFC 7606 section 5.1)', () => {
    const seen = scan(body(`${REACH} ${UNREACH} ${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, '18 0a0102', '10 0a01'));
    expect(seen).toMatchObject({
      withdrawn: ['ipv4-unicast 100a01', 'ipv6-unicast 2020010db9'],
      announced: ['ipv4-unicast 180a0102', 'ipv6-unicast 2020010db8'],
    });
  });

  it('IPv4 NLRI with an IPv6 next hop, where negotiated (RFC 8950)', () => {
    const octets = body(`80 0e 19 0001 01 10 20010db8000000000000000000000001 00 18 0a0102 ${ORIGIN} ${AS_PATH}`);
    expect(scan(octets)).toMatchObject({ announced: ['ipv4-unicast 180a0102'], nextHops: ['20010db8000000000000000000000001'] });
    expect(scan(octets, { extendedNextHop: [] })).toBe('UPDATE_OPTIONAL_ATTRIBUTE 3/9');
  });

  it('path identifiers where the family has them', () => {
    const seen = scanUpdate(body(`${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, '00000007 18 0a0102'), {
      ...FULL_CONTEXT,
      addPathReceive: ['ipv4-unicast'],
    });
    expect(seen.ok && seen.value.announced[0]?.addPath).toBe(true);
    expect(scan(body(`${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, '00000007 19 0a0102'), { addPathReceive: ['ipv4-unicast'] })).toBe(
      'UPDATE_INVALID_NETWORK 3/10',
    );
  });

  it('families not negotiated are passed over and counted (RFC 4760 section 6)', () => {
    expect(scan(body(`${REACH} ${UNREACH} ${ORIGIN} ${AS_PATH}`), { families: ['ipv4-unicast'] })).toMatchObject({
      announced: [],
      withdrawn: [],
      ignored: 2,
    });
    expect(scan(body(`80 0e 09 0019 46 04 0a000001 00 ${ORIGIN} ${AS_PATH}`))).toMatchObject({ announced: [], ignored: 1 });
    expect(scan(body(`${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, '18 0a0102'), { families: ['ipv6-unicast'] })).toMatchObject({ announced: [] });
  });
});

describe('End-of-RIB (RFC 4724 section 2)', () => {
  it.each(['ipv4-unicast', 'ipv6-unicast'] as const)('%s both ways', (family) => {
    expect(scan(encodeEndOfRib(family).subarray(19))).toEqual({ ...NOTHING, endOfRib: family });
  });

  it.each([
    ['IPv4 in its multiprotocol form', '80 0f 03 0001 01', 'ipv4-unicast'],
    ['with an extended length', '90 0f 0003 0002 01', 'ipv6-unicast'],
    ['of a family not carried', '80 0f 03 0019 46', undefined],
    ['not with another attribute', `80 0f 03 0002 01 ${ORIGIN}`, undefined],
    ['not with a route', UNREACH, undefined],
  ])('%s', (_name, attributes, endOfRib) => {
    expect(scan(body(attributes))).toMatchObject({ endOfRib });
  });
});

describe('what resets the session', () => {
  const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
  it.each([
    ['a body of 3 octets', hex('000000'), 'HEADER_BAD_LENGTH 1/2'],
    ['withdrawn routes longer than the message', hex('0005 0000'), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
    ['attributes longer than the message', hex('0000 0005 400101'), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
    ['NLRI with a length of 33 (RFC 7606 section 5.3)', body(good, '21 0a01020300'), 'UPDATE_INVALID_NETWORK 3/10'],
    ['NLRI cut short', body(good, '18 0a01'), 'UPDATE_INVALID_NETWORK 3/10'],
    ['withdrawn routes cut short (RFC 7606 section 3(i))', body('', '', '18 0a01'), 'UPDATE_INVALID_NETWORK 3/10'],
    ['MP_REACH_NLRI twice (RFC 7606 section 3(g))', body(`${REACH} ${REACH} ${ORIGIN} ${AS_PATH}`), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
    ['MP_UNREACH_NLRI twice', body(`${UNREACH} ${UNREACH}`), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
    ['MP_REACH_NLRI of 4 octets', body(`80 0e 04 0002 01 00 ${ORIGIN}`), 'UPDATE_OPTIONAL_ATTRIBUTE 3/9'],
    [
      'a next hop of 8 octets (RFC 7606 section 7.11)',
      body(`80 0e 0d 0002 01 08 20010db800000000 00 ${ORIGIN} ${AS_PATH}`),
      'UPDATE_OPTIONAL_ATTRIBUTE 3/9',
    ],
    ['a next hop longer than the attribute', body(`80 0e 06 0002 01 10 20 01 ${ORIGIN} ${AS_PATH}`), 'UPDATE_OPTIONAL_ATTRIBUTE 3/9'],
    [
      'IPv6 NLRI of 129 bits',
      body(`80 0e 16 0002 01 10 20010db8000000000000000000000001 00 81 ${ORIGIN}`),
      'UPDATE_OPTIONAL_ATTRIBUTE 3/9',
    ],
    ['MP_UNREACH_NLRI cut short', body('80 0f 06 0002 01 20 2001'), 'UPDATE_OPTIONAL_ATTRIBUTE 3/9'],
    ['MP_UNREACH_NLRI of 2 octets', body('80 0f 02 0002'), 'UPDATE_OPTIONAL_ATTRIBUTE 3/9'],
    [
      'a well-known attribute nobody knows (RFC 4271 section 6.3)',
      body(`${good} 40 63 01 00`, '18 0a0102'),
      'UPDATE_UNRECOGNIZED_WELL_KNOWN 3/2',
    ],
    [
      'MP_REACH_NLRI with wrong flags (RFC 7606 section 5.3)',
      body(`${REACH.replace('80', 'c0')} ${ORIGIN} ${AS_PATH}`),
      'UPDATE_OPTIONAL_ATTRIBUTE 3/9',
    ],
    ['MP_UNREACH_NLRI with Partial', body(UNREACH.replace('80', 'a0')), 'UPDATE_OPTIONAL_ATTRIBUTE 3/9'],
    ['a bad attribute and no NLRI at all (RFC 7606 section 5.2)', body('40 01 01 07'), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
    ['an attribute overrun and no NLRI at all', body('40 01 05 00'), 'UPDATE_MALFORMED_ATTRIBUTES 3/1'],
  ])('%s', (_name, octets, expected) => {
    expect(scan(octets)).toBe(expected);
  });

  it('an unrecognized attribute goes back whole as data', () => {
    const scanned = scanUpdate(body(`${good} 40 63 02 abcd`, '18 0a0102'), FULL_CONTEXT);
    expect(scanned.ok ? '' : toHex(scanned.error.notification.data)).toBe('406302abcd');
  });
});

describe('what does not', () => {
  it('an attribute that overruns its list: the routes are located and withdrawn (RFC 7606 section 4)', () => {
    expect(scan(body(`${ORIGIN} ${AS_PATH} 40 03 05 0a000001`, '18 0a0102'))).toEqual({
      ...NOTHING,
      announced: ['ipv4-unicast 180a0102'],
      nextHops: [''],
      attributes: toHex(hex(`${ORIGIN} ${AS_PATH}`)),
      faults: ['treat-as-withdraw 3 RFC 7606 section 4'],
    });
  });

  it.each(['40', '4001', '50 01 00'])('an attribute header cut off after %s', (tail) => {
    expect(scan(body(`${ORIGIN} ${AS_PATH} ${NEXT_HOP} ${tail}`, '18 0a0102'))).toMatchObject({
      faults: [expect.stringContaining('treat-as-withdraw')],
    });
  });

  it('an attribute to discard beside withdrawals alone (RFC 7606 section 5.2)', () => {
    expect(scan(body('40 06 01 00', '', '10 0a01'))).toMatchObject({ withdrawn: ['ipv4-unicast 100a01'] });
    expect(scan(body(`${ORIGIN} ${AS_PATH}`, '', '10 0a01'))).toMatchObject({ withdrawn: ['ipv4-unicast 100a01'] });
  });
});
