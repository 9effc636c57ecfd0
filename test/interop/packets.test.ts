/**
 * Every octet we send, as an independent decoder sees it: sessions with real daemons that bring out each message type and attribute are
 * captured in our namespace and read by tshark. No malformed mark, no error of its BGP experts, and as many messages as our speaker counted.
 * The session with the large table is one without extended messages: packets-extended.test.ts has those, next-hop.test.ts RFC 8950.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DaemonKind } from './harness/daemon.ts';
import { CAN_RUN, MATRIX_KINDS } from './harness/lab.ts';
import { FAMILIES } from './harness/scenario.ts';
import { familyCounter } from './harness/speaker.ts';
import { until } from './harness/wait.ts';
import type { Capture, Decoded } from './matrix/capture.ts';
import { decode, startCapture } from './matrix/capture.ts';
import type { Cell, Role, Setup } from './matrix/cell.ts';
import { capabilitiesOf, counterOf, LARGE, makeCell, SESSION_SECONDS, SOON } from './matrix/cell.ts';

/** BGP message types as RFC 4271 section 4.1 and RFC 2918 number them. */
const TYPES = { open: 1, update: 2, notification: 3, keepalive: 4, refresh: 5 };
/** Path attributes that we originate or change (1-5, 8-10, 14, 15, 17, 32), and those that we pass on: 6, 7, 16 and one nobody knows. AIGP (26) came and goes nowhere (RFC 7311 section 3.2). */
const ATTRIBUTES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 32, 200];
/** Of ROUTE-REFRESH: a request, and the two ends of our table (RFC 7313 section 3.2). */
const REFRESHES = [0, 1, 2];
const TEXT = 'packets: maintenance – Wartung';

interface Session {
  readonly kind: DaemonKind;
  readonly role: Role;
  readonly setup: Setup;
  /** Whom we send what is read. */
  readonly to: 'peer' | 'source';
}

const EVERYTHING = { gracefulRestart: true, restartTime: 30, longLivedStaleTime: 600, holdTime: 9 };

/** ExaBGP's words for the rest of what a route can carry; the unknown attribute is optional and transitive. */
const ATTRIBUTES_OF_EXABGP =
  'med 77 atomic-aggregate aggregator ( 65001:10.72.0.9 ) extended-community [ target:64512:100 origin:64512:7 ] aigp 100 attribute [ 0xc8 0xc0 0x12345678 ]';

/** Between them: every attribute, passed on to the source; a large table, add-path identifiers, both reflection marks, LLGR, AS_TRANS with AS4_PATH where the peer speaks two octets. */
const SESSIONS: readonly Session[] = [
  {
    kind: 'exabgp',
    role: 'client',
    to: 'source',
    setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ gracefulRestart: true }), attributes: ATTRIBUTES_OF_EXABGP },
  },
  {
    kind: 'bird2',
    role: 'client',
    to: 'peer',
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
    to: 'peer',
    setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ gracefulRestart: true }) },
  },
  { kind: 'gobgp', role: 'ebgp', to: 'peer', setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ gracefulRestart: true }) } },
  { kind: 'openbgpd', role: 'ebgp', to: 'peer', setup: { name: 'packets', ours: () => EVERYTHING, peers: () => ({ twoOctetAs: true }) } },
];

const NAMES = (to: Session['to']): string[] => FAMILIES.map((family) => `${to}-${family}`);

/** The sessions that are read are up, and nothing more is on its way on them but keepalives. */
async function settled(cell: Cell, to: Session['to'], advertised: number): Promise<void> {
  await cell.up();
  let before = '';
  await until('its routes, and no more updates', SESSION_SECONDS * 2, async () => {
    const sessions = await Promise.all(FAMILIES.map((family) => cell.ours.peer(`${to}-${family}`)));
    for (const [at, family] of FAMILIES.entries())
      expect(familyCounter(sessions[at], family, 'advertised')).toBeGreaterThanOrEqual(advertised);
    const now = JSON.stringify(sessions.map((session) => counterOf(session, 'updatesSent')));
    const same = now === before;
    before = now;
    expect(same).toBe(true);
  });
}

/** Everything an operator can make a session send, after its table of at least so many routes. */
async function exercise(cell: Cell, to: Session['to'], advertised: number): Promise<void> {
  await settled(cell, to, advertised);
  for (const name of NAMES(to)) {
    await cell.ours.act(name, 'refresh', { direction: 'in' });
    // With BoRR and EoRR around the table where both ends have RFC 7313.
    await cell.ours.act(name, 'refresh', { direction: 'out' });
    await cell.ours.act(name, 'gshut', { state: 'on' });
    await cell.ours.act(name, 'gshut', { state: 'off' });
  }
  await settled(cell, to, advertised);
  // After a NOTIFICATION OpenBGPD waits for half a minute and longer: the one at the end has to do.
  if (cell.kind === 'openbgpd') return;
  for (const name of NAMES(to)) {
    await cell.ours.act(name, 'shutdown', { text: TEXT });
    await cell.ours.act(name, 'enable');
  }
  await settled(cell, to, advertised);
  for (const name of NAMES(to)) await cell.ours.act(name, 'reset');
  await settled(cell, to, advertised);
}

/** What our speaker counted on the sessions that are read; they are down, so that nothing follows. */
interface Sent {
  readonly messages: number;
  readonly updates: number;
  /** OPENs of connections that the other end closed as they came up: counted, and perhaps never left. */
  readonly lost: number;
}

async function endAndCount(cell: Cell, to: Session['to']): Promise<Sent> {
  // The end of the speaker would take its counters along: the sessions end before it.
  for (const name of NAMES(to)) await cell.ours.act(name, 'shutdown', { text: '' });
  const sessions = await until('the sessions are down', SOON, async () => {
    const now = await Promise.all(NAMES(to).map((name) => cell.ours.peer(name)));
    for (const session of now) expect(capabilitiesOf(session)).toBe('');
    return now;
  });
  const counted = (name: string): number => sessions.reduce<number>((sum, session) => sum + counterOf(session, name), 0);
  const log = readFileSync(join(cell.lab.directory, 'ours', 'speaker.log'), 'utf8');
  const refused = new RegExp(`"peer":"${to}-.*"from":"open-sent".*(closed the connection|reset by the peer)`);
  const lost = log.split('\n').filter((line) => refused.test(line));
  return { messages: counted('messagesSent'), updates: counted('updatesSent'), lost: lost.length };
}

const CHOSEN = SESSIONS.filter(({ kind }) => MATRIX_KINDS.includes(kind));
/** What all sessions together have shown. */
const shown: Decoded[] = [];

describe.skipIf(!CAN_RUN).each(CHOSEN)('what tshark reads of us beside $kind, to the $to', ({ kind, role, setup, to }) => {
  let cell: Cell;
  let capture: Capture;
  let sent: Sent;
  let decoded: Decoded;
  let failed = true;

  beforeAll(async () => {
    cell = await makeCell(kind, role, setup, `packets ${kind}`, async (lab, hosts) => {
      capture = lab.adopt(await startCapture(hosts.ours, join(lab.directory, 'ours.pcap')));
    });
    // Our own prefix and, of a peer that passes nothing on, one more.
    await exercise(cell, to, setup.large === true ? LARGE : 2);
    sent = await endAndCount(cell, to);
    await capture.stop();
    const [us, them] = [cell.hosts.ours, cell.hosts[to]];
    decoded = await decode(capture.file, [us.ipv4, us.ipv6], [them.ipv4, them.ipv6]);
    shown.push(decoded);
  }, 180_000);
  afterAll(async () => {
    await cell?.lab.close(failed);
  });

  it('without one malformed mark or expert error', () => {
    expect(capture.dropped()).toBe(0);
    expect(decoded.faults).toEqual([]);
    expect(decoded.long).toEqual([]);
  });

  it('as many messages as our speaker counted, of every type', () => {
    expect(decoded.types.filter((type) => type === TYPES.update)).toHaveLength(sent.updates);
    expect(decoded.messages).toBeLessThanOrEqual(sent.messages);
    expect(decoded.messages).toBeGreaterThanOrEqual(sent.messages - sent.lost);
    expect(new Set(decoded.types)).toEqual(new Set(Object.values(TYPES)));
    failed = false;
  });
});

describe.skipIf(!CAN_RUN || CHOSEN.length < SESSIONS.length)('all sessions together', () => {
  const all = <T>(of: (decoded: Decoded) => ReadonlySet<T>): T[] => [...new Set(shown.flatMap((one) => [...of(one)]))].sort();

  it('show every attribute that we can send', () => {
    expect(all(({ attributes }) => attributes).sort((a, b) => a - b)).toEqual(ATTRIBUTES);
  });

  it('show every kind of ROUTE-REFRESH, the text of a shutdown, and next hops of IPv6', () => {
    expect(all(({ refreshes }) => refreshes)).toEqual(REFRESHES);
    expect(all(({ texts }) => texts)).toContain(TEXT);
    expect(all(({ nextHops }) => nextHops).filter((hop) => hop.startsWith('2 '))).not.toEqual([]);
  });
});
