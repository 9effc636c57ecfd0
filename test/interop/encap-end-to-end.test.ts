/**
 * Everything together: `linnet run` and `node-agent` as processes on three nodes, pods that ping across them in every encapsulation mode with
 * the packets on the wire decoded by tcpdump, a pool that goes (A5), the parent that moves (A17), and what belongs to others (A34).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentUnderTest, PoolModes } from './harness/encap-agent.ts';
import { clusterObjects, startAgent, writeCluster } from './harness/encap-agent.ts';
import type { EncapLab, EncapPod } from './harness/encap-lab.ts';
import { ENCAP_NODES, makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { until } from './harness/wait.ts';

type Family = 'ipv4' | 'ipv6';
type Wrapping = 'vxlan' | 'ipip' | 'none';

/**
 * A mode: what the pools say and what p2a's node sees of packets from n3, its neighbour, and from n1. Where a pool is `CrossSubnet`
 * the Nodes say /31 and /127, so that n1 is in another network than n2 and n3 although one bridge joins them.
 */
interface Mode {
  readonly name: string;
  readonly pools: PoolModes;
  readonly near: { readonly [family in Family]?: Wrapping };
  readonly far: { readonly [family in Family]?: Wrapping };
}

const VXLAN = { ipv4: 'vxlan', ipv6: 'vxlan' } as const;
const NONE = { ipv4: 'none', ipv6: 'none' } as const;
const BOTH = (field: string, value: string): PoolModes => ({ ipv4: { [field]: value }, ipv6: { [field]: value } });
const MODES: readonly Mode[] = [
  { name: 'VXLAN', pools: BOTH('vxlanMode', 'Always'), near: VXLAN, far: VXLAN },
  { name: 'VXLAN cross-subnet', pools: BOTH('vxlanMode', 'CrossSubnet'), near: NONE, far: VXLAN },
  { name: 'IPIP', pools: { ipv4: { ipipMode: 'Always' }, ipv6: {} }, near: { ipv4: 'ipip' }, far: { ipv4: 'ipip' } },
  { name: 'IPIP cross-subnet', pools: { ipv4: { ipipMode: 'CrossSubnet' }, ipv6: {} }, near: { ipv4: 'none' }, far: { ipv4: 'ipip' } },
  { name: 'no encapsulation', pools: { ipv4: {}, ipv6: {} }, near: NONE, far: NONE },
];

/** Nodes with masks by which n1 is in another network. */
function apart(objects: readonly object[]): readonly object[] {
  const text = JSON.stringify(objects).replaceAll(/(172\.31\.0\.\d)\/24/g, '$1/31');
  const changed: object[] = JSON.parse(text.replaceAll(/(fd00:31::\d)\/64/g, '$1/127'));
  return changed;
}

const FOREIGN = /proto 17|protocol 17|foreign/;

describe.skipIf(!CAN_RUN)('nodes with the daemon and the agent', () => {
  let lab: EncapLab;
  let manifests: string;
  let foreign: string;
  let captures = 0;
  const agents = new Map<string, AgentUnderTest>();
  const daemons: LinnetNode[] = [];
  const ip = (...words: readonly string[]) => lab.ip(lab.nodes.n1.namespace, ...words);
  const inside = (...words: readonly string[]) => lab.in(lab.nodes.n1.namespace, words);
  const alive = (): void => {
    for (const one of daemons) one.alive();
    for (const { running } of agents.values()) expect(running.dead()).toBeUndefined();
  };

  async function makeForeign(): Promise<void> {
    await ip('link', 'add', 'foreign0', 'type', 'vxlan', 'id', '77', 'dstport', '8472', 'nolearning');
    await ip('link', 'set', 'foreign0', 'up');
    await inside('bridge', 'fdb', 'add', '66:00:00:00:77:09', 'dev', 'foreign0', 'dst', '192.0.2.1', 'self', 'permanent');
    await ip('neigh', 'add', '192.0.2.9', 'lladdr', '66:00:00:00:77:09', 'dev', 'foreign0', 'nud', 'permanent');
    await ip('route', 'add', '203.0.113.0/24', 'dev', 'foreign0', 'proto', '17');
    await ip('route', 'add', 'blackhole', '10.244.3.32/27', 'proto', '17');
    await ip('-6', 'route', 'add', '2001:db8::/48', 'dev', 'foreign0', 'proto', '17');
    await ip('nexthop', 'add', 'id', '77', 'dev', 'foreign0', 'proto', '17');
    await ip('rule', 'add', 'priority', '111', 'to', '192.0.2.0/24', 'blackhole', 'protocol', '17');
    await inside('tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact');
    await inside('tc', 'filter', 'add', 'dev', 'eth0', 'egress', 'prio', '77', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1');
    await inside('nft', 'add table inet foreign; add chain inet foreign c { type filter hook forward priority 0; }');
    await inside('ipset', 'create', 'foreign', 'hash:ip');
  }

  async function readForeign(): Promise<string> {
    const marked = (text: string): string =>
      text
        .split('\n')
        .filter((line) => FOREIGN.test(line))
        .join('\n');
    const parts = [
      marked(await ip('-d', 'route', 'show', 'table', 'all')),
      marked(await ip('-d', '-6', 'route', 'show', 'table', 'all')),
      marked(await ip('rule')),
      marked(await ip('nexthop')),
      await ip('-d', 'link', 'show', 'foreign0'),
      await ip('neigh', 'show', 'dev', 'foreign0', 'nud', 'permanent'),
      await inside('bridge', 'fdb', 'show', 'dev', 'foreign0'),
      await inside('tc', 'qdisc', 'show', 'dev', 'eth0'),
      await inside('tc', 'filter', 'show', 'dev', 'eth0', 'egress'),
      await inside('nft', '-s', 'list', 'ruleset'),
      await inside('ipset', 'list'),
    ];
    return parts.join('\n');
  }

  const answers = (from: EncapPod, to: EncapPod, family: Family): Promise<void> =>
    until(`${from.name} to ${to.name}, ${family}`, 30, async () => {
      alive();
      expect(await lab.ping(from, to, family)).toBe(3);
    });

  /** What tcpdump says on n2's side of packets from one pod to p2a. */
  async function decoded(from: EncapPod, family: Family, wrapping: Wrapping): Promise<string> {
    const { n2 } = lab.nodes;
    const [ipWord, icmp] = family === 'ipv4' ? (['ip', 'icmp'] as const) : (['ip6', 'icmp6'] as const);
    const sender = from.node[family];
    const filters = {
      vxlan: `${ipWord} src host ${sender} and udp dst port 4789`,
      ipip: `ip src host ${sender} and ip proto 4`,
      none: `${icmp} and ${ipWord} src host ${from[family]}`,
    } as const;
    const name = `wire-${++captures}`;
    const capture = lab.daemon(n2.namespace, ['tcpdump', '-lnnvi', 'eth0', '-c', '2', filters[wrapping]], name);
    const file = `${lab.lab.directory}/${name}`;
    await until('tcpdump listens', 20, () => expect(readFileSync(file, 'utf8')).toContain('listening'));
    expect(await lab.ping(from, lab.pods.p2a, family)).toBe(3);
    await until('packets of that kind', 20, () => expect(readFileSync(file, 'utf8')).toContain('captured'));
    await capture.stop();
    return readFileSync(file, 'utf8').replaceAll(/\s+/g, ' ');
  }

  function expectWire(text: string, from: EncapPod, family: Family, wrapping: Wrapping): void {
    const inner = `${from[family]} > ${lab.pods.p2a[family]}:`;
    expect(text).toContain(inner);
    expect(text).toMatch(family === 'ipv4' ? /ICMP echo request/ : /ICMP6, echo request/);
    const outer = `${from.node[family]}${wrapping === 'vxlan' ? String.raw`\.\d+` : ''} > ${lab.nodes.n2[family]}${wrapping === 'vxlan' ? '.4789' : ''}:`;
    if (wrapping === 'none') expect(text).not.toContain('VXLAN');
    else expect(text).toMatch(new RegExp(outer.replaceAll('.4789', String.raw`\.4789`)));
    if (wrapping === 'vxlan') expect(text).toContain('VXLAN, flags [I] (0x08), vni 4096');
    if (wrapping === 'ipip') expect(text).toContain('proto IPIP (4)');
  }

  beforeAll(async () => {
    lab = await makeEncapLab('encap end to end');
    manifests = lab.lab.datastore.path;
    // Who has two interfaces in one network answers ARP on either, and IPIP is taken at that of the address only.
    await inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore');
    await makeForeign();
    foreign = await readForeign();
    writeCluster(manifests, clusterObjects(lab, BOTH('vxlanMode', 'Always')));
    for (const name of ENCAP_NODES) {
      const daemon = lab.lab.linnet(lab.nodes[name]);
      daemon.start();
      daemons.push(daemon);
      agents.set(name, startAgent(lab, name, manifests));
    }
    for (const one of agents.values()) await one.ready(60);
  }, 180_000);
  afterAll(async () => lab?.close());

  it.each(MODES)(
    'carry packets of pods in $name',
    async ({ name, pools, near, far }) => {
      const objects = clusterObjects(lab, pools);
      writeCluster(manifests, name.includes('cross-subnet') ? apart(objects) : objects);
      const { p1a, p2a, p3a } = lab.pods;
      for (const [from, wrappings] of [
        [p3a, near],
        [p1a, far],
      ] as const) {
        for (const family of ['ipv4', 'ipv6'] as const) {
          const wrapping = wrappings[family];
          if (wrapping === undefined) continue;
          await answers(from, p2a, family);
          // The change may have reached one node and not yet the other: what is on the wire settles soon.
          await until(`${from.name} ${family} as ${wrapping}`, 60, async () =>
            expectWire(await decoded(from, family, wrapping), from, family, wrapping),
          );
        }
      }
      alive();
    },
    180_000,
  );

  it('lose the routes of a pool that goes, and no others (A5)', async () => {
    const blocks = ENCAP_NODES.map((name, index) => ({
      apiVersion: 'projectcalico.org/v3',
      kind: 'BlockAffinity',
      metadata: { name: `${name}-plain` },
      spec: { node: name, state: 'confirmed', cidr: `10.245.${index + 1}.0/26` },
    }));
    const plain = { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name: 'plain' }, spec: { cidr: '10.245.0.0/16' } };
    const all = [...clusterObjects(lab, BOTH('vxlanMode', 'Always')), plain, ...blocks];
    writeCluster(manifests, all);
    const routes = async (): Promise<readonly string[]> =>
      [await ip('route', 'show'), await ip('-6', 'route', 'show')]
        .join('\n')
        .split('\n')
        .map((line) => line.replaceAll(/nhid \d+ ?/g, '').trim())
        .filter((line) => /proto (80|bird)/.test(line));
    const have = (wanted: readonly RegExp[]): Promise<readonly string[]> =>
      until('the routes', 40, async () => {
        alive();
        const now = await routes();
        for (const line of wanted)
          expect(
            now.filter((one) => line.test(one)),
            String(line),
          ).toHaveLength(1);
        return now;
      });
    const before = await have([
      /^10\.244\.2\.0\/26 via 10\.244\.2\.63 dev vxlan\.calico proto 80/,
      /^10\.244\.3\.0\/26 via 10\.244\.3\.63 dev vxlan\.calico proto 80/,
      /^10\.245\.2\.0\/26 via 172\.31\.0\.2 dev eth0 proto bird/,
      /^10\.245\.3\.0\/26 via 172\.31\.0\.3 dev eth0 proto bird/,
      /^fd44:2::\/122 via fd44:2::3f dev vxlan-v6\.calico proto 80/,
      /^fd44:3::\/122 via fd44:3::3f dev vxlan-v6\.calico proto 80/,
    ]);
    const gone = /"name":"v4"|"cidr":"10\.244\./;
    writeCluster(
      manifests,
      all.filter((one) => !gone.test(JSON.stringify(one))),
    );
    await until('its routes are gone', 30, async () =>
      expect(await routes()).toEqual(before.filter((line) => !/^(blackhole )?10\.244\./.test(line))),
    );
    await answers(lab.pods.p1a, lab.pods.p2a, 'ipv6');
  }, 120_000);

  it('move same-subnet routes and devices with the parent, within a second of packets (A17)', async () => {
    writeCluster(manifests, clusterObjects(lab, BOTH('vxlanMode', 'CrossSubnet')));
    const { p1a, p2a } = lab.pods;
    const { n1 } = lab.nodes;
    await lab.uplink(n1, 'eth1');
    await answers(p1a, p2a, 'ipv4');
    lab.daemon(p1a.namespace, ['ping', '-n', '-q', '-i', '0.05', '-c', '100', p2a.ipv4], 'moving');
    const file = `${lab.lab.directory}/moving`;
    await until('the ping begins', 10, () => expect(readFileSync(file, 'utf8')).toContain('PING'));
    await ip('addr', 'del', `${n1.ipv4}/24`, 'dev', 'eth0');
    await ip('addr', 'add', `${n1.ipv4}/24`, 'dev', 'eth1');
    await until('everything on eth1', 10, async () => {
      expect(await ip('route', 'show', 'proto', '80', 'dev', 'eth0')).toBe('');
      expect((await ip('route', 'show', 'proto', '80', 'dev', 'eth1')).match(/^10\.244\.[23]\.0\/26 /gm)).toHaveLength(2);
      expect(await ip('-d', 'link', 'show', 'vxlan.calico')).toContain('dev eth1');
    });
    await until('the ping ends', 30, () => expect(readFileSync(file, 'utf8')).toContain('packets transmitted'));
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(Number(sent)).toBe(100);
    expect(Number(sent) - Number(received)).toBeLessThan(20);
  }, 120_000);

  it('leave what belongs to others as it is, octet for octet, to the end of a cleanup (A34)', async () => {
    expect(await readForeign()).toBe(foreign);
    const { n1 } = lab.nodes;
    const agent = agents.get('n1');
    await agent?.running.stop('SIGTERM');
    await agent?.command('cleanup');
    expect(await ip('route', 'show', 'proto', '80')).toBe('');
    expect(await lab.ip(n1.namespace, 'link', 'show', 'type', 'vxlan')).not.toContain('vxlan.calico');
    expect(await readForeign()).toBe(foreign);
  }, 60_000);
});
