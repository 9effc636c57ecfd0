/** Whose the devices of a network namespace are: a Felix that runs in it is seen, one elsewhere is not, and two agents do not meet. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inNamespace } from 'netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdDevices, liveFelix } from '../../node-agent/kernel/devices-owner.ts';
import { startUpkeep, vxlanWish, wishesOf } from './harness/encap-devices.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab, namespaceFile } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('owners of devices', () => {
  let lab: EncapLab;
  let directory: string;
  const seenIn = (node: Host): string | undefined => inNamespace(namespaceFile(node.namespace), () => liveFelix());

  beforeAll(async () => {
    lab = await makeEncapLab('encap owner');
    directory = mkdtempSync(join(tmpdir(), 'linnet-owner-'));
    // Programs with the names of Calico's that wait: `sh -c` keeps the words of the command line.
    for (const name of ['calico-felix', 'calico-node']) copyFileSync('/bin/sh', join(directory, name));
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await lab?.close();
  });

  it.each<[string, string[], RegExp | undefined]>([
    ['calico-felix', [], /^\S*calico-felix -c \(pid \d+\)$/],
    ['calico-node', ['-felix'], /^\S*calico-node -c \(pid \d+\)$/],
    // The other parts of calico-node write no devices.
    ['calico-node', ['-confd'], undefined],
  ])('%s %j is seen in its own namespace alone', async (program, words, seen) => {
    const { n1, n2 } = lab.nodes;
    const running = lab.daemon(
      n1.namespace,
      [join(directory, program), '-c', 'echo up; while :; do sleep 1; done', ...words],
      `${program}.log`,
    );
    if (seen === undefined) {
      // Another one beside it shows that both were looked at.
      const felix = lab.daemon(n1.namespace, [join(directory, 'calico-felix'), '-c', 'while :; do sleep 1; done'], 'felix.log');
      await until('it is seen', 20, () => expect(seenIn(n1)).toContain('calico-felix'));
      await felix.stop('SIGKILL');
      expect(seenIn(n1)).toBeUndefined();
    } else await until('it is seen', 20, () => expect(seenIn(n1)).toMatch(seen));
    expect(seenIn(n2)).toBeUndefined();
    await running.stop('SIGKILL');
    expect(seenIn(n1)).toBeUndefined();
  });

  it('keeps the upkeep off the devices from its audit on, until Felix went', async () => {
    const { n3 } = lab.nodes;
    const felix = lab.daemon(n3.namespace, [join(directory, 'calico-felix'), '-c', 'while :; do sleep 1; done'], 'felix3.log');
    await until('it is seen', 20, () => expect(seenIn(n3)).toContain('calico-felix'));
    const one = startUpkeep(n3, { wishes: wishesOf(n3, [vxlanWish(n3, 'ipv4')]) }, { felix: () => seenIn(n3) });
    try {
      await until('refused', 20, () => expect(one.device('vxlan.calico').state).toBe('refused'));
      expect(one.device('vxlan.calico').detail).toMatch(
        /^vxlan\.calico belongs to Felix: .*\(pid \d+\) runs in this network namespace; .*--take-over/,
      );
      await felix.stop('SIGKILL');
      await until('made when Felix went', 40, () => expect(one.status().ready).toBe(true));
    } finally {
      await one.stop();
    }
  });

  it('lets one agent have them', async () => {
    const first = await holdDevices();
    expect(await holdDevices()).toBeUndefined();
    first?.close();
    const again = await until('it is free', 20, async () => {
      const held = await holdDevices();
      expect(held).toBeDefined();
      return held;
    });
    again?.close();
  });
});
