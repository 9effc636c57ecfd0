/**
 * The whole agent under what happens to a machine: the node's address moves to another interface, devices are deleted under traffic,
 * and the kernel is declared to offload checksums wrongly at a restart (dataplane A17, A22).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentUnderTest } from './harness/encap-agent.ts';
import { clusterObjects, startAgent, VXLAN_POOLS, writeCluster } from './harness/encap-agent.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('the agent on a machine that changes', () => {
  let lab: EncapLab;
  let manifests: string;
  const agents = new Map<'n1' | 'n2', AgentUnderTest>();
  const ip = (...words: readonly string[]) => lab.ip(lab.nodes.n1.namespace, ...words);
  const shown = (device: string) => ip('-d', 'link', 'show', device);
  const index = async (device: string): Promise<string> => (await shown(device)).split(':')[0] ?? '';
  const offload = async (): Promise<string> =>
    /tx-checksum-ip-generic: (\w+)/.exec(await lab.in(lab.nodes.n1.namespace, ['ethtool', '-k', 'vxlan.calico']))?.[1] ?? 'none';

  /** Pings from p1a to p2a twenty times a second while something happens; how many of 100 were lost. */
  const lostWhile = async (family: 'ipv4' | 'ipv6', happening: () => Promise<void>): Promise<number> => {
    const { p1a, p2a } = lab.pods;
    const name = `ping-${family}-${Math.round(performance.now())}.txt`;
    lab.daemon(p1a.namespace, ['ping', '-n', '-q', '-i', '0.05', '-c', '100', p2a[family]], name);
    const file = `${lab.lab.directory}/${name}`;
    await until('the ping begins', 10, () => expect(readFileSync(file, 'utf8')).toContain('PING'));
    await happening();
    await until('the ping ends', 30, () => expect(readFileSync(file, 'utf8')).toContain('packets transmitted'));
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(readFileSync(file, 'utf8')) ?? [];
    return Number(sent) - Number(received);
  };

  beforeAll(async () => {
    lab = await makeEncapLab('encap move');
    manifests = `${lab.lab.directory}/manifests`;
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS));
    for (const name of ['n1', 'n2'] as const) agents.set(name, startAgent(lab, name, manifests));
    for (const one of agents.values()) await one.ready(40);
    await lab.uplink(lab.nodes.n1, 'eth1');
  }, 120_000);
  afterAll(async () => lab?.close());

  it.each([
    ['ipv4', 24, 'vxlan.calico'],
    ['ipv6', 64, 'vxlan-v6.calico'],
  ] as const)('takes the devices along with the node’s address, in place: %s (A17)', async (family, length, device) => {
    const address = `${lab.nodes.n1[family]}/${length}`;
    await until('packets', 20, async () => expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, family)).toBe(3));
    const before = await index(device);
    const lost = await lostWhile(family, async () => {
      await ip('addr', 'del', address, 'dev', 'eth0');
      await ip('addr', 'add', address, 'dev', 'eth1', ...(family === 'ipv6' ? ['nodad'] : []));
      await until('on eth1', 10, async () => expect(await shown(device)).toContain('dev eth1'));
    });
    expect(await index(device)).toBe(before);
    expect(lost).toBeLessThan(20);
    await ip('addr', 'del', address, 'dev', 'eth1');
    await ip('addr', 'add', address, 'dev', 'eth0', ...(family === 'ipv6' ? ['nodad'] : []));
    await until('back on eth0', 10, async () => expect(await shown(device)).toContain('dev eth0'));
    await until('packets', 20, async () => expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, family)).toBe(3));
  });

  it.each([
    ['ipv4', 'vxlan.calico'],
    ['ipv6', 'vxlan-v6.calico'],
  ] as const)('makes a deleted device anew with its entries and routes, under traffic: %s', async (family, device) => {
    const before = await index(device);
    const lost = await lostWhile(family, async () => {
      await ip('link', 'del', device);
    });
    expect(await index(device)).not.toBe(before);
    process.stdout.write(`${device} deleted under traffic: ${lost} of 100 pings lost, ${(lost * 0.05).toFixed(2)} s\n`);
    expect(lost).toBeLessThan(20);
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, family)).toBe(3);
  });

  it('takes a declared fault of the kernel at a restart, and back, on the same device (A22)', async () => {
    const before = await index('vxlan.calico');
    expect(await offload()).toBe('on');
    for (const [environment, state] of [
      [['env', 'FELIX_FEATUREDETECTOVERRIDE=ChecksumOffloadBroken=true'], 'off'],
      [[], 'on'],
    ] as const) {
      await agents.get('n1')?.running.stop('SIGTERM');
      agents.set('n1', startAgent(lab, 'n1', manifests, [], environment));
      await agents.get('n1')?.ready(40);
      expect(await offload()).toBe(state);
      expect(await index('vxlan.calico')).toBe(before);
      expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    }
  });
});
