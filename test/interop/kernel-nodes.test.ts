/**
 * Kernel routes end to end: two Linnet nodes in a mesh with a bird2 as ToR, pods in namespaces of their own behind each node.
 * Pods reach each other over routes that Linnet wrote; they survive vandals, a killed daemon and an orderly stop.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Daemon } from './harness/daemon.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import {
  CHANGE_SECONDS,
  makeCluster,
  outsidePeers,
  pathsBecome,
  routerConfig,
  SESSION_SECONDS,
  sessionsUp,
  TOR_AS,
} from './harness/scenario.ts';
import { inOrder } from './harness/steps.ts';
import { Hopeless, holds, until } from './harness/wait.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/linnet.js', import.meta.url));
const FROM_TOR = '198.51.100.0/24';

describe.skipIf(!CAN_RUN)('kernel routes of two nodes', () => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly two: Host; readonly tor: Host };
  let one: LinnetNode;
  let two: LinnetNode;
  let tor: Daemon;
  const pods: string[] = [];

  const ip = (host: Host, ...words: string[]): Promise<string> => run('ip', ['-n', host.namespace, ...words]);
  const inside = (namespace: string, ...words: string[]): Promise<string> => run('ip', ['netns', 'exec', namespace, ...words]);
  const ours = async (host: Host, family = '-4'): Promise<string[]> =>
    (await ip(host, family, 'route', 'show', 'proto', '12'))
      .split('\n')
      .map((line) =>
        line
          .replaceAll(/nhid \d+ ?|pref medium/g, '')
          .replaceAll(/\s+/g, ' ')
          .trim(),
      )
      .filter((line) => line !== '')
      .sort();
  const becomes = (host: Host, lines: readonly string[], seconds = CHANGE_SECONDS): Promise<void> =>
    until(`routes of ${host.name}`, seconds, async () => expect(await ours(host)).toEqual(lines));

  /** A pod as Calico makes one: a veth with Calico’s address on the node’s end, a host route by Felix (protocol 80). */
  async function addPod(host: Host, number: number): Promise<void> {
    const pod = `${host.namespace}-pod`;
    await run('ip', ['netns', 'add', pod]);
    pods.push(pod);
    await run('ip', ['-n', host.namespace, 'link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod]);
    await run('ip', ['-n', pod, 'addr', 'add', `10.244.${number}.5/32`, 'dev', 'eth0']);
    await run('ip', ['-n', pod, 'link', 'set', 'eth0', 'up']);
    await ip(host, 'link', 'set', 'cali1', 'address', 'ee:ee:ee:ee:ee:ee', 'up');
    await run('ip', ['-n', pod, 'route', 'add', '169.254.1.1', 'dev', 'eth0']);
    await run('ip', ['-n', pod, 'neigh', 'add', '169.254.1.1', 'lladdr', 'ee:ee:ee:ee:ee:ee', 'dev', 'eth0']);
    await run('ip', ['-n', pod, 'route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0']);
    const switches = ['conf/cali1/forwarding=1', 'conf/eth0/forwarding=1', 'conf/all/rp_filter=0'];
    for (const entry of switches) {
      const [name = '', value = ''] = entry.split('=');
      await inside(host.namespace, 'sh', '-c', `echo ${value} > /proc/sys/net/ipv4/${name}`);
    }
    await ip(host, 'route', 'add', `10.244.${number}.5/32`, 'dev', 'cali1', 'scope', 'link', 'metric', '1024', 'proto', '80');
  }

  /** Pods of both nodes reach each other, whichever begins: nobody listens, so the answer to a SYN is a reset from the pod itself. */
  async function podsMeet(): Promise<void> {
    const knock = (host: Host, to: string): Promise<string> =>
      inside(`${host.namespace}-pod`, 'bash', '-c', `timeout 1 bash -c ': < /dev/tcp/${to}/7' 2>&1 || true`);
    expect(await knock(hosts.one, '10.244.2.5')).toContain('Connection refused');
    expect(await knock(hosts.two, '10.244.1.5')).toContain('Connection refused');
  }

  const alive = (): void => {
    one.alive();
    two.alive();
  };
  const OF_ONE = [
    '10.244.2.0/26 via 10.97.0.2 dev eth0 metric 1024',
    '198.51.100.0/24 via 10.97.0.254 dev eth0 metric 2147483547',
    'blackhole 10.244.1.0/26',
  ];

  beforeAll(async () => {
    lab = await makeLab('kernel nodes');
    hosts = { one: await lab.lan.host('node-1', 1), two: await lab.lan.host('node-2', 2), tor: await lab.lan.host('tor', 254) };
    await addPod(hosts.one, 1);
    await addPod(hosts.two, 2);
    const nodes = [
      { host: hosts.one, blocks: ['10.244.1.0/26', 'fd44:1::/122'] },
      { host: hosts.two, blocks: ['10.244.2.0/26', 'fd44:2::/122'] },
    ];
    lab.datastore.write(makeCluster(nodes, outsidePeers(hosts.tor, TOR_AS, {}), []));
    tor = lab.daemon('bird2', hosts.tor, { ...routerConfig(hosts.tor, [hosts.one, hosts.two]), announce: [FROM_TOR] });
    await tor.start();
    await ip(hosts.one, 'route', 'add', '192.0.2.0/24', 'via', '10.97.0.9', 'proto', 'static');
    one = lab.linnet(hosts.one);
    two = lab.linnet(hosts.two);
    one.start();
    two.start();
  });
  afterAll(async () => {
    await lab?.close(steps.failed());
    for (const pod of pods) await run('ip', ['netns', 'del', pod]);
  });

  it('has blackholes for own blocks, the blocks of others over their node, and what the ToR announces', async () => {
    await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
    alive();
    await becomes(hosts.one, OF_ONE, SESSION_SECONDS);
    await until('IPv6', SESSION_SECONDS, async () =>
      expect(await ours(hosts.one, '-6')).toEqual([
        'blackhole fd44:1::/122 dev lo metric 1024',
        'fd44:2::/122 via fd97::2 dev eth0 metric 1024',
      ]),
    );
    await becomes(hosts.two, [
      '10.244.1.0/26 via 10.97.0.1 dev eth0 metric 1024',
      '198.51.100.0/24 via 10.97.0.254 dev eth0 metric 2147483547',
      'blackhole 10.244.2.0/26',
    ]);
  });

  it('lets pods of both nodes reach each other', async () => {
    await until('pods meet', 5, podsMeet);
  });

  it('announces the workload of a borrowed address from where it runs, and nothing that the block covers', async () => {
    await ip(hosts.one, 'route', 'add', '10.244.2.9/32', 'dev', 'cali1', 'scope', 'link', 'metric', '1024', 'proto', '80');
    await becomes(hosts.two, [
      '10.244.1.0/26 via 10.97.0.1 dev eth0 metric 1024',
      '10.244.2.9 via 10.97.0.1 dev eth0 metric 1024',
      '198.51.100.0/24 via 10.97.0.254 dev eth0 metric 2147483547',
      'blackhole 10.244.2.0/26',
    ]);
    await pathsBecome(tor, '10.244.1.5/32', []);
    await ip(hosts.one, 'route', 'del', '10.244.2.9/32', 'dev', 'cali1');
    await until('it is gone', CHANGE_SECONDS, async () => expect((await ours(hosts.two)).join()).not.toContain('10.244.2.9'));
  });

  it('moves a workload to the node that has it at raised priority, while both have it (live migration)', async () => {
    await ip(hosts.two, 'route', 'add', '10.244.1.5/32', 'dev', 'cali1', 'scope', 'link', 'metric', '512', 'proto', '80');
    await becomes(hosts.one, ['10.244.1.5 via 10.97.0.2 dev eth0 metric 512', ...OF_ONE].sort());
    await ip(hosts.two, 'route', 'del', '10.244.1.5/32', 'dev', 'cali1');
    await becomes(hosts.one, OF_ONE);
  });

  it('puts back what is deleted, and leaves what others wrote', async () => {
    const foreign = (): Promise<string> =>
      run('sh', ['-c', `ip -n ${hosts.one.namespace} route show proto static; ip -n ${hosts.one.namespace} route show proto 80`]);
    const before = await foreign();
    expect(before).toContain('192.0.2.0/24');
    await ip(hosts.one, 'route', 'del', '10.244.2.0/26', 'proto', '12');
    await becomes(hosts.one, OF_ONE, 5);
    await ip(hosts.one, 'route', 'del', 'blackhole', '10.244.1.0/26');
    await becomes(hosts.one, OF_ONE, 5);
    await ip(hosts.one, 'nexthop', 'flush', 'proto', '12');
    await becomes(hosts.one, OF_ONE, 5);
    expect(await foreign()).toBe(before);
    await until('pods meet', 5, podsMeet);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('keeps every route, and pods together, through %s and a new start', async (signal) => {
    const kept = async (): Promise<void> => {
      // Without a session the other node may withdraw; this node's own kernel must not lose anything.
      const now = await ours(hosts.one);
      if (OF_ONE.some((line) => !now.includes(line))) throw new Hopeless(`lost: ${now.join('; ')}`);
    };
    await one.stop(signal);
    await holds('routes stay while nobody is there', 1, kept);
    one.start();
    await holds('routes stay while it starts', 6, kept);
    await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
    await becomes(hosts.one, OF_ONE, SESSION_SECONDS);
    await until('pods meet', SESSION_SECONDS, podsMeet);
  });

  it('does not start beside another writer of its number: another Linnet, or a BIRD', async () => {
    const second = (host: Host): Promise<string> => {
      const place = ['--run-dir', `${lab.directory}/second/run`, '--state-dir', `${lab.directory}/second/state`, '--http', 'none'];
      const args = ['run', '--node', host.name, '--datastore', 'file', '--path', lab.datastore.path, ...place];
      return run('ip', ['netns', 'exec', host.namespace, process.execPath, LAUNCHER, ...args]);
    };
    await expect(second(hosts.one)).rejects.toThrow(/another linnet writes routes with protocol 12/);
    await expect(second(hosts.tor)).rejects.toThrow(/bird \(pid \d+\) writes routes with protocol 12/);
    one.alive();
    expect(await ours(hosts.one)).toEqual(OF_ONE);
  });

  it('drops the routes of a node that leaves the cluster', async () => {
    await two.stop('SIGTERM');
    lab.datastore.write(
      makeCluster([{ host: hosts.one, blocks: ['10.244.1.0/26', 'fd44:1::/122'] }], outsidePeers(hosts.tor, TOR_AS, {}), []),
    );
    await becomes(hosts.one, OF_ONE.slice(1), SESSION_SECONDS);
  });
});
