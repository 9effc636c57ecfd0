/**
 * IPIP in eBPF with real packets: nodes of the lab carry their pods' traffic in it, on the wire as tcpdump and an independent other end
 * see it, in both ways of attaching, with and without checksum offload; and it outlives the process, its devices and what others do
 * beside it. A kernel with ipip.ko would be the other end of choice: here is none.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inNamespace, NetlinkSocket } from 'netlink';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ATTACH, closeAll, createTcxLink, hasProgram, loadProgram } from '../../node-agent/ebpf/calls.ts';
import type { IpipOptions } from '../../node-agent/ebpf/ipip.ts';
import { addClsact, writeFilter } from '../../node-agent/ebpf/tc.ts';
import type { IpipReason } from '../../node-agent/ebpf/types.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab, namespaceFile } from './harness/encap-lab.ts';
import { run } from './harness/exec.ts';
import type { IpipNode } from './harness/ipip-node.ts';
import { addressOf, makeIpipNode, makeTunnel, prefixOf } from './harness/ipip-node.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const harness = (name: string): string => fileURLToPath(new URL(`harness/${name}`, import.meta.url));

/** A lab with bpffs of its own. */
async function makeIpipLab(name: string): Promise<{ readonly lab: EncapLab; readonly bpffs: string }> {
  const lab = await makeEncapLab(name);
  const bpffs = `${lab.lab.directory}/bpffs`;
  mkdirSync(bpffs);
  await run('mount', ['-t', 'bpf', 'bpf', bpffs]);
  return { lab, bpffs };
}

function withSocket(action: (socket: NetlinkSocket) => void): void {
  const socket = new NetlinkSocket();
  try {
    action(socket);
  } finally {
    socket.close();
  }
}

const packets = (node: IpipNode, reason: IpipReason): number => node.status().counters[reason].packets;
/** Descriptors of this process. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe.skipIf(!CAN_RUN).each(['tcx', 'clsact'] as const)('IPIP in eBPF by %s', (mode) => {
  let lab: EncapLab;
  let bpffs: string;
  let n1: IpipNode;
  let n2: IpipNode;
  const instance = (node: string): string => `t${process.pid}${mode}-${node}`;

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

  it('applied again changes nothing', () => {
    const nothing = { written: 0, removed: 0 };
    expect(n1.apply()).toEqual({ blocks: nothing, sources: nothing, attached: 0, replaced: 0, detached: 0, faults: [] });
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
    const { faults } = n1.apply({ parents: [n1.index('eth0'), 9999] });
    expect(faults).toEqual(['decapsulate at interface 9999: there is no such interface']);
    expect(
      n1
        .status()
        .attachments.map((each) => each.interface)
        .sort(),
    ).toEqual([n1.index('eth0'), n1.index('tunl0')].sort());
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
      await run('sh', ['-c', `rm ${bpffs}/linnet-${instance('n1')}/*_*`]);
      expect(n1.apply()).toMatchObject({ attached: 0, replaced: 0 });
    }
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    n1.remove();
    expect(await foreign()).toBe(before);
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 2)).toBe(0);
    expect(existsSync(`${bpffs}/linnet-${instance('n1')}`)).toBe(false);
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
    expect(existsSync(`${bpffs}/linnet-${instance('n1')}`)).toBe(false);
  }, 60_000);
});

describe.skipIf(!CAN_RUN)('IPIP in eBPF', () => {
  let lab: EncapLab;
  let bpffs: string;
  const made: IpipNode[] = [];
  const node = (name: 'n1' | 'n2' | 'n3', more: Partial<IpipOptions> = {}): IpipNode => {
    const one = makeIpipNode(lab, name, { instance: `u${process.pid}-${name}`, bpffs, ...more });
    made.push(one);
    return one;
  };

  beforeEach(async () => {
    ({ lab, bpffs } = await makeIpipLab('encap ipip peers'));
  });
  afterEach(async () => {
    for (const one of made.splice(0)) one.remove();
    await run('umount', [bpffs]);
    await lab.close();
  });

  it('speaks with an end that shares nothing with it: raw sockets and the kernel’s own IP layer', async () => {
    await makeTunnel(lab, 'n1');
    const n1 = node('n1');
    n1.apply();
    const { namespace } = lab.nodes.n3;
    const peer = lab.daemon(namespace, ['python3', '-u', harness('ipip-peer.py'), lab.nodes.n3.ipv4, lab.nodes.n1.ipv4], 'peer');
    const said = (): string => readFileSync(`${lab.lab.directory}/peer`, 'utf8');
    await until('the peer is ready', 20, () => {
      expect(peer.dead()).toBeUndefined();
      expect(said()).toContain('ready');
    });
    await lab.ip(namespace, 'link', 'set', 'tunl0', 'mtu', '1480', 'up');
    await lab.ip(namespace, 'route', 'add', lab.blocks.n1.ipv4, 'dev', 'tunl0');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p3a, 'ipv4')).toBe(3);
    expect(await lab.ping(lab.pods.p3a, lab.pods.p1a, 'ipv4')).toBe(3);
    expect(said()).toMatch(/tos 0 ttl 64 df 1 id 0 length 104/);
    // The kernel cuts large segments and completes checksums inside before the wire, as for an interface that can do neither.
    await lab.in(lab.nodes.n1.namespace, ['ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off']);
    const listening = lab.daemon(lab.pods.p3a.namespace, ['iperf3', '-s', '-1', '--forceflush'], 'iperf');
    await until('iperf3 listens', 10, () => {
      expect(listening.dead()).toBeUndefined();
      expect(readFileSync(`${lab.lab.directory}/iperf`, 'utf8')).toContain('listening');
    });
    await lab.in(lab.pods.p1a.namespace, ['iperf3', '-n', '2M', '-c', lab.pods.p3a.ipv4]);
    expect(said()).toMatch(/length 1500/);
    expect(said()).not.toMatch(/length (?:150[1-9]|15[1-9]\d|1[6-9]\d\d|\d{5})/);
    // DF outside as inside, and congestion marks with it (RFC 6040 4.1): 0x02 is ECT(0), 0xB8 a class that stays inside.
    await lab.in(lab.pods.p1a.namespace, ['ping', '-n', '-c', '1', '-M', 'dont', '-Q', '0xba', lab.pods.p3a.ipv4]);
    expect(said()).toMatch(/tos 2 ttl 64 df 0 id \d+ length 104/);
    expect(n1.status().counters.malformed.packets).toBe(0);
  });

  it('reaches nodes behind a router, and relays from tunnel to tunnel, large packets too', async () => {
    await Promise.all((['n1', 'n2', 'n3'] as const).map((name) => makeTunnel(lab, name)));
    const far = '172.32.0.3';
    const { n1, n2, n3 } = lab.nodes;
    // n2 routes between 172.31.0.0/24 and 172.32.0.0/24, where n3's address is.
    await lab.ip(n3.namespace, 'addr', 'del', `${n3.ipv4}/24`, 'dev', 'eth0');
    await lab.ip(n3.namespace, 'addr', 'add', `${far}/24`, 'dev', 'eth0');
    await lab.ip(n2.namespace, 'addr', 'add', '172.32.0.2/24', 'dev', 'eth0');
    await lab.ip(n3.namespace, 'route', 'add', '172.31.0.0/24', 'via', '172.32.0.2');
    await lab.ip(n1.namespace, 'route', 'add', '172.32.0.0/24', 'via', n2.ipv4);
    const block3 = prefixOf(lab.blocks.n3.ipv4);
    const [b1, b2, b3] = [node('n1'), node('n2'), node('n3')];
    const farPeers = (one: IpipNode) =>
      one.wanted().peers.map((peer) => (peer.block.words[0] === block3.words[0] ? { ...peer, host: addressOf(far) } : peer));
    b1.apply({ peers: farPeers(b1) });
    b2.apply({ peers: farPeers(b2) });
    b3.apply({ local: addressOf(far) });
    expect(await lab.ping(lab.pods.p1a, lab.pods.p3a, 'ipv4')).toBe(3);
    // Through the tunnel to n2 and on from there: what came out of a tunnel goes into another.
    b1.apply({ peers: farPeers(b1).map((peer) => ({ ...peer, host: addressOf(n2.ipv4) })), sources: [addressOf(far)] });
    const server = lab.daemon(lab.pods.p3a.namespace, ['iperf3', '-s', '-1', '--forceflush'], 'iperf');
    await until('iperf3 listens', 10, () => {
      expect(server.dead()).toBeUndefined();
      expect(readFileSync(`${lab.lab.directory}/iperf`, 'utf8')).toContain('listening');
    });
    await lab.in(lab.pods.p1a.namespace, ['iperf3', '-n', '32M', '-c', lab.pods.p3a.ipv4]);
    const { counters } = b2.status();
    expect(counters.headroom.packets).toBe(0);
    expect(counters.encapsulated.octets).toBeGreaterThan(16 * 1024 * 1024);
  });

  it('serves a node whose address is on its loopback, by whichever uplink packets take', async () => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const [n1, n2] = [node('n1'), node('n2')];
    const home = '10.99.0.1';
    await lab.uplink(lab.nodes.n1, 'eth1');
    await lab.ip(n1.namespace, 'addr', 'add', `${home}/32`, 'dev', 'lo');
    await lab.ip(n1.namespace, 'addr', 'add', '172.33.0.1/24', 'dev', 'eth1');
    await lab.ip(n2.namespace, 'addr', 'add', '172.33.0.2/24', 'dev', 'eth0');
    const peers = n2.wanted().peers.map((peer, index) => (index === 0 ? { ...peer, host: addressOf(home) } : peer));
    expect(n1.apply({ local: addressOf(home), parents: [n1.index('eth0'), n1.index('eth1')] })).toMatchObject({ attached: 3, faults: [] });
    n2.apply({ peers });
    for (const [there, back] of [
      ['172.31.0.1', 'eth0'],
      ['172.33.0.1', 'eth1'],
    ] as const) {
      await lab.ip(n2.namespace, 'route', 'replace', `${home}/32`, 'via', there);
      await lab.ip(n1.namespace, 'route', 'replace', `${lab.nodes.n2.ipv4}/32`, 'dev', back);
      expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    }
    expect(n1.status().counters).toMatchObject({ encapsulated: { packets: 6 }, decapsulated: { packets: 6 } });
  });

  it('carries datagrams that were sent as one packet (UDP GSO), each by itself', async () => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const [n1, n2] = [node('n1'), node('n2')];
    n1.apply();
    n2.apply();
    const { p1a, p2a } = lab.pods;
    const sink = [
      ...[
        'import socket, sys',
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
        `s.bind(("${p2a.ipv4}", 9000))`,
        's.settimeout(20)',
      ],
      ...['print("ready", flush=True)', 'got = [s.recv(65535) for _ in range(30)]'],
      'print("got", sorted({len(each) for each in got}), bytes(each[0] for each in got).hex(), flush=True)',
    ];
    // SOL_UDP, UDP_SEGMENT: thirty datagrams of 1,400 octets in one send.
    const source = [
      ...['import socket', 's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)', 's.setsockopt(17, 103, 1400)'],
      `s.sendto(b"".join(bytes([n]) * 1400 for n in range(30)), ("${p2a.ipv4}", 9000))`,
    ];
    lab.daemon(p2a.namespace, ['python3', '-c', sink.join('\n')], 'sink');
    const said = (): string => readFileSync(`${lab.lab.directory}/sink`, 'utf8');
    await until('the sink is ready', 20, () => expect(said()).toContain('ready'));
    await lab.in(p1a.namespace, ['python3', '-c', source.join('\n')]);
    const all = Buffer.from(Array.from({ length: 30 }, (_, index) => index)).toString('hex');
    await until('all thirty', 20, () => expect(said()).toContain(`got [1400] ${all}`));
    expect(n1.status().counters.encapsulated.packets).toBe(30);
  });

  it.each(['tcx', 'clsact'] as const)('stands before programs that end the way of every packet: %s', async (mode) => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const [n1, n2] = [node('n1', { mode }), node('n2')];
    // mov r0, 0 (go on to the stack, past every other program); exit
    const instructions = Buffer.from('b7000000000000009500000000000000', 'hex');
    const pass = loadProgram({ name: 'pass', license: 'GPL', instructions });
    const attached: number[] = [pass];
    try {
      const eth0 = n1.index('eth0');
      inNamespace(namespaceFile(n1.namespace), () => {
        if (mode === 'tcx') attached.push(createTcxLink(pass, eth0, ATTACH.tcxIngress));
        else
          withSocket(
            (socket) =>
              addClsact(socket, eth0) &&
              writeFilter(socket, { program: 'decapsulate', interface: eth0 }, { name: 'pass', priority: 7 }, { fd: pass, id: 0 }),
          );
      });
      n1.apply();
      n2.apply();
      expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    } finally {
      closeAll(attached);
    }
  });

  it('hangs as clsact filters where there is no bpffs, and stays when its process goes', async () => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const elsewhere = { bpffs: lab.lab.directory };
    const [n1, n2] = [node('n1', elsewhere), node('n2')];
    n2.apply();
    expect(n1.apply()).toMatchObject({ attached: 2, faults: [] });
    expect(n1.status().attachments.map((each) => each.mode)).toEqual(['clsact', 'clsact']);
    n1.close();
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    expect(node('n1', elsewhere).apply()).toMatchObject({ attached: 0, replaced: 2 });
    expect(() => node('n1', { ...elsewhere, mode: 'tcx' }).apply()).toThrow('TCX needs kernel 6.6 and bpffs at');
    made.pop();
  });

  it('is exchanged for other programs in place: no ping is lost', async () => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const [n1, n2] = [node('n1'), node('n2')];
    n1.apply();
    n2.apply();
    const pinging = lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 60);
    for (const [ttl, mode] of [
      [32, 'tcx'],
      [33, 'clsact'],
      [34, 'tcx'],
    ] as const) {
      n1.close();
      const next = node('n1', { ttl, mode });
      expect(next.apply().faults).toEqual([]);
      expect(next.status().attachments.map((each) => each.mode)).toEqual([mode, mode]);
      next.close();
    }
    expect(await pinging).toBe(60);
  });

  it('holds 5,000 nodes with 20 blocks each, written in thousands and changed by difference', async () => {
    await makeTunnel(lab, 'n1');
    const n1 = node('n1');
    const peers = Array.from({ length: 100_000 }, (_, index) => ({
      block: prefixOf(`10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`),
      host: addressOf(`172.31.${100 + ((index % 5000) >> 8)}.${(index % 5000) & 255}`),
    }));
    const timed = (more: Parameters<IpipNode['apply']>[0]): { ms: number; applied: ReturnType<IpipNode['apply']> } => {
      const began = performance.now();
      const applied = n1.apply(more);
      return { ms: Math.round(performance.now() - began), applied };
    };
    const first = timed({ peers });
    const again = timed({ peers });
    const moved = timed({ peers: peers.slice(1) });
    process.stdout.write(`100,000 blocks of 5,000 nodes: ${first.ms} ms, again ${again.ms} ms, one removed ${moved.ms} ms\n`);
    expect(first.applied).toMatchObject({ blocks: { written: 100_000, removed: 0 }, sources: { written: 5000 } });
    expect(again.applied).toMatchObject({ blocks: { written: 0, removed: 0 }, sources: { written: 0, removed: 0 } });
    expect(moved.applied).toMatchObject({ blocks: { written: 0, removed: 1 }, sources: { written: 0, removed: 0 } });
    expect(n1.status()).toMatchObject({ blocks: 99_999, sources: 5000 });
    expect(n1.apply({ peers: [] })).toMatchObject({ blocks: { removed: 99_999 }, sources: { removed: 5000 } });
  });
});
