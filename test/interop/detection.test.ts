/** A node's addresses found by the kernel's own word, in namespaces; and a daemon that follows when its address moves, with BIRD as its ToR. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDetection } from '../../src/config/node-options.ts';
import { detect } from '../../src/node/detect.ts';
import { hostNetwork } from '../../src/node/host-network.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { makeLinnet } from './harness/linnet.ts';
import { birdSession, makeOwnBird, type OwnBird } from './harness/own-bird.ts';
import { CLUSTER_AS, SESSION_SECONDS, TOR_AS } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('the address of a node', () => {
  let lab: Lab;
  let failed = false;
  let host: Host;
  let torHost: Host;
  const ip = (...words: readonly string[]): Promise<string> => run('ip', ['-n', host.namespace, ...words]);

  beforeAll(async () => {
    lab = await makeLab('detection');
    host = await lab.lan.host('node-1', 1);
    torHost = await lab.lan.host('tor', 254);
    // What a node has beside its way out: a bridge, a tunnel, a pod's interface, one that is down.
    for (const [name, address] of [
      ['docker0', '172.17.0.1/16'],
      ['cali1', '10.244.1.1/32'],
      ['ens9', '192.0.2.9/24'],
      ['ens8', '192.0.2.8/24'],
    ] as const) {
      await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `veth${name}`);
      await ip('addr', 'add', address, 'dev', name);
      if (name !== 'ens9') await ip('link', 'set', name, 'up');
    }
    await ip('addr', 'add', 'fd00:8::8/64', 'dev', 'ens8', 'nodad');
  });
  afterAll(async () => lab?.close(failed));

  it.each([
    ['first-found', 'ipv4', '192.0.2.8 in 192.0.2.0/24 on ens8'],
    ['first-found', 'ipv6', 'fd00:8::8 in fd00:8::/64 on ens8'],
    ['skip-interface=^ens', 'ipv4', 'OWN4 on eth0'],
    ['skip-interface=^ens', 'ipv6', 'OWN6 on eth0'],
    ['interface=^ens9,^docker', 'ipv4', '172.17.0.1 in 172.17.0.0/16 on docker0'],
    ['cidr=10.244.0.0/16', 'ipv4', '10.244.1.1 in 10.244.1.1/32 on cali1'],
  ] as const)('%s %s', async (text, family, expected) => {
    const method = parseDetection(text);
    if (!method.ok) throw new Error(method.rule);
    const network = hostNetwork({ namespace: `/var/run/netns/${host.namespace}` });
    const found = await detect(method.value, family, { network, internal: [] });
    const shown = found.ok
      ? `${formatAddress(found.found.address)} in ${formatPrefix(found.found.network)} on ${found.where}`
      : found.because;
    const own = (address: string): string => (found.ok ? `${address} in ${formatPrefix(found.found.network)}` : '');
    expect(shown).toBe(expected.replace('OWN4', own(host.ipv4)).replace('OWN6', own(host.ipv6)));
  });

  it('a daemon peers from what it found, and follows when the address moves', async () => {
    const moved = host.ipv4.replace(/\.\d+$/, '.9');
    const length = (await ip('-4', '-o', 'addr', 'show', 'dev', 'eth0')).match(/inet [\d.]+\/(\d+)/)?.[1] ?? '24';
    const manifest = [
      'apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: { name: node-1 }\nspec: { bgp: { } }',
      `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: { name: tor }\nspec: { peerIP: ${torHost.ipv4}, asNumber: ${TOR_AS} }`,
    ].join('\n---\n');
    writeFileSync(join(lab.datastore.path, 'all.yaml'), manifest);
    const session = (name: string, remote: string): string =>
      birdSession(name, { local: torHost.ipv4, as: TOR_AS, remote, remoteAs: CLUSTER_AS }, 'export none;');
    const tor: OwnBird = lab.adopt(
      makeOwnBird(torHost, join(lab.directory, 'tor'), [session('node_old', host.ipv4), session('node_new', moved)]),
    );
    await tor.start();
    const more = [
      '--shutdown',
      'cease',
      '--ip',
      'autodetect',
      '--ip-autodetection-method',
      `can-reach=${torHost.ipv4}`,
      '--autodetect-poll-interval',
      '1',
    ];
    const daemon = lab.adopt(makeLinnet(host, join(lab.directory, 'linnet'), lab.datastore.path, { more }));
    daemon.start();
    const up = (name: string): Promise<void> =>
      until(`session ${name}`, SESSION_SECONDS, async () => {
        daemon.alive();
        expect(await tor.ask(`show protocols ${name}`)).toContain('Established');
      });
    try {
      await up('node_old');
      await ip('addr', 'del', `${host.ipv4}/${length}`, 'dev', 'eth0');
      await ip('addr', 'add', `${moved}/${length}`, 'dev', 'eth0');
      await up('node_new');
    } catch (error) {
      failed = true;
      throw error;
    }
  });
});
