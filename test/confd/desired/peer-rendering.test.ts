/** Next hops, reflection and other options of a peer (control-plane 2.4). */
import { describe, expect, it } from 'vitest';
import type { DesiredPeer } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { node, peer } from '../../worlds/build.ts';
import { b, noMesh, only, own } from './peers-of.ts';

describe('2.4 rendering', () => {
  const tor = { peerIP: '10.9.9.9', asNumber: 64512 };

  it.each<[string, Partial<Parameters<typeof peer>[1]>, DesiredPeer['nextHop']]>([
    ['auto by default', {}, 'auto'],
    ['Keep always keeps', { nextHopMode: 'Keep' }, 'keep'],
    ['Self', { nextHopMode: 'Self' }, 'self'],
    ['the legacy flag means nothing to an internal peer (12)', { keepOriginalNextHop: true }, 'auto'],
    ['the legacy flag keeps to an external peer', { keepOriginalNextHop: true, asNumber: 65001 }, 'keep'],
    ['nextHopMode beats the legacy flag', { keepOriginalNextHop: true, nextHopMode: 'Auto', asNumber: 65001 }, 'auto'],
  ])('next hop: %s', (_, parts, expected) => {
    expect(only([own, noMesh, peer('p', { ...tor, ...parts })]).nextHop).toBe(expected);
  });

  it.each<[string, Resource[], boolean]>([
    ['a global peer that is a node with a greater address waits', [b, peer('p', { peerIP: '10.0.0.3', asNumber: 64512 })], true],
    ['whatever its AS', [b, peer('p', { peerIP: '10.0.0.3', asNumber: 65001 })], true],
    ['not where no node has it', [peer('p', { peerIP: '10.0.0.3', asNumber: 64512 })], false],
    ['never a peer of this node', [b, peer('p', { node: 'a', peerIP: '10.0.0.3', asNumber: 64512 })], false],
    ['never a selector peer', [b, peer('p', { peerSelector: 'rr' })], false],
  ])('passive: %s', (_, resources, expected) => {
    expect(only([own, noMesh, ...resources]).passive).toBe(expected);
  });

  it.each<[string, { readonly cluster?: string; readonly as?: number }, { readonly cluster?: string }, boolean]>([
    ['a reflector with an ordinary node', { cluster: '1.1.1.1' }, {}, true],
    ['not with a reflector of its cluster (12)', { cluster: '1.1.1.1' }, { cluster: '1.1.1.1' }, false],
    ['with a reflector of another cluster', { cluster: '1.1.1.1' }, { cluster: '2.2.2.2' }, true],
    ['not to another AS', { cluster: '1.1.1.1', as: 65001 }, {}, false],
    ['an ordinary node has no clients', {}, {}, false],
  ])('client: %s', (_, mine, theirs, expected) => {
    const made = only([
      node('a', { ipv4: '10.0.0.2/24', ...mine }),
      node('b', { ipv4: '10.0.0.3/24', labels: { rr: '' }, ...theirs }),
      noMesh,
      peer('p', { peerSelector: 'rr' }),
    ]);
    expect(made.reflectorClient).toBe(expected);
    expect(made.clusterId).toBe(expected ? '1.1.1.1' : undefined);
  });

  it('a reflector peered with by address counts as a client whatever its cluster', () => {
    const reflectors = [node('a', { ipv4: '10.0.0.2/24', cluster: '1.1.1.1' }), node('b', { ipv4: '10.0.0.3/24', cluster: '1.1.1.1' })];
    expect(only([...reflectors, noMesh, peer('p', { peerIP: '10.0.0.3', asNumber: 64512 })]).reflectorClient).toBe(true);
  });

  it('sameAS compares with the local AS of the session', () => {
    expect(only([own, noMesh, peer('p', { ...tor, localASNumber: 65001 })])).toMatchObject({ internal: false, localAs: 65001 });
    expect(only([own, noMesh, peer('p', { peerIP: '10.9.9.9', asNumber: 65001, localASNumber: 65001 })])).toMatchObject({ internal: true });
  });
});
