/** IPv4 routes over an IPv6 session with FRR (RFC 8950): what each learns has the other's IPv6 address as next hop. */
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getDocument } from '../../src/cli/client.ts';
import type { PeersDocument, RoutesDocument } from '../../src/health/status.ts';
import { type Running, run, start } from './harness/exec.ts';
import { entries, list, text } from './harness/json.ts';
import { CAN_RUN, KINDS } from './harness/lab.ts';
import type { Lan } from './harness/lan.ts';
import { makeLan } from './harness/lan.ts';
import { until } from './harness/wait.ts';

const launcher = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'linnet.js');
const SECONDS = 40;

describe.skipIf(!CAN_RUN || !KINDS.includes('frr'))('IPv4 routes over an IPv6 session with frr', () => {
  let lan: Lan;
  let directory = '';
  const running: Running[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-nexthop-'));
    lan = await makeLan();
    const ours = await lan.host('ours', 1);
    const theirs = await lan.host('theirs', 2);
    const frr = join(directory, 'frr');
    mkdirSync(frr);
    const { uid, gid } = statSync('/etc/frr');
    for (const path of [directory, frr]) chownSync(path, uid, gid);
    const file = join(frr, 'bgpd.conf');
    writeFileSync(
      file,
      [
        'frr defaults traditional',
        'router bgp 65001',
        ' bgp router-id 10.97.0.2',
        ' no bgp default ipv4-unicast',
        ' no bgp network import-check',
        ' no bgp ebgp-requires-policy',
        ` neighbor ${ours.ipv6} remote-as 64512`,
        ` neighbor ${ours.ipv6} capability extended-nexthop`,
        ` neighbor ${ours.ipv6} timers connect 1`,
        ' address-family ipv4 unicast',
        '  network 10.81.0.0/24',
        `  neighbor ${ours.ipv6} activate`,
        ' exit-address-family',
        '',
      ].join('\n'),
    );
    const bgpd = ['/usr/lib/frr/bgpd', '-Z', '-n', '-f', file, '-P', '0', '--vty_socket', frr, '-i', join(frr, 'bgpd.pid')];
    running.push(start('ip', ['netns', 'exec', theirs.namespace, ...bgpd], join(frr, 'log')));
    const neighbor = { address: theirs.ipv6, as: 65001, extendedNextHop: true, families: ['ipv4-unicast'], connectRetryTime: 1 };
    const config = {
      localAs: 64512,
      routerId: ours.ipv4,
      listen: { address: ours.ipv6 },
      neighbors: [neighbor],
      routes: [{ prefix: '10.80.0.0/24' }],
    };
    writeFileSync(join(directory, 'speaker.json'), JSON.stringify(config));
    const args = [process.execPath, launcher, 'speaker', join(directory, 'speaker.json'), '--status', join(directory, 'status.sock')];
    running.push(start('ip', ['netns', 'exec', ours.namespace, ...args], join(directory, 'log')));
  });

  afterAll(async () => {
    for (const one of running.reverse()) await one.stop();
    await lan.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is agreed on, and goes both ways', async () => {
    const api = { kind: 'socket', path: join(directory, 'status.sock') } as const;
    await until('its route is here, by IPv6', SECONDS, async () => {
      const { routes } = await getDocument<RoutesDocument>(api, '/routes', 'linnet.routes/v1');
      expect(routes.map(({ prefix, nextHop }) => [prefix, nextHop])).toContainEqual(['10.81.0.0/24', 'fd97::2']);
    });
    const { peers } = await getDocument<PeersDocument>(api, '/api/v1/peers', 'linnet.peers/v1');
    expect(peers[0]?.capabilities).toContain('IPv6 next hops of IPv4 routes (RFC 8950)');
    await until('our route is there, by IPv6', SECONDS, async () => {
      const answer = await run('vtysh', ['--vty_socket', join(directory, 'frr'), '-d', 'bgpd', '-c', 'show bgp ipv4 unicast json']);
      const [, paths] = entries(JSON.parse(answer), 'routes').find(([prefix]) => prefix === '10.80.0.0/24') ?? [];
      const hops = list(list([paths], 0)[0], 'nexthops').map((hop) => text(hop, 'ip'));
      expect(hops).toContain('fd97::1');
    });
  });
});
