/** What is wanted of a snapshot, and what main tells of itself. */
import { describe, expect, it } from 'vitest';
import { createCompute } from '../../node-agent/compute.ts';
import { AGENT_KEYS } from '../../node-agent/config/options.ts';
import { readAgentConfig } from '../../node-agent/config/read.ts';
import type { AgentKey } from '../../node-agent/config/types.ts';
import type { AgentWanted, DataplaneStatus } from '../../node-agent/dataplane-types.ts';
import { createView, reportsOf } from '../../node-agent/status.ts';
import type { ConvergeState } from '../../src/confd/converge.ts';
import { parseObject } from '../../src/confd/resources/parse-object.ts';
import { createStore } from '../../src/confd/resources/store.ts';
import type { Resource } from '../../src/confd/resources/types.ts';

const resource = (kind: string, name: string, spec: object): Resource => {
  const { outcome, issues } = parseObject({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (outcome.type !== 'resource') throw new Error(JSON.stringify(issues));
  return outcome.resource;
};
const node = (name: string, last: number) =>
  resource('Node', name, {
    bgp: { ipv4Address: `172.31.0.${last}/24` },
    ipv4VXLANTunnelAddr: `10.244.${last}.63`,
    vxlanTunnelMACAddr: `66:00:00:00:04:0${last}`,
  });
const CLUSTER = [
  node('n1', 1),
  node('n2', 2),
  resource('IPPool', 'p', { cidr: '10.244.0.0/16', vxlanMode: 'Always' }),
  resource('BlockAffinity', 'b', { node: 'n2', cidr: '10.244.2.0/26', state: 'confirmed' }),
  resource('FelixConfiguration', 'default', { vxlanVNI: 5000, vxlanPort: 4790 }),
  resource('FelixConfiguration', 'node.n1', { vxlanVNI: 6000 }),
];

function cluster(resources: readonly Resource[] = CLUSTER) {
  const store = createStore();
  store.apply({ upsert: resources, remove: [], issues: [], inSync: true });
  return store;
}

const FELIX_PROTOCOL = 'FELIX_ROUTE_PROTOCOL: is the number of the kernel, an administrator, DHCP or the BGP daemon: 80 is used';

describe('what is wanted', () => {
  it('has Felix values of the cluster below those of the node below those said here', () => {
    const { snapshot } = cluster();
    const { desired } = createCompute({ node: 'n1', usePodCIDR: false, local: { vxlanPort: 4791 } })(snapshot, undefined);
    expect(desired.felix).toMatchObject({ vxlanVNI: 6000, vxlanPort: 4791 });
    expect(desired.wishes.devices[0]).toMatchObject({ name: 'vxlan.calico', vni: 6000, port: 4791 });
    expect(desired.wishes.routes.length).toBeGreaterThan(0);
  });

  it('stays the same object where nothing of encapsulation changed, and is worked out anew where something did', () => {
    const store = cluster();
    const compute = createCompute({ node: 'n1', usePodCIDR: false, local: {} });
    const first = compute(store.snapshot, undefined);
    const other = { changed: [{ kind: 'BGPPeer', key: 'tor' }], issuesChanged: false } as const;
    expect(compute(store.snapshot, other)).toBe(first);
    const delta = store.apply({ upsert: [node('n3', 3)], remove: [], issues: [], inSync: true });
    expect(compute(store.snapshot, delta).desired.wishes.vteps).toHaveLength(2);
  });

  it('says which fields of FelixConfiguration have no effect', () => {
    const felix = resource('FelixConfiguration', 'default', { netlinkTimeout: '10s', vxlanVNI: 5000 });
    const { issues } = createCompute({ node: 'n1', usePodCIDR: false, local: {} })(cluster([...CLUSTER, felix]).snapshot, undefined);
    expect(issues).toMatchObject([{ code: 'FELIX_FIELD_UNUSED', field: 'spec.netlinkTimeout', object: { name: 'default' } }]);
  });

  it.each([
    [2, [FELIX_PROTOCOL]],
    [12, [FELIX_PROTOCOL]],
    [3, []],
    [81, []],
  ])('takes no number of others for its routes, and says so: %i', (deviceRouteProtocol, said) => {
    const felix = resource('FelixConfiguration', 'node.n1', { deviceRouteProtocol });
    const { issues } = createCompute({ node: 'n1', usePodCIDR: false, local: {} })(cluster([...CLUSTER, felix]).snapshot, undefined);
    expect(issues.map(({ code, rule }) => `${code}: ${rule}`)).toEqual(said);
  });

  it.each([
    [{ deviceRouteProtocol: 90 }, undefined],
    [{}, 90],
  ])('says nothing of a number of others where another one holds: %j', (local, own) => {
    const felix = [
      resource('FelixConfiguration', 'default', { deviceRouteProtocol: 2 }),
      resource('FelixConfiguration', 'node.n1', own === undefined ? {} : { deviceRouteProtocol: own }),
    ];
    expect(createCompute({ node: 'n1', usePodCIDR: false, local })(cluster([...CLUSTER, ...felix]).snapshot, undefined).issues).toEqual([]);
  });

  it('is nothing but an issue for a node that the cluster does not know', () => {
    const { issues, desired } = createCompute({ node: 'n9', usePodCIDR: false, local: {} })(cluster().snapshot, undefined);
    expect(issues).toMatchObject([{ code: 'NODE_MISSING', object: { name: 'n9' } }]);
    expect(desired.wishes.devices).toEqual([]);
  });
});

const idle: ConvergeState<AgentWanted> = {
  ...{ inSync: false, firstAppliedAt: 0, lastAppliedAt: 0, applied: { changed: 0, unchanged: 0, failed: 0 }, changes: 0, coalesced: 0 },
  ...{ desired: undefined, issues: [] },
};
const figures = { operations: 0, repairs: 0, failing: 0, lastMs: 0 };
const plane = (detail: string): DataplaneStatus => ({
  ...{ devices: {}, podMtu: 0, losses: 0 },
  parts: [{ part: 'devices', ready: detail === '', detail, figures, more: null }],
});
const ready = (state: ConvergeState<AgentWanted>, dataplane: DataplaneStatus) =>
  Object.fromEntries(
    reportsOf({ state, dataplane, faults: [] }).map(({ name, ready: is, detail }) => [name, `${is ? 'yes' : 'no'} ${detail}`.trim()]),
  );

describe('readiness', () => {
  it('never comes before everything was applied once, whatever the parts say of themselves', () => {
    expect(ready({ ...idle, inSync: true }, plane(''))).toEqual({
      main: 'yes',
      datastore: 'yes in sync',
      dataplane: 'no nothing was applied yet',
    });
  });

  it('is that of the parts then, with their words', () => {
    const applied = { ...idle, inSync: true, firstAppliedAt: 1 };
    expect(ready(applied, plane(''))).toMatchObject({ dataplane: 'yes' });
    expect(ready(applied, plane('vxlan.calico belongs to Felix'))).toMatchObject({
      dataplane: 'no devices: vxlan.calico belongs to Felix',
    });
  });

  it('is not that of a node which the cluster does not know, although nothing is left to do', () => {
    const { desired } = createCompute({ node: 'n9', usePodCIDR: false, local: {} })(cluster().snapshot, undefined);
    const applied = { ...idle, inSync: true, firstAppliedAt: 1, desired };
    expect(ready(applied, plane(''))).toMatchObject({ dataplane: expect.stringMatching(/^no Node\/n9: /) });
  });

  it('outlives the datastore: what was applied stands', () => {
    expect(ready({ ...idle, firstAppliedAt: 1 }, plane(''))).toMatchObject({
      datastore: 'yes lost: the last state stays',
      dataplane: 'yes',
    });
    expect(ready(idle, plane(''))).toMatchObject({ datastore: 'no no complete view yet' });
  });
});

describe('the view of a moment', () => {
  const machine = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };
  const flags = new Map<AgentKey, string>([['node', 'n1']]);
  const result = readAgentConfig({ flags, environment: { ETCD_PASSWORD: 'hunter2' }, file: new Map(), machine, readFile: () => undefined });
  const { desired } = createCompute({ node: 'n1', usePodCIDR: false, local: {} })(cluster().snapshot, undefined);
  const moment = {
    state: { ...idle, desired, inSync: true, firstAppliedAt: 5 },
    dataplane: plane(''),
    issues: [],
    faults: [],
    suppressed: 3,
  };

  it('tells the status where it is new, the figures always, and no secret', () => {
    const view = createView({ result, node: 'n1', version: '1.2.3', startedAt: 0 });
    const first = view(moment);
    expect(first.status).toBeDefined();
    expect(view(moment).status).toBe(undefined);
    expect(first.figures).toMatchObject({ vteps: { ipv4: 1, ipv6: 0 }, suppressedLines: 3, inSync: true, node: 'n1' });
    const document: unknown = JSON.parse(first.status ?? '');
    expect(document).toMatchObject({
      schema: 'linnet.node-agent-status/v1',
      ready: true,
      wanted: { devices: ['vxlan.calico'], tunnelEndpoints: 1 },
      felix: expect.arrayContaining([{ key: 'vxlanVNI', value: '6000' }]),
    });
    expect(first.status).not.toContain('hunter2');
    expect(AGENT_KEYS).toContain('etcdPassword');
  });
});
