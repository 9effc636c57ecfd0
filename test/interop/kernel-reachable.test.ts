/** A peer that no route leads to: reachableBy makes one first, and the routes it announces go the same way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Daemon } from './harness/daemon.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { CLUSTER_AS, makeCluster, SESSION_SECONDS, TOR_AS } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

const FAR = '172.19.4.87';
const FROM_TOR = '198.51.100.0/24';

describe.skipIf(!CAN_RUN)('reachableBy on the native engine', () => {
  let lab: Lab;
  let failed = false;
  let host: Host;
  let node: LinnetNode;
  let tor: Daemon;

  beforeAll(async () => {
    lab = await makeLab('kernel reachable');
    host = await lab.lan.host('node-1', 1);
    const near = await lab.lan.host('tor', 254);
    await run('ip', ['-n', near.namespace, 'addr', 'add', `${FAR}/32`, 'dev', 'lo']);
    const spec = { peerIP: FAR, asNumber: TOR_AS, reachableBy: near.ipv4 };
    lab.datastore.write(makeCluster([{ host, blocks: ['10.244.1.0/26'] }], [{ name: 'far', spec }], []));
    const neighbors = [{ name: 'node1', address: host.ipv4, as: CLUSTER_AS }];
    tor = lab.daemon('bird2', { ...near, ipv4: FAR }, { as: TOR_AS, routerId: FAR, neighbors, announce: [FROM_TOR] });
    await tor.start();
    node = lab.linnet(host);
    node.start();
  });
  afterAll(async () => lab?.close(failed));

  it('reaches the peer over the gateway, and what it announces over the same', async () => {
    failed = true;
    await until('routes', SESSION_SECONDS, async () => {
      node.alive();
      const text = await run('ip', ['-n', host.namespace, 'route', 'show', 'proto', '12']);
      const lines = text.split('\n').map((line) => line.replaceAll(/nhid \d+ ?/g, '').trim());
      expect(lines.filter((line) => line !== '').sort()).toEqual([
        `${FAR} via 10.97.0.254 dev eth0`,
        `${FROM_TOR} via 10.97.0.254 dev eth0 metric 2147483547`,
        'blackhole 10.244.1.0/26',
      ]);
    });
    expect(await tor.established()).toEqual(new Set([host.ipv4]));
    failed = false;
  });
});
