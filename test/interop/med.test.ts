/** MULTI_EXIT_DISC as real BIRDs send it, under each rule of the speaker, changed while sessions are up (RFC 4271 9.1.2.2 c, RFC 4451). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { list, text } from './harness/json.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { OwnBird } from './harness/own-bird.ts';
import { birdSession, makeOwnBird } from './harness/own-bird.ts';
import { CHANGE_SECONDS, SESSION_SECONDS } from './harness/scenario.ts';
import type { SpeakerProcess } from './harness/speaker.ts';
import { makeSpeaker } from './harness/speaker.ts';
import { until } from './harness/wait.ts';

const PREFIX = '203.0.113.20/32';
const AS = 64512;

describe.skipIf(!CAN_RUN)('MED of two BIRDs in different AS', () => {
  let lab: Lab;
  let hosts: { readonly a: Host; readonly b: Host; readonly rr: Host; readonly reader: Host };
  let speaker: SpeakerProcess;
  let reader: OwnBird;

  const document = (med: object): object => ({
    localAs: AS,
    routerId: hosts.rr.ipv4,
    listen: { address: hosts.rr.ipv4 },
    families: ['ipv4-unicast'],
    ...med,
    neighbors: [
      { name: 'a', address: hosts.a.ipv4, as: 65001, nextHop: 'keep' },
      { name: 'b', address: hosts.b.ipv4, as: 65002, nextHop: 'keep' },
      { name: 'reader', address: hosts.reader.ipv4, as: AS },
    ],
  });

  beforeAll(async () => {
    lab = await makeLab('med');
    hosts = {
      a: await lab.lan.host('a', 1),
      b: await lab.lan.host('b', 2),
      rr: await lab.lan.host('rr', 9),
      reader: await lab.lan.host('reader', 20),
    };
    const origin = (host: Host, as: number, filter: string): OwnBird =>
      lab.adopt(
        makeOwnBird(host, join(lab.directory, host.name), [
          `protocol static { ipv4; route ${PREFIX} blackhole; }`,
          birdSession(
            'up',
            { local: host.ipv4, as, remote: hosts.rr.ipv4, remoteAs: AS },
            `export filter { ${filter} accept; }; next hop self;`,
          ),
        ]),
      );
    reader = lab.adopt(
      makeOwnBird(hosts.reader, join(lab.directory, 'reader'), [
        birdSession('up', { local: hosts.reader.ipv4, as: AS, remote: hosts.rr.ipv4, remoteAs: AS }, 'export none;'),
      ]),
    );
    speaker = lab.adopt(makeSpeaker(hosts.rr, join(lab.directory, 'speaker'), { ...document({}) }));
    await speaker.start();
    for (const bird of [origin(hosts.a, 65001, 'bgp_med = 50;'), origin(hosts.b, 65002, ''), reader]) await bird.start();
  });
  afterAll(async () => lab?.close(false));

  it.each([
    // a has MED 50 and the lower BGP Identifier, b has no MED.
    ['compared within an AS only', {}, 'a'],
    ['always compared, a missing one counts as 0', { med: { compare: 'always' } }, 'b'],
    ['always compared, a missing one is the worst', { med: { compare: 'always', missing: 'worst' } }, 'a'],
    ['again within an AS only', { med: { compare: 'same-as', missing: 'worst' } }, 'a'],
  ] as const)('%s: %o chooses %s', async (_name, med, winner) => {
    await until('both paths are there', SESSION_SECONDS, async () => {
      for (const name of ['a', 'b', 'reader']) expect(text(await speaker.peer(name), 'state')).toBe('established');
      for (const name of ['a', 'b'])
        expect(list(await speaker.peer(name), 'families').map((family) => text(family, 'family'))).toEqual(['ipv4-unicast']);
    });
    speaker.configure({ ...document(med) });
    const as = winner === 'a' ? 65001 : 65002;
    await until(`the reader has the path of ${winner}`, CHANGE_SECONDS, async () => {
      expect(await reader.ask(`show route ${PREFIX} all`)).toMatch(new RegExp(`BGP\\.as_path: ${as}\\b`));
    });
  });
});
