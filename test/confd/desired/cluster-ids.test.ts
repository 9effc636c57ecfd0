/** Cluster ids of several reflectors (RFC 4456 section 8), as the own node `a` meets them. */
import { describe, expect, it } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { configuration, node, peer, snapshotOf } from '../../worlds/build.ts';

const own = node('a', { ipv4: '10.0.0.1/24' });
const reflector = (name: string, ipv4: string, cluster: string): Resource => node(name, { ipv4, cluster, labels: { rr: name } });
const noMesh = configuration('default', { nodeToNodeMeshEnabled: false });
const [one, two, other] = [
  reflector('r1', '10.0.0.8/24', '1.0.0.1'),
  reflector('r2', '10.0.0.9/24', '1.0.0.1'),
  reflector('r3', '10.0.0.10/24', '1.0.0.2'),
];
const with1 = peer('to-r1', { nodeSelector: 'all()', peerSelector: 'rr=r1' });
const withAll = peer('to-all', { nodeSelector: '!rr', peerSelector: 'rr' });

const issues = (resources: readonly Resource[], name = 'a'): readonly string[] =>
  desire(snapshotOf(resources), { node: name }).issues.map(({ object, code, rule }) => `${object.name} ${code} ${rule}`);

describe('a cluster id of several reflectors', () => {
  it('is fine where the node peers with all of them, or none', () => {
    expect(issues([own, noMesh, one, two, withAll])).toEqual([]);
    expect(desire(snapshotOf([own, noMesh, one, two, withAll]), { node: 'a' }).desired?.peers).toHaveLength(2);
    expect(issues([own, noMesh, one, two])).toEqual([]);
  });

  it('is told on every Node of it where the node peers with some alone', () => {
    expect(issues([own, noMesh, one, two, with1])).toEqual([
      "r1 NODE_CLUSTER_ID_SHARED is also the cluster id of Node/r2, but Node/a peers with this one only: routes of the other's clients do not reach it",
      "r2 NODE_CLUSTER_ID_SHARED is also the cluster id of Node/r1, but Node/a peers with that one only: routes of this one's clients do not reach it",
    ]);
  });

  it('is nothing to reflectors of different clusters, nor to a reflector itself', () => {
    expect(issues([own, noMesh, one, other, with1])).toEqual([]);
    expect(issues([own, noMesh, one, two, with1], 'r2')).toEqual([]);
  });
});
