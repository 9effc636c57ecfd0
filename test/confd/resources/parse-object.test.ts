import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIssueAt, GOT_LIMIT, gotText, objectKey } from '../../../src/confd/resources/issue.ts';
import { objectsIn, parseObject } from '../../../src/confd/resources/parse-object.ts';
import { calico, good } from './objects.ts';

describe('crd.projectcalico.org/v1', () => {
  it('has its real labels in an annotation', () => {
    const metadata = { name: 'n', labels: { stored: 'yes' }, annotations: { 'projectcalico.org/metadata': '{"labels":{"rack":"a"}}' } };
    const found = good('Node', { apiVersion: 'crd.projectcalico.org/v1', kind: 'Node', metadata, spec: {} });
    expect([...found.labels]).toEqual([['rack', 'a']]);
  });

  it('names the same object as projectcalico.org/v3', () => {
    const ref = { kind: 'BGPPeer', namespace: '', name: 'x' };
    expect(objectKey({ ...ref, apiVersion: 'crd.projectcalico.org/v1' })).toBe(objectKey({ ...ref, apiVersion: 'projectcalico.org/v3' }));
  });
});

describe('kinds and lists', () => {
  it.each([
    ['apps/v1', 'Deployment'],
    ['serving.knative.dev/v1', 'Service'],
    ['projectcalico.org/v3', 'GlobalNetworkPolicy'],
  ])("%s %s is somebody else's: one warning", (apiVersion, kind) => {
    const found = parseObject({ apiVersion, kind, metadata: { name: 'x' } });
    expect(found.outcome.type).toBe('unknown-kind');
    expect(found.issues).toMatchObject([{ code: 'KIND_UNKNOWN', severity: 'warning', field: 'kind' }]);
  });

  it.each([
    ['v2', 'Service', 'v1'],
    ['discovery.k8s.io/v1beta1', 'EndpointSlice', 'discovery.k8s.io/v1'],
  ])('%s %s is an error that names the version', (apiVersion, kind, wanted) => {
    const found = parseObject({ apiVersion, kind, metadata: { name: 'x' } });
    expect(found.issues).toMatchObject([{ severity: 'error', field: 'apiVersion', rule: `is not ${wanted}` }]);
  });

  it('a List is its items, each with its path; typed lists lend kind and version', () => {
    const items = [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }];
    expect(objectsIn({ apiVersion: 'v1', kind: 'List', items })).toEqual([{ raw: items[0], path: ['items', 0] }]);
    expect(objectsIn({ apiVersion: 'v1', kind: 'ServiceList', items: [{ metadata: { name: 'b' } }] })).toEqual([
      { raw: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'b' } }, path: ['items', 0] },
    ]);
    expect(objectsIn({ apiVersion: 'v1', kind: 'List', items: null })).toEqual([]);
    expect(objectsIn(5)).toEqual([{ raw: 5, path: [] }]);
  });
});

describe('issues as text', () => {
  it('have the place in front where there is one', () => {
    const { issues } = parseObject(calico('BGPPeer', { peerIP: '192.0.2.1', asNumber: -7 }, { name: 'tor-1' }), () => ({
      file: 'a.yaml',
      line: 7,
      column: 3,
    }));
    expect(issues.map(formatIssueAt)).toEqual(['a.yaml:7:3: BGPPeer/tor-1 spec.asNumber: -7 is not 1-4294967295 or x.y']);
    expect(issues).toMatchObject([{ code: 'BGPPEER_AS_NUMBER', severity: 'error', transient: false }]);
  });

  it.each<[unknown, string]>([
    [undefined, 'null'],
    ['x'.repeat(500), `"${'x'.repeat(GOT_LIMIT - 2)}…`],
    [{ a: [1, 'b', null] }, '{"a":[1,"b",null]}'],
    [Number.NaN, 'NaN'],
  ])('%j is shown as %s', (value, wanted) => {
    expect(gotText(value)).toBe(wanted);
  });

  it('show cycles and deep nesting in short', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(gotText(cycle).length).toBeLessThanOrEqual(GOT_LIMIT);
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    expect(gotText(deep).length).toBeLessThanOrEqual(GOT_LIMIT);
  });
});

const kinds = [
  'Node',
  'IPPool',
  'BGPConfiguration',
  'BGPPeer',
  'BGPFilter',
  'BlockAffinity',
  'Service',
  'EndpointSlice',
  'Secret',
  'Other',
];

const versions = ['v1', 'projectcalico.org/v3', 'crd.projectcalico.org/v1', 'discovery.k8s.io/v1', '', 'x/y'];

const words = [
  'peerIP',
  'cidr',
  'bgp',
  'communities',
  'values',
  'exportV4',
  'operations',
  'prefixAdvertisements',
  'endpoints',
  'data',
  '__proto__',
  'constructor',
];

const anything = fc.anything({
  key: fc.oneof(fc.constantFrom(...words), fc.string()),
  maxDepth: 5,
  withBigInt: true,
  withDate: true,
  withMap: true,
});

describe('an empty text', () => {
  const peer = { peerIP: '192.0.2.9', asNumber: 64512 };
  it.each<[string, unknown, string]>([
    ['BGPPeer', '', 'spec: "" is not a mapping'],
    ['BGPPeer', { ...peer, password: '' }, 'spec.password: [hidden] is not a mapping'],
    ['BGPPeer', { ...peer, password: { secretKeyRef: '' } }, 'spec.password.secretKeyRef: [hidden] is not a mapping'],
    ['BGPFilter', { exportV4: '' }, 'spec.exportV4: "" is not a list of rules'],
    ['BGPConfiguration', { serviceLoadBalancerIPs: '' }, 'spec.serviceLoadBalancerIPs: "" is not a list of CIDR entries'],
    [
      'BGPFilter',
      { exportV4: [{ action: 'Accept', matchOperator: 'In', cidr: '10.0.0.0/8', prefixLength: '' }] },
      'spec.exportV4[0].prefixLength: "" is not a mapping',
    ],
    ['BGPFilter', { exportV4: [{ action: 'Accept', communities: '' }] }, 'spec.exportV4[0].communities: "" is not a mapping'],
  ])('is no mapping and no list, and no absent one: %s %j', (kind, spec, issue) => {
    const found = parseObject({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name: 'default' }, spec });
    expect([found.outcome.type, found.issues.map((each) => formatIssueAt(each).replace(/^\S+ /, ''))]).toEqual(['invalid', [issue]]);
  });

  it('is no mapping of labels either', () => {
    const found = parseObject({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n', labels: '' }, spec: {} });
    expect(found.issues.map((each) => formatIssueAt(each))).toEqual(['Service/n/s metadata.labels: "" is not a mapping of texts']);
  });

  it('is no spec of a Service, and no load balancer’s address, also where a wrong one would be ignored', () => {
    const service = (spec: unknown) => parseObject({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n' }, spec });
    expect(service('').issues.map((each) => formatIssueAt(each))).toEqual(['Service/n/s spec: "" is not a mapping']);
    expect(service({ loadBalancerIP: '' }).issues).toEqual([]);
    expect(service({ loadBalancerIP: 'x' }).issues.map(({ severity }) => severity)).toEqual(['warning']);
  });

  it('is an absent text', () => {
    const spec = { ...peer, node: '' };
    const found = parseObject({ apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name: 'default' }, spec });
    expect([found.outcome.type, found.issues]).toEqual(['resource', []]);
  });
});

describe('properties', () => {
  it('anything at all gives an outcome, and an error exactly where nothing else came of it', () => {
    const object = fc.record(
      {
        apiVersion: fc.oneof(fc.constantFrom(...versions), anything),
        kind: fc.oneof(fc.constantFrom(...kinds), anything),
        metadata: fc.oneof(
          fc.record({ name: fc.oneof(fc.constant('x'), anything), labels: anything, annotations: anything }, { requiredKeys: [] }),
          anything,
        ),
        spec: fc.oneof({ weight: 20, arbitrary: anything }, { weight: 1, arbitrary: fc.constant('') }),
        data: anything,
        endpoints: anything,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: object }, { weight: 1, arbitrary: anything }), (raw) => {
        for (const item of objectsIn(raw)) {
          const { outcome, issues } = parseObject(item.raw);
          expect(outcome.type === 'invalid').toBe(issues.some(({ severity }) => severity === 'error'));
          expect(() => JSON.stringify(issues)).not.toThrow();
          for (const issue of issues) expect(formatIssueAt(issue)).toMatch(/^[^\n]*\/[^\n]*: [^\n]*$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('mutating one field of a good object never throws and never loses its name', () => {
    const base = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPFilter',
      metadata: { name: 'x' },
      spec: { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In', operations: [{ setPriority: { value: 1 } }] }] },
    };
    fc.assert(
      fc.property(
        fc.constantFrom('cidr', 'matchOperator', 'action', 'operations', 'prefixLength', 'communities', 'asPathPrefix', 'priority'),
        anything,
        (key, value) => {
          const rule = { ...base.spec.exportV4[0], [key]: value };
          const found = parseObject({ ...base, spec: { exportV4: [rule] } });
          expect(found.ref?.name).toBe('x');
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
