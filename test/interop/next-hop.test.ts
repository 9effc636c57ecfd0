/**
 * IPv4 routes over an IPv6 session with FRR (RFC 8950): what each learns has the other's IPv6 address as next hop, and tshark reads what we
 * send as that.
 */
import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, start } from './harness/exec.ts';
import { entries, list, text } from './harness/json.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { SESSION_SECONDS } from './harness/scenario.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { makeSpeaker } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { Capture } from './matrix/capture.ts';
import { decode, startCapture } from './matrix/capture.ts';

/** AFI of IPv4, and MP_REACH_NLRI. */
const [IPV4, MP_REACH] = [1, 14];

const bgpd = (neighbor: string): string[] => [
  'frr defaults traditional',
  'router bgp 65001',
  ' bgp router-id 10.97.0.2',
  ' no bgp default ipv4-unicast',
  ' no bgp network import-check',
  ' no bgp ebgp-requires-policy',
  ` neighbor ${neighbor} remote-as 64512`,
  ` neighbor ${neighbor} capability extended-nexthop`,
  ` neighbor ${neighbor} timers connect 1`,
  ' address-family ipv4 unicast',
  '  network 10.81.0.0/24',
  `  neighbor ${neighbor} activate`,
  ' exit-address-family',
  '',
];

describe.skipIf(!CAN_RUN || !KINDS.includes('frr'))('IPv4 routes over an IPv6 session with frr', () => {
  let lab: Lab;
  let failed = true;
  let hosts: { readonly ours: Host; readonly theirs: Host };
  let speaker: SpeakerProcess;
  let capture: Capture;
  let frr = '';

  beforeAll(async () => {
    lab = await makeLab('next-hop');
    hosts = { ours: await lab.lan.host('ours', 1), theirs: await lab.lan.host('theirs', 2) };
    const { ours, theirs } = hosts;
    frr = join(lab.directory, 'frr');
    mkdirSync(frr);
    const { uid, gid } = statSync('/etc/frr');
    for (const path of [lab.directory, frr]) chownSync(path, uid, gid);
    const file = join(frr, 'bgpd.conf');
    writeFileSync(file, bgpd(ours.ipv6).join('\n'));
    capture = lab.adopt(await startCapture(ours, join(lab.directory, 'ours.pcap')));
    const words = ['/usr/lib/frr/bgpd', '-Z', '-n', '-f', file, '-P', '0', '--vty_socket', frr, '-i', join(frr, 'bgpd.pid')];
    lab.adopt(start('ip', ['netns', 'exec', theirs.namespace, ...words], join(frr, 'log')));
    const neighbor = {
      name: 'frr',
      address: theirs.ipv6,
      as: 65001,
      extendedNextHop: true,
      families: ['ipv4-unicast'],
      connectRetryTime: 1,
    };
    speaker = lab.adopt(
      makeSpeaker(ours, join(lab.directory, 'speaker'), {
        localAs: 64512,
        routerId: ours.ipv4,
        listen: { address: ours.ipv6 },
        neighbors: [neighbor],
        routes: [{ prefix: '10.80.0.0/24' }],
      }),
    );
    await speaker.start();
  });

  afterAll(async () => lab?.close(failed));

  it('is agreed on, and goes both ways', async () => {
    const { ours, theirs } = hosts;
    await until('its route is here, by IPv6', SESSION_SECONDS, async () => {
      const routes = (await speaker.routes()).map((route) => [text(route, 'prefix'), text(route, 'nextHop')]);
      expect(routes).toContainEqual(['10.81.0.0/24', theirs.ipv6]);
    });
    expect(list(await speaker.peer('frr'), 'capabilities')).toContain('IPv6 next hops of IPv4 routes (RFC 8950)');
    await until('our route is there, by IPv6', SESSION_SECONDS, async () => {
      const answer = await run('vtysh', ['--vty_socket', frr, '-d', 'bgpd', '-c', 'show bgp ipv4 unicast json']);
      const [, paths] = entries(JSON.parse(answer), 'routes').find(([prefix]) => prefix === '10.80.0.0/24') ?? [];
      const hops = list(list([paths], 0)[0], 'nexthops').map((hop) => text(hop, 'ip'));
      expect(hops).toContain(ours.ipv6);
    });
  });

  it('is to tshark what it should be', async () => {
    await speaker.act('frr', 'shutdown', { text: '' });
    await capture.stop();
    const { faults, long, attributes, nextHops } = await decode(capture.file, [hosts.ours.ipv6], [hosts.theirs.ipv6]);
    expect([faults, long, capture.dropped()]).toEqual([[], [], 0]);
    expect(attributes).toContain(MP_REACH);
    expect([...nextHops]).toEqual([expect.stringContaining(`${IPV4} `)]);
    failed = false;
  });
});
