import { describe, expect, it } from 'vitest';
import type { PeersDocument } from '../../src/health/status.ts';
import type { AgentDocument } from '../../src/node/calico-status.ts';
import { agentStatus, bgpStatus, MAX_STATUS_ROUTES, routesStatus } from '../../src/node/calico-status.ts';
import { peer, route } from '../health/fixtures.ts';

const remote = (address: string) => ({ remote: { address, port: 179 }, since: 1_700_000_000_000 });
const peers: Pick<PeersDocument, 'peers' | 'held'> = {
  peers: [
    peer('Mesh_192_0_2_2', { ...remote('192.0.2.2'), state: 'established' }),
    peer('Global_2001_db8__1', { ...remote('2001:db8::1'), state: 'open-confirm' }),
    peer('Local_Workload_10_0_0_9', { ...remote('10.0.0.9'), state: 'active' }),
  ],
  held: [
    {
      id: 'Node_192_0_2_3',
      address: '192.0.2.3',
      issue: 'PEER_PASSWORD',
      object: 'BGPPeer/a',
      detail: 'BGPPeer/a spec.password: is empty',
    },
  ],
};

function status(change: Partial<AgentDocument> = {}): AgentDocument {
  return {
    version: '1.2.3',
    engine: 'native',
    startedAt: 1_700_000_000_000,
    live: true,
    lastAppliedAt: 0,
    daemons: [],
    speaker: {
      routerId: '192.0.2.1',
      localAs: 64512,
      listeners: [{ address: '0.0.0.0', port: 179, up: true, error: null }],
      prefixes: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 },
      paths: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 },
      attributeSets: 0,
      groups: [],
      work: {},
    },
    ...change,
  };
}

const readiness = (document: AgentDocument): readonly (string | undefined)[] => {
  const agents = agentStatus(document);
  return [agents['birdV4']?.state, agents['birdV6']?.state];
};

describe('class Agent', () => {
  it('says version, id and times; a time that never was is empty', () => {
    expect(agentStatus(status())['birdV4']).toEqual({
      state: 'Ready',
      version: 'linnet 1.2.3 (native)',
      routerID: '192.0.2.1',
      lastBootTime: '2023-11-14T22:13:20.000Z',
      lastReconfigurationTime: '',
    });
  });

  it.each<[string, Partial<AgentDocument>, readonly string[]]>([
    ['a family that is listened on', {}, ['Ready', 'NotReady']],
    ['a stalled daemon', { live: false }, ['NotReady', 'NotReady']],
    ['no speaker yet', { speaker: null }, ['NotReady', 'NotReady']],
    ['one BIRD for both', { daemons: [{ name: 'BIRD', ok: true, detail: '' }] }, ['Ready', 'Ready']],
    [
      'a BIRD for each',
      {
        daemons: [
          { name: 'BIRDv4', ok: false, detail: '' },
          { name: 'BIRDv6', ok: true, detail: '' },
        ],
      },
      ['NotReady', 'Ready'],
    ],
  ])('%s', (_name, change, expected) => {
    expect(readiness(status(change))).toEqual(expected);
  });
});

describe('class BGP', () => {
  it('counts and lists each family by itself, with local workloads and what is not started', () => {
    expect(bgpStatus(peers)).toEqual({
      numberEstablishedV4: 1,
      numberNotEstablishedV4: 2,
      peersV4: [
        { peerIP: '192.0.2.2', type: 'NodeMesh', state: 'Established', since: '2023-11-14T22:13:20.000Z' },
        { peerIP: '10.0.0.9', type: 'NodePeer', state: 'Active', since: '2023-11-14T22:13:20.000Z' },
        { peerIP: '192.0.2.3', type: 'NodePeer', state: 'Idle', since: '' },
      ],
      numberEstablishedV6: 0,
      numberNotEstablishedV6: 1,
      peersV6: [{ peerIP: '2001:db8::1', type: 'GlobalPeer', state: 'OpenConfirm', since: '2023-11-14T22:13:20.000Z' }],
    });
  });
});

describe('class Routes', () => {
  it('says where each comes from and whether it is the one in use', () => {
    const local = (prefix: string, change: object): ReturnType<typeof route> =>
      route(prefix, { from: 'local', best: true, nextHop: null, ...change });
    const found = routesStatus(
      [
        local('10.0.1.0/26', {}),
        local('10.0.1.5/32', { protocol: 'kernel', interface: 'cali1' }),
        local('192.0.2.0/24', { protocol: 'device', interface: 'eth0' }),
        route('10.0.2.0/26', { from: 'Mesh_192_0_2_2', best: true, nextHop: '192.0.2.2' }),
        route('10.0.2.0/26', { from: 'Local_Workload_10_0_0_9', best: false, nextHop: '10.0.0.9' }),
        route('2001:db8:9::/64', { from: 'Global_2001_db8__1', best: true, nextHop: '2001:db8::1' }),
      ],
      peers,
    );
    const row = (type: string, destination: string, gateway: string, device: string, learnedFrom: object) => ({
      type,
      destination,
      gateway,
      interface: device,
      learnedFrom,
    });
    expect(found).toEqual({
      routesV4: [
        row('FIB', '10.0.1.0/26', 'N/A', 'blackhole', { sourceType: 'Static' }),
        row('FIB', '10.0.1.5/32', 'N/A', 'cali1', { sourceType: 'Kernel' }),
        row('FIB', '192.0.2.0/24', 'N/A', 'eth0', { sourceType: 'Direct' }),
        row('FIB', '10.0.2.0/26', '192.0.2.2', 'N/A', { sourceType: 'NodeMesh', peerIP: '192.0.2.2' }),
        row('RIB', '10.0.2.0/26', '10.0.0.9', 'N/A', { sourceType: 'BGPPeer', peerIP: '10.0.0.9' }),
      ],
      routesV6: [row('FIB', '2001:db8:9::/64', '2001:db8::1', 'N/A', { sourceType: 'BGPPeer', peerIP: '2001:db8::1' })],
    });
  });

  it('is bounded in each family', () => {
    const many = Array.from({ length: MAX_STATUS_ROUTES + 5 }, (_, index) => route(`10.${index >> 8}.${index & 255}.0/24`));
    expect(routesStatus([...many, route('2001:db8::/64')], peers)).toMatchObject({
      routesV4: { length: MAX_STATUS_ROUTES },
      routesV6: { length: 1 },
    });
  });
});
