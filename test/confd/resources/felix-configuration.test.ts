/** FelixConfiguration as far as encapsulation goes, and the tunnel fields of Nodes. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { felixFields } from '../../../src/confd/resources/felix-configuration.ts';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import { createStore } from '../../../src/confd/resources/store.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';

const resource = (raw: unknown): Resource => {
  const { outcome, issues } = parseObject(raw);
  if (outcome.type !== 'resource') throw new Error(JSON.stringify(issues));
  return outcome.resource;
};
const felix = (name: string, spec: unknown) =>
  resource({ apiVersion: 'projectcalico.org/v3', kind: 'FelixConfiguration', metadata: { name }, spec });
const node = (apiVersion: string, rest: object) => resource({ apiVersion, kind: 'Node', metadata: { name: 'n1' }, ...rest });

function snapshotOf(...resources: readonly Resource[]) {
  const store = createStore();
  const delta = store.apply({ upsert: resources, remove: [], issues: [], inSync: true });
  return { snapshot: store.snapshot, delta, store };
}

describe('what holds for a node', () => {
  it('is that of the node above that of the cluster, field by field; other nodes have no say', () => {
    const { snapshot, delta } = snapshotOf(
      felix('default', { vxlanMTU: 1400, vxlanVNI: 5000, routeRefreshInterval: '1m30s' }),
      felix('node.n1', { vxlanMTU: 1410, externalNodesList: ['192.0.2.1', '198.51.100.0/24'] }),
      felix('node.n2', { vxlanMTU: 1420 }),
      felix('elsewhere', { vxlanMTU: 1430 }),
    );
    expect(delta.changed).toContainEqual({ kind: 'FelixConfiguration', key: 'node.n1' });
    const found = felixFields(snapshot.felix, 'n1');
    expect(found).toMatchObject({ vxlanMTU: 1410, vxlanVNI: 5000, routeRefreshInterval: 90 });
    expect(found.externalNodesList?.map(formatPrefix)).toEqual(['192.0.2.1/32', '198.51.100.0/24']);
    expect(felixFields(snapshot.felix, 'n3')).toEqual({ vxlanMTU: 1400, vxlanVNI: 5000, routeRefreshInterval: 90 });
  });

  it('keeps the empty path apart from none', () => {
    const { snapshot } = snapshotOf(felix('default', { endpointStatusPathPrefix: '' }));
    expect(felixFields(snapshot.felix, 'n1')).toEqual({ endpointStatusPathPrefix: '' });
    expect(felixFields(snapshotOf(felix('default', {})).snapshot.felix, 'n1')).toEqual({});
  });

  it('takes what Felix has beside it without a word, and a removed object away', () => {
    const { issues } = parseObject({
      apiVersion: 'crd.projectcalico.org/v1',
      kind: 'FelixConfiguration',
      metadata: { name: 'default' },
      spec: { bpfEnabled: true, failsafeInboundHostPorts: [], routeTableRanges: [{ min: 1, max: 250 }], wireguardKeepAlive: '0s' },
    });
    expect(issues).toEqual([]);
    const { store, snapshot } = snapshotOf(felix('default', { vxlanMTU: 1400 }));
    const ref = snapshot.felix.get('default')?.ref;
    store.apply({ upsert: [], remove: ref === undefined ? [] : [ref], issues: [], inSync: true });
    expect(felixFields(snapshot.felix, 'n1')).toEqual({});
  });
});

describe('tunnels of a Node', () => {
  const annotations = {
    'projectcalico.org/IPv4VXLANTunnelAddr': '10.244.1.1',
    'projectcalico.org/VXLANTunnelMACAddr': '66-E4-33-42-F4-F2',
    'projectcalico.org/IPv4IPIPTunnelAddr': '10.244.1.2',
  };
  const kubernetes = node('v1', { metadata: { name: 'n1', annotations } });

  it('come from annotations and from the spec, whose own fields win one by one', () => {
    const calico = node('projectcalico.org/v3', {
      spec: { bgp: { ipv4IPIPTunnelAddr: '10.244.9.9' }, ipv6VXLANTunnelAddr: 'fd00::5', vxlanTunnelMACAddrV6: '66:e4:33:42:f4:f3' },
    });
    const found = snapshotOf(kubernetes, calico).snapshot.nodes.get('n1')?.tunnels;
    const texts = Object.entries(found ?? {}).map(([key, value]) => [key, typeof value === 'string' ? value : formatAddress(value)]);
    expect(Object.fromEntries(texts)).toEqual({
      vxlanV4: '10.244.1.1',
      vxlanV4MAC: '66:e4:33:42:f4:f2',
      vxlanV6: 'fd00::5',
      vxlanV6MAC: '66:e4:33:42:f4:f3',
      ipip: '10.244.9.9',
    });
  });

  it('leave a heartbeat free: the same Node again is no change', () => {
    const { store } = snapshotOf(kubernetes);
    const beat = node('v1', { metadata: { name: 'n1', annotations }, status: { conditions: [{ type: 'DiskPressure', status: 'False' }] } });
    expect(store.apply({ upsert: [beat], remove: [], issues: [], inSync: true }).changed).toEqual([]);
  });

  it('a bad one costs itself and not the node', () => {
    const { outcome, issues } = parseObject({
      apiVersion: 'projectcalico.org/v3',
      kind: 'Node',
      metadata: { name: 'n1' },
      spec: { bgp: { ipv4Address: '10.0.0.1/24' }, vxlanTunnelMACAddr: '03:00:00:00:00:01', ipv4VXLANTunnelAddr: '10.244.1.1' },
    });
    expect(issues).toMatchObject([{ severity: 'warning', field: 'spec.vxlanTunnelMACAddr' }]);
    expect(outcome).toMatchObject({ type: 'resource', resource: { tunnels: { vxlanV4: {} } } });
  });
});
