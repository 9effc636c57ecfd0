/** The pure parts of the Kubernetes source. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../../../src/confd/resources/issue.ts';
import { BACKOFF_MS, backoffMs, WATCH_SECONDS, watchSeconds } from '../../../../src/confd/source/backoff.ts';
import type { Failure } from '../../../../src/confd/source/failure.ts';
import { afterFailure, type ListHealth, STARTING } from '../../../../src/confd/source/health.ts';
import { base32, hostnameHashes } from '../../../../src/confd/source/kubernetes/hostname-hash.ts';
import { commonIssues, listIssues } from '../../../../src/confd/source/kubernetes/issues.ts';
import { calicoKinds, isForeign, NODES, SERVICE_KINDS, type Watched } from '../../../../src/confd/source/kubernetes/kinds.ts';
import { readListPage, readWatchEvent } from '../../../../src/confd/source/kubernetes/protocol.ts';
import { proxyFor, proxySettings } from '../../../../src/confd/source/kubernetes/proxy.ts';
import { createLineSplitter } from '../../../../src/confd/source/lines.ts';
import { createView } from '../../../../src/confd/source/view.ts';
import { wantedBy } from '../../../../src/confd/source/wanted.ts';
import { peerObject } from './scripted-server.ts';

const PEERS: Watched = { id: 'peers', kind: 'BGPPeer', apiVersion: 'crd.projectcalico.org/v1', path: '/peers' };
const OTHERS: Watched = { ...PEERS, id: 'other peers' };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('waits', () => {
  it('stay between 0.8 and 30 s, grow, and are spread', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), random, (failures, share) => {
        const ms = backoffMs(failures, share);
        expect(ms).toBeGreaterThanOrEqual(BACKOFF_MS.first);
        expect(ms).toBeLessThanOrEqual(BACKOFF_MS.last);
        expect(backoffMs(failures + 1, share)).toBeGreaterThanOrEqual(ms);
      }),
    );
    expect([1, 2, 3, 4, 5, 6, 7].map((failures) => backoffMs(failures, 0))).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
    expect(backoffMs(1, 0.5)).toBe(1000);
    expect([backoffMs(1, 0, 60), backoffMs(1, 0, 1e9)]).toEqual([60_000, 300_000]);
  });

  it('of watches use the whole range', () => {
    expect([watchSeconds(0), watchSeconds(0.999_999)]).toEqual([WATCH_SECONDS.least, WATCH_SECONDS.most]);
  });
});

describe('lines', () => {
  it('come out whole however the octets are cut', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text }));
    fc.assert(
      fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (lines, sizes) => {
        const octets = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(''));
        const splitter = createLineSplitter();
        const found: string[] = [];
        for (let at = 0; at < octets.length; ) {
          const size = sizes.next().value ?? 1;
          found.push(...(splitter.push(octets.subarray(at, at + size)) ?? ['too long']));
          at += size;
        }
        expect(found).toEqual(lines);
      }),
    );
  });

  it('are bounded', () => {
    const splitter = createLineSplitter(10);
    expect(splitter.push(new Uint8Array(10).fill(65))).toEqual([]);
    expect(splitter.push(new Uint8Array(1).fill(65))).toBeUndefined();
  });
});

describe('answers', () => {
  it('of any text are read without a throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(readListPage(text, PEERS)?.items ?? []).toBeInstanceOf(Array);
        expect(['changed', 'deleted', 'bookmark', 'gone', 'error']).toContain(readWatchEvent(text, PEERS).type);
      }),
    );
  });

  it('give items the kind that a typed list leaves out', () => {
    const text = JSON.stringify({ metadata: { resourceVersion: '5' }, items: [{ metadata: { name: 'a' } }] });
    expect(readListPage(text, NODES)?.items).toEqual([{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } }]);
  });
});

describe('the view', () => {
  it('tells nothing of an object that is as it was, and forgets what a list no longer has', () => {
    const view = createView();
    const list = view.list(PEERS);
    list.add([peerObject('a', 1, '1'), peerObject('b', 2, '1')]);
    list.commit();
    expect(view.take()?.upsert.map(({ ref }) => ref.name)).toEqual(['a', 'b']);
    view.changed(PEERS, { ...peerObject('a', 1, '2'), status: { beat: 1 } });
    expect(view.take()).toBeUndefined();
    const again = view.list(PEERS);
    again.add([peerObject('a', 7, '3')]);
    again.commit();
    const change = view.take();
    expect([change?.upsert.map(({ ref }) => ref.name), change?.remove.map(({ name }) => name)]).toEqual([['a'], ['b']]);
  });

  it('keeps the last good form of a spoiled object, with its issue, until it is gone or good', () => {
    const view = createView();
    view.changed(PEERS, peerObject('a', 1, '1'));
    view.take();
    view.changed(PEERS, { ...peerObject('a', 1, '2'), spec: { peerIP: 'x', asNumber: 1 } });
    const spoiled = view.take();
    expect([spoiled?.upsert, spoiled?.remove, spoiled?.issues[0]?.issues.length]).toEqual([[], [], 1]);
    const list = view.list(PEERS);
    list.add([{ ...peerObject('a', 1, '3'), spec: { peerIP: 'x', asNumber: 1 } }]);
    list.commit();
    expect(view.take()?.remove).toEqual([]);
    view.deleted(PEERS, peerObject('a', 1, '4'));
    const end = view.take();
    expect([end?.remove.map(({ name }) => name), end?.issues]).toEqual([['a'], [{ scope: 'BGPPeer/a', issues: [] }]]);
  });

  it('removes an object that two lists have when the last of them lost it', () => {
    const view = createView();
    view.changed(PEERS, peerObject('a', 1, '1'));
    view.changed(OTHERS, peerObject('a', 1, '1'));
    expect(view.take()?.upsert).toHaveLength(1);
    view.deleted(PEERS, peerObject('a', 1, '2'));
    expect(view.take()).toBeUndefined();
    view.drop(OTHERS);
    expect(view.take()?.remove.map(({ name }) => name)).toEqual(['a']);
  });

  it.each([
    ['moved to another list', OTHERS, true],
    ['came back to its own', PEERS, true],
    ['is nowhere else', undefined, false],
  ])('keeps an object that leaves a list until it is known where it went: it %s', (_where, to, stays) => {
    const view = createView();
    view.changed(PEERS, peerObject('a', 1, '1'));
    view.take();
    const gone = view.leaving(PEERS, peerObject('a', 1, '2'));
    expect([...view.resources('BGPPeer')]).toHaveLength(1);
    if (to !== undefined) view.changed(to, peerObject('a', 1, '2'));
    expect(view.take()).toBeUndefined();
    expect(gone?.()).toBe(!stays);
    expect(view.take()?.remove.map(({ name }) => name)).toEqual(stays ? undefined : ['a']);
    expect([...view.resources('BGPPeer')]).toHaveLength(stays ? 1 : 0);
    // A second departure is one of its own: the first has no say in it any more.
    if (stays) {
      const again = view.leaving(to ?? PEERS, peerObject('a', 1, '3'));
      expect([gone?.(), again?.()]).toEqual([false, true]);
    }
  });

  it('waits for nothing that it does not know', () => expect(createView().leaving(PEERS, peerObject('a', 1, '1'))).toBeUndefined());

  it('ends with what a plain table would hold, after any events', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      as: fc.integer({ min: 1, max: 3 }),
      what: fc.constantFrom('put', 'spoil', 'delete'),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const view = createView();
        const model = new Map<string, number>();
        const held = new Map<string, number>();
        for (const { name, as, what } of steps) {
          if (what === 'delete') {
            view.deleted(PEERS, peerObject(name, as, '1'));
            model.delete(name);
          } else if (what === 'spoil') view.changed(PEERS, { ...peerObject(name, as, '1'), spec: { peerIP: 5 } });
          else {
            view.changed(PEERS, peerObject(name, as, '1'));
            model.set(name, as);
          }
          const change = view.take();
          for (const { name: removed } of change?.remove ?? []) held.delete(removed);
          for (const resource of change?.upsert ?? []) if (resource.kind === 'BGPPeer') held.set(resource.ref.name, resource.asNumber ?? 0);
        }
        expect([...held].sort()).toEqual([...model].sort());
      }),
    );
  });
});

describe('what is wanted', () => {
  const wanted = (specs: readonly (readonly [string, string, unknown])[], advertised = false) => {
    const view = createView();
    for (const [kind, name, spec] of specs)
      view.changed({ ...PEERS, id: kind, kind }, { apiVersion: PEERS.apiVersion, kind, metadata: { name }, spec });
    return wantedBy([...view.resources('BGPPeer'), ...view.resources('BGPConfiguration')], advertised);
  };
  const password = (name: string) => ({ secretKeyRef: { name, key: 'k' } });

  it.each([
    ['nothing', [], false, false, []],
    ['a cluster CIDR given outside', [], true, true, []],
    ['a range in default', [['BGPConfiguration', 'default', { serviceExternalIPs: [{ cidr: '10.0.0.0/24' }] }]], false, true, []],
    [
      'a range in the wrong resource',
      [['BGPConfiguration', 'node.a', { serviceExternalIPs: [{ cidr: '10.0.0.0/24' }] }]],
      false,
      false,
      [],
    ],
    [
      'passwords',
      [
        ['BGPPeer', 'b', { peerIP: '192.0.2.2', asNumber: 1, password: password('two') }],
        ['BGPPeer', 'a', { peerIP: '192.0.2.1', asNumber: 1, password: password('one') }],
        ['BGPConfiguration', 'default', { nodeMeshPassword: password('two') }],
      ],
      false,
      false,
      ['one', 'two'],
    ],
  ] as const)('by %s', (_what, specs, advertised, services, secrets) => {
    expect(wanted(specs, advertised)).toEqual({ services, secrets });
  });

  it('never is a Lease', () => {
    const all = [NODES, ...SERVICE_KINDS, ...calicoKinds('projectcalico.org/v3', { usePodCIDR: false, hostnameHashes: ['A', 'a'] })];
    expect(all.map(({ path }) => path).filter((path) => path.includes('lease'))).toEqual([]);
    expect(all.filter(({ kind }) => kind === 'BlockAffinity').map(({ labelSelector }) => labelSelector)).toEqual([
      'projectcalico.org/hostname-hash in (A,a)',
      '!projectcalico.org/hostname-hash',
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });
});

describe('what is listed for encapsulation', () => {
  it('is FelixConfiguration and the blocks of all nodes, and neither peers nor Services', () => {
    const kinds = calicoKinds('crd.projectcalico.org/v1', { usePodCIDR: false, hostnameHashes: ['A'], readFor: 'encapsulation' });
    expect(kinds.map(({ kind, path, labelSelector }) => [kind, path, labelSelector])).toEqual([
      ['BGPConfiguration', '/apis/crd.projectcalico.org/v1/bgpconfigurations', undefined],
      ['FelixConfiguration', '/apis/crd.projectcalico.org/v1/felixconfigurations', undefined],
      ['IPPool', '/apis/crd.projectcalico.org/v1/ippools', undefined],
      ['BlockAffinity', '/apis/crd.projectcalico.org/v1/blockaffinities', undefined],
    ]);
  });
});

describe('the hash of a node name', () => {
  // RFC 4648 section 10, without the padding.
  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('%s is %s in base32', (text, encoded) => {
    expect(base32(new TextEncoder().encode(text))).toBe(encoded);
  });

  it('fits into a label for any name', () => {
    const [upper = '', lower = ''] = hostnameHashes('n'.repeat(253));
    expect([upper.length, lower]).toEqual([52, upper.toLowerCase()]);
    expect(upper).toBe(base32(createHash('sha3-256').update('n'.repeat(253)).digest()));
  });
});

describe('proxies', () => {
  const settings = (no: string) => proxySettings({ HTTPS_PROXY: 'http://proxy:3128', http_proxy: 'plain:80', NO_PROXY: no });
  it.each([
    ['https://api.example.com', '', 'http://proxy:3128'],
    ['http://api.example.com', '', 'http://plain:80'],
    ['https://api.example.com', 'other.com', 'http://proxy:3128'],
    ['https://api.example.com', 'example.com', undefined],
    ['https://api.example.com', '.example.com', undefined],
    ['https://example.com', 'le.com', 'http://proxy:3128'],
    ['https://api.example.com:6443', 'api.example.com:6443', undefined],
    ['https://api.example.com:6443', 'api.example.com:443', 'http://proxy:3128'],
    ['https://10.96.0.1', 'localhost, 10.96.0.0/12', undefined],
    ['https://10.96.0.1', '10.97.0.0/16', 'http://proxy:3128'],
    ['https://[fd00::1]:6443', 'fd00::/8', undefined],
    ['https://[fd00::1]:6443', '[fd00::1]:6443', undefined],
    ['https://[fd00::1]:6443', 'fd00::1', undefined],
    ['https://api.example.com', '*', undefined],
    ['https://127.0.0.1:6443', '', undefined],
    ['https://localhost', '', undefined],
  ])('%s with NO_PROXY "%s" goes to %s', (server, no, proxy) => {
    expect(proxyFor(new URL(server), settings(no))).toBe(proxy);
  });
});

describe('health of a list', () => {
  const failure = (code: Failure['code']): Failure => ({ code, message: 'm', retryAfter: 0 });
  const failed = (from: ListHealth, ...steps: readonly (readonly [Failure['code'], number])[]): ListHealth =>
    steps.reduce((health, [code, now]) => afterFailure(health, failure(code), now), from);
  const synced: ListHealth = { status: 'synced' };

  it.each([
    ['a broken watch is no loss', synced, [['DATASTORE_UNREACHABLE', 0]], 'synced', 0],
    [
      'nor are some seconds',
      synced,
      [
        ['DATASTORE_UNREACHABLE', 0],
        ['DATASTORE_UNREACHABLE', 4999],
      ],
      'synced',
      0,
    ],
    [
      'five are',
      synced,
      [
        ['DATASTORE_UNREACHABLE', 0],
        ['DATASTORE_ERROR', 5000],
      ],
      'lost',
      0,
    ],
    [
      'a first list is waited for',
      STARTING,
      [
        ['DATASTORE_UNREACHABLE', 0],
        ['DATASTORE_UNREACHABLE', 60_000],
      ],
      'starting',
      1,
    ],
    [
      'two refusals may be a server that starts',
      STARTING,
      [
        ['DATASTORE_FORBIDDEN', 0],
        ['DATASTORE_FORBIDDEN', 1],
      ],
      'starting',
      0,
    ],
    [
      'three are believed',
      STARTING,
      [
        ['DATASTORE_FORBIDDEN', 0],
        ['DATASTORE_FORBIDDEN', 1],
        ['DATASTORE_FORBIDDEN', 2],
      ],
      'refused',
      0,
    ],
    [
      'in a row only',
      STARTING,
      [
        ['DATASTORE_FORBIDDEN', 0],
        ['DATASTORE_FORBIDDEN', 1],
        ['DATASTORE_UNREACHABLE', 2],
        ['DATASTORE_FORBIDDEN', 3],
      ],
      'starting',
      0,
    ],
  ] as const)('%s', (_what, from, steps, status, common) => {
    const health = failed(from, ...steps);
    expect([health.status, commonIssues([synced, health]).length]).toEqual([status, common]);
  });

  it('tells a failure of the server once, and one of a kind by the kind', () => {
    const lost = failed(STARTING, ['DATASTORE_UNREACHABLE', 0]);
    expect([commonIssues([lost, lost]).map(formatIssue), listIssues(PEERS, lost)]).toEqual([
      ['Datastore/kubernetes: cannot be reached (m)'],
      [],
    ]);
    expect(listIssues(PEERS, failed(synced, ['DATASTORE_FORBIDDEN', 0])).map(formatIssue)).toEqual([
      'BGPPeer/*: must not be read by our account (m)',
    ]);
  });
});

describe('block affinities of other nodes', () => {
  const kinds = calicoKinds('projectcalico.org/v3', { usePodCIDR: false, hostnameHashes: ['A'] });
  const affinities = kinds.find(({ kind }) => kind === 'BlockAffinity') ?? NODES;
  it.each([
    [{ spec: { node: 'other' } }, affinities, true],
    [{ spec: { node: 'own' } }, affinities, false],
    [{ spec: { node: 7 } }, affinities, false],
    [{ spec: null }, affinities, false],
    ['no object', affinities, false],
    [{ spec: { node: 'other' } }, NODES, false],
  ])('%o of %o: %s', (object, watched, foreign) => {
    expect(isForeign(object, watched, 'own')).toBe(foreign);
  });
});
