/** Headers, OPENs, bodies of UPDATEs, ROUTE-REFRESHes and NOTIFICATIONs, and messages at the wrong time. */
import type { MessageRow, Outcome } from './types.ts';

const MARKER = 'ffffffffffffffffffffffffffffffff';

type Cells = readonly (readonly [section: string, name: string, octets: string, outcome: Outcome, offer?: MessageRow['offer']])[];

const rows = (state: MessageRow['state'], type: number | undefined, cells: Cells): MessageRow[] =>
  cells.map(([section, name, octets, outcome, offer]) => ({
    section,
    name,
    octets,
    outcome,
    state,
    ...(type === undefined ? {} : { type }),
    ...(offer === undefined ? {} : { offer }),
  }));

/** RFC 4271 section 6.1; the same in every state. */
const HEADERS: Cells = [
  ['RFC 4271 section 6.1', 'a marker that is not all ones', `00${MARKER.slice(2)} 0013 04`, '1/1'],
  ['RFC 4271 section 6.1', 'a marker with one bit clear at its end', `${MARKER.slice(0, 30)}fe 0013 04`, '1/1'],
  ['RFC 4271 section 6.1', 'length 0', `${MARKER} 0000 04`, '1/2 0000'],
  ['RFC 4271 section 6.1', 'length 18', `${MARKER} 0012 04`, '1/2 0012'],
  ['RFC 4271 section 6.1', 'length 4097', `${MARKER} 1001 02`, '1/2 1001'],
  ['RFC 4271 section 6.1', 'length 65535', `${MARKER} ffff 02`, '1/2 ffff'],
  ['RFC 4271 section 6.1', 'an OPEN of 28 octets', `${MARKER} 001c 01`, '1/2 001c'],
  ['RFC 4271 section 6.1', 'an UPDATE of 22 octets', `${MARKER} 0016 02`, '1/2 0016'],
  ['RFC 4271 section 6.1', 'a NOTIFICATION of 20 octets', `${MARKER} 0014 03`, '1/2 0014'],
  ['RFC 4271 section 6.1', 'a KEEPALIVE of 20 octets', `${MARKER} 0014 04`, '1/2 0014'],
  ['RFC 4271 section 6.1', 'type 0', `${MARKER} 0013 00`, '1/3 00'],
  ['RFC 4271 section 6.1', 'type 6', `${MARKER} 0013 06`, '1/3 06'],
  ['RFC 4271 section 6.1', 'type 255', `${MARKER} 0013 ff`, '1/3 ff'],
];

const LARGE: Cells = [
  [
    'RFC 8654 section 4',
    'a KEEPALIVE of 4097 octets where large messages were agreed on',
    `${MARKER} 1001 04`,
    '1/2 1001',
    'extended-message',
  ],
  ['RFC 8654 section 4', 'an OPEN of 4097 octets where large messages were agreed on', `${MARKER} 1001 01`, '1/2 1001', 'extended-message'],
];

/** An OPEN of AS 65001 with the identifier 10.0.0.2 and these optional parameters. */
const open = (parameters: string, head = '04 fde9 005a 0a000002'): string => {
  const digits = parameters.replaceAll(' ', '');
  return `${head} ${(digits.length / 2).toString(16).padStart(2, '0')} ${digits}`;
};
const MP = '0206 010400010001';
const AS4 = '0206 41040000fde9';

const OPENS: Cells = [
  ['RFC 4271 section 6.2', 'version 3', open('', '03 fde9 005a 0a000002'), '2/1 0004'],
  ['RFC 4271 section 6.2', 'version 5', open('', '05 fde9 005a 0a000002'), '2/1 0004'],
  ['RFC 4271 section 6.2', 'version 0', open('', '00 fde9 005a 0a000002'), '2/1 0004'],
  ['RFC 4271 section 6.2', 'another AS', open(MP, '04 fdea 005a 0a000002'), '2/2'],
  ['RFC 4271 section 6.2', 'another AS in the capability', open(`${MP} 0206 41040000fdea`), '2/2'],
  ['RFC 7607 section 2', 'AS 0', open(MP, '04 0000 005a 0a000002'), '2/2'],
  ['RFC 7607 section 2', 'AS 0 in the capability', open(`${MP} 0206 410400000000`), '2/2'],
  ['RFC 4271 section 6.2', 'identifier 0', open(MP, '04 fde9 005a 00000000'), '2/3'],
  ['RFC 4271 section 6.2', 'hold time 1', open(MP, '04 fde9 0001 0a000002'), '2/6'],
  ['RFC 4271 section 6.2', 'hold time 2', open(MP, '04 fde9 0002 0a000002'), '2/6'],
  ['RFC 4271 section 6.2', 'an unknown optional parameter', open('0300'), '2/4'],
  ['RFC 4271 section 6.2', 'the deprecated authentication parameter', open('0102 0000'), '2/4'],
  ['RFC 4271 section 6.2', 'an optional parameter longer than the list', open('02ff 0104'), '2/0'],
  ['RFC 4271 section 6.2', 'an optional parameter without its length', open('02'), '2/0'],
  ['RFC 4271 section 6.2', 'parameters longer than the message', '04 fde9 005a 0a000002 ff 0200', '2/0'],
  ['RFC 4271 section 6.2', 'octets after the parameters', '04 fde9 005a 0a000002 02 0200 00', '2/0'],
  ['RFC 5492 section 4', 'a capability longer than its parameter', open('0206 01ff00010001'), '2/0'],
  ['RFC 5492 section 4', 'a capability without its length', open('0201 01'), '2/0'],
  ['RFC 9072 section 2', 'an extended list longer than the message', '04 fde9 005a 0a000002 ff ff 00ff 020006 010400010001', '2/0'],
  ['RFC 9072 section 2', 'an extended parameter longer than its list', '04 fde9 005a 0a000002 ff ff 0009 0200ff 010400010001', '2/0'],
  ['RFC 9072 section 2', 'an extended list without its length', '04 fde9 005a 0a000002 ff ff', '2/0'],
];

const GOOD_OPENS: Cells = [
  ['RFC 5492 section 4', 'no parameters', open(''), 'accept'],
  ['RFC 5492 section 3', 'an unknown capability', open(`${MP} 0203 c80100`), 'accept'],
  ['RFC 5492 section 4', 'the same capability twice', open(`${MP} ${MP} ${AS4}`), 'accept'],
  ['RFC 9072 section 2', 'an extended list', '04 fde9 005a 0a000002 ff ff 0009 020006 010400010001', 'accept'],
  [
    'RFC 9072 section 2',
    'an extended list whose first length is not 255',
    '04 fde9 005a 0a000002 05 ff 0009 020006 010400010001',
    'accept',
  ],
  ['RFC 4271 section 4.2', 'hold time 0', open(MP, '04 fde9 0000 0a000002'), 'accept'],
  ['RFC 6793 section 4.1', 'a 4-octet AS capability of 2 octets is passed over', open(`${MP} 0204 4102fde9`), 'accept'],
  ['RFC 4724 section 3', 'a graceful restart capability of 3 octets is passed over', open(`${MP} 0205 4003000078`), 'accept'],
  ['RFC 4724 section 3', 'a graceful restart capability of 1 octet is passed over', open(`${MP} 0203 400100`), 'accept'],
  ['RFC 7911 section 4', 'ADD-PATH with mode 0', open(`${MP} 0206 450400010100`), 'accept'],
  ['RFC 7911 section 4', 'ADD-PATH with mode 4', open(`${MP} 0206 450400010104`), 'accept'],
  ['RFC 7911 section 4', 'ADD-PATH of 3 octets is passed over', open(`${MP} 0205 4503000101`), 'accept'],
  ['RFC 8654 section 3', 'an extended message capability with a value is passed over', open(`${MP} 0203 060100`), 'accept'],
  ['RFC 8950 section 4', 'an extended next hop capability of 5 octets is passed over', open(`${MP} 0207 05050001000100`), 'accept'],
  ['RFC 9494 section 4.1', 'a long-lived capability of 6 octets is passed over', open(`${MP} 0208 4706000101800000`), 'accept'],
  ['RFC 4760 section 8', 'a multiprotocol capability of 3 octets is passed over', open('0205 0103000101'), 'accept'],
];

const ORIGIN = '400101 00';
const PATH = '400206 0201 0000fde9';
const HOP = '400304 0a000002';
const GOOD = `${ORIGIN} ${PATH} ${HOP}`;
const V6 = '20010db8 00000000 00000000 00000002';

const octetsOf = (text: string): number => text.replaceAll(' ', '').length / 2;
const word = (value: number): string => value.toString(16).padStart(4, '0');

/** A body from hex of its three parts. */
const body = (attributes: string, nlri = '', withdrawn = ''): string =>
  `${word(octetsOf(withdrawn))} ${withdrawn} ${word(octetsOf(attributes))} ${attributes} ${nlri}`;

/** A multiprotocol attribute, flags 80 unless told. */
const mp = (code: '0e' | '0f', value: string, flags = '80'): string =>
  `${flags}${code} ${octetsOf(value).toString(16).padStart(2, '0')} ${value}`.replaceAll(' ', '');

const REACH = (value: string, flags?: string): [string, `3/9 ${string}`] => {
  const attribute = mp('0e', value, flags);
  return [body(`${attribute} ${ORIGIN} ${PATH}`), `3/9 ${attribute}`];
};
const UNREACH = (value: string, flags?: string): [string, `3/9 ${string}`] => {
  const attribute = mp('0f', value, flags);
  return [body(attribute), `3/9 ${attribute}`];
};
const V6_ROUTE = '20 20010db9';
const TWICE = mp('0e', `0002 01 10 ${V6} 00 ${V6_ROUTE}`);

const NLRI: Cells = [
  ['RFC 4271 section 6.3', 'withdrawn routes longer than the message', 'ffff 0000', '3/1'],
  ['RFC 4271 section 6.3', 'attributes longer than the message', '0000 ffff 400101 00', '3/1'],
  ['RFC 4271 section 6.3', 'attributes one octet longer than the message', '0000 0005 400101 00', '3/1'],
  ['RFC 7606 section 5.3', 'a prefix length of 33', body(GOOD, '21 c6336400 00'), '3/10'],
  ['RFC 7606 section 5.3', 'a prefix length of 255', body(GOOD, 'ff c6336400'), '3/10'],
  ['RFC 7606 section 5.3', 'a prefix cut off', body(GOOD, '18 c633'), '3/10'],
  ['RFC 7606 section 5.3', 'a second prefix cut off', body(GOOD, '18 c63364 18 c6'), '3/10'],
  ['RFC 7606 section 5.3', 'a withdrawn prefix length of 33', body('', '', '21 c6336400 00'), '3/10'],
  ['RFC 7606 section 5.3', 'a withdrawn prefix cut off', body('', '', '18 c633'), '3/10'],
  ['RFC 7911 section 3', 'a path identifier cut off', body(GOOD, '000000'), '3/10', 'add-path'],
  ['RFC 7911 section 3', 'a path identifier without a prefix', body(GOOD, '00000001'), '3/10', 'add-path'],
  ['RFC 7911 section 3', 'a withdrawn path identifier without a prefix', body('', '', '00000001'), '3/10', 'add-path'],
  ['RFC 4271 section 4.3', 'bits beyond the prefix length', body(GOOD, '17 c63365'), 'accept'],
  ['RFC 7606 section 3(d)', 'no ORIGIN', body(`${PATH} ${HOP}`, '18 c63364'), 'withdraw'],
  ['RFC 7606 section 3(d)', 'no AS_PATH', body(`${ORIGIN} ${HOP}`, '18 c63364'), 'withdraw'],
  ['RFC 7606 section 3(d)', 'no NEXT_HOP', body(`${ORIGIN} ${PATH}`, '18 c63364'), 'withdraw'],
  ['RFC 7606 section 3(d)', 'no attributes at all', body('', '18 c63364'), 'withdraw'],
  ['RFC 4724 section 2', 'nothing at all: End-of-RIB', body(''), 'none'],
  ['RFC 7606 section 5.2', 'a bad attribute without any route', body(`${GOOD} 800401 00`), '3/1'],
  ['RFC 7606 section 5.2', 'a bad attribute beside withdrawals alone', body('800401 00', '', '18 c63364'), '3/1'],
  ['RFC 7606 section 5.2', 'an attribute to discard beside withdrawals alone', body('400601 00', '', '18 c63364'), 'withdraw'],
];

const MULTIPROTOCOL: Cells = [
  ['RFC 7606 section 3(g)', 'MP_REACH_NLRI twice', body(`${TWICE} ${TWICE} ${ORIGIN} ${PATH}`), '3/1'],
  ['RFC 7606 section 3(g)', 'MP_UNREACH_NLRI twice', body(`${mp('0f', `0002 01 ${V6_ROUTE}`)} ${mp('0f', `0002 01 ${V6_ROUTE}`)}`), '3/1'],
  ...(
    [
      ['RFC 7606 section 7.11', 'MP_REACH_NLRI of 0 octets', REACH('')],
      ['RFC 7606 section 7.11', 'MP_REACH_NLRI of 4 octets', REACH('0002 01 00')],
      ['RFC 7606 section 7.11', 'a next hop of 0 octets', REACH(`0002 01 00 00 ${V6_ROUTE}`)],
      ['RFC 7606 section 7.11', 'a next hop of 4 octets for IPv6', REACH(`0002 01 04 0a000002 00 ${V6_ROUTE}`)],
      ['RFC 7606 section 7.11', 'a next hop of 15 octets', REACH(`0002 01 0f ${V6.slice(0, -2)} 00 ${V6_ROUTE}`)],
      ['RFC 7606 section 7.11', 'a next hop of 17 octets', REACH(`0002 01 11 ${V6} 00 00 ${V6_ROUTE}`)],
      ['RFC 7606 section 7.11', 'a next hop of 24 octets, as of a VPN', REACH(`0002 01 18 0000000000000000 ${V6} 00 ${V6_ROUTE}`)],
      ['RFC 7606 section 7.11', 'a next hop longer than the attribute', REACH(`0002 01 20 ${V6} 00`)],
      ['RFC 7606 section 7.11', 'no octet after the next hop', REACH(`0002 01 10 ${V6}`)],
      ['RFC 8950 section 4', 'an IPv6 next hop for IPv4 that was not agreed on', REACH(`0001 01 10 ${V6} 00 18 c63364`)],
      ['RFC 7606 section 5.3', 'a prefix length of 129', REACH(`0002 01 10 ${V6} 00 81 ${V6} 80`)],
      ['RFC 7606 section 5.3', 'an IPv6 prefix cut off', REACH(`0002 01 10 ${V6} 00 20 20010d`)],
      ['RFC 7606 section 5.3', 'an IPv4 prefix length of 33', REACH('0001 01 04 0a000002 00 21 c633640000')],
      ['RFC 7606 section 5.3', 'MP_REACH_NLRI, Transitive set', REACH(`0002 01 10 ${V6} 00 ${V6_ROUTE}`, 'c0')],
      ['RFC 7606 section 5.3', 'MP_REACH_NLRI, Optional clear', REACH(`0002 01 10 ${V6} 00 ${V6_ROUTE}`, '00')],
      ['RFC 7606 section 7.12', 'MP_UNREACH_NLRI of 0 octets', UNREACH('')],
      ['RFC 7606 section 7.12', 'MP_UNREACH_NLRI of 2 octets', UNREACH('0002')],
      ['RFC 7606 section 5.3', 'a withdrawn prefix length of 129', UNREACH(`0002 01 81 ${V6} 80`)],
      ['RFC 7606 section 5.3', 'a withdrawn IPv6 prefix cut off', UNREACH('0002 01 20 2001')],
      ['RFC 7606 section 5.3', 'MP_UNREACH_NLRI, Transitive set', UNREACH(`0002 01 ${V6_ROUTE}`, 'c0')],
    ] as const
  ).map(([section, name, [octets, outcome]]) => [section, name, octets, outcome] as const),
  [
    'RFC 4760 section 6',
    'a family that was not agreed on',
    body(`${mp('0e', '0001 80 0c 0000000000000000 0a000002 00 00')} ${ORIGIN} ${PATH}`),
    'none',
  ],
  ['RFC 4760 section 6', 'a family that nobody knows', body(`${mp('0f', 'ffff ff 0102030405')}`), 'none'],
  [
    'RFC 4760 section 3',
    'the reserved octet is not zero',
    body(`${mp('0e', '0001 01 04 0a000002 ff 18 c63364')} ${ORIGIN} ${PATH}`),
    'accept',
  ],
  [
    'RFC 4271 section 6.3',
    'an IPv4 next hop of zeros in MP_REACH_NLRI',
    body(`${mp('0e', '0001 01 04 00000000 00 18 c63364')} ${ORIGIN} ${PATH}`),
    'withdraw',
  ],
];

const REFRESHES: Cells = [
  ['RFC 7313 section 5', 'a ROUTE-REFRESH of 22 octets', `${MARKER} 0016 05 000100`, `7/1 ${MARKER}001605000100`, 'enhanced-refresh'],
  [
    'RFC 7313 section 5',
    'a ROUTE-REFRESH of 24 octets',
    `${MARKER} 0018 05 0001000100`,
    `7/1 ${MARKER}0018050001000100`,
    'enhanced-refresh',
  ],
  ['RFC 7313 section 5', 'a ROUTE-REFRESH of 19 octets', `${MARKER} 0013 05`, `7/1 ${MARKER}001305`, 'enhanced-refresh'],
  ['RFC 7313 section 5', 'an unknown subtype', `${MARKER} 0017 05 00010901`, 'none', 'enhanced-refresh'],
  ['RFC 2918 section 4', 'a ROUTE-REFRESH of a family that was not agreed on', `${MARKER} 0017 05 00010080`, 'none'],
  ['RFC 2918 section 4', 'a ROUTE-REFRESH of a family that nobody knows', `${MARKER} 0017 05 ffff00ff`, 'none'],
];

const UPDATE = `${MARKER} 0017 02 00000000`;
const KEEPALIVE = `${MARKER} 0013 04`;
const REFRESH = `${MARKER} 0017 05 00010001`;
const OPEN = `${MARKER} 001d 01 04 fde9 005a 0a000002 00`;

const EARLY: Cells = [
  ['RFC 6608 section 3', 'an UPDATE in OpenSent', UPDATE, '5/1'],
  ['RFC 6608 section 3', 'a KEEPALIVE in OpenSent', KEEPALIVE, '5/1'],
  ['RFC 6608 section 3', 'a ROUTE-REFRESH in OpenSent', REFRESH, '5/1'],
];
const HALFWAY: Cells = [
  ['RFC 6608 section 3', 'an UPDATE in OpenConfirm', UPDATE, '5/2'],
  ['RFC 6608 section 3', 'a ROUTE-REFRESH in OpenConfirm', REFRESH, '5/2'],
  ['RFC 6608 section 3', 'an OPEN in OpenConfirm', OPEN, '5/2'],
];
const LATE: Cells = [['RFC 6608 section 3', 'an OPEN in Established', OPEN, '5/3']];

/** Every row. */
export const MESSAGE_CASES: readonly MessageRow[] = [
  ...rows('open-sent', undefined, HEADERS),
  ...rows('established', undefined, HEADERS),
  ...rows('established', undefined, LARGE),
  ...rows('open-sent', 1, [...OPENS, ...GOOD_OPENS]),
  ...rows('established', 2, [...NLRI, ...MULTIPROTOCOL]),
  ...rows('established', undefined, [...REFRESHES, ...LATE]),
  ...rows('open-sent', undefined, EARLY),
  ...rows('open-confirm', undefined, HALFWAY),
];

/** NOTIFICATIONs, good or not: the session ends without an answer (RFC 4271 section 6.4). */
export const NOTIFICATION_CASES: readonly (readonly [section: string, name: string, octets: string])[] = [
  ['RFC 4271 section 6.4', 'with an unknown code', 'ff 00'],
  ['RFC 4271 section 6.4', 'with an unknown subcode', '06 ff'],
  ['RFC 4271 section 6.4', 'with code 0', '00 00'],
  ['RFC 9003 section 2', 'with a shutdown text longer than the message', '0602 ff 6869'],
  ['RFC 9003 section 2', 'with a shutdown text that is no UTF-8', '0602 02 c328'],
  ['RFC 9003 section 2', 'with a shutdown text of no octets', '0602 00'],
  ['RFC 9003 section 2', 'with octets after the shutdown text', '0604 02 6869 00ff'],
  ['RFC 9003 section 2', 'with control characters in the shutdown text', '0602 03 0a1b07'],
  ['RFC 8538 section 3', 'hard reset without a reason', '0609'],
  ['RFC 8538 section 3', 'hard reset around half a reason', '0609 06'],
];
