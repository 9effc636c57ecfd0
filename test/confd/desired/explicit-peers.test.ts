/** Peers of BGPPeers: who they are, what they carry, and the other side (control-plane 2.3). */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { configuration, filter, node, peer, workload } from '../../worlds/build.ts';
import { b, c, codes, ids, noMesh, only, own, result } from './peers-of.ts';

describe('2.3 explicit peers', () => {
  it.each<[string, Resource[], string[]]>([
    ['a global peer', [peer('p', { peerIP: '10.9.9.9', asNumber: 1 })], ['Global_10_9_9_9']],
    ['a peer of this node', [peer('p', { node: 'a', peerIP: '10.9.9.9', asNumber: 1 })], ['Node_10_9_9_9']],
    ['a peer of another node', [peer('p', { node: 'b', peerIP: '10.9.9.9', asNumber: 1 })], []],
    ['a node selector that matches', [peer('p', { nodeSelector: 'rack=x', peerIP: '10.9.9.9', asNumber: 1 })], ['Node_10_9_9_9']],
    ['a node selector that does not', [peer('p', { nodeSelector: 'rack=y', peerIP: '10.9.9.9', asNumber: 1 })], []],
    ['a port in the name', [peer('p', { peerIP: '10.9.9.9:1790', asNumber: 1 })], ['Global_10_9_9_9_port_1790']],
    ['a peer selector', [peer('p', { node: 'a', peerSelector: 'rr' })], ['Node_10_0_0_3']],
    ['a global peer selector', [peer('p', { peerSelector: 'rr' })], ['Global_10_0_0_3']],
    ['the own address is no peer', [peer('p', { peerIP: '10.0.0.2', asNumber: 64512, reversePeering: 'Manual' })], []],
    ['an IPv6 peer needs an own IPv6 address', [peer('p', { peerIP: 'fd00::9', asNumber: 1 })], []],
    [
      'one address on two ports is two sessions',
      [peer('p', { peerIP: '10.9.9.9', asNumber: 1 }), peer('q', { peerIP: '10.9.9.9:1790', asNumber: 1 })],
      ['Global_10_9_9_9', 'Global_10_9_9_9_port_1790'],
    ],
  ])('%s', (_, resources, expected) => {
    expect(ids([own, b, noMesh, ...resources])).toEqual(expected);
  });

  it("the AS of a selector peer is the node's or the global one, its port too", () => {
    const far = node('b', { ipv4: '10.0.0.3/24', as: 65003, labels: { rr: 'yes' } });
    expect(only([own, far, noMesh, configuration('node.b', { listenPort: 1790 }), peer('p', { peerSelector: 'rr' })])).toMatchObject({
      remoteAs: 65003,
      port: 1790,
    });
  });

  it('explicit :179 and no port are one session, and the lowest name has it, with an issue for the other (12)', () => {
    const world = [own, noMesh, peer('z', { peerIP: '10.9.9.9', asNumber: 1 }), peer('m', { peerIP: '10.9.9.9:179', asNumber: 2 })];
    expect(only(world)).toMatchObject({ remoteAs: 2, id: 'Global_10_9_9_9_port_179' });
    const [issue] = result(world).issues;
    expect(issue).toMatchObject({
      code: 'BGPPEER_DUPLICATE',
      object: { kind: 'BGPPeer', name: 'z' },
      rule: 'is already asked for by BGPPeer/m, which comes first',
    });
  });

  it('a global peer keeps a node peer of the same session out', () => {
    const world = [own, noMesh, peer('a', { node: 'a', peerIP: '10.9.9.9', asNumber: 1 }), peer('z', { peerIP: '10.9.9.9', asNumber: 2 })];
    expect(only(world)).toMatchObject({ type: 'global', remoteAs: 2 });
  });

  it('reports a pair of BGPPeers once however many sessions they share', () => {
    const world = [
      own,
      b,
      c,
      noMesh,
      peer('p', { nodeSelector: 'all()', peerSelector: 'all()' }),
      peer('q', { nodeSelector: 'all()', peerSelector: 'all()' }),
    ];
    expect(result(world).issues).toMatchObject([
      { got: '"10.0.0.3"', rule: 'is already asked for by BGPPeer/p, which comes first; so are 1 other sessions of the two' },
    ]);
  });

  it.each<[string, Resource[], number]>([
    ['a node with that address and AS gives its port', [peer('p', { peerIP: '10.0.0.3', asNumber: 64512 })], 1791],
    ['another AS does not (12)', [peer('p', { peerIP: '10.0.0.3', asNumber: 65001 })], 179],
    ['a port written wins (12)', [peer('p', { peerIP: '10.0.0.3:1800', asNumber: 64512 })], 1800],
    ['AS 0 stands for the global AS', [peer('p', { peerIP: '10.0.0.3', asNumber: 0 })], 1791],
  ])('port of a peer written by address: %s', (_, resources, port) => {
    expect(only([own, b, noMesh, configuration('node.b', { listenPort: 1791 }), ...resources]).port).toBe(port);
  });

  it('an unset AS is that of the node with the address, else the peer is refused (2.4)', () => {
    const far = node('b', { ipv4: '10.0.0.3/24', as: 65003 });
    expect(only([own, far, noMesh, peer('p', { peerIP: '10.0.0.3' })]).remoteAs).toBe(65003);
    const lost = [own, noMesh, peer('p', { peerIP: '10.9.9.9' })];
    expect(ids(lost)).toEqual([]);
    expect(codes(lost)).toEqual(['BGPPEER_AS_MISSING']);
  });

  it('common fields', () => {
    const spec = {
      peerIP: '10.9.9.9',
      asNumber: 1,
      maxRestartTime: 33,
      keepaliveTime: 7,
      numAllowedLocalASNumbers: 2,
      ttlSecurity: 3,
      sourceAddress: 'None' as const,
    };
    const made = only([own, noMesh, peer('p', { ...spec, reachableBy: '10.0.0.254' })]);
    expect(made).toMatchObject({ restartTime: 33, keepaliveTime: 7, allowLocalAs: 2, ttlSecurity: 3 });
    expect(made.source).toBeUndefined();
    expect(result([own, noMesh, peer('p', { ...spec, reachableBy: '10.0.0.254' })]).desired?.install).toMatchObject([
      { id: '10.9.9.9/32', kind: 'via', gateway: { words: [0x0a0000fe, 0, 0, 0] } },
    ]);
  });

  it('existing filters in order, a missing one left out with an issue', () => {
    const world = [
      own,
      noMesh,
      filter('f', { exportV4: [{}] }),
      filter('g', { exportV4: [{}] }),
      peer('p', { peerIP: '10.9.9.9', asNumber: 1, filters: ['g', 'x', 'f'] }),
    ];
    expect(only(world).filters).toEqual(['g', 'f']);
    expect(result(world).issues).toMatchObject([{ code: 'BGPPEER_FILTER_MISSING', field: 'spec.filters[1]', got: '"x"', transient: true }]);
    expect(result(world).desired?.filters.map((entry) => entry.id)).toEqual(['f', 'g']);
  });

  const app = peer('app', {
    localWorkloadSelector: 'app',
    asNumber: 65010,
    localASNumber: 65020,
    filters: ['f'],
    ttlSecurity: 3,
    maxRestartTime: 7,
    nextHopMode: 'Self',
    password: { name: 'no-such', key: 'x' },
  });

  it('a local workload is a passive peer with AS, local AS and filters of its BGPPeer, and nothing else of it', () => {
    const world = [own, noMesh, filter('f', {}), app, workload('w', 'app', '10.65.0.2')];
    const found = only(world);
    expect(found).toMatchObject({ id: 'Local_Workload_10_65_0_2', type: 'local-workload', remoteAs: 65010, localAs: 65020, passive: true });
    expect(found).toMatchObject({ port: 179, filters: ['f'], ttlSecurity: 0, nextHop: 'auto' });
    for (const field of ['source', 'restartTime', 'password', 'heldBy', 'keepaliveTime', 'reachableBy'])
      expect(found).not.toHaveProperty(field);
    expect(codes(world)).toEqual([]);
  });

  it('a local workload peers once a family in which the node has an address, and only by the BGPPeer that its file names', () => {
    const both = node('a', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64', labels: { rack: 'x' } });
    const dual = workload('w', 'app', '10.65.0.2', 'fd65::2');
    expect(ids([both, noMesh, app, dual])).toEqual(['Local_Workload_10_65_0_2', 'Local_Workload_fd65__2']);
    expect(ids([own, noMesh, app, dual])).toEqual(['Local_Workload_10_65_0_2']);
    expect(ids([own, noMesh, app, workload('w', 'other', '10.65.0.2')])).toEqual([]);
    const elsewhere = peer('app', { localWorkloadSelector: 'app', asNumber: 65010, nodeSelector: 'rack=y' });
    expect(ids([own, noMesh, elsewhere, dual])).toEqual([]);
  });

  it('an explicit peer takes the session of a mesh peer over, without an issue', () => {
    const world = [own, b, peer('p', { node: 'a', peerSelector: 'rr' })];
    expect(ids(world)).toEqual(['Node_10_0_0_3']);
    expect(codes(world)).toEqual([]);
  });
});

describe('2.3 selector peers and local AS [Q]', () => {
  const spec = { nodeSelector: 'rack=x', peerSelector: 'rr', localASNumber: 65010, numAllowedLocalASNumbers: 3 };

  it('apply localASNumber and numAllowedLocalASNumbers; Calico does not', () => {
    expect(only([own, b, noMesh, peer('p', spec)])).toMatchObject({ localAs: 65010, allowLocalAs: 3, internal: false });
    expect(only([own, b, noMesh, peer('p', spec)], { compatCalico: true })).toMatchObject({
      localAs: 64512,
      allowLocalAs: 0,
      internal: true,
    });
  });

  it('the other side expects that AS', () => {
    expect(only([own, b, noMesh, peer('p', spec)], { node: 'b' })).toMatchObject({ remoteAs: 65010, localAs: 64512, allowLocalAs: 0 });
    expect(only([own, b, noMesh, peer('p', spec)], { node: 'b', compatCalico: true })).toMatchObject({ remoteAs: 64512 });
  });

  it('where both are local nodes and peers, both speak it', () => {
    const world = [own, b, noMesh, peer('p', { nodeSelector: 'all()', peerSelector: 'all()', localASNumber: 65010 })];
    for (const name of ['a', 'b']) expect(only(world, { node: name })).toMatchObject({ remoteAs: 65010, localAs: 65010, internal: true });
  });
});

describe('2.3 reverse peering', () => {
  it.each<[string, Resource[], string[]]>([
    [
      'the peers of a selector get their local nodes',
      [peer('p', { nodeSelector: '!rr', peerSelector: 'rr' })],
      ['Node_10_0_0_2', 'Node_10_0_0_4'],
    ],
    ['not when Manual', [peer('p', { nodeSelector: '!rr', peerSelector: 'rr', reversePeering: 'Manual' })], []],
    ['a named local node', [peer('p', { node: 'a', peerSelector: 'rr' })], ['Node_10_0_0_2']],
    ['a named local node that does not exist', [peer('p', { node: 'x', peerSelector: 'rr' })], []],
    ['a peer by address and AS', [peer('p', { node: 'a', peerIP: '10.0.0.3', asNumber: 64512 })], ['Node_10_0_0_2']],
    [
      'a global peer by address: every other node',
      [peer('p', { peerIP: '10.0.0.3', asNumber: 64512 })],
      ['Node_10_0_0_2', 'Node_10_0_0_4'],
    ],
    ['not with another AS (12)', [peer('p', { node: 'a', peerIP: '10.0.0.3', asNumber: 65001 })], []],
    ['forward entries win', [peer('p', { peerSelector: 'all()' })], ['Global_10_0_0_2', 'Global_10_0_0_4']],
  ])('%s', (_, resources, expected) => {
    const world = [own, b, c, noMesh, ...resources];
    expect(ids(world, { node: 'b' })).toEqual(expected);
    expect(codes(world, { node: 'b' })).toEqual([]);
  });

  it('selectors reach both families, an address only its own', () => {
    const dual = [
      node('a', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64' }),
      node('b', { ipv4: '10.0.0.3/24', ipv6: 'fd00::3/64', labels: { rr: '' } }),
      noMesh,
    ];
    expect(ids([...dual, peer('p', { node: 'a', peerSelector: 'rr' })], { node: 'b' })).toEqual(['Node_10_0_0_2', 'Node_fd00__2']);
    expect(ids([...dual, peer('p', { node: 'a', peerIP: 'fd00::3', asNumber: 64512 })], { node: 'b' })).toEqual(['Node_fd00__2']);
  });

  it.each<[string, Resource[], boolean, boolean]>([
    ['the node port written', [configuration('node.b', { listenPort: 1790 })], true, true],
    ['another node port', [configuration('node.b', { listenPort: 1791 })], false, false],
    ['the global port written', [configuration('default', { nodeToNodeMeshEnabled: false, listenPort: 1790 })], true, true],
    ['another global port', [configuration('default', { nodeToNodeMeshEnabled: false, listenPort: 1791 })], false, false],
    ['no port anywhere', [], true, true],
    [
      'the node port, where the global one differs [Q]',
      [configuration('node.b', { listenPort: 1790 }), configuration('default', { nodeToNodeMeshEnabled: false, listenPort: 1795 })],
      true,
      false,
    ],
  ])('port of an address peer: %s', (_, resources, fixed, calico) => {
    const world = [own, b, noMesh, ...resources, peer('p', { node: 'a', peerIP: '10.0.0.3:1790', asNumber: 64512 })];
    expect(ids(world, { node: 'b' }).length > 0).toBe(fixed);
    expect(ids(world, { node: 'b', compatCalico: true }).length > 0).toBe(calico);
  });

  it('carries the same options', () => {
    const spec = { node: 'a', peerSelector: 'rr', ttlSecurity: 2, keepaliveTime: 9, maxRestartTime: 5, nextHopMode: 'Self' as const };
    expect(only([own, b, noMesh, peer('p', spec)], { node: 'b' })).toMatchObject({
      ttlSecurity: 2,
      keepaliveTime: 9,
      restartTime: 5,
      nextHop: 'self',
      passive: false,
    });
  });
});
