/** Checksum offload of VXLAN by kernel version and by override (dataplane A1, A22), and what it is worth: pods under iperf3. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { UpkeepOptions, UpkeepUnderTest } from './harness/encap-devices.ts';
import { joinByHand, startUpkeep, vxlanWish, wishesOf } from './harness/encap-devices.ts';
import type { EncapLab, EncapNode } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const BROKEN = 'ChecksumOffloadBroken=true';
const DEVICES = { ipv4: 'vxlan.calico', ipv6: 'vxlan-v6.calico' } as const;

describe.skipIf(!CAN_RUN)('checksum offload', () => {
  let lab: EncapLab;
  const running: UpkeepUnderTest[] = [];
  const start = async (node: EncapNode, featureDetectOverride?: string, options?: UpkeepOptions): Promise<UpkeepUnderTest> => {
    const host = lab.nodes[node];
    const wishes = wishesOf(host, [vxlanWish(host, 'ipv4'), vxlanWish(host, 'ipv6')]);
    const one = startUpkeep(host, { wishes, ...(featureDetectOverride === undefined ? {} : { featureDetectOverride }) }, options);
    running.push(one);
    await until('the devices are ready', 20, () => expect(one.status()).toMatchObject({ ready: true }));
    return one;
  };
  const stopAll = async (): Promise<void> => {
    for (const one of running.splice(0)) await one.stop();
  };
  const offload = async (node: EncapNode, device: string): Promise<string> =>
    /tx-checksum-ip-generic: (\w+)/.exec(await lab.in(lab.nodes[node].namespace, ['ethtool', '-k', device]))?.[1] ?? 'none';
  const index = async (node: EncapNode): Promise<string> =>
    (await lab.ip(lab.nodes[node].namespace, 'link', 'show', 'vxlan.calico')).split(':')[0] ?? '';

  /** Mbit/s of one TCP stream from p1a to p2a. A try that found no server, or lost it, has used it up: each has one of its own. */
  const throughput = (family: 'ipv4' | 'ipv6'): Promise<number> =>
    until('iperf3 has measured', 60, async () => {
      const { p1a, p2a } = lab.pods;
      const server = lab.daemon(p2a.namespace, ['iperf3', '-s', '-1', '-B', p2a[family]], `iperf3-${family}.log`);
      try {
        const text = await until('iperf3 answers', 10, () => lab.in(p1a.namespace, ['iperf3', '-J', '-t', '2', '-c', p2a[family]]));
        const said: { end?: { sum_received?: { bits_per_second: number } } } = JSON.parse(text);
        const rate = said.end?.sum_received?.bits_per_second ?? expect.fail(text.slice(0, 400));
        return Math.round(rate / 1e6);
      } finally {
        await server.stop();
      }
    });

  beforeAll(async () => {
    lab = await makeEncapLab('encap offload');
  });
  afterEach(stopAll);
  afterAll(() => lab?.close());

  it('is on with this kernel; the override turns it off in place, and traffic flows both ways', async () => {
    const on: number[] = [];
    const off: number[] = [];
    await start('n1');
    await start('n2');
    for (const family of ['ipv4', 'ipv6'] as const) await joinByHand(lab, 'n1', 'n2', family);
    const before = await index('n1');
    for (let round = 0; round < 2; round++) {
      for (const [override, state, results] of [
        [undefined, 'on', on],
        [BROKEN, 'off', off],
      ] as const) {
        await stopAll();
        const one = await start('n1', override);
        await start('n2', override);
        for (const family of ['ipv4', 'ipv6'] as const) {
          expect(await offload('n1', DEVICES[family])).toBe(state);
          expect(one.status().devices.find(({ name }) => name === DEVICES[family])).toMatchObject({ checksumOffload: state === 'on' });
          expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, family)).toBe(3);
        }
        results.push(await throughput('ipv4'));
      }
    }
    // In place: the same devices with the same routes and entries.
    expect(await index('n1')).toBe(before);
    const [best, slow] = [Math.max(...on), Math.max(...off)];
    process.stdout.write(
      `VXLAN pod to pod, one stream: offload on ${on.join(', ')}, off ${off.join(', ')} Mbit/s: ${(best / slow).toFixed(1)} times\n`,
    );
    expect(best).toBeGreaterThan(slow);
  });

  it.each([
    ['5.7.0', undefined, 'off'],
    ['5.6.14', undefined, 'off'],
    ['5.7.1', undefined, 'on'],
    ['5.6.14', 'ChecksumOffloadBroken=false', 'on'],
  ])('a kernel %s with override %s: %s, in both families', async (kernelRelease, override, state) => {
    await start('n3', override, { kernelRelease });
    for (const device of Object.values(DEVICES)) expect(await offload('n3', device)).toBe(state);
  });

  it('logs an override that is none once, and goes on', async () => {
    const one = await start('n3', 'Nonsense=true,??');
    for (let turns = 0; turns < 3; turns++) one.sync.flush();
    expect(one.log.filter((line) => line.includes('Nonsense is no feature known here'))).toHaveLength(1);
    expect(one.log.filter((line) => line.includes('?? is no') || line.includes('is not NAME=true'))).toHaveLength(1);
    expect(await offload('n3', 'vxlan.calico')).toBe('on');
  });
});
