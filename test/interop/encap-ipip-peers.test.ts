/**
 * IPIP in eBPF, each case in a lab of its own: an independent other end, nodes behind routers and on loopbacks, programs of others and
 * of before, and a large cluster. A kernel with ipip.ko would be the other end of choice: here is none.
 */
import { readFileSync } from 'node:fs';
import { closeDescriptor, inNamespace, NetlinkSocket } from 'netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ATTACH, createTcxLink, loadProgram } from '../../node-agent/ebpf/calls.ts';
import type { IpipOptions } from '../../node-agent/ebpf/ipip.ts';
import { addClsact, writeFilter } from '../../node-agent/ebpf/tc.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { namespaceFile } from './harness/encap-lab.ts';
import { run } from './harness/exec.ts';
import { harness, makeIpipLab } from './harness/ipip-lab.ts';
import type { IpipNode } from './harness/ipip-node.ts';
import { addressOf, makeIpipNode, makeTunnel, prefixOf } from './harness/ipip-node.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

function withSocket(action: (socket: NetlinkSocket) => void): void {
  const socket = new NetlinkSocket();
  try {
    action(socket);
  } finally {
    socket.close();
  }
}

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
      for (const fd of attached) closeDescriptor(fd);
    }
  });

  it('hangs as clsact filters where there is no bpffs, and stays when its process goes', async () => {
    await makeTunnel(lab, 'n1');
    await makeTunnel(lab, 'n2');
    const elsewhere = { bpffs: lab.lab.directory };
    await lab.in(lab.nodes.n1.namespace, ['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact']);
    const [n1, n2] = [node('n1', elsewhere), node('n2')];
    n2.apply();
    expect(n1.apply()).toMatchObject({ attached: 2, faults: [] });
    expect(n1.status().attachments.map((each) => each.mode)).toEqual(['clsact', 'clsact']);
    n1.close();
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
    const next = node('n1', elsewhere);
    expect(next.apply()).toMatchObject({ attached: 0, replaced: 2 });
    next.remove();
    // Somebody else's, empty as it was.
    expect(await lab.in(lab.nodes.n1.namespace, ['tc', 'qdisc', 'show', 'dev', 'eth0'])).toContain('clsact');
    expect(await lab.in(lab.nodes.n1.namespace, ['tc', 'filter', 'show', 'dev', 'eth0', 'ingress'])).toBe('');
    expect(() => node('n1', { ...elsewhere, mode: 'tcx' }).apply()).toThrow('TCX needs kernel 6.6 and bpffs at');
    made.pop();
  });

  it('takes no link at the same index of another network namespace for its own', async () => {
    for (const name of ['n1', 'n2'] as const) await makeTunnel(lab, name);
    const instance = `u${process.pid}-moved`;
    const [before, after] = [node('n1', { instance }), node('n2', { instance })];
    expect(after.index('eth0')).toBe(before.index('eth0'));
    expect(before.apply()).toMatchObject({ attached: 2, faults: [] });
    before.close();
    expect(after.apply()).toMatchObject({ attached: 2, replaced: 0, faults: [] });
    made.shift();
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
