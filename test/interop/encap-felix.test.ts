/**
 * Fields of FelixConfiguration with packets and the real kernel: the source of the node's own packets, who else may send by IPIP, and
 * IPIP that comes in by another interface than the one with the node's address.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentUnderTest, PoolModes } from './harness/encap-agent.ts';
import { clusterObjects, startAgent, writeCluster } from './harness/encap-agent.ts';
import type { EncapLab, EncapPod } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const POOLS: PoolModes = { ipv4: { ipipMode: 'Always' }, ipv6: { vxlanMode: 'Always' } };
const SOURCES = { ipv4: '203.0.113.1', ipv6: '2001:db8:53::1' } as const;

/** Says whom each datagram to port 9000 comes from. */
const SINK = [
  ...['import socket, sys', 'family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET'],
  ...['s = socket.socket(family, socket.SOCK_DGRAM)', 's.bind((sys.argv[1], 9000))', 'print("ready", flush=True)'],
  ...['while True:', '    print("from", s.recvfrom(2048)[1][0], flush=True)'],
].join('\n');

/** One datagram to port 9000. */
const SEND = [
  ...['import socket, sys', 'family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET'],
  's = socket.socket(family, socket.SOCK_DGRAM); s.sendto(b"x", (sys.argv[1], 9000))',
].join('\n');

/** The same inside IPIP, by raw socket: outer and inner source and destination. The kernel fills in what is 0. */
const SEND_IPIP = [
  'import socket, struct, sys',
  'a, b, c, d = (socket.inet_aton(each) for each in sys.argv[1:5])',
  'udp = struct.pack("!HHHH", 9000, 9000, 9, 0) + b"x"',
  'def header(protocol, source, destination, length):',
  '    raw = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0, 64, protocol, 0, source, destination)',
  '    total = sum(struct.unpack("!10H", raw)); total = (total & 0xffff) + (total >> 16)',
  '    return raw[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + raw[12:]',
  'inner = header(17, c, d, len(udp)) + udp',
  's = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)',
  's.sendto(header(4, a, b, len(inner)) + inner, (sys.argv[2], 0))',
].join('\n');

describe.skipIf(!CAN_RUN)('what FelixConfiguration says of encapsulation', () => {
  let lab: EncapLab;
  let manifests: string;
  let one: AgentUnderTest;

  /** n3 is no node of the cluster. */
  const configure = (felix: object): void => {
    const objects = clusterObjects(lab, POOLS, felix).filter((object) => !/"name":"n3(?:-ipv[46])?"/.test(JSON.stringify(object)));
    writeCluster(manifests, objects);
  };
  const route = (family: '-4' | '-6', to: string): Promise<string> => lab.ip(lab.nodes.n1.namespace, family, 'route', 'show', to);
  const sink = async (pod: EncapPod, family: 'ipv4' | 'ipv6'): Promise<() => string> => {
    const log = `sink-${pod.name}-${family}`;
    const daemon = lab.daemon(pod.namespace, ['python3', '-u', '-c', SINK, pod[family]], log);
    const said = (): string => readFileSync(`${lab.lab.directory}/${log}`, 'utf8');
    await until('the sink is ready', 20, () => {
      expect(daemon.dead()).toBeUndefined();
      expect(said()).toContain('ready');
    });
    return said;
  };
  const counted = async (outcome: string): Promise<number> =>
    Number(
      new RegExp(`^linnet_agent_ipip_packets_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec((await one.probe('/metrics')).text)?.[1],
    );

  beforeAll(async () => {
    lab = await makeEncapLab('encap felix');
    manifests = `${lab.lab.directory}/manifests`;
    configure({});
    const words = ['--ipip-backend', 'ebpf'];
    one = startAgent(lab, 'n1', manifests, words);
    const two = startAgent(lab, 'n2', manifests, [...words, '--cluster-type', 'kdd,aks']);
    await one.ready(40);
    await two.ready(40);
  }, 120_000);
  afterAll(async () => lab?.close());

  it('deviceRouteSourceAddress is the source of what the node itself sends, in both families, while an interface has it', async () => {
    const { namespace } = lab.nodes.n1;
    const blocks = [['-4', 'ipv4', '32'] as const, ['-6', 'ipv6', '128'] as const];
    for (const [family, name, length] of blocks) await lab.ip(namespace, family, 'addr', 'add', `${SOURCES[name]}/${length}`, 'dev', 'lo');
    configure({ deviceRouteSourceAddress: SOURCES.ipv4, deviceRouteSourceAddressIPv6: SOURCES.ipv6 });
    for (const [family, name] of blocks) {
      await until(`the ${name} route has its source`, 20, async () =>
        expect(await route(family, lab.blocks.n2[name])).toContain(`src ${SOURCES[name]} `),
      );
      const said = await sink(lab.pods.p2a, name);
      await until('a datagram of that source', 20, async () => {
        await lab.in(namespace, ['python3', '-c', SEND, lab.pods.p2a[name]]);
        expect(said()).toContain(`from ${SOURCES[name]}\n`);
      });
    }
    expect(await one.command('plan')).toBe('nothing to do\n');
    // The kernel takes the routes along with the address; they come back without it, and then with it.
    for (const [family, name, length] of blocks) await lab.ip(namespace, family, 'addr', 'del', `${SOURCES[name]}/${length}`, 'dev', 'lo');
    for (const [family, name] of blocks) {
      await until(`the ${name} route has none`, 20, async () => {
        const text = await route(family, lab.blocks.n2[name]);
        expect(text).toContain('dev');
        expect(text).not.toContain('src');
      });
    }
    await until('it is said', 20, async () => expect(await one.command('status', '-o', 'json')).toContain('ROUTE_SOURCE_MISSING'));
    for (const [family, name, length] of blocks) await lab.ip(namespace, family, 'addr', 'add', `${SOURCES[name]}/${length}`, 'dev', 'lo');
    for (const [family, name] of blocks) {
      await until('the source again', 20, async () => expect(await route(family, lab.blocks.n2[name])).toContain(`src ${SOURCES[name]} `));
    }
    configure({});
    await until('the kernel’s choice', 20, async () => expect(await route('-4', lab.blocks.n2.ipv4)).not.toContain('src'));
  });

  it('externalNodesList lets machines outside the cluster send by IPIP, and nobody else', async () => {
    const { p1a } = lab.pods;
    const said = await sink(p1a, 'ipv4');
    const send = (): Promise<string> => {
      const ends = [lab.nodes.n3.ipv4, lab.nodes.n1.ipv4, '192.0.2.7', p1a.ipv4];
      return lab.in(lab.nodes.n3.namespace, ['python3', '-c', SEND_IPIP, ...ends]);
    };
    await until('the stranger is refused', 40, async () => {
      await send();
      expect(await counted('unknown-source')).toBeGreaterThan(0);
    });
    expect(said()).not.toContain('192.0.2.7');
    configure({ externalNodesList: ['198.51.100.0/24', `${lab.nodes.n3.ipv4}/31`, 'fd00::/8'] });
    await until('it is let in', 20, async () => {
      await send();
      expect(said()).toContain('from 192.0.2.7\n');
    });
    configure({ externalNodesList: ['198.51.100.0/24'] });
    const before = await counted('unknown-source');
    await until('it is refused again', 40, async () => {
      await send();
      expect(await counted('unknown-source')).toBeGreaterThan(before);
    });
  });

  it('wireguardHostEncryptionEnabled takes more of the MTU of pods on Azure', async () => {
    const mtu = (name: string): string => readFileSync(`${lab.lab.directory}/agent-${name}/mtu`, 'utf8').trim();
    configure({ wireguardEnabled: true, wireguardHostEncryptionEnabled: true });
    await until('room for WireGuard', 20, () => expect([mtu('n1'), mtu('n2')]).toEqual(['1430', '1340']));
    configure({ wireguardEnabled: true });
    await until('less of it', 20, () => expect([mtu('n1'), mtu('n2')]).toEqual(['1430', '1430']));
  });

  it('IPIP comes in by any interface that answers for the node’s address', async () => {
    const { n1, n2 } = lab.nodes;
    await lab.uplink(n1, 'eth1');
    await lab.ip(n1.namespace, 'addr', 'add', '172.31.0.101/24', 'dev', 'eth1');
    const mac = /link\/ether ([0-9a-f:]{17})/.exec(await lab.ip(n1.namespace, 'link', 'show', 'eth1'))?.[1] ?? '';
    // As ARP may have it: every interface answers for every address of the machine.
    await lab.ip(n2.namespace, 'neigh', 'replace', n1.ipv4, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent');
    const received = async (): Promise<number> => {
      const text = await lab.in(n1.namespace, ['cat', '/proc/net/dev']);
      return Number(/^\s*eth1:\s*\d+\s+(\d+)/m.exec(text)?.[1]);
    };
    await until('packets by eth1', 20, async () => expect(await lab.ping(lab.pods.p2a, lab.pods.p1a, 'ipv4')).toBe(3));
    expect(await received()).toBeGreaterThanOrEqual(3);
    await lab.ip(n1.namespace, 'link', 'set', 'eth1', 'down');
    await lab.ip(n2.namespace, 'neigh', 'del', n1.ipv4, 'dev', 'eth0');
    await until('packets by eth0', 20, async () => expect(await lab.ping(lab.pods.p2a, lab.pods.p1a, 'ipv4')).toBe(3));
  });
});
