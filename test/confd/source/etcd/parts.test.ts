/** The etcd source in parts: keys as objects, the gateway's answers, members by DNS. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseObject } from '../../../../src/confd/resources/parse-object.ts';
import { findEndpoints } from '../../../../src/confd/source/etcd/endpoints.ts';
import { keyRanges, keySpans, objectOf, rangeEnd } from '../../../../src/confd/source/etcd/keys.ts';
import {
  nextRevision,
  rangeBody,
  readFailure,
  readPage,
  readToken,
  readWatchLine,
  watchBody,
} from '../../../../src/confd/source/etcd/protocol.ts';

const ranges = keyRanges('node-a', false);
const rangeOf = (kind: string) => {
  const found = ranges.find((range) => range.kind === kind);
  if (found === undefined) throw new Error(kind);
  return found;
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('keys of Calico in etcd (control-plane 9.4)', () => {
  it('reads the kinds that count and the blocks of one node', () => {
    expect(ranges.map(({ prefix }) => prefix)).toEqual([
      '/calico/resources/v3/projectcalico.org/nodes/',
      '/calico/resources/v3/projectcalico.org/bgpconfigurations/',
      '/calico/resources/v3/projectcalico.org/bgppeers/',
      '/calico/resources/v3/projectcalico.org/bgpfilters/',
      '/calico/resources/v3/projectcalico.org/ippools/',
      '/calico/ipam/v2/host/node-a/',
    ]);
    expect(keyRanges('node-a', true).some(({ kind }) => kind === 'BlockAffinity')).toBe(false);
  });

  it('reads for encapsulation FelixConfiguration and the blocks of every node, and no peers', () => {
    const found = keyRanges('node-a', false, 'encapsulation');
    expect(found.map(({ kind }) => kind)).toEqual(['Node', 'BGPConfiguration', 'FelixConfiguration', 'IPPool', 'BlockAffinity']);
    expect(keyRanges('node-a', true, 'encapsulation').some(({ kind }) => kind === 'BlockAffinity')).toBe(false);
    const blocks = found.find(({ kind }) => kind === 'BlockAffinity') ?? rangeOf('BlockAffinity');
    const { ref, outcome } = parseObject(objectOf(blocks, '/calico/ipam/v2/host/node-b/ipv4/block/10.65.0.64-26', ''));
    expect(ref?.name).toBe('node-b-10-65-0-64-26');
    expect(outcome).toMatchObject({ type: 'resource', resource: { node: 'node-b', state: 'confirmed' } });
    expect(objectOf(blocks, '/calico/ipam/v2/host/node-b/ipv4', '')).toBe(undefined);
  });

  it('watches them in two spans that hold every range, and no workload endpoint', () => {
    const spans = keySpans(ranges);
    const within = (key: string): number => spans.filter(({ first, end }) => key >= first && key < end).length;
    for (const { prefix } of ranges) expect(within(`${prefix}x`)).toBe(1);
    expect(spans.length).toBe(2);
    expect(within('/calico/resources/v3/projectcalico.org/workloadendpoints/default/x')).toBe(0);
    expect(within('/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26')).toBe(0);
    expect(within('/calico/ipam/v2/host/node-ab/ipv4/block/10.0.0.0-26')).toBe(0);
    expect(rangeEnd('/a/')).toBe('/a0');
  });

  it('names an object by its key, whatever its value says', () => {
    const { prefix } = rangeOf('BGPPeer');
    const spec = { peerIP: '192.0.2.254', asNumber: 64700 };
    const raw = objectOf(
      rangeOf('BGPPeer'),
      `${prefix}tor`,
      JSON.stringify({ kind: 'Other', metadata: { name: 'else', labels: { a: 'b' } }, spec }),
    );
    const parsed = parseObject(raw);
    expect(parsed.issues).toEqual([]);
    expect(parsed.ref).toMatchObject({ kind: 'BGPPeer', name: 'tor', apiVersion: 'projectcalico.org/v3' });
    expect(parsed.outcome).toMatchObject({ type: 'resource', resource: { asNumber: 64700 } });
    expect(objectOf(rangeOf('BGPPeer'), prefix, '{}')).toBe(undefined);
    expect(objectOf(rangeOf('BGPPeer'), `${prefix}a/b`, '{}')).toBe(undefined);
    expect(objectOf(rangeOf('BGPPeer'), '/elsewhere', '{}')).toBe(undefined);
  });

  it.each([
    ['ipv4/block/10.65.0.64-26', '', { type: 'resource', resource: { node: 'node-a', state: 'confirmed' } }],
    ['ipv6/block/fd00:65::-122', '{"state":"pending","deleted":false}', { type: 'resource', resource: { state: 'pending' } }],
    ['ipv4/block/10.65.0.64-26', '{"state":"confirmed","deleted":true}', { type: 'deleted' }],
    ['ipv4/block/10.65.0.64-99', '', { type: 'invalid' }],
    ['ipv4/block/10.65.0.64-26', 'no JSON', { type: 'invalid' }],
  ])('reads the affinity %s %s', (rest, value, outcome) => {
    const range = rangeOf('BlockAffinity');
    expect(parseObject(objectOf(range, `${range.prefix}${rest}`, value)).outcome).toMatchObject(outcome);
  });

  it('takes any key and value', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...ranges), fc.string(), fc.oneof(fc.string(), fc.json()), (range, rest, value) => {
        const object = objectOf(range, `${range.prefix}${rest}`, value);
        const parsed = object === undefined ? undefined : parseObject(object);
        seen.add(parsed?.outcome.type ?? 'no object');
        // What is refused says why.
        if (parsed?.outcome.type === 'invalid') expect(parsed.issues.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['invalid', 'no object']));
  });
});

describe("etcd's JSON gateway", () => {
  it('asks for pages that follow each other at one revision, and for one watch', () => {
    const range = rangeOf('IPPool');
    expect(JSON.parse(rangeBody(range, '', ''))).toEqual({
      key: base64(range.prefix),
      range_end: base64(rangeEnd(range.prefix)),
      limit: '500',
    });
    expect(JSON.parse(rangeBody(range, '/last', '7'))).toMatchObject({ key: base64('/last\0'), revision: '7' });
    const [span = { first: '', end: '', ranges: [] }] = keySpans(ranges);
    expect(JSON.parse(watchBody(span, '8'))).toEqual({
      create_request: { key: base64(span.first), range_end: base64(span.end), start_revision: '8' },
    });
    expect(nextRevision('9007199254740993')).toBe('9007199254740994');
  });

  it('reads pages and events', () => {
    const kv = { key: base64('/k'), value: base64('v') };
    expect(readPage(JSON.stringify({ header: { revision: '5' }, kvs: [kv], more: true }))).toEqual({
      revision: '5',
      entries: [{ key: '/k', value: 'v' }],
      more: true,
    });
    expect(readPage('{"header":{}}')).toBe(undefined);
    const line = (result: unknown): string => JSON.stringify({ result });
    expect(readWatchLine(line({ header: { revision: '6' }, events: [{ kv }, { type: 'DELETE', kv: { key: kv.key } }] }))).toEqual({
      type: 'events',
      revision: '6',
      events: [
        { key: '/k', value: 'v', deleted: false },
        { key: '/k', value: '', deleted: true },
      ],
    });
    expect(readWatchLine(line({ created: true }))).toEqual({ type: 'none' });
    expect(readWatchLine(line({ canceled: true, compact_revision: '4' }))).toEqual({ type: 'gone' });
    expect(readWatchLine(line({ canceled: true, cancel_reason: 'etcdserver: no leader' }))).toMatchObject({
      type: 'error',
      failure: { message: 'etcdserver: no leader' },
    });
    expect(readToken('{"token":"t.1"}')).toBe('t.1');
  });

  it.each([
    [401, '{"error":"etcdserver: invalid auth token","code":16}', 'DATASTORE_UNAUTHORIZED'],
    [400, '{"error":"etcdserver: user name is empty","code":3}', 'DATASTORE_UNAUTHORIZED'],
    [403, '{"code":7,"message":"etcdserver: permission denied"}', 'DATASTORE_FORBIDDEN'],
    [400, '{"error":"etcdserver: mvcc: required revision has been compacted","code":11}', 'DATASTORE_GONE'],
    [503, 'nothing', 'DATASTORE_ERROR'],
  ])('understands a failure: %s %s', (status, text, code) => {
    expect(readFailure(status, text).code).toBe(code);
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => [readPage(text), readWatchLine(text), readFailure(500, text), readToken(text)]).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});

describe('members of an etcd cluster', () => {
  const lookup = (records: Readonly<Record<string, { name: string; port: number }[]>>) => async (name: string) => {
    const found = records[name];
    if (found === undefined) throw new Error('ENOTFOUND');
    return found;
  };

  it('are those named, else those that DNS knows, with TLS first', async () => {
    expect(await findEndpoints({ endpoints: ['https://a:2379/'], discoverySrv: 'x' }, lookup({}))).toEqual(['https://a:2379']);
    const records = {
      '_etcd-client._tcp.example.org': [{ name: 'b.example.org.', port: 2379 }],
      '_etcd-client-ssl._tcp.example.org': [{ name: 'a.example.org', port: 2380 }],
    };
    expect(await findEndpoints({ endpoints: [], discoverySrv: 'example.org' }, lookup(records))).toEqual([
      'https://a.example.org:2380',
      'http://b.example.org:2379',
    ]);
    await expect(findEndpoints({ endpoints: [], discoverySrv: 'example.org' }, lookup({}))).rejects.toThrow(
      'DNS names no member of example.org',
    );
  });
});
