/** What is said of peers that do not answer, from made-up counters and attempts. */
import type { TcpCounters } from 'netlink';
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { createDiagnosis } from '../../../src/bgp/io/diagnosis.ts';
import { secretText } from '../../../src/bgp/net/index.ts';
import { peer } from '../speaker/world.ts';

const ZERO: TcpCounters = { md5Missing: 0, md5Unexpected: 0, md5Wrong: 0, lowTtl: 0 };
const keyed = (id: string): PeerConfig => peer(1, { id, md5Key: secretText('k') });
const near = (id: string): PeerConfig => peer(1, { id, ttlSecurity: 1 });
const plain = (id: string): PeerConfig => peer(1, { id });

function setup(peers: readonly PeerConfig[]) {
  const state = { counters: ZERO, up: new Set<string>(), faults: new Map<string, string>(), said: new Map<string, string>(), times: 0 };
  const diagnosis = createDiagnosis({
    peers: () => peers,
    faults: () => state.faults,
    established: () => state.up,
    counters: () => state.counters,
    tell: (id, text) => {
      state.times++;
      if (text === undefined) state.said.delete(id);
      else state.said.set(id, text);
    },
  });
  diagnosis.look();
  const grow = (counter: keyof TcpCounters): void => {
    state.counters = { ...state.counters, [counter]: state.counters[counter] + 1 };
    diagnosis.look();
  };
  return { ...state, state, diagnosis, grow };
}

describe('a counter that grew', () => {
  it.each<[keyof TcpCounters, PeerConfig, string]>([
    ['md5Wrong', keyed('a'), 'packets signed with another MD5 key arrive (TCPMD5Failure)'],
    [
      'md5Missing',
      keyed('a'),
      'packets without MD5 signature arrive: the peer has no key for us, or refuses the connection (TCPMD5NotFound)',
    ],
    ['md5Unexpected', plain('a'), 'packets signed with an MD5 key arrive, and none is configured here (TCPMD5Unexpected)'],
    ['lowTtl', near('a'), 'packets with too low a TTL arrive: the peer is more than 1 hop away or does not send TTL 255 (TCPMinTTLDrop)'],
  ])('%s is laid on the one peer that could have caused it', (counter, suspect, text) => {
    const other = counter === 'md5Unexpected' ? keyed('other') : plain('other');
    const t = setup([suspect, other]);
    t.grow(counter);
    expect([...t.said]).toEqual([['a', text]]);
    t.grow(counter);
    expect(t.state.times).toBe(1);
  });

  it('is a suspicion while several could have, and sure when the others are up', () => {
    const t = setup([keyed('a'), keyed('b'), keyed('c')]);
    t.state.up.add('c');
    t.grow('md5Wrong');
    const text = 'suspected, as several peers are unanswered: packets signed with another MD5 key arrive (TCPMD5Failure)';
    expect([...t.said]).toEqual([
      ['a', text],
      ['b', text],
    ]);
    t.state.up.add('b');
    t.grow('md5Wrong');
    expect([...t.said]).toEqual([['a', 'packets signed with another MD5 key arrive (TCPMD5Failure)']]);
  });

  it('before the first look says nothing', () => {
    const t = setup([keyed('a')]);
    t.diagnosis.look();
    expect(t.state.times).toBe(0);
  });

  it('tells more than silence, and a low TTL more than a signature that nobody looked at', () => {
    const t = setup([{ ...keyed('a'), ttlSecurity: 2 }]);
    t.diagnosis.attempt('a', false);
    t.diagnosis.look();
    expect(t.said.get('a')).toMatch(/^suspected: no answer/);
    t.state.counters = { ...ZERO, lowTtl: 1, md5Missing: 1 };
    t.diagnosis.look();
    expect(t.said.get('a')).toMatch(/more than 2 hops away/);
  });
});

describe('a finding', () => {
  it.each<[string, (t: ReturnType<typeof setup>) => void]>([
    ['an answer of the peer', ({ diagnosis }) => diagnosis.attempt('a', true)],
    ['another configuration', ({ diagnosis }) => diagnosis.forget('a')],
    ['the session coming up', ({ state }) => state.up.add('a')],
  ])('is withdrawn by %s', (_name, end) => {
    const t = setup([keyed('a')]);
    t.grow('md5Wrong');
    expect(t.said.size).toBe(1);
    end(t);
    t.diagnosis.look();
    expect(t.said.size).toBe(0);
  });

  it('is told again when the session was up in between, however short', () => {
    const t = setup([keyed('a')]);
    t.grow('md5Wrong');
    t.diagnosis.up('a');
    t.grow('md5Wrong');
    expect(t.state.times).toBe(2);
    expect(t.said.size).toBe(1);
  });

  it('is the fault of a peer that is held, until it is gone', () => {
    const t = setup([plain('a')]);
    t.state.faults.set('a', 'no room');
    t.diagnosis.look();
    expect(t.said.get('a')).toBe('no room');
    t.state.faults.clear();
    t.diagnosis.look();
    expect(t.said.size).toBe(0);
  });

  it('is the reason why no attempt could be made', () => {
    const t = setup([plain('a')]);
    t.diagnosis.attempt('a', false, 'there is no interface x');
    t.diagnosis.look();
    expect(t.said.get('a')).toBe('there is no interface x');
  });
});

describe('how attempts end', () => {
  it.each([
    ['silence', false, undefined, 'no answer: packets are dropped on the way, or nobody has the address'],
    ['a refusal', true, 'connection refused', 'connection refused'],
  ])('is said of a peer without key once it lasts: %s', (_name, answered, because, text) => {
    const t = setup([plain('a')]);
    t.diagnosis.attempt('a', answered, because);
    t.diagnosis.look();
    expect(t.said.size).toBe(0);
    t.diagnosis.attempt('a', answered, because);
    t.diagnosis.look();
    expect([...t.said]).toEqual([['a', text]]);
    t.diagnosis.look();
    expect(t.state.times).toBe(1);
  });

  it('is another reason when it changes, and over when the peer is up or is gone', () => {
    const peers = [plain('a'), plain('b')];
    const t = setup(peers);
    const looks = (): void => {
      t.diagnosis.look();
      t.diagnosis.look();
    };
    for (const id of ['a', 'b']) t.diagnosis.attempt(id, true, 'connection refused');
    looks();
    expect([...t.said.keys()]).toEqual(['a', 'b']);
    t.diagnosis.attempt('a', true, 'host unreachable');
    looks();
    expect(t.said.get('a')).toBe('host unreachable');
    t.state.up.add('a');
    peers.pop();
    looks();
    expect(t.said.size).toBe(0);
    t.state.up.delete('a');
    looks();
    expect(t.said.size).toBe(0);
  });

  it('is over when the options of its sockets are others, until attempts with those fail as long', () => {
    const t = setup([plain('a')]);
    t.diagnosis.attempt('a', true, 'connection refused');
    for (let looks = 0; looks < 2; looks++) t.diagnosis.look();
    expect(t.said.size).toBe(1);
    t.diagnosis.forget('a');
    t.diagnosis.look();
    expect(t.said.size).toBe(0);
    t.diagnosis.attempt('a', true, 'connection refused');
    t.diagnosis.look();
    expect(t.said.size).toBe(0);
    t.diagnosis.look();
    expect(t.said.size).toBe(1);
  });

  it('gives way to what a counter shows', () => {
    const t = setup([keyed('a')]);
    t.diagnosis.attempt('a', true, 'connection refused');
    t.diagnosis.look();
    t.grow('md5Wrong');
    expect(t.said.get('a')).toMatch(/another MD5 key/);
  });
});
