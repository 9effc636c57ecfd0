/** The MRT reader on records of each kind (RFC 6396, RFC 8050), with the line that the reference dumper prints for them. */
import { describe, expect, it } from 'vitest';
import { hex, MARKER, toHex } from './hex.ts';
import { firstDifference, mrtLines } from './mrt.ts';

const u16 = (value: number): string => value.toString(16).padStart(4, '0');
const u32 = (value: number): string => value.toString(16).padStart(8, '0');
const octets = (text: string): number => hex(text).length;

/** A record with the time 1000. */
function record(type: number, subtype: number, body: string): string {
  return `${u32(1000)} ${u16(type)} ${u16(subtype)} ${u32(octets(body))} ${body}`;
}

const update = (body: string): string => `${MARKER} ${u16(19 + octets(body))} 02 ${body}`;
const attributed = (block: string, nlri: string): string => update(`0000 ${u16(octets(block))} ${block} ${nlri}`);

const V6 = '20010db8 00000000 00000000 0000000';
const BLOCK_2 = '400101 00 400204 0201 fde9 400304 c0000201';
const BLOCK_4 = '400101 00 400206 0201 00011170 400304 c0000201';
const BLOCK_V6 = `400101 00 400206 0201 0000fde9 800e1a 0002 01 10 ${V6}1 00 20 20010db9`;
const PEER_2 = 'fde9 fdea 0000 0001 c0000201 c0000202';
const PEER_4 = '00011170 0000fdea 0000 0001 c0000201 c0000202';
const PEER_V6 = `0000fde9 0000fdea 0000 0002 ${V6}1 ${V6}2`;
const TAIL = 'IGP|192.0.2.1|0|0||NAG||';
const PEERS = record(13, 1, `0a000001 0000 0002 00 0a000001 c0000201 fde9 03 0a000002 ${V6}1 00011170`);
const entry = (peer: number, block: string, id = ''): string => `${u16(peer)} ${u32(900)} ${id} ${u16(octets(block))} ${block}`;

const RECORDS: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'BGP4MP_MESSAGE',
    record(16, 1, `${PEER_2} ${attributed(BLOCK_2, '10 0a01')}`),
    [`BGP4MP|1000|A|192.0.2.1|65001|10.1.0.0/16|65001|${TAIL}`],
  ],
  [
    'BGP4MP_MESSAGE_AS4',
    record(16, 4, `${PEER_4} ${attributed(BLOCK_4, '10 0a01')}`),
    [`BGP4MP|1000|A|192.0.2.1|70000|10.1.0.0/16|70000|${TAIL}`],
  ],
  ['BGP4MP_MESSAGE_LOCAL', record(16, 6, `${PEER_2} ${update('0003 100a01 0000')}`), ['BGP4MP|1000|W|192.0.2.1|65001|10.1.0.0/16']],
  ['BGP4MP_MESSAGE_AS4_LOCAL', record(16, 7, `${PEER_4} ${update('0003 100a01 0000')}`), ['BGP4MP|1000|W|192.0.2.1|70000|10.1.0.0/16']],
  [
    'BGP4MP_MESSAGE_ADDPATH',
    record(16, 8, `${PEER_2} ${attributed(BLOCK_2, '00000007 10 0a01')}`),
    [`BGP4MP_AP|1000|A|192.0.2.1|65001|10.1.0.0/16|7|65001|${TAIL}`],
  ],
  [
    'BGP4MP_MESSAGE_AS4_ADDPATH',
    record(16, 9, `${PEER_4} ${update('0007 00000007 100a01 0000')}`),
    ['BGP4MP|1000|W|192.0.2.1|70000|10.1.0.0/16|7'],
  ],
  [
    'BGP4MP_MESSAGE_LOCAL_ADDPATH',
    record(16, 10, `${PEER_2} ${update('0007 00000007 100a01 0000')}`),
    ['BGP4MP|1000|W|192.0.2.1|65001|10.1.0.0/16|7'],
  ],
  [
    'BGP4MP_MESSAGE_AS4_LOCAL_ADDPATH',
    record(16, 11, `${PEER_4} ${update('0007 00000007 100a01 0000')}`),
    ['BGP4MP|1000|W|192.0.2.1|70000|10.1.0.0/16|7'],
  ],
  ['BGP4MP_STATE_CHANGE', record(16, 0, `${PEER_2} 0003 0002`), ['BGP4MP|1000|STATE|192.0.2.1|65001|3|2']],
  ['BGP4MP_STATE_CHANGE_AS4', record(16, 5, `${PEER_V6} 0005 0006`), ['BGP4MP|1000|STATE|2001:db8::1|65001|5|6']],
  [
    'BGP4MP_ET, IPv6',
    record(17, 4, `0001e240 ${PEER_V6} ${attributed(BLOCK_V6, '')}`),
    ['BGP4MP_ET|1000.123456|A|2001:db8::1|65001|2001:db9::/32|65001|IGP|2001:db8::1|0|0||NAG||'],
  ],
  ['a KEEPALIVE', record(16, 4, `${PEER_4} ${MARKER} 0013 04`), []],
  [
    'RIB_IPV4_UNICAST',
    `${PEERS} ${record(13, 2, `00000000 10 0a01 0001 ${entry(0, BLOCK_4)}`)}`,
    [`TABLE_DUMP2|1000|B|192.0.2.1|65001|10.1.0.0/16|70000|${TAIL}`],
  ],
  [
    'RIB_IPV6_UNICAST with the next hop alone',
    `${PEERS} ${record(13, 4, `00000000 20 20010db9 0001 ${entry(1, `400101 00 400206 0201 0000fde9 800e11 10 ${V6}1`)}`)}`,
    ['TABLE_DUMP2|1000|B|2001:db8::1|70000|2001:db9::/32|65001|IGP|2001:db8::1|0|0||NAG||'],
  ],
  [
    'RIB_IPV6_UNICAST with a whole MP_REACH_NLRI',
    `${PEERS} ${record(13, 4, `00000000 20 20010db9 0001 ${entry(1, BLOCK_V6)}`)}`,
    ['TABLE_DUMP2|1000|B|2001:db8::1|70000|2001:db9::/32|65001|IGP|2001:db8::1|0|0||NAG||'],
  ],
  [
    'RIB_IPV4_UNICAST_ADDPATH',
    `${PEERS} ${record(13, 8, `00000000 10 0a01 0002 ${entry(0, BLOCK_4, '00000001')} ${entry(0, BLOCK_4, '00000002')}`)}`,
    [1, 2].map((id) => `TABLE_DUMP2_AP|1000|B|192.0.2.1|65001|10.1.0.0/16|${id}|70000|${TAIL}`),
  ],
  [
    'RIB_IPV6_UNICAST_ADDPATH',
    `${PEERS} ${record(13, 10, `00000000 20 20010db9 0001 ${entry(1, BLOCK_V6, '00000009')}`)}`,
    ['TABLE_DUMP2_AP|1000|B|2001:db8::1|70000|2001:db9::/32|9|65001|IGP|2001:db8::1|0|0||NAG||'],
  ],
  [
    'TABLE_DUMP',
    record(12, 1, `0000 0001 0a010000 10 01 ${u32(900)} c0000201 fde9 ${u16(octets(BLOCK_2))} ${BLOCK_2}`),
    [`TABLE_DUMP|1000|B|192.0.2.1|65001|10.1.0.0/16|65001|${TAIL}`],
  ],
  [
    'a route that the decoder refuses (RFC 7606 section 7.1)',
    record(16, 4, `${PEER_4} ${attributed(BLOCK_4.replace('400101 00', '400101 09'), '10 0a01')}`),
    ['BGP4MP|1000|A|192.0.2.1|70000|10.1.0.0/16|70000|whatever'],
  ],
  [
    'a route with an attribute that is discarded (RFC 7607 section 2)',
    record(16, 4, `${PEER_4} ${attributed(`${BLOCK_4} c00708 00000000 0a000001`, '10 0a01')}`),
    ['BGP4MP|1000|A|192.0.2.1|70000|10.1.0.0/16|70000|IGP|192.0.2.1|0|0||NAG|0 10.0.0.1|'],
  ],
  [
    'a message that resets the session',
    record(16, 4, `${PEER_4} ${attributed(`${BLOCK_4} 4063 01 00`, '10 0a01')}`),
    [`BGP4MP|1000|A|192.0.2.1|70000|10.1.0.0/16|70000|${TAIL}`],
  ],
];

describe('MRT records', () => {
  it.each(RECORDS)('%s', (_name, file, expected) => {
    const lines = mrtLines(hex(file));
    expect(lines.some(({ kind }) => kind === 'unknown')).toBe(false);
    expect(firstDifference(lines, expected)).toBe(undefined);
    expect(firstDifference(lines, [...expected, 'BGP4MP|1000|W|192.0.2.9|1|10.9.0.0/16'])).toContain('10.9.0.0/16');
  });

  it('that no one here knows are named', () => {
    expect(mrtLines(hex(`${record(13, 6, '00')} ${record(11, 0, '')} ${record(16, 99, '00')}`))).toEqual([
      { kind: 'unknown', record: 'type 13 subtype 6' },
      { kind: 'unknown', record: 'type 11 subtype 0' },
      { kind: 'unknown', record: 'type 16 subtype 99' },
    ]);
  });

  it('cut off at any octet end without an error', () => {
    for (const [, file] of RECORDS) {
      const whole = hex(file);
      for (let end = 0; end < whole.length; end++)
        expect(() => mrtLines(whole.subarray(0, end)), toHex(whole.subarray(0, end))).not.toThrow();
    }
  });
});
