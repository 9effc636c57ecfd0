/**
 * IPIP in eBPF with real packets: nodes of the lab carry their pods' traffic in it, on the wire as tcpdump sees it, in both ways of
 * attaching, with and without checksum offload; and it outlives the process, its devices and what others do beside it. Other ends, ways
 * and sizes: encap-ipip-peers.test.ts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeDescriptor } from 'netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMap, pin } from '../../node-agent/ebpf/calls.ts';
import type { IpipReason } from '../../node-agent/ebpf/types.ts';
import { hasProgram } from '../node-agent/ebpf/calls.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { run } from './harness/exec.ts';
import { harness, makeIpipLab } from './harness/ipip-lab.ts';
import type { IpipNode } from './harness/ipip-node.ts';
import { addressOf, makeIpipNode, makeTunnel, prefixOf } from './harness/ipip-node.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const packets = (node: IpipNode, reason: IpipReason): number => node.status().counters[reason].packets;
/** Descriptors of this process. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe.skipIf(!CAN_RUN).each(['tcx', 'clsact'] as const)('IPIP in eBPF by %s', (mode) => {
  let lab: EncapLab;
  let bpffs: string;
  let n1: IpipNode;
  let n2: IpipNode;
  const instance = (node: string): string => `t${process.pid}${mode}-${node}`;
  const pins = (): string => join(bpffs, `linnet-${instance('n1')}`);

  beforeAll(async () => {
    ({ lab, bpffs } = await makeIpipLab('encap ipip'));
    await makeTunnel(lab, 'n1', mode === 'tcx' ? 'ifb' : 'veth');
    await makeTunnel(lab, 'n2');
    n1 = makeIpipNode(lab, 'n1', { instance: instance('n1'), bpffs, mode });
    n2 = makeIpipNode(lab, 'n2', { instance: instance('n2'), bpffs, mode });
  });
  afterAll(async () => {
    n1?.remove();
    n2?.remove();
    await run('umount', [bpffs]);
    await lab?.close();
  });

  it('carries pings both ways, and says what it did', async () => {
    expect(n1.apply()).toEqual({
      ...{ blocks: { written: 2, removed: 0 }, sources: { written: 2, removed: 0 } },
      ...{ attached: 2, replaced: 0, detached: 0, faults: [] },
    });
    n2.apply();
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    expect(await lab.ping(lab.pods.p2a, lab.pods.p1b, 'ipv4')).toBe(3);
    const { attachments, blocks, counters, sourceHash, sources } = n1.status();
    expect([blocks, sources, counters.encapsulated.packets, counters.decapsulated.octets]).toEqual([2, 2, 6, 6 * 84]);
    expect(sourceHash).toMatch(/^[0-9a-f]{64}$/);
    expect(attachments.map((each) => [each.program, each.interface, each.mode]).sort()).toEqual([
      ['decapsulate', n1.index('eth0'), mode],
      ['encapsulate', n1.index('tunl0'), mode],
    ]);
  });

  it('applied again changes nothing, but for pins of a layout before', () => {
    const nothing = { written: 0, removed: 0 };
    const old = createMap({ name: 'old', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 });
    pin(old, join(pins(), 'v0_old'));
    closeDescriptor(old);
    expect(n1.apply()).toEqual({ blocks: nothing, sources: nothing, attached: 0, replaced: 0, detached: 0, faults: [] });
    expect(existsSync(join(pins(), 'v0_old'))).toBe(false);
  });

  it('is IPIP on the wire, with right checksums', async () => {
    const capture = lab.daemon(n1.namespace, ['tcpdump', '-lnvvi', 'eth0', '-c', '4', 'ip proto 4'], `wire-${mode}`);
    const log = `${lab.lab.directory}/wire-${mode}`;
    await until('tcpdump listens', 10, () => expect(readFileSync(log, 'utf8')).toContain('listening'));
    await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 2);
    await until('four packets', 10, () => expect(capture.dead()).toBeDefined());
    const text = readFileSync(log, 'utf8');
    expect(text).toMatch(/ttl 64, id 0, offset 0, flags \[DF\], proto IPIP \(4\), length 104/);
    expect(text).toMatch(/172\.31\.0\.1 > 172\.31\.0\.2: \(?.*\n?.*10\.244\.1\.1 > 10\.244\.2\.1: ICMP echo request/);
    expect(text).toMatch(/172\.31\.0\.2 > 172\.31\.0\.1: \(?.*\n?.*10\.244\.2\.1 > 10\.244\.1\.1: ICMP echo reply/);
    expect(text).not.toMatch(/bad|wrong/);
  });

  it.each(['on', 'off'])('carries TCP with checksum offload %s', async (offload) => {
    const ends = [
      [n1, 'eth0'],
      [n1, 'cali1a'],
      [n2, 'eth0'],
      [n2, 'cali2a'],
      [n1, 'tunl0'],
      [n2, 'tunl0'],
    ] as const;
    for (const [node, device] of ends) await lab.in(node.namespace, ['ethtool', '-K', device, 'tx', offload]);
    for (const pod of [lab.pods.p1a, lab.pods.p2a]) await lab.in(pod.namespace, ['ethtool', '-K', 'eth0', 'tx', offload]);
    for (const [from, to] of [
      [lab.pods.p1a, lab.pods.p2a],
      [lab.pods.p2a, lab.pods.p1a],
    ] as const) {
      const server = `${from.name}-${offload}`;
      lab.daemon(to.namespace, ['iperf3', '-s', '-1', '--forceflush'], server);
      await until('iperf3 listens', 10, () => expect(readFileSync(`${lab.lab.directory}/${server}`, 'utf8')).toContain('listening'));
      const text = await lab.in(from.namespace, ['iperf3', '-J', '-n', '64M', '-c', to.ipv4]);
      const sent: { end: { sum_received: { bytes: number } } } = JSON.parse(text);
      expect(sent.end.sum_received.bytes).toBeGreaterThan(32 * 1024 * 1024);
    }
    for (const node of [n1, n2]) {
      const { headroom, malformed, 'too-big': tooBig } = node.status().counters;
      expect([headroom.packets, malformed.packets, tooBig.packets]).toEqual([0, 0, 0]);
    }
  });

  it('leaves packets that are too big to the route: ICMP where they must not be cut, pieces where they may', async () => {
    const ping = (...words: string[]): Promise<string> =>
      lab.in(lab.pods.p1a.namespace, ['sh', '-c', `ping -n -c 1 -W 1 ${words.join(' ')} ${lab.pods.p2a.ipv4} 2>&1 || true`]);
    expect(await ping('-M', 'do', '-s', '1452')).toContain('1 received');
    expect(await ping('-M', 'do', '-s', '1453')).toMatch(/mtu ?= ?1480/);
    expect(await ping('-M', 'dont', '-s', '4000')).toContain('1 received');
  });

  it('carries what the node itself sends, under strict filters of the reverse path too', async () => {
    for (const each of [n1, n2]) {
      await lab.in(each.namespace, ['sh', '-c', 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $file; done']);
    }
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    const text = await lab.in(n1.namespace, ['ping', '-n', '-c', '1', '-W', '2', lab.pods.p2a.ipv4]);
    expect(text).toContain('1 received');
    for (const each of [n1, n2]) {
      await lab.in(each.namespace, ['sh', '-c', 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done']);
    }
  });

  it('drops and counts what the underlay does not take', async () => {
    const underlay = (...words: string[]): Promise<string> => lab.ip(n1.namespace, 'route', ...words);
    const ping = `ping -n -c 2 -i 0.2 -W 1 -s 1420 ${lab.pods.p2a.ipv4} || true`;
    const [tooBig, noRoute] = [packets(n1, 'too-big'), packets(n1, 'no-route')];
    await underlay('add', `${lab.nodes.n2.ipv4}/32`, 'dev', 'eth0', 'mtu', 'lock', '1400');
    await lab.in(lab.pods.p1a.namespace, ['sh', '-c', ping]);
    await underlay('replace', 'unreachable', `${lab.nodes.n2.ipv4}/32`);
    await lab.in(lab.pods.p1a.namespace, ['sh', '-c', ping]);
    await underlay('del', `${lab.nodes.n2.ipv4}/32`);
    // What is left of earlier connections may come on top.
    expect(packets(n1, 'too-big') - tooBig).toBeGreaterThanOrEqual(2);
    expect(packets(n1, 'no-route') - noRoute).toBeGreaterThanOrEqual(2);
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
  });

  it('takes nothing from nodes it was not told of', async () => {
    const before = packets(n2, 'unknown-source');
    const { peers } = n2.wanted();
    n2.apply({ peers: peers.filter(({ block }) => block.words[0] !== prefixOf(lab.blocks.n1.ipv4).words[0]) });
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 2)).toBe(0);
    expect(packets(n2, 'unknown-source')).toBeGreaterThanOrEqual(before + 2);
    expect(n2.apply().sources).toEqual({ written: 1, removed: 0 });
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
  });

  it('serves blocks it was not told of by the gateway of their route, where that is a known node', async () => {
    n1.apply({ peers: [], sources: [addressOf(lab.nodes.n2.ipv4)] });
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    const before = packets(n1, 'no-peer');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p3a, 'ipv4', 2)).toBe(0);
    expect(packets(n1, 'no-peer')).toBeGreaterThanOrEqual(before + 2);
    n1.apply();
  });

  it('outlives kill -9: packets go on, the next process takes over without a gap', async () => {
    n1.close();
    const options = JSON.stringify({ instance: instance('n1'), bpffs, mode });
    const wanted = JSON.stringify(n1.wanted());
    const start = async (log: string) => {
      const agent = lab.daemon(n1.namespace, [process.execPath, harness('ipip-agent.mjs'), options, wanted], log);
      const lines = await until('two lines', 20, () => {
        expect(agent.dead()).toBeUndefined();
        const said = readFileSync(`${lab.lab.directory}/${log}`, 'utf8').trim().split('\n');
        expect(said).toHaveLength(2);
        return said;
      });
      return { agent, applied: JSON.parse(lines[0] ?? ''), status: JSON.parse(lines[1] ?? '') };
    };
    const command = `ping -n -q -i 0.01 -W 1 -c 400 ${lab.pods.p2a.ipv4}`;
    const pinging = lab.in(lab.pods.p1a.namespace, ['sh', '-c', `${command} || true`]);
    const first = await start(`first-${mode}`);
    await first.agent.stop('SIGKILL');
    const second = await start(`second-${mode}`);
    expect([first.applied, second.applied]).toMatchObject([
      { attached: 0, replaced: 2, faults: [] },
      { attached: 0, replaced: 2, faults: [] },
    ]);
    if (mode === 'tcx')
      expect(second.status.counters.encapsulated.packets).toBeGreaterThanOrEqual(first.status.counters.encapsulated.packets);
    expect(await pinging).toMatch(/400 received/);
    await second.agent.stop('SIGKILL');
    expect(n1.apply()).toMatchObject({ attached: 0, replaced: 2 });
  }, 60_000);

  it('follows its devices: gone, made anew, and another parent', async () => {
    await lab.ip(n1.namespace, 'link', 'del', 'tunl0');
    await makeTunnel(lab, 'n1');
    expect(n1.apply()).toMatchObject({ attached: 1, replaced: 0, faults: [] });
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    await lab.uplink(lab.nodes.n1, 'eth1');
    await lab.ip(n1.namespace, 'addr', 'del', `${lab.nodes.n1.ipv4}/24`, 'dev', 'eth0');
    await lab.ip(n1.namespace, 'addr', 'add', `${lab.nodes.n1.ipv4}/24`, 'dev', 'eth1');
    expect(n1.apply({ parents: [n1.index('eth1')] })).toMatchObject({ attached: 1, detached: 1, faults: [] });
    await lab.ip(n2.namespace, 'neigh', 'flush', 'all');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    await lab.ip(n1.namespace, 'link', 'del', 'eth1');
    await lab.ip(n1.namespace, 'tuntap', 'add', 'tun9', 'mode', 'tun');
    const bare = n1.index('tun9');
    const { faults } = n1.apply({ parents: [n1.index('eth0'), 9999, bare] });
    expect(faults).toEqual([
      'decapsulate at interface 9999: there is no such interface',
      `decapsulate at interface ${bare}: tun9 is of type 65534 and has no Ethernet header`,
    ]);
    await lab.ip(n1.namespace, 'link', 'del', 'tun9');
    expect(
      n1
        .status()
        .attachments.map((each) => each.interface)
        .sort(),
    ).toEqual([n1.index('eth0'), n1.index('tunl0')].sort());
    // Links of interfaces that are gone keep no pins.
    const held = readdirSync(pins()).filter((name) => name.includes('capsulate'));
    expect(held).toHaveLength(mode === 'tcx' ? 2 : 0);
    await lab.ip(n1.namespace, 'addr', 'add', `${lab.nodes.n1.ipv4}/24`, 'dev', 'eth0');
    await makeTunnel(lab, 'n1').catch(() =>
      lab.ip(n1.namespace, 'route', 'replace', lab.blocks.n2.ipv4, 'via', lab.nodes.n2.ipv4, 'dev', 'tunl0', 'onlink'),
    );
    n1.apply();
    await lab.ip(n2.namespace, 'neigh', 'flush', 'all');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
  });

  it('is repaired where someone took it off, and touches nobody else’s filters', async () => {
    const tc = (...words: string[]): Promise<string> => lab.in(n1.namespace, ['tc', ...words]);
    const foreign = (): Promise<string> => tc('filter', 'show', 'dev', 'eth0', 'ingress', 'prio', '7');
    // Left by an earlier test where filters of ours are on it.
    await tc('qdisc', 'add', 'dev', 'eth0', 'clsact').catch((error: Error) => expect(error.message).toContain('Exclusivity'));
    const object = harness('../../../node-agent/ebpf/ipip.o');
    await tc('filter', 'add', 'dev', 'eth0', 'ingress', 'prio', '7', 'bpf', 'da', 'obj', object, 'sec', 'tc/ipip_decap');
    const before = await foreign();
    expect(before).toContain('handle 0x1 ipip.o:[tc/ipip_decap] direct-action');
    if (mode === 'clsact') {
      await tc('filter', 'del', 'dev', 'tunl0', 'egress');
      expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 2)).toBe(0);
      expect(n1.apply()).toMatchObject({ attached: 1 });
    } else {
      await run('sh', ['-c', `rm ${pins()}/*_*`]);
      expect(n1.apply()).toMatchObject({ attached: 0, replaced: 0 });
      expect(readdirSync(pins()).filter((name) => name.includes('capsulate'))).toHaveLength(2);
    }
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    n1.remove();
    expect(await foreign()).toBe(before);
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 2)).toBe(0);
    expect(existsSync(pins())).toBe(false);
  });

  it('leaves no descriptor and no program behind: 200 times on and off', async () => {
    n1.apply();
    n1.remove();
    const before = descriptors();
    const ids = new Set<number>();
    for (let cycle = 0; cycle < 200; cycle++) {
      n1.apply();
      for (const { programId } of n1.status().attachments) ids.add(programId);
      n1.remove();
    }
    expect(Math.abs(descriptors() - before)).toBeLessThanOrEqual(2);
    expect(ids.size).toBe(400);
    await until('every program is gone', 20, () => expect([...ids].filter(hasProgram)).toEqual([]));
    n1.apply();
    await lab.ip(n1.namespace, 'link', 'del', 'tunl0');
    n1.remove();
    expect(existsSync(pins())).toBe(false);
  }, 60_000);
});
