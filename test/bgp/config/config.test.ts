/** The JSON form: what is read from it, and its defaults. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseSpeakerConfig } from '../../../src/bgp/config/index.ts';
import { parseAddress, parsePrefix } from '../../../src/bgp/net/index.ts';
import { BENCH, faults, parse } from './documents.ts';

describe('the benchmark form', () => {
  it('becomes a configuration with all defaults', () => {
    const config = parse(BENCH);
    expect(config).toMatchObject({
      localAs: 64512,
      routerId: 0x0a630001,
      listen: [{ address: parseAddress('127.0.0.1'), port: 179 }],
      routes: [],
      peers: [
        {
          id: '127.1.0.1',
          remote: { address: parseAddress('127.1.0.1'), port: 179 },
          remoteAs: 64512,
          localAs: 64512,
          families: ['ipv4-unicast'],
          passive: true,
          holdTime: 90,
          connectRetryTime: 5,
          connectDelay: 0,
          reflectorClient: true,
          clusterId: 0x0a630001,
          nextHop: 'auto',
          allowLocalAs: 0,
          addPath: 'off',
        },
      ],
    });
    expect(config.peers[0]?.gracefulRestart).toBe(undefined);
  });

  it('gives neighbours what the top says', () => {
    const config = parse({
      ...BENCH,
      gracefulRestart: true,
      restartTime: 60,
      holdTime: 9,
      neighbors: [
        { address: '::1', as: 1 },
        { address: '::2', as: 1, gracefulRestart: false, holdTime: 0 },
      ],
    });
    expect(config.peers.map(({ gracefulRestart, holdTime }) => [gracefulRestart, holdTime])).toEqual([
      [{ restartTime: 60 }, 9],
      [undefined, 0],
    ]);
  });

  it('takes a list of listeners and none', () => {
    expect(parse({ ...BENCH, listen: [{ address: '127.0.0.1' }, { address: '::1', port: 1790 }] }).listen.map(({ port }) => port)).toEqual([
      179, 1790,
    ]);
    const { listen: _, ...rest } = BENCH;
    expect(parse(rest).listen).toEqual([]);
  });
});

describe('neighbours, routes and policies', () => {
  it('reads every field', () => {
    const config = parse({
      ...BENCH,
      policies: [
        {
          name: 'lb',
          otherwise: 'reject',
          terms: [
            {
              name: 'pool',
              when: [
                {
                  kind: 'prefix',
                  any: [{ prefix: '10.0.0.0/8', min: 24, max: 32 }, { prefix: '192.0.2.0/24', orLonger: true }, { prefix: '::/0' }],
                  not: true,
                },
                { kind: 'community', value: '65000:100' },
                { kind: 'largeCommunity', value: '4200000000:1:2' },
                { kind: 'asPathPrefix', asns: [1, 2] },
                { kind: 'localPref', op: 'gt', value: 5 },
                { kind: 'protocol', any: ['kernel'] },
                { kind: 'interface', any: ['cali*'], orNone: true },
              ],
              then: [
                { kind: 'addCommunity', value: '65535:65535' },
                { kind: 'prependAsPath', asns: [64512] },
                { kind: 'setLocalPrefFromMetric', defaultMetric: 1024 },
                { kind: 'accept' },
              ],
            },
          ],
        },
      ],
      neighbors: [
        {
          address: '127.1.0.1',
          name: 'tor',
          as: 65001,
          port: 1790,
          localAddress: '127.0.0.9',
          localAs: 4_200_000_000,
          families: ['ipv6-unicast'],
          keepaliveTime: 3,
          connectDelay: 2,
          connectRetryTime: 7,
          delayOpenTime: 1,
          clusterId: '1.2.3.4',
          nextHop: 'self',
          nextHopSelf: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
          exportPolicy: 'lb',
          importPolicy: { otherwise: 'reject' },
          allowLocalAs: 1,
          gracefulRestart: true,
          restartTime: 30,
          maxPrefix: 10,
          addPath: 'off',
        },
      ],
      routes: [{ prefix: '10.1.0.0/26', nextHop: '192.0.2.7', protocol: 'kernel', interface: 'eth0', metric: 5, communities: ['65000:1'] }],
    });
    expect(config.peers[0]).toMatchObject({
      id: 'tor',
      remote: { port: 1790 },
      local: parseAddress('127.0.0.9'),
      localAs: 4_200_000_000,
      clusterId: 0x01020304,
      exportPolicy: { name: 'lb', otherwise: 'reject' },
      importPolicy: { otherwise: 'reject' },
      gracefulRestart: { restartTime: 30 },
      maxPrefix: 10,
      delayOpenTime: 1,
    });
    expect(config.peers[0]?.exportPolicy.terms[0]?.when.slice(0, 2)).toEqual([
      {
        kind: 'prefix',
        not: true,
        any: [
          { prefix: parsePrefix('10.0.0.0/8'), match: { kind: 'range', min: 24, max: 32 } },
          { prefix: parsePrefix('192.0.2.0/24'), match: { kind: 'orLonger' } },
          { prefix: parsePrefix('::/0'), match: { kind: 'exact' } },
        ],
      },
      { kind: 'community', value: ((65000 << 16) | 100) >>> 0 },
    ]);
    expect(config.routes[0]).toMatchObject({
      prefix: parsePrefix('10.1.0.0/26'),
      protocol: 'kernel',
      metric: 5,
      communities: [((65000 << 16) | 1) >>> 0],
    });
  });
});

describe('socket options', () => {
  it('are read; the key prints as hidden wherever it stands', () => {
    const options = { md5: 'hunter2', ttlSecurity: 1, typeOfService: 0, userTimeout: 30_000, device: 'eth1' };
    const document = { ...BENCH, neighbors: [{ address: '127.1.0.1', as: 64512, ...options }] };
    const result = parseSpeakerConfig(JSON.stringify(document));
    const peer = result.ok ? result.value.peers[0] : undefined;
    expect(peer).toMatchObject({ ttlSecurity: 1, typeOfService: 0, userTimeout: 30_000, device: 'eth1' });
    expect(peer?.md5Key?.reveal()).toBe('hunter2');
    for (const shown of [JSON.stringify(result), inspect(result, { depth: 9, showHidden: true }), `${String(peer?.md5Key)}`]) {
      expect(shown).not.toContain('hunter2');
      expect(shown).toContain('[hidden]');
    }
  });
});

describe('ebgpRequiresPolicy (RFC 8212)', () => {
  const own = { name: 'own', terms: [], otherwise: 'accept' };
  const neighbors = [
    { address: '192.0.2.1', as: 64512 },
    { address: '192.0.2.2', as: 64513 },
    { address: '192.0.2.3', as: 64513, importPolicy: 'own', exportPolicy: { otherwise: 'accept' } },
    { address: '192.0.2.4', as: 64513, importPolicy: 'own' },
  ];
  const verdicts = (ebgpRequiresPolicy: boolean): unknown[] =>
    parse({ ...BENCH, ebgpRequiresPolicy, policies: [own], neighbors }).peers.map((each) => [
      each.importPolicy.otherwise,
      each.exportPolicy.otherwise,
    ]);

  it.each([
    [false, ['accept', 'accept'], ['accept', 'accept']],
    [true, ['reject', 'reject'], ['accept', 'reject']],
  ])('%s', (required, bare, half) => {
    expect(verdicts(required)).toEqual([['accept', 'accept'], bare, ['accept', 'accept'], half]);
  });
});

describe('the decision and what is reflected', () => {
  it('MED: each part has its default, unknown keys and values are faults', () => {
    expect(parse(BENCH).med).toBe(undefined);
    expect(parse({ ...BENCH, med: {} }).med).toEqual({ missing: 'zero', compare: 'same-as' });
    expect(parse({ ...BENCH, med: { missing: 'worst', compare: 'always' } }).med).toEqual({ missing: 'worst', compare: 'always' });
    expect(faults({ ...BENCH, med: { missing: 0, deterministic: true } })).toEqual([
      'med.missing: must be one of zero, worst',
      'med.deterministic: unknown key; known are compare, missing',
    ]);
  });

  it('the times of graceful restart that are our own affair', () => {
    const neighbors = [
      { address: '::1', as: 1 },
      { address: '::2', as: 1, stalePathTime: 5 },
    ];
    const config = parse({ ...BENCH, gracefulRestart: true, deferralTime: 0, stalePathTime: 90, neighbors });
    expect([config.deferralTime, ...config.peers.map((peer) => peer.gracefulRestart?.stalePathTime)]).toEqual([0, 90, 5]);
    const plain = parse({ ...BENCH, gracefulRestart: true });
    expect([plain.deferralTime, plain.peers[0]?.gracefulRestart]).toEqual([undefined, { restartTime: 120 }]);
    expect(faults({ ...BENCH, deferralTime: 3601, stalePathTime: 0 })).toEqual([
      'stalePathTime: must be an integer from 1 to 65535',
      'deferralTime: must be an integer from 0 to 3600',
    ]);
  });

  it('a neighbour takes what the top says of reflection and of partial deployment, or says otherwise', () => {
    const neighbors = [
      { address: '::1', as: 1 },
      { address: '::2', as: 1, clientToClientReflection: true, longLivedPartialDeployment: false },
    ];
    const { peers } = parse({ ...BENCH, clientToClientReflection: false, longLivedPartialDeployment: true, neighbors });
    expect(peers.map((peer) => [peer.clientToClientReflection, peer.longLivedPartialDeployment])).toEqual([
      [false, true],
      [true, false],
    ]);
    const [plain] = parse(BENCH).peers;
    expect([plain?.clientToClientReflection, plain?.longLivedPartialDeployment]).toEqual([true, false]);
  });

  it('diversePath is a place, and not for a session that sends several paths', () => {
    const neighbor = (more: object): object => ({ ...BENCH, neighbors: [{ address: '::1', as: 1, ...more }] });
    expect(parse(neighbor({ diversePath: 2 })).peers[0]?.diversePath).toBe(2);
    expect(faults(neighbor({ diversePath: 65 }))).toEqual(['neighbors[0].diversePath: must be an integer from 1 to 64']);
    expect(faults(neighbor({ diversePath: 2, addPath: 'receive' }))).toEqual([]);
    expect(faults(neighbor({ diversePath: 2, addPath: 'both' }))).toEqual([
      'neighbors[0].diversePath: is for a session that sends no paths by addPath (RFC 6774, RFC 7911)',
    ]);
  });
});

describe('longLivedStaleTime', () => {
  it('needs graceful restart', () => {
    expect(faults({ ...BENCH, longLivedStaleTime: 60 })).toEqual([
      'neighbors[0].longLivedStaleTime: needs gracefulRestart (RFC 9494 section 4.2)',
    ]);
    expect(parse({ ...BENCH, gracefulRestart: true, longLivedStaleTime: 60 }).peers[0]?.gracefulRestart).toEqual({
      restartTime: 120,
      longLivedStaleTime: 60,
    });
  });
});
