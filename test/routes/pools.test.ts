/** Who programs the routes of a pool, the matrix of control-plane 5.5. */
import { describe, expect, it } from 'vitest';
import { ownsPool, ownsPrefix } from '../../src/routes/pools.ts';
import { pool, prefix } from '../worlds/build.ts';

describe('5.5 owner of a pool', () => {
  const kinds = {
    vxlan: pool('p', '192.168.0.0/16', { vxlanMode: 'Always' }),
    'vxlan CrossSubnet': pool('p', '192.168.0.0/16', { vxlanMode: 'CrossSubnet' }),
    ipip: pool('p', '192.168.0.0/16', { ipipMode: 'Always' }),
    'ipip CrossSubnet': pool('p', '192.168.0.0/16', { ipipMode: 'CrossSubnet' }),
    none: pool('p', '192.168.0.0/16'),
    'none, not exported': pool('p', '192.168.0.0/16', { disableBGPExport: true }),
  };

  it.each<[keyof typeof kinds, boolean, boolean, boolean, boolean]>([
    ['vxlan', false, false, false, false],
    ['vxlan CrossSubnet', false, false, false, false],
    ['ipip', true, false, true, false],
    ['ipip CrossSubnet', true, false, true, false],
    ['none', true, false, false, true],
    ['none, not exported', true, false, false, true],
  ])('%s: Enabled %s, Disabled %s, EnabledIPIPOnly %s, EnabledNoEncapOnly %s', (kind, enabled, disabled, ipip, noEncap) => {
    const modes = ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly'] as const;
    expect(modes.map((mode) => ownsPool(kinds[kind], mode))).toEqual([enabled, disabled, ipip, noEncap]);
  });

  it('outside every pool it is ours', () => {
    expect(ownsPrefix(prefix('10.0.0.0/30'), [kinds.vxlan], 'Disabled')).toBe(true);
    expect(ownsPrefix(prefix('192.168.1.0/26'), [kinds.vxlan], 'Enabled')).toBe(false);
  });
});
