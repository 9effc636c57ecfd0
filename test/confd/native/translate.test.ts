import { inspect } from 'node:util';
import type { PeerConfig } from 'bgp-ts';
import { formatAddress, secretText } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { Desired, DesiredPeer } from '../../../src/confd/desired/types.ts';
import type { TranslateOptions } from '../../../src/confd/native/translate.ts';
import { CALICO_SESSION_DEFAULTS, createTranslator, SESSION_DEFAULTS } from '../../../src/confd/native/translate.ts';
import { transportMap } from '../../../src/confd/native/transport.ts';
import { address, desired, peer, route } from './fixtures.ts';

const OPTIONS: TranslateOptions = {
  session: SESSION_DEFAULTS,
  sessionFamilies: 'peer',
  listenPort: undefined,
  transport: transportMap([]),
};

const translate = (state: Desired, options: Partial<TranslateOptions> = {}) => createTranslator({ ...OPTIONS, ...options })(state);

function onlyPeer(more: Partial<DesiredPeer>, options: Partial<TranslateOptions> = {}, state: Partial<Desired> = {}): PeerConfig {
  const [only] = translate(desired({ peers: [peer(more)], ...state }), options).config.peers;
  if (only === undefined) throw new Error('the peer was not started');
  return only;
}

const text = (value: PeerConfig['nextHopSelf'] | undefined) => ({
  ipv4: value?.ipv4 === undefined ? undefined : formatAddress(value.ipv4),
  ipv6: value?.ipv6 === undefined ? undefined : formatAddress(value.ipv6),
});

const MAPPED = transportMap([
  { node: address('192.0.2.1'), transport: { address: address('127.0.64.1'), port: 1790 } },
  { node: address('192.0.2.254'), transport: { address: address('127.0.64.254'), port: 1791 } },
]);

describe('a peer', () => {
  it.each<[string, Partial<DesiredPeer>, Partial<TranslateOptions>, Partial<PeerConfig>]>([
    ['timers are ours by default', {}, {}, { holdTime: 90, connectRetryTime: 5, connectDelay: 0, gracefulRestart: { restartTime: 120 } }],
    ["and Calico's in compat", {}, { session: CALICO_SESSION_DEFAULTS }, { holdTime: 240, connectRetryTime: 5, connectDelay: 2 }],
    [
      'restart and keepalive time of the resource',
      { restartTime: 30, keepaliveTime: 7 },
      {},
      { gracefulRestart: { restartTime: 30 }, keepaliveTime: 7 },
    ],
    ['limits are warnings at what is usual', {}, {}, { maxPrefix: 2_000_000, maxPrefixAction: 'warn' }],
    ['for an internal peer', { remoteAs: 64512, localAs: 64512 }, {}, { maxPrefix: 200_000, maxPrefixAction: 'warn' }],
    ['for a client', { remoteAs: 64512, localAs: 64512, reflectorClient: true }, {}, { maxPrefix: 10_000, maxPrefixAction: 'warn' }],
    ['a limit that somebody chose ends the session', {}, { maxPrefix: { external: 7 } }, { maxPrefix: 7 }],
    ['the family of its address', {}, {}, { families: ['ipv4-unicast'] }],
    ['IPv6', { address: address('fd00::fe'), source: address('fd00::1') }, {}, { families: ['ipv6-unicast'] }],
    ['port and AS numbers', { port: 1790, remoteAs: 65009, localAs: 65010 }, {}, { remoteAs: 65009, localAs: 65010 }],
    ['reflector client', { reflectorClient: true, clusterId: '10.0.0.1' }, {}, { reflectorClient: true, clusterId: 0x0a000001 }],
    [
      'passive, next hop keep, allowed AS',
      { passive: true, nextHop: 'keep', allowLocalAs: 2 },
      {},
      { passive: true, nextHop: 'keep', allowLocalAs: 2 },
    ],
  ])('%s', (_name, given, options, expected) => {
    expect(onlyPeer(given, options)).toMatchObject(expected);
  });

  it.each<[string, Partial<DesiredPeer>, Partial<TranslateOptions>, number | undefined]>([
    ['all paths inside the AS', { remoteAs: 64512, localAs: 64512 }, {}, undefined],
    ['all paths where next hops go through', { remoteAs: 65009, nextHop: 'keep' }, {}, undefined],
    ['the best path alone with our own next hop', { remoteAs: 65009 }, {}, 1],
    ['and inside the AS', { remoteAs: 64512, localAs: 64512, nextHop: 'self' }, {}, 1],
    ['all paths to everybody in compat', { remoteAs: 65009 }, { session: CALICO_SESSION_DEFAULTS }, undefined],
  ])('%s (decision 0010)', (_name, given, options, limit) => {
    const { addPath, addPathLimit } = onlyPeer(given, options);
    expect([addPath, addPathLimit]).toEqual(['both', limit]);
  });

  it('has no limit where none is wanted, and ends the session only where a number was chosen', () => {
    expect(onlyPeer({}, { maxPrefix: { external: 0, client: 5 } })).not.toHaveProperty('maxPrefix');
    expect(onlyPeer({}, { maxPrefix: { external: 7 } })).not.toHaveProperty('maxPrefixAction');
  });

  it('carries both families where the option says so and the node has both', () => {
    const both = { addresses: { ipv4: address('192.0.2.1'), ipv6: address('fd00::1') } };
    expect(onlyPeer({}, { sessionFamilies: 'both' }, both).families).toEqual(['ipv4-unicast', 'ipv6-unicast']);
    expect(onlyPeer({}, { sessionFamilies: 'both' }).families).toEqual(['ipv4-unicast']);
  });

  it.each<[string, boolean, Partial<TranslateOptions>, { ipv4: string | undefined; ipv6: string | undefined }]>([
    ['its source address and the other family’s node address', true, {}, { ipv4: '192.0.2.1', ipv6: 'fd00::1' }],
    ['left to the connection without a source', false, {}, { ipv4: undefined, ipv6: 'fd00::1' }],
    ['the node address on a mapped session', false, { transport: MAPPED }, { ipv4: '192.0.2.1', ipv6: 'fd00::1' }],
  ])('next hop self: %s', (_name, withSource, options, expected) => {
    const { source, ...base } = peer();
    const wanted: DesiredPeer = { ...base, ...(withSource && source !== undefined ? { source } : {}) };
    const state = desired({ peers: [wanted], addresses: { ipv4: address('192.0.2.1'), ipv6: address('fd00::1') } });
    expect(text(translate(state, options).config.peers[0]?.nextHopSelf)).toEqual(expected);
  });

  it('goes where the transport map says, from where it says', () => {
    const mapped = onlyPeer({}, { transport: MAPPED });
    expect([formatAddress(mapped.remote.address), mapped.remote.port, mapped.local && formatAddress(mapped.local)]).toEqual([
      '127.0.64.254',
      1791,
      '127.0.64.1',
    ]);
  });
});

describe('socket options', () => {
  it('are the password as MD5 key, and the hops of TTL security', () => {
    expect(onlyPeer({ password: secretText('geheim') }).md5Key?.reveal()).toBe('geheim');
    expect(onlyPeer({ ttlSecurity: 2 }).ttlSecurity).toBe(2);
    expect(onlyPeer({})).not.toHaveProperty('md5Key');
    expect(onlyPeer({})).not.toHaveProperty('ttlSecurity');
  });

  it('never print the password', () => {
    const { config, issues } = translate(desired({ peers: [peer({ password: secretText('geheim') })] }));
    for (const shown of [JSON.stringify({ config, issues }), inspect({ config, issues }, { depth: 9, showHidden: true })])
      expect(shown).not.toContain('geheim');
  });
});

describe('what this engine cannot do', () => {
  it.each<[string, Partial<DesiredPeer>, string, string]>([
    ['an empty password', { password: secretText('') }, 'PEER_PASSWORD_EMPTY', '[hidden]'],
    ['a password of 82 octets', { password: secretText(`${'geheim\u00e9'.repeat(10)}xx`) }, 'PEER_PASSWORD_TOO_LONG', '[hidden]'],
    ['reachableBy', { reachableBy: address('192.0.2.9') }, 'PEER_REACHABLE_BY_UNSUPPORTED_BY_NATIVE', '"192.0.2.9"'],
  ])('keeps a peer with %s down and says so', (_name, given, code, got) => {
    const { config, issues } = translate(desired({ peers: [peer({ id: 'Global_192_0_2_9' }), peer(given)] }));
    expect(config.peers.map((entry) => entry.id)).toEqual(['Global_192_0_2_9']);
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ code, got, severity: 'error', object: { kind: 'BGPPeer', name: 'tor', namespace: '' } });
    expect(JSON.stringify(issues)).not.toContain('geheim');
  });

  it('starts a peer with reachableBy where kernel routes are written', () => {
    const given = desired({ peers: [peer({ reachableBy: address('192.0.2.9') })] });
    const abilities = { password: true, ttlSecurity: true, reachableBy: true };
    const { config, issues } = createTranslator({ ...OPTIONS, abilities })(given);
    expect([config.peers.length, issues]).toEqual([1, []]);
  });

  it('does not start a peer that is held', () => {
    const [held] = translate(desired({ peers: [peer({ password: secretText('') })] })).issues;
    expect(translate(desired({ peers: [peer({ ...(held === undefined ? {} : { heldBy: held }) })] })).config.peers).toEqual([]);
  });
});

describe('listening', () => {
  const both = { addresses: { ipv4: address('192.0.2.1'), ipv6: address('fd00::1') } };
  it.each<[string, Partial<Desired>, Partial<TranslateOptions>, string[]]>([
    ['every address of the families in use', {}, {}, ['0.0.0.0 179']],
    ['both families', both, {}, ['0.0.0.0 179', ':: 179']],
    ['the addresses that bindMode names', { listen: { addresses: [address('192.0.2.1')], port: 1790 } }, {}, ['192.0.2.1 1790']],
    ['the port of the option', {}, { listenPort: 1234 }, ['0.0.0.0 1234']],
    ['the mapped endpoint', {}, { transport: MAPPED, listenPort: 1234 }, ['127.0.64.1 1790']],
  ])('%s', (_name, state, options, expected) => {
    expect(translate(desired(state), options).config.listen.map((entry) => `${formatAddress(entry.address)} ${entry.port}`)).toEqual(
      expected,
    );
  });
});

describe('memory', () => {
  it('translates an entry that is the same object once', () => {
    const translator = createTranslator(OPTIONS);
    const first = desired({ advertise: [route('198.51.100.1/32')] });
    const [a, b] = [translator(first).config, translator({ ...first, advertise: [...first.advertise, route('198.51.100.2/32')] }).config];
    expect(b.peers[0]).toBe(a.peers[0]);
    expect(b.routes[0]).toBe(a.routes[0]);
  });

  it('forgets peers when the own address changes', () => {
    const translator = createTranslator(OPTIONS);
    const first = desired();
    const before = translator(first).config.peers[0];
    const after = translator({ ...first, addresses: { ipv4: address('192.0.2.1'), ipv6: address('fd00::1') } }).config.peers[0];
    expect(text(before?.nextHopSelf).ipv6).toBeUndefined();
    expect(text(after?.nextHopSelf).ipv6).toBe('fd00::1');
  });

  it('puts router id and AS in wire form', () => {
    expect(translate(desired()).config).toMatchObject({ routerId: 0xc0000201, localAs: 64512 });
  });
});
