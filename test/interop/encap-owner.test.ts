/** Whose the devices of a network namespace are: a Felix that runs in it is seen, one elsewhere is not, and two agents do not meet. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inNamespace } from 'netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdDevices, liveFelix } from '../../node-agent/kernel/devices-owner.ts';
import { startUpkeep, vxlanWish, wishesOf } from './harness/encap-devices.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab, namespaceFile } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

/**
 * Programs of Calico's that wait, with few capabilities: agents of other suites that run at this moment may look at their namespaces,
 * and know by that that they are not meant.
 */
const WAIT = ['-c', 'while :; do sleep 1; done'];
const few = (...names: readonly string[]): readonly string[] => [
  'setpriv',
  `--bounding-set=-all${names.map((name) => `,+${name}`).join('')}`,
  '--inh-caps=-all',
];

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
    const running = lab.daemon(n1.namespace, [...few(), join(directory, program), ...WAIT, ...words], `${program}.log`);
    if (seen === undefined) {
      // Another one beside it shows that both were looked at.
      const felix = lab.daemon(n1.namespace, [...few(), join(directory, 'calico-felix'), ...WAIT], 'felix.log');
      await until('it is seen', 20, () => expect(seenIn(n1)).toContain('calico-felix'));
      await felix.stop('SIGKILL');
      expect(seenIn(n1)).toBeUndefined();
    } else await until('it is seen', 20, () => expect(seenIn(n1)).toMatch(seen));
    expect(seenIn(n2)).toBeUndefined();
    await running.stop('SIGKILL');
    expect(seenIn(n1)).toBeUndefined();
  });

  it('is seen by an agent that has fewer capabilities and may not look at its namespace', async () => {
    const { n1 } = lab.nodes;
    const felix = lab.daemon(n1.namespace, [...few('net_admin'), join(directory, 'calico-felix'), ...WAIT], 'felix-caps.log');
    const module = pathToFileURL(resolve('dist/node-agent/kernel/devices-owner.js')).href;
    const script = `import { readlinkSync } from 'node:fs'; import { liveFelix } from '${module}';
      try { readlinkSync('/proc/${felix.pid}/ns/net'); console.log('shown'); } catch (error) { console.log(error.code); } console.log(liveFelix());`;
    const limited = [...few(), 'node', '--input-type=module', '-e', script];
    await until('it is seen', 20, async () =>
      expect(await lab.in(n1.namespace, limited)).toMatch(/^EACCES\n\S*calico-felix -c \(pid \d+\)$/m),
    );
    await felix.stop('SIGKILL');
  });

  it('keeps the upkeep off the devices from its audit on, until Felix went', async () => {
    const { n3 } = lab.nodes;
    const felix = lab.daemon(n3.namespace, [...few(), join(directory, 'calico-felix'), ...WAIT], 'felix3.log');
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
