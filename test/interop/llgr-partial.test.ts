/** A BIRD that stays away, and an FRR of the same AS that knows nothing of long-lived stale routes (RFC 9494 section 4.6). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Daemon } from './harness/daemon.ts';
import { text } from './harness/json.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { OwnBird } from './harness/own-bird.ts';
import { birdSession, makeOwnBird } from './harness/own-bird.ts';
import { CHANGE_SECONDS, pathsBecome, SESSION_SECONDS } from './harness/scenario.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { makeSpeaker } from './harness/speaker.ts';
import { until } from './harness/wait.ts';

const PREFIX = '203.0.113.20/32';
const AS = 64512;

describe.skipIf(!CAN_RUN)('a reflector between a peer that stays away and one without the capability', () => {
  let lab: Lab;
  let failed = true;
  let hosts: { readonly away: Host; readonly rr: Host; readonly unaware: Host };
  let speaker: SpeakerProcess;
  let bird: OwnBird;
  let frr: Daemon;

  const document = (longLivedPartialDeployment: boolean): { [key: string]: unknown } => ({
    localAs: AS,
    routerId: hosts.rr.ipv4,
    listen: { address: hosts.rr.ipv4 },
    families: ['ipv4-unicast'],
    longLivedPartialDeployment,
    neighbors: [
      { name: 'away', address: hosts.away.ipv4, as: AS, rrClient: true, gracefulRestart: true, longLivedStaleTime: 600 },
      { name: 'unaware', address: hosts.unaware.ipv4, as: AS, rrClient: true },
    ],
  });

  beforeAll(async () => {
    lab = await makeLab('llgr-partial');
    hosts = { away: await lab.lan.host('away', 1), rr: await lab.lan.host('rr', 9), unaware: await lab.lan.host('unaware', 20) };
    speaker = lab.adopt(makeSpeaker(hosts.rr, join(lab.directory, 'speaker'), document(false)));
    await speaker.start();
    const restart = 'graceful restart on; graceful restart time 2; long lived graceful restart on; long lived stale time 600;';
    bird = lab.adopt(
      makeOwnBird(hosts.away, join(lab.directory, 'bird'), [
        `protocol static { ipv4; route ${PREFIX} blackhole; }`,
        birdSession(
          'up',
          { local: hosts.away.ipv4, as: AS, remote: hosts.rr.ipv4, remoteAs: AS },
          'export where source = RTS_STATIC; next hop self;',
          restart,
        ),
      ]),
    );
    await bird.start();
    frr = lab.daemon('frr', hosts.unaware, {
      as: AS,
      routerId: hosts.unaware.ipv4,
      neighbors: [{ name: 'rr', address: hosts.rr.ipv4, as: AS }],
      announce: [],
    });
    await frr.start();
  });
  afterAll(async () => lab?.close(failed));

  it('tells it the route while the peer is there, and nothing once it is long-lived stale', async () => {
    await pathsBecome(frr, PREFIX, [{ from: hosts.rr.ipv4, nextHop: hosts.away.ipv4, localPref: 100, communities: [] }], SESSION_SECONDS);
    expect(JSON.stringify(await speaker.peer('unaware'))).not.toContain('RFC 9494');
    expect(JSON.stringify(await speaker.peer('away'))).toContain('RFC 9494');
    await bird.stop('SIGKILL');
    await pathsBecome(frr, PREFIX, [], SESSION_SECONDS);
    expect(await speaker.routes()).toHaveLength(1);
  });

  it('with the option: the route with NO_EXPORT and LOCAL_PREF 0, on the same session', async () => {
    const before = await frr.incarnation(hosts.rr.ipv4);
    speaker.configure(document(true));
    await pathsBecome(frr, PREFIX, [{ nextHop: hosts.away.ipv4, localPref: 0, communities: ['llgr-stale', 'no-export'] }], CHANGE_SECONDS);
    expect(await frr.incarnation(hosts.rr.ipv4)).toBe(before);
  });

  it('the peer comes back: the route is as it was', async () => {
    await bird.start();
    await until('the peer is back', SESSION_SECONDS, async () => expect(text(await speaker.peer('away'), 'state')).toBe('established'));
    await pathsBecome(frr, PREFIX, [{ nextHop: hosts.away.ipv4, localPref: 100, communities: [] }], CHANGE_SECONDS);
    failed = false;
  });
});
