/** What happens while BGPConfiguration/default has no good form (contracts.md: last good state stays; here there is none). */
import { describe, expect, it } from 'vitest';
import { createDesire } from '../../../src/confd/desired/desire.ts';
import type { DesireResult } from '../../../src/confd/desired/types.ts';
import type { Issue } from '../../../src/confd/resources/types.ts';
import { configuration, filter, node, peer, snapshotOf } from '../../worlds/build.ts';

const BROKEN: Issue = {
  code: 'BGPCONFIGURATION_AS_NUMBER',
  severity: 'error',
  object: { apiVersion: 'projectcalico.org/v3', kind: 'BGPConfiguration', namespace: '', name: 'default' },
  field: 'spec.asNumber',
  got: '-7',
  rule: 'is not 1-4294967295 or x.y',
  source: { file: 'bgp.yaml', line: 7, column: 3 },
  transient: false,
};
const NOTHING = { changed: [], issuesChanged: false };
const NODE = node('n1', { ipv4: '10.0.0.1/24' });

describe('an invalid BGPConfiguration/default', () => {
  it('holds a node that has not started', () => {
    const { desired, issues } = createDesire({ node: 'n1' }).update({ ...snapshotOf([NODE]), issues: [BROKEN] }, NOTHING);
    expect(desired).toBeUndefined();
    expect(issues.map(({ code, transient }) => [code, transient])).toEqual([['NODE_HELD_BY_CONFIGURATION', true]]);
  });

  it.each([
    ['is mended', { ...snapshotOf([NODE, configuration('default', { asNumber: 65010 })]), issues: [] }, 65010],
    ['is deleted', snapshotOf([NODE]), 64512],
  ])('lets it start when it %s', (_name, mended, asNumber) => {
    const engine = createDesire({ node: 'n1' });
    engine.update({ ...snapshotOf([NODE]), issues: [BROKEN] }, NOTHING);
    expect(engine.update(mended, NOTHING).desired?.asNumber).toBe(asNumber);
  });

  it('changes nothing for a node that runs on the last good form', () => {
    const engine = createDesire({ node: 'n1' });
    const good = snapshotOf([NODE, configuration('default', { asNumber: 65010 })]);
    const before = engine.update(good, NOTHING);
    expect(engine.update({ ...good, issues: [BROKEN] }, NOTHING).desired).toBe(before.desired);
  });
});

describe('BGPFilters that must not be read', () => {
  const FORBIDDEN: Issue = {
    ...BROKEN,
    code: 'DATASTORE_FORBIDDEN',
    object: { apiVersion: 'crd.projectcalico.org/v1', kind: 'BGPFilter', namespace: '', name: '*' },
    source: null,
    transient: true,
  };
  const world = [
    NODE,
    configuration('default', { nodeToNodeMeshEnabled: false }),
    filter('known', { exportV4: [{}] }),
    peer('plain', { peerIP: '10.9.9.1', asNumber: 1 }),
    peer('good', { peerIP: '10.9.9.2', asNumber: 1, filters: ['known'] }),
    peer('bad', { peerIP: '10.9.9.3', asNumber: 1, filters: ['known', 'hidden'] }),
  ];
  const heldOf = (result: DesireResult) => Object.fromEntries((result.desired?.peers ?? []).map(({ id, heldBy }) => [id, heldBy?.code]));
  const ISSUES = { changed: [], issuesChanged: true };

  it('hold the peers that name one which is not known, and no other', () => {
    const engine = createDesire({ node: 'n1' });
    const held = engine.update({ ...snapshotOf(world), issues: [FORBIDDEN] }, NOTHING);
    expect(Object.values(heldOf(held)).filter((code) => code !== undefined)).toEqual(['BGPPEER_FILTER_UNREADABLE']);
    expect(held.desired?.peers.find(({ address }) => address.words[0] === 0x0a090903)?.heldBy?.field).toBe('spec.filters[1]');
    expect(held.issues.map(({ code }) => code)).toEqual(['BGPPEER_FILTER_UNREADABLE']);
    const readable = engine.update(snapshotOf(world), ISSUES);
    expect(Object.values(heldOf(readable)).every((code) => code === undefined)).toBe(true);
    expect(readable.issues.map(({ code }) => code)).toEqual(['BGPPEER_FILTER_MISSING']);
    expect(heldOf(engine.update({ ...snapshotOf(world), issues: [FORBIDDEN] }, ISSUES))).toEqual(heldOf(held));
  });

  it('are of no kind: then there is none, as when one is missing', () => {
    const missing: Issue = { ...FORBIDDEN, code: 'DATASTORE_KIND_MISSING', severity: 'warning' };
    const { issues } = createDesire({ node: 'n1' }).update({ ...snapshotOf(world), issues: [missing] }, NOTHING);
    expect(issues.map(({ code }) => code)).toEqual(['BGPPEER_FILTER_MISSING']);
  });
});
