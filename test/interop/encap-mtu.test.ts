/** The MTU file and the devices' MTUs follow the machine's interfaces (dataplane A31, B2). */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceConfig } from '../../node-agent/kernel/devices-types.ts';
import type { UpkeepOptions, UpkeepUnderTest } from './harness/encap-devices.ts';
import { startUpkeep, vxlanWish, wishesOf } from './harness/encap-devices.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('MTUs of the host and of pods', () => {
  let lab: EncapLab;
  let n1: Host;
  let directory: string;
  let path: string;
  let one: UpkeepUnderTest | undefined;
  const ip = (...words: string[]) => lab.ip(n1.namespace, ...words);
  const start = (config: DeviceConfig, options: UpkeepOptions = {}): UpkeepUnderTest => {
    one = startUpkeep(n1, config, { mtuPath: path, ...options });
    return one;
  };
  const four = (mtu?: number): DeviceConfig => ({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4', mtu === undefined ? {} : { mtu })]) });
  const file = (): string => readFileSync(path, 'utf8');
  const says = (mtu: number): Promise<void> => until(`the file says ${mtu}`, 20, () => expect(file()).toBe(String(mtu)));
  const deviceMtu = async (name: string): Promise<string> => /mtu (\d+)/.exec(await ip('link', 'show', name))?.[1] ?? '';

  beforeAll(async () => {
    lab = await makeEncapLab('encap mtu');
    n1 = lab.nodes.n1;
    directory = mkdtempSync(join(tmpdir(), 'linnet-mtu-'));
    path = join(directory, 'calico', 'mtu');
  });
  afterEach(async () => {
    await one?.stop();
    await ip('link', 'set', 'eth0', 'mtu', '1500');
    for (const name of ['vxlan.calico', 'vxlan-v6.calico', 'eth1', 'eth2']) await ip('link', 'del', name).catch(() => '');
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await lab?.close();
  });

  it('counts interfaces that are operational, and follows them while it runs', async () => {
    // eth1 is enabled by nobody; eth2 is, but its other end is down: LOWERLAYERDOWN, no carrier.
    await ip('link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1p');
    await ip('link', 'set', 'eth1', 'mtu', '1400');
    await ip('link', 'set', 'eth1p', 'up');
    await ip('link', 'add', 'eth2', 'type', 'veth', 'peer', 'name', 'eth2p');
    await ip('link', 'set', 'eth2', 'mtu', '1300', 'up');
    expect(await ip('link', 'show', 'eth2')).toContain('NO-CARRIER');
    start(four());
    await says(1450);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(one?.status().mtu).toMatchObject({ host: 1500, interface: 'eth0', pod: 1450 });
    await ip('link', 'set', 'eth1', 'up');
    await says(1350);
    await until('the device too', 20, async () => expect(await deviceMtu('vxlan.calico')).toBe('1350'));
    await ip('link', 'set', 'eth1', 'down');
    await says(1450);
    await ip('link', 'set', 'eth2p', 'up');
    await says(1250);
  });

  it('takes 1460 for the host where no interface matches the pattern', async () => {
    start({ ...four(), mtuPattern: '^nothing' });
    await says(1410);
    expect(one?.status().mtu).toEqual(expect.not.objectContaining({ interface: expect.anything() }));
  });

  it('follows the MTU of the host’s interface', async () => {
    start({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4'), vxlanWish(n1, 'ipv6')]) });
    await says(1430);
    await ip('link', 'set', 'eth0', 'mtu', '1400');
    await says(1330);
    await until('both devices', 20, async () =>
      expect([await deviceMtu('vxlan.calico'), await deviceMtu('vxlan-v6.calico')]).toEqual(['1350', '1330']),
    );
  });

  it('leaves room for WireGuard, and gives it back', async () => {
    const config = four();
    const { sync } = start({ ...config, otherUses: [{ kind: 'wireguard-v4' }] });
    await says(1440);
    sync.configure({ ...config, otherUses: [{ kind: 'wireguard-v4' }, { kind: 'wireguard-v6' }] });
    await says(1420);
    sync.configure(config);
    await says(1450);
  });

  it('is what is configured, as far as the interface below carries it', async () => {
    const { sync, log } = start(four(1400));
    await says(1400);
    sync.configure(four(1480));
    await says(1450);
    await until('the device is up', 20, () => expect(one?.status().ready).toBe(true));
    expect(log.filter((line) => line.includes('MTU 1480 of vxlan-v4 does not fit eth0 (1500 less 50): 1450 is used'))).toHaveLength(1);
  });

  it('is that of the host without an encapsulation', async () => {
    start({ wishes: wishesOf(n1, []) });
    await says(1500);
  });

  it('writes the file as a whole, over anything, and again after a change by others', async () => {
    writeFileSync(path, 'garbage', { mode: 0o600 });
    chmodSync(path, 0o600);
    const { sync } = start(four());
    await says(1450);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    rmSync(path);
    sync.configure(four(1390));
    await says(1390);
  });

  it('is fatal only where the file is required', async () => {
    const nowhere = join(directory, 'file');
    writeFileSync(nowhere, '');
    const mtuPath = join(nowhere, 'mtu');
    const lenient = start(four(), { mtuPath });
    await until('the fault is told', 20, () => expect(lenient.status().faults.join()).toContain('the MTU file cannot be written'));
    expect(lenient.fatal).toEqual([]);
    expect(lenient.status()).toMatchObject({ ready: false, devices: [{ state: 'ready' }] });
    await lenient.stop();
    const strict = start(four(), { mtuPath, requireMtuFile: true });
    await until('it is fatal', 20, () => expect(strict.fatal[0]?.message).toMatch(/cannot be written: .*required \(requireMtuFile\)/));
  });
});
