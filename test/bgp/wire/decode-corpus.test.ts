/** Octets with the decode that another implementation prints for them, from the reference corpus and of our own. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusAbsent, corpusFiles, corpusTitle } from '../../shared.ts';
import { checkDecodeFile, hasExpectation } from './decode-check.ts';
import { type DecodeFile, readDecodeFile } from './decode-files.ts';

const files = corpusFiles(/^decode-|\.decode$/).map((path) => ({ name: basename(path), file: readDecodeFile(readFileSync(path, 'utf8')) }));

describe.skipIf(corpusAbsent(files.length))(corpusTitle('octets and their decode'), () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  for (const { name, file } of files) {
    if (typeof file === 'string') it.skip(`${name} (skipped: ${file})`);
    else if (!hasExpectation(file)) it.skip(`${name} (skipped: no JSON to compare with)`);
    else it(name, () => checkDecodeFile(file));
  }
});

/** Own files of that form: what a session of ours can carry, in the words of ExaBGP's JSON. */
const UPDATE_JSON = (update: unknown): string => JSON.stringify({ type: 'update', neighbor: { direction: 'in', message: { update } } });
const OWN: readonly (readonly [string, string, string, string])[] = [
  [
    'an IPv4 route with all attributes, as a bare body',
    'update ipv4 unicast',
    '0000 0055 400101 00 40020a 0202 0000fde9 00011170 400304 c0000201 800404 00000005 400504 000000c8 400600 c00708 00011170 0a000001 c00804 ffffff01 c01008 0002fde800000064 c0200c 0000fde8 00000001 00000002 18 0a0102',
    UPDATE_JSON({
      attribute: {
        origin: 'igp',
        'as-path': { '0': { element: 'as-sequence', value: [65001, 70000] } },
        med: 5,
        'local-preference': 200,
        'atomic-aggregate': true,
        aggregator: '70000:10.0.0.1',
        community: [[65535, 65281]],
        'extended-community': [{ value: 842122827661412, string: 'target:65000:100' }],
        'large-community': [[65000, 1, 2]],
      },
      announce: { 'ipv4 unicast': { '192.0.2.1': [{ nlri: '10.1.2.0/24' }] } },
    }),
  ],
  [
    'IPv6 routes with path identifiers, announced and withdrawn',
    'update ipv6 unicast',
    'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:0059:02:0000:0042: 400101 00 400200 400504 00000064 800e1e 000201 10 20010db8000000000000000000000001 00 00000007 20 20010db8 800f10 000201 00000008 40 20010db800000000',
    UPDATE_JSON({
      attribute: { origin: 'igp', 'local-preference': 100 },
      announce: { 'ipv6 unicast': { '2001:db8::1': [{ nlri: '2001:db8::/32', 'path-information': '0.0.0.7' }] } },
      withdraw: { 'ipv6 unicast': [{ nlri: '2001:db8::/64', 'path-information': '0.0.0.8' }] },
    }),
  ],
  [
    'a session of 2-octet AS numbers, with a set',
    'update ipv4 unicast',
    '0000 0018 400101 02 40020a 0201 fde9 0102 0001 0002 400304 c0000201 080a',
    UPDATE_JSON({
      attribute: {
        origin: 'incomplete',
        'as-path': { '0': { element: 'as-sequence', value: [65001] }, '1': { element: 'as-set', value: [1, 2] } },
      },
      announce: { 'ipv4 unicast': { '192.0.2.1': [{ nlri: '10.0.0.0/8' }] } },
    }),
  ],
  [
    'End-of-RIB',
    'eor ipv6 unicast',
    '0000 0006 800f03 000201',
    JSON.stringify({ type: 'update', neighbor: { message: { eor: { afi: 'ipv6', safi: 'unicast' } } } }),
  ],
  [
    'a NOTIFICATION with a shutdown text (RFC 9003)',
    'notification',
    '0602 05 68656c6c6f',
    JSON.stringify({ type: 'notification', neighbor: { notification: { code: 6, subcode: 2, data: '', message: 'hello' } } }),
  ],
  [
    'a ROUTE-REFRESH',
    'refresh',
    '0002 00 01',
    JSON.stringify({ type: 'refresh', neighbor: { message: { 'route-refresh': { afi: 'ipv6', safi: 'unicast', subtype: 'request' } } } }),
  ],
  ['IPv4 NLRI alone', 'nlri ipv4 unicast', '18 c00002 08 0a', JSON.stringify([{ nlri: '192.0.2.0/24' }, { nlri: '10.0.0.0/8' }])],
  [
    'an OPEN',
    'open',
    '04 fde9 00b4 0a000002 1e 021c 010400010001 010400020001 0200 4104 0000fde9 45 04 0001 01 03 4600',
    JSON.stringify({
      type: 'open',
      neighbor: {
        open: {
          version: 4,
          asn: 65001,
          hold_time: 180,
          router_id: '10.0.0.2',
          capabilities: {
            '1': { families: ['ipv4/unicast', 'ipv6/unicast'] },
            '2': { name: 'route-refresh' },
            '65': { asn4: 65001 },
            '69': { name: 'addpath', 'ipv4/unicast': 'send/receive' },
            '70': { name: 'enhanced-route-refresh' },
          },
        },
      },
    }),
  ],
];

const own = (words: string, octets: string, json: string): DecodeFile => {
  const file = readDecodeFile(`${words}\n${octets}\n${json}\n`);
  if (typeof file === 'string') throw new Error(file);
  return file;
};

describe('octets and their decode, of our own', () => {
  it.each(OWN)('%s', (_name, words, octets, json) => {
    checkDecodeFile(own(words, octets, json));
  });

  it.each([
    [
      'another route',
      UPDATE_JSON({ attribute: { origin: 'igp' }, announce: { 'ipv4 unicast': { '192.0.2.1': [{ nlri: '10.9.0.0/16' }] } } }),
    ],
    [
      'another attribute',
      UPDATE_JSON({ attribute: { origin: 'egp' }, announce: { 'ipv4 unicast': { '192.0.2.1': [{ nlri: '10.1.0.0/16' }] } } }),
    ],
    [
      'one attribute more',
      UPDATE_JSON({ attribute: { origin: 'igp', med: 0 }, announce: { 'ipv4 unicast': { '192.0.2.1': [{ nlri: '10.1.0.0/16' }] } } }),
    ],
    ['nothing', '{"type": "update"}'],
  ])('tell of a JSON with %s', (_name, json) => {
    expect(() => checkDecodeFile(own('update ipv4 unicast', '0000 000e 400101 00 400200 400304 c0000201 10 0a01', json))).toThrow();
  });

  it.each([
    ['update ipv4 unicast\nno octets here\n{}', 'no line of hex with whole octets'],
    ['update ipv4 unicast\n0000 0', 'no line of hex with whole octets'],
    ['update ipv4 unicast\n0000 0000\n{ "half": ', 'what follows the octets is no JSON'],
    ['something else\n0000 0000\n{}', '"something else" names no message and the octets have no marker'],
  ])('of a form that no one knows says why: %j', (written, because) => {
    expect(readDecodeFile(written)).toBe(because);
  });
});
