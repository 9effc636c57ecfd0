/**
 * Packets to a service address that nobody translates end on the node, and those that are translated go on (dataplane B20): n2 stands for
 * the ToR that sends the range to n1, whose default route leads back; n3 is the client outside, p1a the backend.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encapWishes } from '../../node-agent/encap/wishes.ts';
import type { RuleKeeper } from '../../node-agent/kernel/rules.ts';
import { createRuleKeeper } from '../../node-agent/kernel/rules.ts';
import { openRuleKernel } from '../../node-agent/kernel/rules-netlink.ts';
import { watchKernel } from '../../node-agent/kernel/watch.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import type { FelixFields } from '../../src/confd/resources/types.ts';
import { configuration, node, prefix, snapshotOf } from '../worlds/build.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab, namespaceFile } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const FAMILIES = {
  ipv4: { name: 'ip', vip: '198.51.100.10', range: '198.51.100.0/24', socket: 'AF_INET', flag: '-4', url: '198.51.100.10' },
  ipv6: { name: 'ip6', vip: '2001:db8:51::10', range: '2001:db8:51::/64', socket: 'AF_INET6', flag: '-6', url: '[2001:db8:51::10]' },
} as const;

const SERVER = `
import socket, threading
def serve(family, address):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, 8080)); listener.listen()
    while True:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nbackend"); connection.close()
threading.Thread(target=serve, args=(socket.AF_INET6, "::")).start()
serve(socket.AF_INET, "0.0.0.0")
`;

const after = (ms: number, call: () => void): (() => void) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

describe.skipIf(!CAN_RUN)('loops of service packets', () => {
  let lab: EncapLab;
  let keeper: RuleKeeper | undefined;
  let ruleKernel: ReturnType<typeof openRuleKernel>;

  const at = (name: 'n1' | 'n2' | 'n3', ...words: string[]): Promise<string> => lab.in(lab.nodes[name].namespace, words);

  /** The rules of what this configuration says. */
  function guard(felix: FelixFields): RuleKeeper {
    const resources = [
      node('n1', { ipv4: '172.31.0.1/24', ipv6: 'fd00:31::1/64' }),
      configuration('default', { serviceLoadBalancerIPs: [prefix(FAMILIES.ipv4.range), prefix(FAMILIES.ipv6.range)] }),
    ];
    const { serviceLoops } = encapWishes({ snapshot: snapshotOf(resources), felix, node: 'n1' });
    keeper ??= createRuleKeeper({ kernel: ruleKernel, protocol: 80, after, failed: (error) => expect.fail(error.message) });
    keeper.set(serviceLoops);
    return keeper;
  }

  /** Copies that came to n1, and those that left it again, since the counters were reset. */
  async function copies(family: keyof typeof FAMILIES): Promise<{ readonly came: number; readonly left: number }> {
    const text = await at('n1', 'nft', 'list', 'table', FAMILIES[family].name, 'watch');
    const [came = -1, left = -1] = [...text.matchAll(/packets (\d+)/g)].map(([, count]) => Number(count));
    return { came, left };
  }

  async function send(from: 'n1' | 'n3', family: keyof typeof FAMILIES): Promise<void> {
    const { socket, vip } = FAMILIES[family];
    await at('n1', 'nft', 'reset', 'counters', 'table', FAMILIES[family].name, 'watch');
    const program = `import socket; s = socket.socket(socket.${socket}, socket.SOCK_DGRAM); s.sendto(b"lost", ("${vip}", 9999))`;
    await at(from, 'python3', '-c', program);
  }

  const fetched = (from: 'n1' | 'n3', family: keyof typeof FAMILIES): Promise<string> =>
    at(from, 'sh', '-c', `curl -s -g -m 3 http://${FAMILIES[family].url}/ || true`);

  beforeAll(async () => {
    lab = await makeEncapLab('encap service loop');
    const { n1, n2 } = lab.nodes;
    const { p1a } = lab.pods;
    for (const family of ['ipv4', 'ipv6'] as const) {
      const { flag, range, name, vip } = FAMILIES[family];
      await lab.ip(lab.nodes.n3.namespace, flag, 'route', 'add', range, 'via', n2[family]);
      await lab.ip(n2.namespace, flag, 'route', 'add', range, 'via', n1[family]);
      await lab.ip(n1.namespace, flag, 'route', 'add', 'default', 'via', n2[family]);
      const backend = family === 'ipv4' ? `${p1a.ipv4}:8080` : `[${p1a.ipv6}]:8080`;
      const translation = `${name} daddr ${vip} tcp dport 80 dnat to ${backend}`;
      const counted = `${name} daddr ${range}`;
      await at(
        'n1',
        'nft',
        `table ${name} service {
          chain in { type nat hook prerouting priority dstnat; ${translation}; }
          chain out { type nat hook output priority -100; ${translation}; }
        }
        table ${name} watch {
          counter came { }
          counter left { }
          chain in { type filter hook prerouting priority raw; ${counted} counter name came; }
          chain out { type filter hook postrouting priority srcnat + 50; oifname eth0 ${counted} counter name left; }
        }`,
      );
    }
    lab.daemon(p1a.namespace, ['python3', '-c', SERVER], 'backend.log');
    ruleKernel = openRuleKernel({ namespace: namespaceFile(n1.namespace) });
  }, 60_000);
  afterEach(async () => {
    keeper?.set([]);
    keeper?.stop();
    keeper = undefined;
    await at('n1', 'sh', '-c', 'for way in all eth0 cali1a; do echo 0 > /proc/sys/net/ipv4/conf/$way/rp_filter; done');
  });
  afterAll(async () => {
    ruleKernel?.close();
    await lab?.close();
  });

  describe.each(['ipv4', 'ipv6'] as const)('over %s', (family) => {
    it('go round until the TTL ends where nothing stops them', async () => {
      guard({ serviceLoopPrevention: 'Disabled' });
      await send('n3', family);
      await until('many copies', 5, async () => expect((await copies(family)).came).toBeGreaterThan(10));
    });

    it.each(['Drop', 'Reject'] as const)('end with the first copy: %s', async (mode) => {
      guard({ serviceLoopPrevention: mode });
      await send('n3', family);
      await until('the copy', 5, async () => expect((await copies(family)).came).toBeGreaterThan(0));
      expect(await copies(family)).toEqual({ came: 1, left: 0 });
      // Reject says so to whoever sent it (ICMP 3/13, ICMPv6 1/1), where the kernel's limit of errors was not used up before:
      // an IPv4 error costs two seconds of it.
      const words = `ping -n ${FAMILIES[family].flag} -c 3 -i 2.5 -W 1 ${FAMILIES[family].vip} || true`;
      expect(/prohibited|filtered/i.test(await at('n3', 'sh', '-c', words))).toBe(mode === 'Reject');
    });

    it.each(['0', '1'] as const)('cost nothing that is translated: clients outside and the node itself, rp_filter %s', async (filter) => {
      guard({});
      await at('n1', 'sh', '-c', `for way in all eth0 cali1a; do echo ${filter} > /proc/sys/net/ipv4/conf/$way/rp_filter; done`);
      for (const from of ['n3', 'n1'] as const)
        await until(`${from} fetches`, 10, async () => expect(await fetched(from, family)).toBe('backend'));
      // What the node sends to nobody comes back once, and ends.
      await send('n1', family);
      await until('it left', 5, async () => expect((await copies(family)).left).toBe(1));
      await until('it is back', 5, async () => expect((await copies(family)).came).toBe(1));
      expect((await copies(family)).left).toBe(1);
    });
  });

  it('stay stopped: what others delete is back within a second', async () => {
    const { namespace } = lab.nodes.n1;
    const kept = guard({});
    const watch = watchKernel({
      namespace: namespaceFile(namespace),
      listeners: [kept],
      ignorePorts: [ruleKernel.portId],
      log: SILENT_LOG,
      now: () => performance.now(),
      after,
    });
    const before = await lab.ip(namespace, 'rule');
    expect(before).toMatch(/111:.*to 198\.51\.100\.0\/24 blackhole/);
    for (const priority of ['110', '111', '112']) {
      await lab.ip(namespace, 'rule', 'del', 'priority', priority);
      await until('the rules', 2, async () =>
        expect((await lab.ip(namespace, 'rule')).split('\n').sort()).toEqual(before.split('\n').sort()),
      );
    }
    watch.close();
    expect(kept.status().repaired).toBe(3);
  });
});
