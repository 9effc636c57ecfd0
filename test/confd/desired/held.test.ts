/** What happens while BGPConfiguration/default has no good form (contracts.md: last good state stays; here there is none). */
import { describe, expect, it } from 'vitest';
import { createDesire } from '../../../src/confd/desired/desire.ts';
import type { Issue } from '../../../src/confd/resources/types.ts';
import { configuration, node, snapshotOf } from '../../worlds/build.ts';

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
