import { describe, expect, it } from 'vitest';
import type { MtuLink, MtuUse } from '../../../node-agent/encap/mtu.ts';
import { MTU_INTERFACES, planMtu } from '../../../node-agent/encap/mtu.ts';

const link = (name: string, mtu: number, operational = true): MtuLink => ({ name, mtu, operational });
const use = (kind: MtuUse['kind'], more: Partial<MtuUse> = {}): MtuUse => ({ kind, ...more });
const vxlan = [use('vxlan-v4')];

describe('the MTU of the host', () => {
  it.each([
    ['one interface', [link('eth0', 1500)], 1500, 'eth0'],
    ['the least of several', [link('eth0', 9000), link('ens5', 8981), link('wlan0', 9000)], 8981, 'ens5'],
    ['those that are down do not count', [link('eth0', 1500), link('eth1', 1400, false), link('eth2', 1300, false)], 1500, 'eth0'],
    ['others do not count', [link('eth0', 1500), link('cali123', 1300), link('docker0', 1200), link('lo', 65536)], 1500, 'eth0'],
    ['none matches', [link('bond0', 1400)], 1460, undefined],
    ['the only one is down', [link('eth0', 1500, false)], 1460, undefined],
  ])('%s', (_what, links, host, name) => {
    const plan = planMtu({ links, uses: vxlan });
    expect({ host: plan.host, interface: plan.interface }).toEqual({ host, interface: name });
    expect(plan.pod).toBe(host - 50);
  });

  it.each(['enp3s0', 'eno1', 'enx00e04c', 'wlp2s0', 'ibP2s1', 'wwan0', 'eth12', 'slc0'])('%s matches by default', (name) => {
    expect(name).toMatch(new RegExp(MTU_INTERFACES));
  });

  it('follows the pattern that is configured', () => {
    const links = [link('eth0', 1500), link('bond0', 1400)];
    expect(planMtu({ links, uses: [], pattern: '^bond' })).toMatchObject({ host: 1400, interface: 'bond0', pod: 1400, warnings: [] });
  });

  it('says that a pattern is none, and takes the default', () => {
    const plan = planMtu({ links: [link('eth0', 1500)], uses: [], pattern: '^(eth' });
    expect(plan).toMatchObject({ host: 1500, warnings: [expect.stringContaining('"^(eth" is not a regular expression')] });
  });
});

describe('the MTU of pods', () => {
  const links = [link('eth0', 1500)];
  it.each([
    ['no encapsulation', [], 1500],
    ['IPIP', [use('ipip')], 1480],
    ['VXLAN', vxlan, 1450],
    ['VXLAN over IPv6', [use('vxlan-v6')], 1430],
    ['WireGuard', [use('wireguard-v4')], 1440],
    ['WireGuard over IPv6', [use('wireguard-v6')], 1420],
    ['the least of those in use', [use('ipip'), use('vxlan-v4'), use('wireguard-v4')], 1440],
    ['WireGuard where the network takes more', [use('wireguard-v4', { more: 100 })], 1340],
    ['which what is configured has taken into account', [use('wireguard-v4', { more: 100, configured: 1400 })], 1400],
    ['all', [use('ipip'), use('vxlan-v4'), use('vxlan-v6'), use('wireguard-v4'), use('wireguard-v6')], 1420],
    ['configured, smaller than what fits', [use('ipip', { configured: 1400 }), use('vxlan-v4')], 1400],
    ['0 is not configured', [use('vxlan-v4', { configured: 0 })], 1450],
  ])('%s', (_what, uses, pod) => expect(planMtu({ links, uses })).toMatchObject({ pod, warnings: [] }));

  it('warns where the configured one is larger than the host’s network carries, and takes it', () => {
    const plan = planMtu({ links, uses: [use('ipip', { configured: 1490 })] });
    expect(plan).toMatchObject({ pod: 1490, encaps: [{ kind: 'ipip', mtu: 1490, from: 'configured' }] });
    expect(plan.warnings).toEqual([expect.stringContaining("MTU 1490 of ipip is larger than the host's network carries (1500 less 20)")]);
  });

  it('is never more than the interface below carries: the kernel refuses it', () => {
    const all = [link('eth0', 1500), link('tun0', 1400)];
    expect(planMtu({ links: all, uses: [use('vxlan-v4', { parent: 'tun0' })] })).toMatchObject({
      ...{ host: 1500, pod: 1350, warnings: [], encaps: [{ from: 'parent' }] },
    });
    const configured = planMtu({ links: all, uses: [use('vxlan-v4', { parent: 'tun0', configured: 1450 })] });
    expect(configured).toMatchObject({ pod: 1350, warnings: [expect.stringContaining('does not fit tun0 (1400 less 50): 1350 is used')] });
  });

  it('warns where nothing with IPv6 fits', () => {
    expect(planMtu({ links: [link('eth0', 1300)], uses: vxlan }).warnings).toEqual([expect.stringContaining('less than 1280')]);
  });
});
