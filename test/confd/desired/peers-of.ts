/** The peers that some resources come to, for the tests of control-plane 2. */
import { expect } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { DesiredPeer, DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { configuration, node, snapshotOf } from '../../worlds/build.ts';

/** The own node, `a`. */
export const own = node('a', { ipv4: '10.0.0.2/24', labels: { rack: 'x' } });

/** Another one, which a selector finds. */
export const b = node('b', { ipv4: '10.0.0.3/24', labels: { rr: 'yes' } });

/** A third one. */
export const c = node('c', { ipv4: '10.0.0.4/24' });

/** The configuration without a mesh. */
export const noMesh = configuration('default', { nodeToNodeMeshEnabled: false });

/** An engine with every ability. */
export const all = { password: true, ttlSecurity: true, reachableBy: true };

/** What the resources come to for the own node. */
export function result(resources: readonly Resource[], options: Partial<DesireOptions> = {}) {
  return desire(snapshotOf(resources), { node: 'a', engine: all, ...options });
}

/** Its peers. */
export function peers(resources: readonly Resource[], options: Partial<DesireOptions> = {}): readonly DesiredPeer[] {
  return result(resources, options).desired?.peers ?? [];
}

/** Their names. */
export const ids = (resources: readonly Resource[], options: Partial<DesireOptions> = {}): string[] =>
  peers(resources, options).map((entry) => entry.id);

/** Codes of all issues. */
export const codes = (resources: readonly Resource[], options: Partial<DesireOptions> = {}): string[] =>
  result(resources, options).issues.map((issue) => issue.code);

/** The one peer; throws where there are others. */
export function only(resources: readonly Resource[], options: Partial<DesireOptions> = {}): DesiredPeer {
  const found = peers(resources, options);
  expect(found.map((entry) => entry.id)).toHaveLength(1);
  const [first] = found;
  if (first === undefined) throw new Error('no peer');
  return first;
}
