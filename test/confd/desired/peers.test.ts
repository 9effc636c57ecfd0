/** Peerings of the mesh and what all have in common, one case per clause of control-plane 2.1, 2.2 and the facts of section 12. */
import { formatAddress } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { configuration, filter, node, peer, prefix, secret } from '../../worlds/build.ts';
import { b, c, codes, ids, noMesh, only, own, result } from './peers-of.ts';

describe('2.1 derived values', () => {
  it.each<[string, Resource[], Partial<DesireOptions>, number]>([
    ['the default global AS is 64512', [own], {}, 64512],
    ['BGPConfiguration default sets the global AS', [own, configuration('default', { asNumber: 65000 })], {}, 65000],
    [
      'the node overrides the global AS',
      [node('a', { ipv4: '10.0.0.2/24', as: 65001 }), configuration('default', { asNumber: 65000 })],
      {},
      65001,
    ],
    ['the AS variable overrides the node', [node('a', { ipv4: '10.0.0.2/24', as: 65001 })], { asNumber: 65009 }, 65009],
  ])('%s', (_, resources, options, expected) => {
    expect(result(resources, options).desired?.asNumber).toBe(expected);
  });

  it.each<[string, Resource[], number, boolean]>([
    ['179 is implied', [], 179, false],
    ['the global port is the peer port', [configuration('default', { listenPort: 1790 })], 1790, true],
    [
      'the port of node.NAME beats the global one',
      [configuration('default', { listenPort: 1790 }), configuration('node.b', { listenPort: 1791 })],
      1791,
      true,
    ],
  ])('port of peers: %s', (_, resources, port, portExplicit) => {
    expect(only([own, b, ...resources])).toMatchObject({ port, portExplicit });
  });

  it('listens on every address and 179, or on its own addresses and port', () => {
    expect(result([own]).desired?.listen).toEqual({ addresses: [], port: 179 });
    const bound = result([
      own,
      configuration('default', { listenPort: 1790, bindMode: 'NodeIP' }),
      configuration('node.a', { listenPort: 1792 }),
    ]);
    expect(bound.desired?.listen.port).toBe(1792);
    expect(bound.desired?.listen.addresses.map(formatAddress)).toEqual(['10.0.0.2']);
  });
});

describe('2.2 mesh', () => {
  it.each<[string, Resource[], string[]]>([
    ['every other node with an address', [own, b, c], ['Mesh_10_0_0_3', 'Mesh_10_0_0_4']],
    [
      'per family',
      [node('a', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64' }), node('b', { ipv4: '10.0.0.3/24', ipv6: 'fd00::3/64' })],
      ['Mesh_10_0_0_3', 'Mesh_fd00__3'],
    ],
    ['a family without an own address is off', [own, node('b', { ipv6: 'fd00::3/64' })], []],
    ['off when disabled', [own, b, noMesh], []],
    ['a node with our address is skipped', [own, node('b', { ipv4: '10.0.0.2/24' })], []],
    ['a reflector is not meshed with', [own, node('b', { ipv4: '10.0.0.3/24', cluster: '1.1.1.1' }), c], ['Mesh_10_0_0_4']],
    ['a reflector leaves the mesh itself (12)', [node('a', { ipv4: '10.0.0.2/24', cluster: '1.1.1.1' }), b], []],
    ['the mesh name carries no port', [own, b, configuration('default', { listenPort: 1790 })], ['Mesh_10_0_0_3']],
  ])('%s', (_, resources, expected) => {
    expect(ids(resources)).toEqual(expected);
  });

  it.each<[string, string, string, boolean]>([
    ['waits for the greater address', '10.0.0.2', '10.0.0.3', true],
    ['calls the smaller one', '10.0.0.3', '10.0.0.2', false],
    ['compares text, not numbers: 10.0.0.10 is less than 10.0.0.9 (12)', '10.0.0.9', '10.0.0.10', false],
    ['and 10.0.0.9 is more than 10.0.0.10 (12)', '10.0.0.10', '10.0.0.9', true],
  ])('passive: %s', (_, mine, theirs, expected) => {
    expect(only([node('a', { ipv4: `${mine}/24` }), node('b', { ipv4: `${theirs}/24` })]).passive).toBe(expected);
  });

  it('expects the AS of the peer, else the global one; Calico expects our own [Q]', () => {
    const mine = node('a', { ipv4: '10.0.0.2/24', as: 65001 });
    expect(only([mine, node('b', { ipv4: '10.0.0.3/24', as: 65002 })])).toMatchObject({ remoteAs: 65002, localAs: 65001, internal: false });
    expect(only([mine, b]).remoteAs).toBe(64512);
    expect(only([mine, b], { compatCalico: true }).remoteAs).toBe(65001);
  });

  it('takes source, restart time and password from node and configuration, and no filters', () => {
    const config = configuration('default', { nodeMeshMaxRestartTime: 44, nodeMeshPassword: { name: 'mesh', key: 'k' } });
    const mesh = only([own, b, config, secret('mesh', { k: 'pass' }), filter('f', { exportV4: [{}] })]);
    expect(mesh).toMatchObject({
      type: 'mesh',
      restartTime: 44,
      ttlSecurity: 0,
      filters: [],
      nextHop: 'auto',
      allowLocalAs: 0,
      reflectorClient: false,
    });
    expect(mesh.source && formatAddress(mesh.source)).toBe('10.0.0.2');
    expect(mesh.password?.reveal()).toBe('pass');
    expect(mesh.reasons).toEqual([
      { object: 'BGPConfiguration/default', rule: 'control-plane 2.2' },
      { object: 'Node/b', rule: 'control-plane 2.2' },
    ]);
  });

  it('of two nodes with one address the first by name is peered with, and both have an issue', () => {
    const world = [own, b, node('bb', { ipv4: '10.0.0.3/24', as: 65005 })];
    expect(only(world).remoteAs).toBe(64512);
    expect(codes(world)).toEqual(['NODE_ADDRESS_SHARED', 'NODE_ADDRESS_SHARED']);
  });
});

describe('a peer that must not start is held, with the issue that says why', () => {
  it.each<[string, Resource[], Partial<DesireOptions>, string | undefined]>([
    ['no Secret', [peer('p', { peerIP: '10.9.9.9', asNumber: 1, password: { name: 's', key: 'k' } })], {}, 'BGPPEER_PASSWORD_MISSING'],
    [
      'no such key',
      [secret('s', { other: 'x' }), peer('p', { peerIP: '10.9.9.9', asNumber: 1, password: { name: 's', key: 'k' } })],
      {},
      'BGPPEER_PASSWORD_MISSING',
    ],
    [
      'no MD5',
      [secret('s', { k: 'x' }), peer('p', { peerIP: '10.9.9.9', asNumber: 1, password: { name: 's', key: 'k' } })],
      { engine: {} },
      'BGPPEER_PASSWORD_UNSUPPORTED',
    ],
    [
      'MD5 and Secret',
      [secret('s', { k: 'x' }), peer('p', { peerIP: '10.9.9.9', asNumber: 1, password: { name: 's', key: 'k' } })],
      {},
      undefined,
    ],
    [
      'no TTL security',
      [peer('p', { peerIP: '10.9.9.9', asNumber: 1, ttlSecurity: 1 })],
      { engine: {} },
      'BGPPEER_TTL_SECURITY_UNSUPPORTED',
    ],
    [
      'no route to the peer',
      [peer('p', { peerIP: '10.9.9.9', asNumber: 1, reachableBy: '10.0.0.9' })],
      { engine: {} },
      'BGPPEER_REACHABLE_BY_UNSUPPORTED',
    ],
    [
      'another namespace',
      [secret('s', { k: 'x' }), peer('p', { peerIP: '10.9.9.9', asNumber: 1, password: { name: 's', key: 'k' } })],
      { secretNamespace: 'calico' },
      'BGPPEER_PASSWORD_MISSING',
    ],
  ])('%s', (_, resources, options, code) => {
    const world = [own, noMesh, ...resources];
    expect(only(world, options).heldBy?.code).toBe(code);
    expect(codes(world, options)).toEqual(code === undefined ? [] : [code]);
    expect(JSON.stringify(result(world, options).issues)).not.toContain('"x"');
  });

  it('a mesh without its Secret', () => {
    const world = [own, b, configuration('default', { nodeMeshPassword: { name: 'mesh', key: 'k' } })];
    expect(only(world).heldBy?.code).toBe('BGPCONFIGURATION_PASSWORD_MISSING');
    expect(codes(world)).toEqual(['BGPCONFIGURATION_PASSWORD_MISSING']);
  });
});

describe('the own node', () => {
  it('is waited for', () => {
    expect(result([b])).toEqual({ desired: undefined, issues: [] });
  });

  it('takes its addresses from the options where they are given', () => {
    const options = {
      ipv4: { address: { family: 'ipv4', words: [0x0a000063, 0, 0, 0] }, network: prefix('10.0.0.0/24') },
      ipv6: 'none',
    } as const;
    const { desired } = result([node('a', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64' }), b], options);
    expect(desired?.addresses.ipv4 && formatAddress(desired.addresses.ipv4)).toBe('10.0.0.99');
    expect(desired?.addresses.ipv6).toBeUndefined();
  });
});
