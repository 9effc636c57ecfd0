/**
 * Every octet we send, as an independent decoder sees it: sessions with real daemons that bring out each message type and attribute are
 * captured in our namespace and read by tshark. No malformed mark, no error of its BGP experts, and as many messages as our speaker counted.
 *
 * Where tshark 4.0.17 is wrong: a message over 4096 octets is malformed to it although RFC 8654 was negotiated, so the session with the large
 * table is one without that capability. Extended messages are held by the peers that read them (matrix.test.ts, large tables).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { familyCounter } from './harness/bare-speaker.ts';
import type { DaemonKind } from './harness/daemon.ts';
import { CAN_RUN, MATRIX_KINDS } from './harness/lab.ts';
import { FAMILIES } from './harness/scenario.ts';
import { until } from './harness/wait.ts';
import type { Capture, Decoded } from './matrix/capture.ts';
import { decode, startCapture } from './matrix/capture.ts';
import type { Cell, Role, Setup } from './matrix/cell.ts';
import { capabilitiesOf, counterOf, LARGE, makeCell, SESSION_SECONDS, SOON } from './matrix/cell.ts';

/** BGP message types as RFC 4271 section 4.1 and RFC 2918 number them. */
const TYPES = { open: 1, update: 2, notification: 3, keepalive: 4, refresh: 5 };

interface Session {
  readonly kind: DaemonKind;
  readonly role: Role;
  readonly setup: Setup;
}

const EVERYTHING = { gracefulRestart: true, restartTime: 30, longLivedStaleTime: 600, holdTime: 9 };

/** Between them: a large table, add-path identifiers, both reflection marks, LLGR, AS_TRANS with AS4_PATH where the peer speaks two octets. */
const SESSIONS: readonly Session[] = [
  {
    kind: 'bird2',
    role: 'client',
    setup: {
      name: 'packets',
      ours: () => ({ ...EVERYTHING, addPath: 'both', nextHop: 'keep' }),
      peers: () => ({ addPath: true, gracefulRestart: true, shortMessages: true }),
      twoPaths: true,
      large: true,
    },
  },
  {
    kind: 'frr',
    role: 'reflector',
    setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ gracefulRestart: true }) },
  },
  { kind: 'gobgp', role: 'ebgp', setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ gracefulRestart: true }) } },
  { kind: 'openbgpd', role: 'ebgp', setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ twoOctetAs: true }) } },
];

/** Everything an operator can make a session send, after its table. */
async function exercise(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    const name = `peer-${family}`;
    await cell.ours.act(name, 'refresh', { direction: 'in' });
    // With BoRR and EoRR around the table where both ends have RFC 7313.
    await cell.ours.act(name, 'refresh', { direction: 'out' });
    await cell.ours.act(name, 'gshut', { state: 'on' });
    await cell.ours.act(name, 'gshut', { state: 'off' });
  }
  await quiet(cell);
  // After a NOTIFICATION OpenBGPD waits for half a minute and longer: the one at the end has to do.
  if (cell.kind === 'openbgpd') return;
  for (const family of FAMILIES) {
    await cell.ours.act(`peer-${family}`, 'shutdown', { text: 'packets: maintenance – Wartung' });
    await cell.ours.act(`peer-${family}`, 'enable');
  }
  await cell.up();
  await quiet(cell);
  for (const family of FAMILIES) await cell.ours.act(`peer-${family}`, 'reset');
  await cell.up();
  await quiet(cell);
}

/** Nothing more is on its way but keepalives. */
async function quiet(cell: Cell): Promise<void> {
  let before = '';
  await until('no more updates', SESSION_SECONDS, async () => {
    const now = JSON.stringify(await Promise.all(FAMILIES.map(async (family) => counterOf(await cell.session(family), 'updatesSent'))));
    const same = now === before;
    before = now;
    expect(same).toBe(true);
  });
}

describe.skipIf(!CAN_RUN).each(SESSIONS.filter(({ kind }) => MATRIX_KINDS.includes(kind)))(
  'what tshark reads of us to $kind',
  ({ kind, role, setup }) => {
    let cell: Cell;
    let capture: Capture;
    let sent: { readonly messages: number; readonly updates: number; readonly lost: number };
    let decoded: Decoded;
    let failed = true;

    beforeAll(async () => {
      cell = await makeCell(kind, role, setup, `packets ${kind}`, async (lab, hosts) => {
        capture = lab.adopt(await startCapture(hosts.ours, join(lab.directory, 'ours.pcap')));
      });
      await cell.up();
      if (setup.large === true) {
        await until('the large tables', 60, async () => {
          for (const family of FAMILIES)
            expect(familyCounter(await cell.session(family), family, 'advertised')).toBeGreaterThanOrEqual(LARGE);
        });
      }
      await exercise(cell);
      const counted = async (name: string): Promise<number> => {
        const sessions = await Promise.all(FAMILIES.map((family) => cell.session(family)));
        return sessions.reduce<number>((sum, session) => sum + counterOf(session, name), 0);
      };
      // The end of the speaker would take its counters along: the sessions end before it.
      for (const family of FAMILIES) await cell.ours.act(`peer-${family}`, 'shutdown', { text: '' });
      await until('the sessions are down', SOON, async () => {
        for (const family of FAMILIES) expect(capabilitiesOf(await cell.session(family))).toBe('');
      });
      const log = readFileSync(join(cell.lab.directory, 'ours', 'speaker.log'), 'utf8');
      const lost = log
        .split('\n')
        .filter((line) => /"peer":"peer-.*"from":"open-sent".*(closed the connection|reset by the peer)/.test(line));
      sent = { messages: await counted('messagesSent'), updates: await counted('updatesSent'), lost: lost.length };
      await capture.stop();
      decoded = await decode(capture.file, [cell.hosts.ours.ipv4, cell.hosts.ours.ipv6], [cell.hosts.peer.ipv4, cell.hosts.peer.ipv6]);
    }, 180_000);
    afterAll(async () => {
      await cell?.lab.close(failed);
    });

    it('without one malformed mark or expert error', () => {
      expect(capture.dropped()).toBe(0);
      expect(decoded.malformed).toEqual([]);
      expect(decoded.expertErrors).toEqual([]);
    });

    it('as many messages as our speaker counted, of every type', () => {
      expect(decoded.types.filter((type) => type === TYPES.update)).toHaveLength(sent.updates);
      // The OPEN of a connection that the peer closes as it comes up is counted and may never leave.
      expect(decoded.messages).toBeLessThanOrEqual(sent.messages);
      expect(decoded.messages).toBeGreaterThanOrEqual(sent.messages - sent.lost);
      expect(new Set(decoded.types)).toEqual(new Set(Object.values(TYPES)));
      failed = false;
    });
  },
);
