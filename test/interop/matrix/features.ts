/** What the matrix asks of each pair, as data: groups that share one pair of daemons, and in each the features in the order they run. */
import { expect } from 'vitest';
import type { NeighborConfig } from '../harness/daemon.ts';
import { member, number, text } from '../harness/json.ts';
import { FAMILIES } from '../harness/scenario.ts';
import { familyCounter } from '../harness/speaker.ts';
import { holds, until } from '../harness/wait.ts';
import type { Cell, Family, Setup } from './cell.ts';
import { asesOf, asPathOf, capabilitiesOf, counterOf, LARGE, OUR_AS, prefixOf, SESSION_SECONDS, SOON, SOURCE_AS, TAGS } from './cell.ts';

/** One column of the table. */
export interface Feature {
  readonly id: string;
  /** Passes when the feature works; throws otherwise. */
  readonly check: (cell: Cell) => Promise<void>;
}

/** Features that run one after the other on one pair. */
export interface Group {
  readonly setup: Setup;
  readonly features: readonly Feature[];
}

const GRACEFUL = 'graceful restart (RFC 4724)';
/** Short, so that a session which outlives it by its keepalives is seen to do so. */
const HOLD_TIME = 6;

/** Whether the peer of the cell passes on what others told it. ExaBGP has no table. */
function passesOn(cell: Cell): boolean {
  return cell.kind !== 'exabgp';
}

/** Both directions of one family: own routes and those of the source, with what the role makes of next hop, path and marks. */
async function routesBothWays(cell: Cell, family: Family): Promise<void> {
  await cell.up();
  const { peer, sourceToOurs, sourceToPeer } = asesOf(cell.role);
  const { hosts } = cell;
  const external = cell.role === 'ebgp';
  await until(`our ${family} routes at the peer`, SOON, async () => {
    expect(await cell.atPeer(prefixOf(71, family))).toMatchObject({
      nextHop: hosts.ours[family],
      asPath: external ? [OUR_AS] : [],
      ...(external ? {} : { localPref: 100 }),
    });
    const reflected = { originatorId: hosts.source.ipv4, clusterList: [hosts.ours.ipv4] };
    expect(await cell.atPeer(prefixOf(72, family))).toMatchObject({
      asPath: external ? [OUR_AS] : sourceToOurs === OUR_AS ? [] : [SOURCE_AS],
      ...(cell.role === 'client' ? reflected : {}),
    });
  });
  await until(`the peer’s ${family} routes at ours`, SOON, async () => {
    const own = await cell.atOurs(prefixOf(81, family));
    expect(own).toMatchObject({ nextHop: hosts.peer[family] });
    expect(asPathOf(own)).toEqual(external ? [peer] : []);
    if (!passesOn(cell)) return;
    const passed = await cell.atOurs(prefixOf(82, family));
    expect(asPathOf(passed)).toEqual([...(external ? [peer] : []), ...(sourceToPeer === OUR_AS ? [] : [SOURCE_AS])]);
    if (cell.role === 'reflector') expect(passed).toMatchObject({ originatorId: hosts.source.ipv4, clusterList: [hosts.peer.ipv4] });
  });
}

async function communities(cell: Cell): Promise<void> {
  const tagged = { communities: [TAGS.communities[0]], largeCommunities: TAGS.largeCommunities };
  for (const family of FAMILIES) {
    await until(`communities of ${family}, both ways`, SOON, async () => {
      expect(await cell.atPeer(prefixOf(71, family))).toMatchObject(tagged);
      expect(await cell.atOurs(prefixOf(81, family))).toMatchObject({ largeCommunities: TAGS.largeCommunities });
      expect(member(await cell.atOurs(prefixOf(81, family)), 'communities')).toEqual(expect.arrayContaining([TAGS.communities[0]]));
    });
  }
}

/** AS numbers over 65535 in OPEN, and in a path on the way to us and from us. */
async function fourOctetAs(cell: Cell): Promise<void> {
  const { sourceToPeer } = asesOf(cell.role);
  for (const family of FAMILIES) {
    expect(capabilitiesOf(await cell.session(family))).toContain('4-octet AS (RFC 6793)');
    if (cell.role === 'ebgp') expect((await cell.atPeer(prefixOf(71, family)))?.asPath).toEqual([OUR_AS]);
    if (cell.role === 'reflector') expect((await cell.atPeer(prefixOf(72, family)))?.asPath).toEqual([SOURCE_AS]);
    if (passesOn(cell) && sourceToPeer === SOURCE_AS) expect(asPathOf(await cell.atOurs(prefixOf(82, family)))).toContain(SOURCE_AS);
  }
}

/** A counter of the session becomes more than it was; the session is the same. */
async function grows(cell: Cell, family: Family, before: unknown, name: 'updatesReceived' | 'updatesSent'): Promise<void> {
  await until(`${name} of ${family}`, SOON, async () =>
    expect(counterOf(await cell.session(family), name)).toBeGreaterThan(counterOf(before, name)),
  );
  await routesBothWays(cell, family);
  expect(counterOf(await cell.session(family), 'flaps')).toBe(counterOf(before, 'flaps'));
}

/** We ask, the peer sends its table again, nothing is lost. */
async function weAsk(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    const before = await cell.session(family);
    expect(capabilitiesOf(before)).toContain('route refresh (RFC 2918)');
    await cell.ours.act(`peer-${family}`, 'refresh', { direction: 'in' });
    await grows(cell, family, before, 'updatesReceived');
  }
}

/** The peer asks, we send our table again. */
async function peerAsks(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    const before = await cell.session(family);
    await cell.peer.refresh(cell.hosts.ours[family]);
    await grows(cell, family, before, 'updatesSent');
  }
}

/** Agreed, and our table between BoRR and EoRR (RFC 7313 section 4) leaves the peer with all of it. */
async function enhancedRefresh(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    const before = await cell.session(family);
    expect(capabilitiesOf(before)).toContain('enhanced route refresh (RFC 7313)');
    await cell.ours.act(`peer-${family}`, 'refresh', { direction: 'out' });
    await grows(cell, family, before, 'updatesSent');
  }
}

async function extendedMessages(cell: Cell): Promise<void> {
  for (const family of FAMILIES) expect(capabilitiesOf(await cell.session(family))).toContain('extended messages (RFC 8654)');
}

/** Sent: the community and LOCAL_PREF 0 inside, and gone again. Honoured: LOCAL_PREF 0 for what an external peer marks (RFC 8326 section 4). */
async function gracefulShutdown(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    await until('the peer’s mark', SOON, async () => {
      const own = await cell.atOurs(prefixOf(81, family));
      expect(member(own, 'communities')).toEqual(expect.arrayContaining([TAGS.communities[1]]));
      if (cell.role === 'ebgp') expect(number(own, 'localPref')).toBe(0);
    });
    await cell.ours.act(`peer-${family}`, 'gshut', { state: 'on' });
    const marked = async (wanted: boolean): Promise<void> => {
      const route = await cell.atPeer(prefixOf(71, family));
      expect(route).toBeDefined();
      const shown = route?.communities.some((one) => one === '65535:0' || /^g.*shut/i.test(one));
      expect(shown).toBe(wanted);
    };
    await until('GRACEFUL_SHUTDOWN at the peer', SOON, () => marked(true));
    await cell.ours.act(`peer-${family}`, 'gshut', { state: 'off' });
    await until('no mark any more', SOON, () => marked(false));
  }
}

/** The lower hold time holds (RFC 4271 section 4.2), and keepalives keep the session beyond it. */
async function keepalives(cell: Cell): Promise<void> {
  for (const family of FAMILIES) {
    // As the sessions came up, a connection of the peer's may have taken the place of ours (RFC 4724 section 5): that is a flap too.
    const flaps = counterOf(await cell.session(family), 'flaps');
    await until('older than the hold time', HOLD_TIME * 3, async () => {
      const session = await cell.session(family);
      expect(session).toMatchObject({ state: 'established', flaps, holdTime: HOLD_TIME });
      expect(Date.now() - (number(session, 'since') ?? Number.NaN)).toBeGreaterThan((HOLD_TIME + 2) * 1000);
    });
  }
}

/** Kill -9 on either side: the other keeps the routes, and they are fresh again after the return. */
async function gracefulRestart(cell: Cell): Promise<void> {
  for (const family of FAMILIES) expect(capabilitiesOf(await cell.session(family))).toContain(GRACEFUL);
  const stale = async (wanted: boolean): Promise<void> => {
    for (const family of FAMILIES) expect(await cell.atOurs(prefixOf(81, family))).toMatchObject({ stale: wanted });
  };
  if (RESTARTS.has(cell.kind)) {
    await cell.peer.stop('SIGKILL');
    await until('the peer’s routes are stale', SOON, () => stale(true));
    await cell.peer.start();
    await until('the peer’s routes are fresh', SESSION_SECONDS, () => stale(false));
  }
  if (!HELPS.has(cell.kind)) return;
  await cell.up();
  const there = async (): Promise<void> => {
    for (const family of FAMILIES) expect((await cell.peer.routes()).map(({ prefix }) => prefix)).toContain(prefixOf(71, family));
  };
  await until('our routes are at the peer', SOON, there);
  await cell.ours.stop('SIGKILL');
  await holds('our routes stay at the peer', 2, there);
  await cell.ours.start('--restarting');
  await holds('our routes stay at the peer', 2, there);
  for (const family of FAMILIES) await routesBothWays(cell, family);
}

/** Peers that come back from kill -9 as a restarting speaker. */
const RESTARTS: ReadonlySet<string> = new Set(['bird2', 'bird16', 'frr', 'gobgp', 'exabgp']);
/** Peers that keep the routes of a speaker that restarts. */
const HELPS: ReadonlySet<string> = new Set(['bird2', 'bird16', 'frr', 'gobgp', 'openbgpd']);

/** Both paths of a prefix at the peer, and both of its own at us. */
async function addPath(cell: Cell): Promise<void> {
  await cell.up();
  for (const family of FAMILIES) {
    await until(`two ${family} paths each way`, SOON, async () => {
      const from = cell.hosts.ours[family];
      const paths = (await cell.peer.routes()).filter((route) => route.prefix === prefixOf(72, family) && route.from === from);
      expect(paths.map(({ nextHop }) => nextHop).sort()).toEqual([cell.hosts.ours[family], cell.hosts.source[family]].sort());
      const session = await cell.session(family);
      expect(capabilitiesOf(session)).toContain('add-path receive');
      expect(capabilitiesOf(session)).toContain('add-path send');
      // 81 twice, of its own and of the source, and 82.
      if (passesOn(cell)) expect(familyCounter(session, family, 'received')).toBeGreaterThanOrEqual(3);
    });
  }
}

/** A table of 20,000 prefixes a family arrives whole, each way. */
async function largeTables(cell: Cell): Promise<void> {
  await cell.up();
  for (const family of FAMILIES) {
    await until(`${LARGE} ${family} prefixes each way`, 60, async () => {
      expect(await cell.peer.received(cell.hosts.ours[family])).toBeGreaterThanOrEqual(LARGE + 2);
      expect(familyCounter(await cell.session(family), family, 'received')).toBeGreaterThanOrEqual(LARGE + 1);
    });
  }
}

const KEY = 'matrix-key-1';

/** What a session lacks to come up stays lacking: no session. Given to the peer, there is one with all routes, in both families. */
async function onlyOnceSecured(cell: Cell, right: Partial<NeighborConfig>): Promise<void> {
  await holds('no session', 3, async () => {
    for (const family of FAMILIES) expect(text(await cell.session(family), 'state')).not.toBe('established');
  });
  const ours = new Set(FAMILIES.map((family) => cell.hosts.ours[family]));
  await cell.peer.secure(cell.neighbors.map((one) => (ours.has(one.address) ? { ...one, ...right } : one)));
  await cell.up();
  for (const family of FAMILIES) await routesBothWays(cell, family);
}

/** Every group of the matrix. */
export const GROUPS: readonly Group[] = [
  {
    setup: {
      name: 'plain',
      ours: () => ({ holdTime: HOLD_TIME, gracefulRestart: true, restartTime: 30 }),
      peers: () => ({ gracefulRestart: true }),
    },
    features: [
      { id: 'v4', check: (cell) => routesBothWays(cell, 'ipv4') },
      { id: 'v6', check: (cell) => routesBothWays(cell, 'ipv6') },
      { id: 'communities', check: communities },
      { id: '4-octet AS', check: fourOctetAs },
      { id: 'refresh: we ask', check: weAsk },
      { id: 'refresh: the peer asks', check: peerAsks },
      { id: 'enhanced refresh', check: enhancedRefresh },
      { id: 'extended messages', check: extendedMessages },
      { id: 'graceful shutdown', check: gracefulShutdown },
      { id: 'hold and keepalive', check: keepalives },
      { id: 'graceful restart', check: gracefulRestart },
    ],
  },
  {
    setup: { name: 'add-path', ours: () => ({ addPath: 'both', nextHop: 'keep' }), peers: () => ({ addPath: true }), twoPaths: true },
    features: [{ id: 'add-path', check: addPath }],
  },
  {
    setup: { name: 'large', ours: () => ({}), peers: () => ({}), large: true },
    features: [{ id: 'large tables', check: largeTables }],
  },
  {
    setup: { name: 'md5', ours: () => ({ md5: KEY }), peers: () => ({ password: 'another-key' }) },
    features: [{ id: 'MD5', check: (cell) => onlyOnceSecured(cell, { password: KEY }) }],
  },
  {
    setup: { name: 'gtsm', ours: () => ({ ttlSecurity: 1 }), peers: () => ({}) },
    features: [{ id: 'GTSM', check: (cell) => onlyOnceSecured(cell, { ttlSecurity: true }) }],
  },
];
