/** What is wrong with a document, all of it at once, with its place. */
import { describe, expect, it } from 'vitest';
import { formatConfigFaults, parseSpeakerConfig } from '../../../src/bgp/config/index.ts';
import { BENCH, faults } from './documents.ts';

describe('faults', () => {
  const neighbor = (extra: object): object => ({ ...BENCH, neighbors: [{ address: '127.1.0.1', as: 64512, ...extra }] });
  it.each([
    ['no object', [], 'must be an object'],
    ['localAs missing', { routerId: '1.1.1.1' }, 'localAs: is needed'],
    ['router id 0', { ...BENCH, routerId: '0.0.0.0' }, 'routerId: must be an IPv4 address but 0.0.0.0'],
    ['hold time 2', { ...BENCH, holdTime: 2 }, 'holdTime: must be 0 or from 3 to 65535 seconds'],
    ['unknown family', { ...BENCH, families: ['ipv4'] }, 'families[0]: must be one of ipv4-unicast, ipv6-unicast'],
    ['neighbours no list', { ...BENCH, neighbors: {} }, 'neighbors: must be a list'],
    ['no address', { ...BENCH, neighbors: [{ as: 1 }] }, 'neighbors[0].address: is needed'],
    ['AS 0', neighbor({ as: 0 }), 'neighbors[0].as: must be an integer from 1 to 4294967295'],
    ['port as text', neighbor({ port: '179' }), 'neighbors[0].port: must be an integer from 1 to 65535'],
    ['local address of the other family', neighbor({ localAddress: '::1' }), 'neighbors[0].localAddress: must be of the family of address'],
    ['an empty MD5 key', neighbor({ md5: '' }), 'neighbors[0].md5: must be a text of 1 to 80 octets'],
    ['an MD5 key of 82 octets', neighbor({ md5: 'é'.repeat(41) }), 'neighbors[0].md5: must be a text of 1 to 80 octets'],
    ['an MD5 key as number', neighbor({ md5: 7 }), 'neighbors[0].md5: must be a text of 1 to 80 octets'],
    ['0 hops', neighbor({ ttlSecurity: 0 }), 'neighbors[0].ttlSecurity: must be an integer from 1 to 255'],
    ['a type of service of 9 bits', neighbor({ typeOfService: 256 }), 'neighbors[0].typeOfService: must be an integer from 0 to 255'],
    ['no user timeout', neighbor({ userTimeout: 0 }), 'neighbors[0].userTimeout: must be an integer from 1 to 2147483647'],
    ['a path as device', neighbor({ device: 'a/b' }), 'neighbors[0].device: must be the name of an interface, at most 15 octets'],
    ['a long device', neighbor({ device: 'x'.repeat(16) }), 'neighbors[0].device: must be the name of an interface, at most 15 octets'],
    [
      'a policy nobody wrote',
      neighbor({ exportPolicy: 'nope' }),
      'neighbors[0].exportPolicy: must be the name of one of policies, or a policy',
    ],
    [
      'a condition without kind',
      neighbor({ exportPolicy: { terms: [{ when: [{}] }] } }),
      'neighbors[0].exportPolicy.terms[0].when[0].kind: must be one of prefix, protocol, interface, community, largeCommunity, asPathPrefix, localPref, metric',
    ],
    ['host bits', { ...BENCH, routes: [{ prefix: '10.0.0.1/8' }] }, 'routes[0].prefix: must be a prefix without host bits'],
    [
      'two of one name',
      {
        ...BENCH,
        neighbors: [
          { address: '127.1.0.1', as: 1, name: 'a' },
          { address: '127.1.0.2', as: 1, name: 'a' },
        ],
      },
      'neighbors[1]: has the name a of another neighbor',
    ],
    [
      'two of one address',
      {
        ...BENCH,
        neighbors: [
          { address: '127.1.0.1', as: 1, name: 'a' },
          { address: '127.1.0.1', as: 1, name: 'b' },
        ],
      },
      'neighbors[1]: has the addresses and port of another neighbor',
    ],
  ])('%s', (_name, document, expected) => {
    expect(faults(document).join('\n')).toContain(expected);
  });

  it('are all reported, unknown keys with what is known', () => {
    const found = faults({ ...neighbor({ asn: 1, holdTime: 1 }), foo: 1 });
    expect(found).toHaveLength(3);
    expect(found[1]).toMatch(/^neighbors\[0\]\.asn: unknown key; known are .*\bas\b/);
  });

  it.each([
    ['too long', { md5: 'hunter2'.repeat(12) }],
    ['no text', { md5: ['hunter2'] }],
    ['under another name', { password: 'hunter2' }],
    ['misspelled', { MD5: 'hunter2' }],
  ])('never show a password: %s', (_name, fields) => {
    const result = parseSpeakerConfig(JSON.stringify(neighbor(fields)));
    expect(result.ok).toBe(false);
    expect(result.ok ? '' : formatConfigFaults(result.error)).toMatch(/^neighbors\[0\]\.\w+: \[hidden\]: /);
  });

  it.each([
    ['{', /must be JSON/],
    ['{\n  "localAs": 1,\n  }', /must be JSON; it breaks at line 3, column 3/],
    ['{"neighbors": [{"md5": "hunter2" oops}]}', /must be JSON/],
    ['{"md5": hunter2}', /must be JSON/],
  ])('say where JSON breaks, without quoting it: %s', (text, rule) => {
    const result = parseSpeakerConfig(text);
    const shown = result.ok ? '' : formatConfigFaults(result.error);
    expect(shown).toMatch(rule);
    expect(shown).not.toContain('hunter2');
  });
});

/* The schema must name exactly the keys that the parser reads. */
