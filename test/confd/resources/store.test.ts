import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import { sameContent } from '../../../src/confd/resources/same.ts';
import { secretValue } from '../../../src/confd/resources/secret-value.ts';
import { createStore, type StoreChange } from '../../../src/confd/resources/store.ts';
import type { Issue, ObjectRef, Resource, SnapshotDelta } from '../../../src/confd/resources/types.ts';

function parse(raw: unknown, line = 1): Resource {
  const { outcome } = parseObject(raw, () => ({ file: 'f.yaml', line, column: 1 }));
  if (outcome.type !== 'resource') throw new Error(`not a resource: ${outcome.type}`);
  return outcome.resource;
}

const calico = (kind: string, name: string, spec: object, labels: object = {}): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata: { name, labels },
  spec,
});
const peer = (name: string, asNumber: number, line?: number): Resource =>
  parse(calico('BGPPeer', name, { peerIP: '192.0.2.1', asNumber }), line);
const pool = (name: string, cidr: string): Resource => parse(calico('IPPool', name, { cidr }));
const kubeNode = (name: string, annotations: object, extra: object = {}): Resource =>
  parse({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { from: 'kubernetes', k: '1' }, annotations }, ...extra });

const change = (parts: Partial<StoreChange>): StoreChange => ({ upsert: [], remove: [], issues: [], inSync: true, ...parts });
const keys = ({ changed }: SnapshotDelta): string[] => changed.map(({ kind, key }) => `${kind} ${key}`).sort();

describe('changes', () => {
  it('name what became different, by kind and key', () => {
    const store = createStore();
    const secret = parse({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'kube-system' }, stringData: { a: 'b' } });
    expect(keys(store.apply(change({ upsert: [peer('a', 1), secret] })))).toEqual(['BGPPeer a', 'Secret kube-system/s']);
    expect(store.snapshot.secrets.get('kube-system/s')?.data.get('a')?.reveal()).toBe('b');
    expect(keys(store.apply(change({ upsert: [peer('a', 2)] })))).toEqual(['BGPPeer a']);
    expect(keys(store.apply(change({ remove: [peer('a', 2).ref] })))).toEqual(['BGPPeer a']);
    expect(store.snapshot.peers.size).toBe(0);
    expect(keys(store.apply(change({ remove: [peer('a', 2).ref] })))).toEqual([]);
  });

  it('that change no extracted field are none, but move the object', () => {
    const store = createStore();
    store.apply(change({ upsert: [peer('a', 1, 5)] }));
    expect(keys(store.apply(change({ upsert: [peer('a', 1, 9)] })))).toEqual([]);
    expect(store.snapshot.peers.get('a')?.source?.line).toBe(9);
  });

  it('a heartbeat of a node is none', () => {
    const store = createStore();
    const beat = (time: string): Resource =>
      kubeNode('n', {}, { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: time }], images: [time] } });
    store.apply(change({ upsert: [beat('1')] }));
    expect(keys(store.apply(change({ upsert: [beat('2')] })))).toEqual([]);
  });

  it('removing and adding in one change replaces', () => {
    const store = createStore();
    store.apply(change({ upsert: [peer('a', 1)] }));
    expect(keys(store.apply(change({ remove: [peer('a', 1).ref], upsert: [peer('a', 1)] })))).toEqual([]);
    expect(keys(store.apply(change({ remove: [peer('a', 1).ref], upsert: [peer('a', 2)] })))).toEqual(['BGPPeer a']);
  });

  it('carry the state of the source', () => {
    const store = createStore();
    expect(store.inSync).toBe(false);
    store.apply(change({ inSync: true }));
    expect(store.inSync).toBe(true);
    store.apply(change({ inSync: false }));
    expect(store.inSync).toBe(false);
  });

  it('with the same selector text are none, with another they are', () => {
    const store = createStore();
    const selecting = (nodeSelector: string): Resource => parse(calico('BGPPeer', 'a', { peerIP: '192.0.2.1', nodeSelector }));
    store.apply(change({ upsert: [selecting('has(a)')] }));
    expect(keys(store.apply(change({ upsert: [selecting('has(a)')] })))).toEqual([]);
    expect(keys(store.apply(change({ upsert: [selecting('has(b)')] })))).toEqual(['BGPPeer a']);
  });
});

describe('nodes', () => {
  const calicoNode = (bgp: object): Resource => parse(calico('Node', 'n', { bgp }, { from: 'calico', c: '1' }));

  it('of both kinds are one: fields of Calico win one by one, labels are merged', () => {
    const store = createStore();
    const kubernetes = kubeNode(
      'n',
      { 'projectcalico.org/IPv4Address': '10.0.0.1/24', 'projectcalico.org/ASNumber': '1' },
      { spec: { unschedulable: true } },
    );
    store.apply(change({ upsert: [kubernetes] }));
    expect(store.snapshot.nodes.get('n')?.form).toBe('kubernetes');
    expect(keys(store.apply(change({ upsert: [calicoNode({ asNumber: 2 })] })))).toEqual(['Node n']);
    const merged = store.snapshot.nodes.get('n');
    expect(merged?.bgp.asNumber).toBe(2);
    expect(merged?.bgp.ipv4?.network.length).toBe(24);
    expect(merged?.unschedulable).toBe(true);
    expect(Object.fromEntries(merged?.labels ?? [])).toEqual({ from: 'calico', k: '1', c: '1' });
  });

  it('lose one half and keep the other', () => {
    const store = createStore();
    const [kubernetes, own] = [kubeNode('n', { 'projectcalico.org/ASNumber': '1' }), calicoNode({ asNumber: 2 })];
    store.apply(change({ upsert: [kubernetes, own] }));
    expect(keys(store.apply(change({ remove: [own.ref] })))).toEqual(['Node n']);
    expect(store.snapshot.nodes.get('n')?.bgp.asNumber).toBe(1);
    expect(keys(store.apply(change({ remove: [kubernetes.ref] })))).toEqual(['Node n']);
    expect(store.snapshot.nodes.size).toBe(0);
  });
});

describe('pools with one CIDR', () => {
  const shown = (store: ReturnType<typeof createStore>): string[] => [...store.snapshot.pools.keys()].sort();

  it('the lowest name wins, the others have an issue, whatever the order', () => {
    const store = createStore();
    store.apply(change({ upsert: [pool('b', '10.0.0.0/16'), pool('c', '10.0.0.0/16'), pool('z', '10.1.0.0/16')] }));
    expect(shown(store)).toEqual(['b', 'z']);
    const delta = store.apply(change({ upsert: [pool('a', '10.0.0.0/16')] }));
    expect(keys(delta)).toEqual(['IPPool a', 'IPPool b']);
    expect(delta.issuesChanged).toBe(true);
    expect(shown(store)).toEqual(['a', 'z']);
    expect(store.snapshot.issues.map(formatIssue)).toEqual([
      'IPPool/b spec.cidr: "10.0.0.0/16" is the CIDR of IPPool/a, which comes first by name',
      'IPPool/c spec.cidr: "10.0.0.0/16" is the CIDR of IPPool/a, which comes first by name',
    ]);
    expect(keys(store.apply(change({ remove: [pool('a', '10.0.0.0/16').ref] })))).toEqual(['IPPool a', 'IPPool b']);
    expect(keys(store.apply(change({ upsert: [pool('b', '10.2.0.0/16')] })))).toEqual(['IPPool b', 'IPPool c']);
    expect(store.snapshot.issues).toEqual([]);
    expect(shown(store)).toEqual(['b', 'c', 'z']);
  });

  it('after any sequence are what they are from scratch', () => {
    const cidrs = ['10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/16'];
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), cidr: fc.option(fc.constantFrom(...cidrs)) });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }), (changes) => {
        const store = createStore();
        const now = new Map<string, string>();
        for (const steps of changes) {
          const before = new Map(store.snapshot.pools);
          const last = new Map(steps.map(({ name, cidr }) => [name, cidr]));
          for (const [name, cidr] of last) {
            if (cidr === null) now.delete(name);
            else now.set(name, cidr);
          }
          const upsert = [...last].flatMap(([name, cidr]) => (cidr === null ? [] : [pool(name, cidr)]));
          const remove: ObjectRef[] = [...last].flatMap(([name, cidr]) => (cidr === null ? [pool(name, '10.9.0.0/16').ref] : []));
          const delta = store.apply(change({ upsert, remove }));
          const fresh = createStore();
          fresh.apply(change({ upsert: [...now].map(([name, cidr]) => pool(name, cidr)) }));
          expect(new Map([...store.snapshot.pools].sort())).toEqual(new Map([...fresh.snapshot.pools].sort()));
          expect(store.snapshot.issues).toEqual(fresh.snapshot.issues);
          const different = [...new Set([...before.keys(), ...store.snapshot.pools.keys()])].filter(
            (name) => !sameContent(before.get(name), store.snapshot.pools.get(name)),
          );
          expect(new Set(delta.changed.map(({ key }) => key))).toEqual(expect.objectContaining(new Set(different)));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('issues', () => {
  const issue = (rule: string): Issue => ({
    code: 'TEST',
    severity: 'error',
    object: peer('a', 1).ref,
    field: '',
    got: '',
    rule,
    source: null,
    transient: false,
  });

  it('of a scope replace those before; equal ones change nothing', () => {
    const store = createStore();
    const scoped = (scope: string, ...rules: string[]): StoreChange => change({ issues: [{ scope, issues: rules.map(issue) }] });
    expect(store.apply(scoped('a.yaml', 'x', 'y')).issuesChanged).toBe(true);
    expect(store.apply(scoped('b.yaml', 'z')).issuesChanged).toBe(true);
    expect(store.snapshot.issues.map(({ rule }) => rule)).toEqual(['x', 'y', 'z']);
    expect(store.apply(scoped('a.yaml', 'x', 'y')).issuesChanged).toBe(false);
    expect(store.apply(scoped('a.yaml')).issuesChanged).toBe(true);
    expect(store.snapshot.issues.map(({ rule }) => rule)).toEqual(['z']);
    expect(store.apply(change({})).issuesChanged).toBe(false);
  });
});

describe('sameContent', () => {
  it.each<[unknown, unknown, boolean]>([
    [1, 1, true],
    [1, '1', false],
    [null, undefined, false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [{ a: 1 }, { a: 1, source: 'elsewhere' }, true],
    [{ a: undefined }, { b: undefined }, false],
    [new Map([['a', 1]]), new Map([['a', 1]]), true],
    [new Map([['a', 1]]), new Map([['a', 2]]), false],
    [new Map(), {}, false],
    [[], {}, false],
    [secretValue('x'), secretValue('x'), true],
    [secretValue('x'), secretValue('y'), false],
    [secretValue('x'), {}, false],
    [{}, secretValue('x'), false],
  ])('%j and %j: %s', (a, b, wanted) => {
    expect(sameContent(a, b)).toBe(wanted);
  });
});
