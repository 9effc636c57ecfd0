/** The agent's routes against the real kernel and with packets: every class, both families, a parent that moves, others beside (A5, A17, A32, A34, B2). */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encapWishes } from '../../node-agent/encap/wishes.ts';
import { openConntrackKernel } from '../../node-agent/kernel/conntrack-netlink.ts';
import { createRouteKeeper, planRoutes, type RouteKeeper } from '../../node-agent/kernel/routes.ts';
import { createRuleKeeper, type RuleKeeper } from '../../node-agent/kernel/rules.ts';
import { openRuleKernel } from '../../node-agent/kernel/rules-netlink.ts';
import type { NodeResource, Resource } from '../../src/confd/resources/types.ts';
import { openNetlinkKernel } from '../../src/routes/kernel/netlink.ts';
import { AUDIT_MS } from '../../src/routes/kernel/route-sync.ts';
import { address, affinity, configuration, node, pool, prefix, snapshotOf } from '../worlds/build.ts';
import type { EncapLab, EncapNode } from './harness/encap-lab.ts';
import { ENCAP_NODES, makeEncapLab, namespaceFile } from './harness/encap-lab.ts';
import { start } from './harness/exec.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const after = (ms: number, call: () => void): (() => void) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

describe.skipIf(!CAN_RUN).each(['auto', 'off'] as const)("the agent's routes, nexthop objects %s", (nexthopObjects) => {
  let lab: EncapLab;
  const keepers: RouteKeeper[] = [];
  let rules: RuleKeeper | undefined;

  const nodeOf = (name: EncapNode): NodeResource => {
    const number = Number(name.slice(1));
    const tunnels = {
      vxlanV4: address(`10.244.${number}.63`),
      vxlanV6: address(`fd44:${number}::3f`),
      ipip: address(`10.244.${number}.62`),
    };
    const { ipv4, ipv6 } = lab.nodes[name];
    return { ...node(name, { ipv4: `${ipv4}/24`, ipv6: `${ipv6}/64` }), tunnels };
  };
  /** n3 as if it were in another network: only the mask of its neighbours says so. */
  const far = (number: string): NodeResource => {
    const tunnels = {
      vxlanV4: address(`10.244.${number}.63`),
      vxlanV6: address(`fd44:${number}::3f`),
      ipip: address(`10.244.${number}.62`),
    };
    return { ...node(`far${number}`, { ipv4: `172.31.9.${number}/24`, ipv6: `fd00:39::${number}/64` }), tunnels };
  };
  const blocks = (): Resource[] =>
    ENCAP_NODES.flatMap((name) => [affinity(name, lab.blocks[name].ipv4), affinity(name, lab.blocks[name].ipv6)]);
  const wishes = (name: string, resources: readonly Resource[]) =>
    encapWishes({ snapshot: snapshotOf(resources), felix: { programClusterRoutes: 'Enabled' }, node: name });
  const kernelOf = (name: EncapNode) =>
    openNetlinkKernel({ protocol: 80, namespace: namespaceFile(lab.nodes[name].namespace), nexthopObjects });

  function keep(name: EncapNode, resources: readonly Resource[], auditMs = AUDIT_MS): RouteKeeper {
    const namespace = namespaceFile(lab.nodes[name].namespace);
    const keeper = createRouteKeeper({
      kernel: kernelOf(name),
      now: () => performance.now(),
      after,
      status: () => undefined,
      failed: (error) => expect.fail(error.message),
      conntrack: openConntrackKernel({ namespace }),
      graceMs: 300,
      auditMs,
    });
    keepers.push(keeper);
    keeper.start();
    keeper.set(wishes(name, resources));
    return keeper;
  }

  const off = configuration('default', { programClusterRoutes: 'Disabled' });
  const cluster = (
    modes: { readonly vxlanMode?: 'Always' | 'CrossSubnet'; readonly ipipMode?: 'Always' | 'CrossSubnet' } = {},
  ): Resource[] => [
    ...ENCAP_NODES.map(nodeOf),
    off,
    pool('v4', '10.244.0.0/16', modes),
    pool('v6', 'fd44::/16', modes.vxlanMode === undefined ? {} : { vxlanMode: modes.vxlanMode }),
    ...blocks(),
  ];

  const ip = (...words: string[]): Promise<string> => lab.ip(lab.nodes.n1.namespace, ...words);
  const ours = async (family: '-4' | '-6', namespace = lab.nodes.n1.namespace): Promise<string[]> =>
    (await lab.ip(namespace, family, 'route', 'show', 'proto', '80'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) =>
        line
          .replaceAll(/nhid \d+ ?|pref medium|metric 1024|dev lo|error \S+/g, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      )
      .sort();
  const becomes = (family: '-4' | '-6', lines: readonly string[], seconds = 5): Promise<void> =>
    until(`routes ${family}`, seconds, async () => expect(await ours(family)).toEqual(lines));

  beforeAll(async () => {
    lab = await makeEncapLab(`encap routes ${nexthopObjects}`);
    // Stand-ins for the agent's devices: their own reconciler has its own test.
    for (const [name, family, id] of [
      ['vxlan.calico', 'ipv4', '4096'],
      ['vxlan-v6.calico', 'ipv6', '4097'],
    ] as const) {
      await ip(
        'link',
        'add',
        name,
        'type',
        'vxlan',
        'id',
        id,
        'dstport',
        '4789',
        'dev',
        'eth0',
        'local',
        lab.nodes.n1[family],
        'nolearning',
      );
      await ip('link', 'set', name, 'up');
    }
    await ip('link', 'add', 'tunl0', 'type', 'ifb');
    await ip('link', 'set', 'tunl0', 'up');
    await lab.uplink(lab.nodes.n1, 'eth1');
  }, 60_000);
  afterEach(async () => {
    rules?.stop();
    rules = undefined;
    for (const keeper of keepers.splice(0)) keeper.stop();
    for (const name of ENCAP_NODES) {
      const { namespace } = lab.nodes[name];
      await lab.ip(namespace, 'nexthop', 'flush', 'proto', '80');
      for (const family of ['-4', '-6']) await lab.ip(namespace, family, 'route', 'flush', 'proto', '80');
    }
  });
  afterAll(async () => lab?.close());

  it('are in the kernel by class, and packets follow them between nodes of one network', async () => {
    const { p1a, p2a } = lab.pods;
    for (const name of ['n1', 'n2'] as const) keep(name, cluster());
    await becomes('-4', [
      '10.244.2.0/26 via 172.31.0.2 dev eth0 onlink',
      '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink',
      'blackhole 10.244.1.0/26',
    ]);
    await becomes('-6', [
      'blackhole fd44:1::/122',
      'fd44:2::/122 via fd00:31::2 dev eth0 onlink',
      'fd44:3::/122 via fd00:31::3 dev eth0 onlink',
    ]);
    for (const family of ['ipv4', 'ipv6'] as const) {
      await until(`${family} packets`, 10, async () => expect(await lab.ping(p1a, p2a, family)).toBe(3));
    }
    expect(planRoutes(kernelOf('n1'), wishes('n1', cluster()))).toEqual([]);
  });

  it('lead into tunnels where the node is in another network, and to tunnel addresses', async () => {
    const more = [far('4'), affinity('far4', '10.244.4.0/26'), affinity('far4', 'fd44:4::/122')];
    keep('n1', [...cluster({ vxlanMode: 'CrossSubnet' }), ...more]);
    await becomes('-4', [
      '10.244.2.0/26 via 172.31.0.2 dev eth0 onlink',
      '10.244.2.63 dev vxlan.calico',
      '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink',
      '10.244.3.63 dev vxlan.calico',
      '10.244.4.0/26 via 10.244.4.63 dev vxlan.calico onlink',
      '10.244.4.63 dev vxlan.calico',
      'blackhole 10.244.1.0/26',
    ]);
    await becomes('-6', [
      'blackhole fd44:1::/122',
      'fd44:2::/122 via fd00:31::2 dev eth0 onlink',
      'fd44:2::3f dev vxlan-v6.calico',
      'fd44:3::/122 via fd00:31::3 dev eth0 onlink',
      'fd44:3::3f dev vxlan-v6.calico',
      'fd44:4::/122 via fd44:4::3f dev vxlan-v6.calico onlink',
      'fd44:4::3f dev vxlan-v6.calico',
    ]);
    keepers[0]?.set(wishes('n1', [...cluster({ ipipMode: 'CrossSubnet' }), ...more]));
    await becomes('-4', [
      '10.244.2.0/26 via 172.31.0.2 dev eth0 onlink',
      '10.244.2.62 via 172.31.0.2 dev tunl0 onlink',
      '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink',
      '10.244.3.62 via 172.31.0.3 dev tunl0 onlink',
      '10.244.4.0/26 via 172.31.9.4 dev tunl0 onlink',
      '10.244.4.62 via 172.31.9.4 dev tunl0 onlink',
      'blackhole 10.244.1.0/26',
    ]);
    // A pool that goes takes its own routes only (A5).
    const six = [...cluster({ vxlanMode: 'CrossSubnet' }), ...more].filter((one) => one.ref.name !== 'v4');
    keepers[0]?.set(wishes('n1', six));
    await becomes('-4', []);
    expect(await ours('-6')).toHaveLength(7);
  });

  it('take over what Felix wrote, in place, and leave its routes to workloads', async () => {
    for (const [family, ...words] of [
      ['-4', '10.244.2.0/26', 'via', '172.31.0.2', 'dev', 'eth0', 'onlink'],
      ['-6', 'fd44:2::/122', 'via', 'fd00:31::2', 'dev', 'eth0', 'onlink'],
      ['-4', '10.244.77.0/26', 'via', '172.31.0.3', 'dev', 'eth0', 'onlink'],
      ['-4', '10.244.1.40/32', 'dev', 'cali1a', 'scope', 'link'],
      ['-6', 'fd44:1::28/128', 'dev', 'cali1a'],
    ] as const) {
      await ip(family, 'route', 'add', ...words, 'proto', '80');
    }
    keep('n1', cluster());
    await becomes('-4', [
      '10.244.1.40 dev cali1a scope link',
      '10.244.2.0/26 via 172.31.0.2 dev eth0 onlink',
      '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink',
      'blackhole 10.244.1.0/26',
    ]);
    await becomes('-6', [
      'blackhole fd44:1::/122',
      'fd44:1::28 dev cali1a',
      'fd44:2::/122 via fd00:31::2 dev eth0 onlink',
      'fd44:3::/122 via fd00:31::3 dev eth0 onlink',
    ]);
    if (nexthopObjects === 'auto') expect(await ip('-6', 'route', 'show', 'fd44:2::/122')).toContain('nhid');
  });

  it('have no blackhole for a block of one address: its pod is reached (A32)', async () => {
    const single = [affinity('n1', '10.244.1.1/32'), affinity('n1', 'fd44:1::1/128'), affinity('n1', '10.244.1.2/32')];
    const resources = [...cluster().filter((one) => one.ref.name !== 'n1-10-244-1-0-26'), ...single];
    keep('n1', resources);
    keep('n2', resources);
    await becomes('-4', ['10.244.2.0/26 via 172.31.0.2 dev eth0 onlink', '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink']);
    const { p2a, p1a } = lab.pods;
    await until('the pod answers', 10, async () => expect(await lab.ping(p2a, p1a, 'ipv4')).toBe(3));
    expect(await ours('-4', lab.nodes.n2.namespace)).toContain('10.244.1.1 via 172.31.0.1 dev eth0 onlink');
  });

  it('go over to the other interface with the address of the node, and less than a second of packets is lost (A17)', async () => {
    const { n1 } = lab.nodes;
    const { p1a, p2a } = lab.pods;
    for (const name of ['n1', 'n2'] as const) keep(name, cluster());
    await until('packets', 10, async () => expect(await lab.ping(p1a, p2a, 'ipv4')).toBe(3));
    const file = `${lab.lab.directory}/ping-${nexthopObjects}.txt`;
    const words = ['ping', '-n', '-q', '-i', '0.05', '-c', '80', p2a.ipv4];
    const ping = start('nsenter', [`--net=${namespaceFile(p1a.namespace)}`, '--', ...words], file);
    for (const [from, to] of [
      ['eth0', 'eth1'],
      ['eth1', 'eth0'],
    ] as const) {
      await ip('addr', 'del', `${n1.ipv4}/24`, 'dev', from);
      await ip('addr', 'add', `${n1.ipv4}/24`, 'dev', to);
      await until(`nothing left on ${from}`, 1.5, async () => {
        expect(await ip('route', 'show', 'proto', '80', 'dev', from)).toBe('');
        expect((await ip('route', 'show', 'proto', '80', 'dev', to)).split('\n').filter((line) => line.includes('via'))).toHaveLength(2);
      });
      if (to === 'eth1') await until('the ping ends', 15, async () => expect(readFileSync(file, 'utf8')).toContain('packets transmitted'));
    }
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(readFileSync(file, 'utf8')) ?? [];
    expect(ping.dead()).toBeDefined();
    expect(Number(sent) - Number(received)).toBeLessThan(20);
  });

  it('come back with the carrier of the interface', async () => {
    const { n1 } = lab.nodes;
    keep('n1', cluster());
    await until('routes', 5, async () => expect(await ours('-4')).toHaveLength(3));
    const bridge = n1.namespace.replace(/-n1$/, '-lan');
    await lab.ip(bridge, 'link', 'set', 'p1', 'down');
    await until('no carrier', 5, async () => expect(await ip('link', 'show', 'eth0')).toContain('NO-CARRIER'));
    await lab.ip(bridge, 'link', 'set', 'p1', 'up');
    await until('routes', 5, async () => expect((await ours('-4')).join()).toContain('10.244.2.0/26 via 172.31.0.2 dev eth0 onlink,'));
  });

  it('give way to WireGuard and come back (B2)', async () => {
    await lab.in(lab.nodes.n1.namespace, ['ip', 'tuntap', 'add', 'dev', 'wireguard.cali', 'mode', 'tun']);
    await ip('link', 'set', 'wireguard.cali', 'up');
    keep('n1', cluster());
    const before = [
      '10.244.2.0/26 via 172.31.0.2 dev eth0 onlink',
      '10.244.3.0/26 via 172.31.0.3 dev eth0 onlink',
      'blackhole 10.244.1.0/26',
    ];
    await becomes('-4', before);
    await ip('route', 'replace', '10.244.2.0/26', 'dev', 'wireguard.cali', 'proto', '4');
    await ip('-6', 'route', 'add', 'fd44:2::/122', 'dev', 'wireguard.cali', 'metric', '2048', 'proto', '4');
    await becomes(
      '-4',
      before.filter((line) => !line.startsWith('10.244.2')),
    );
    await until('its IPv6 route', 5, async () => expect((await ours('-6')).join()).not.toContain('fd44:2::/122'));
    expect(await ip('route', 'get', '10.244.2.9')).toContain('dev wireguard.cali');
    expect(await ip('-6', 'route', 'get', 'fd44:2::9')).toContain('dev wireguard.cali');
    await ip('link', 'del', 'wireguard.cali');
    await becomes('-4', before);
    await until('its IPv6 route', 5, async () => expect((await ours('-6')).join()).toContain('fd44:2::/122 via'));
  });

  it('leave whatever others made as it is, octet for octet, and clear their own devices (A34)', async () => {
    const { namespace } = lab.nodes.n1;
    const run = (...words: string[]): Promise<string> => lab.in(namespace, words);
    await ip('route', 'add', '203.0.113.0/24', 'via', '172.31.0.3', 'proto', '17');
    await ip('route', 'add', 'blackhole', '10.244.3.0/27', 'proto', '17');
    await ip('-6', 'route', 'add', '2001:db8::/48', 'via', 'fd00:31::3', 'proto', '12');
    await ip('nexthop', 'add', 'id', '77', 'via', '172.31.0.3', 'dev', 'eth0', 'proto', '17');
    await ip('route', 'add', '203.0.114.0/24', 'nhid', '77', 'proto', '17');
    await ip('rule', 'add', 'priority', '111', 'to', '192.0.2.0/24', 'blackhole', 'protocol', '17');
    await run(
      'nft',
      'add table inet foreign; add chain inet foreign c { type filter hook forward priority 0; }; add rule inet foreign c counter accept',
    );
    await run('ipset', 'create', 'foreign', 'hash:ip');
    await run('tc', 'qdisc', 'add', 'dev', 'eth1', 'clsact');
    await run('tc', 'filter', 'add', 'dev', 'eth1', 'ingress', 'prio', '77', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1');
    const foreign = async (): Promise<string> => {
      const parts = [
        await ip('route', 'show', 'table', 'all'),
        await ip('-6', 'route', 'show', 'table', 'main'),
        await ip('rule'),
        await ip('nexthop'),
        await run('nft', '-s', 'list', 'ruleset'),
        await run('ipset', 'list'),
        await run('tc', 'filter', 'show', 'dev', 'eth1', 'ingress'),
      ];
      return parts
        .join('\n')
        .split('\n')
        .filter((line) => !/proto 80|^unreachable|vxlan|fe80|multicast|proto kernel/.test(line))
        .join('\n');
    };
    const before = await foreign();
    await ip('route', 'add', '10.99.0.0/16', 'dev', 'vxlan.calico', 'proto', '3');
    const ruleKernel = openRuleKernel({ namespace: namespaceFile(namespace) });
    rules = createRuleKeeper({ kernel: ruleKernel, protocol: 80, after, auditMs: 300, failed: (error) => expect.fail(error.message) });
    rules.set([{ prefix: prefix('10.96.0.0/12'), action: 'drop', reasons: [] }]);
    const keeper = keep('n1', cluster({ vxlanMode: 'Always' }), 300);
    await until('the devices are cleared', 5, async () => expect(await ip('route', 'show', '10.99.0.0/16')).toBe(''));
    await until('the routes', 5, async () => expect(await ours('-4')).toHaveLength(5));
    expect(await ip('rule')).toContain('to 10.96.0.0/12');
    const { readings } = keeper.status();
    await until('an audit', 5, () => expect(keeper.status().readings).toBeGreaterThan(readings));
    await ip('route', 'del', '10.244.2.0/26', 'proto', '80');
    await until('the repair', 2, async () => expect(await ours('-4')).toHaveLength(5));
    expect(await foreign()).toBe(before);
    keeper.set(wishes('n1', [nodeOf('n1')]));
    rules.set([]);
    await becomes('-4', []);
    await becomes('-6', []);
    await until('the objects', 5, async () => expect(await ip('nexthop', 'show', 'proto', '80')).toBe(''));
    expect(await foreign()).toBe(before);
    // An audit would ask a kernel that is closed.
    rules.stop();
    ruleKernel.close();
    for (const words of [
      'route del 203.0.114.0/24',
      'nexthop del id 77',
      'route del 203.0.113.0/24',
      'route del blackhole 10.244.3.0/27',
      'rule del priority 111',
    ])
      await ip(...words.split(' '));
    await ip('-6', 'route', 'del', '2001:db8::/48');
  });
});
