/**
 * Graceful restart with End-of-RIB delayed, missing, and sent by one of three (RFC 4724 sections 4.1 and 4.2), with BIRD, GoBGP and FRR at the
 * other end on loopback: each timer fires. What comes late is kept back on the way by a relay.
 */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Speaker, SpeakerEvent } from '../../src/bgp/index.ts';
import { createSpeaker, parseSpeakerConfig } from '../../src/bgp/index.ts';
import type { SpeakerHost } from '../../src/bgp/io/index.ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from '../../src/bgp/io/index.ts';
import { formatPrefix, parsePrefix } from '../../src/bgp/net/index.ts';
import { type Running, run, start } from './harness/exec.ts';
import { entries, list } from './harness/json.ts';
import { CAN_RUN, KINDS } from './harness/lab.ts';
import { EndOfRibRelay } from './harness/relay.ts';
import { Hopeless, holds, until } from './harness/wait.ts';

const OURS = '127.0.8.1';
const AS = 64512;
const SECONDS = 40;
/** Longer than any wait in here on a busy machine. */
const LONG = 300;

/** A daemon listens at 127.0.8.N, and the speaker finds it behind the relay at 127.0.8.(10 + N). Each announces 10.8N.1.0/24 and 10.8N.2.0/24. */
const NUMBERS = { bird: 2, gobgp: 3, frr: 4 } as const;
type Name = keyof typeof NUMBERS;
const NAMES: readonly Name[] = ['bird', 'gobgp', 'frr'];
const at = (name: Name) => ({ address: `127.0.8.${NUMBERS[name]}`, port: 1980 + NUMBERS[name] });
const prefixes = (name: Name): string[] => [`10.8${NUMBERS[name]}.1.0/24`, `10.8${NUMBERS[name]}.2.0/24`];

const birdConfig = (announced: readonly string[], restartTime: number): string => `router id 10.0.8.2;
log stderr all;
debug protocols { states, events };
graceful restart wait 4;
protocol device {}
protocol static { ipv4; ${announced.map((prefix) => `route ${prefix} blackhole;`).join(' ')} }
protocol bgp up {
  local ${at('bird').address} port ${at('bird').port} as ${AS};
  neighbor ${OURS} as ${AS};
  strict bind on; passive on; rr client; graceful restart on; graceful restart time ${restartTime};
  ipv4 { import all; export where source = RTS_STATIC; next hop address 192.0.2.2; };
}
`;

const GOBGP = `[global.config]
  as = ${AS}
  router-id = "10.0.8.3"
  port = ${at('gobgp').port}
  local-address-list = ["${at('gobgp').address}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${OURS}"
    peer-as = ${AS}
  [neighbors.transport.config]
    local-address = "${at('gobgp').address}"
    passive-mode = true
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
`;

const FRR = `frr defaults traditional
router bgp ${AS}
 bgp router-id 10.0.8.4
 no bgp default ipv4-unicast
 no bgp network import-check
 neighbor ${OURS} remote-as ${AS}
 neighbor ${OURS} port 1981
 neighbor ${OURS} passive
 address-family ipv4 unicast
${prefixes('frr')
  .map((prefix) => `  network ${prefix}`)
  .join('\n')}
  neighbor ${OURS} activate
 exit-address-family
`;

describe.skipIf(!CAN_RUN || !['bird2', 'frr', 'gobgp'].every((kind) => KINDS.some((each) => each === kind)))('End-of-RIB', () => {
  let directory = '';
  const daemons = new Map<Name, Running>();
  const relays = new Map<Name, EndOfRibRelay>();
  let speaker: Speaker;
  let host: SpeakerHost | undefined;
  let events: SpeakerEvent[] = [];
  let startedAt = 0;

  const file = (name: string): string => join(directory, name);
  const relay = (name: Name): EndOfRibRelay => {
    const found = relays.get(name);
    if (found === undefined) throw new Error(`no relay of ${name}`);
    return found;
  };

  async function startBird(announced: readonly string[], restartTime: number, ...more: readonly string[]): Promise<void> {
    await daemons.get('bird')?.stop('SIGKILL');
    writeFileSync(file('bird.conf'), birdConfig(announced, restartTime));
    const words = ['-f', '-c', file('bird.conf'), '-s', file('bird.ctl'), '-P', file('bird.pid'), ...more];
    daemons.set('bird', start('bird', words, file('bird.log')));
  }
  async function startGobgp(): Promise<void> {
    writeFileSync(file('gobgpd.toml'), GOBGP);
    const words = ['-f', file('gobgpd.toml'), '-l', 'info', '--api-hosts', `${at('gobgp').address}:50058`, '--pprof-disable'];
    const daemon = start('gobgpd', words, file('gobgpd.log'));
    daemons.set('gobgp', daemon);
    await until('gobgpd answers', SECONDS, async () => {
      const dead = daemon.dead();
      if (dead !== undefined) throw new Hopeless(dead);
      expect(list(await gobgp('neighbor'))).toHaveLength(1);
    });
    for (const prefix of prefixes('gobgp')) await gobgp('global', 'rib', 'add', prefix, 'nexthop', '192.0.2.3');
  }
  const gobgp = async (...words: readonly string[]): Promise<unknown> => {
    const answer = await run('gobgp', ['-u', at('gobgp').address, '-p', '50058', '-j', ...words], 60_000);
    return answer.trim() === '' ? undefined : JSON.parse(answer);
  };
  /** A fresh one: for two minutes its OPENs have the R bit, whether it restarted or not. */
  async function startFrr(): Promise<void> {
    await daemons.get('frr')?.stop('SIGKILL');
    const { uid, gid } = statSync('/etc/frr');
    chownSync(directory, uid, gid);
    writeFileSync(file('bgpd.conf'), FRR);
    chownSync(file('bgpd.conf'), uid, gid);
    const options = ['-Z', '-n', '-f', file('bgpd.conf'), '-p', String(at('frr').port), '-l', at('frr').address, '-P', '0'];
    daemons.set('frr', start('/usr/lib/frr/bgpd', [...options, '--vty_socket', directory, '-i', file('bgpd.pid')], file('bgpd.log')));
  }

  async function startSpeaker(names: readonly Name[], top: object, restarted: boolean): Promise<void> {
    const neighbors = names.map((name) => ({
      name,
      address: `127.0.8.${10 + NUMBERS[name]}`,
      port: at(name).port,
      localAddress: OURS,
      as: AS,
      rrClient: true,
      gracefulRestart: true,
    }));
    const common = { localAs: AS, routerId: '10.0.8.1', families: ['ipv4-unicast'], connectRetryTime: 1, restartTime: 120 };
    const parsed = parseSpeakerConfig(
      JSON.stringify({ ...common, neighbors, routes: [{ prefix: '10.89.0.0/16', nextHop: '192.0.2.1' }], ...top }),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    events = [];
    startedAt = monotonicNow();
    speaker = createSpeaker({
      random: Math.random,
      wallClock: wallClockOf,
      ...(restarted ? { restarting: { forwarding: true } } : {}),
    });
    host = createSpeakerHost({
      speaker,
      now: monotonicNow,
      onEvent: (event) => events.push(event),
      onListenError: () => undefined,
    });
    await host.configure(parsed.value);
  }
  const marks = (direction: 'sent' | 'received'): string[] =>
    events.flatMap((event) => (event.kind === 'end-of-rib' && event.direction === direction ? [event.peer] : [])).sort();
  const up = (names: readonly Name[]): Promise<void> =>
    until('the sessions are up', SECONDS, () =>
      expect(
        speaker
          .status()
          .peers.flatMap(({ id, state }) => (state === 'established' ? [id] : []))
          .sort(),
      ).toEqual([...names].sort()),
    );
  const here = (name: Name): string[] =>
    speaker
      .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 100)
      .routes.filter(({ from }) => from === name)
      .map(({ prefix, stale }) => `${formatPrefix(prefix)}${stale ? ' stale' : ''}`)
      .sort();
  /** Prefixes that GoBGP has of its only neighbour. */
  const atGobgp = async (): Promise<string[]> => entries(await gobgp('neighbor', OURS, 'adj-in')).map(([prefix]) => prefix);
  const toldTo = (name: Name, prefix: string): string | undefined => {
    const parsed = parsePrefix(prefix);
    if (parsed === undefined) throw new Error(prefix);
    return speaker.explain(parsed).peers.find(({ peer }) => peer === name)?.blockedBy?.citation;
  };
  /** The speaker goes without a word, and another process takes its place; End-of-RIB is kept back by the relays of `late`. */
  async function restart(names: readonly Name[], late: readonly Name[], top: object): Promise<void> {
    await host?.stop(true);
    for (const name of late) relay(name).hold();
    await startSpeaker(names, top, true);
    await up(names);
    await until('each has sent all', SECONDS, () => expect(late.map((name) => relay(name).kept)).toEqual(late.map(() => true)));
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-end-of-rib-'));
    for (const name of NAMES) {
      const { address, port } = at(name);
      const one = new EndOfRibRelay({ at: { address: `127.0.8.${10 + NUMBERS[name]}`, port }, to: { address, port }, from: OURS });
      relays.set(name, one);
      await one.start();
    }
    await startBird(prefixes('bird'), 60);
    await startGobgp();
  });
  afterAll(async () => {
    for (const daemon of daemons.values()) await daemon.stop('SIGKILL');
    for (const one of relays.values()) await one.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  afterEach(async () => {
    await host?.stop(false);
    host = undefined;
    for (const one of relays.values()) one.release();
  });

  describe('to a speaker that restarted', () => {
    const both: readonly Name[] = ['bird', 'gobgp'];

    beforeEach(async () => {
      await startFrr();
      await startSpeaker(NAMES, {}, false);
      await up(NAMES);
      await until('GoBGP has what BIRD announces', SECONDS, async () =>
        expect(await atGobgp()).toEqual(expect.arrayContaining([...prefixes('bird'), '10.89.0.0/16'])),
      );
    });

    it('delayed: nothing learned is told before it, and what the peers kept stays', async () => {
      await restart(both, both, { deferralTime: LONG });
      await until('BIRD’s routes are here', SECONDS, () => expect(here('bird')).toEqual(prefixes('bird')));
      expect(toldTo('gobgp', '10.82.1.0/24')).toBe('RFC 4724 section 4.1');
      await holds('it waits', 2, async () => {
        expect(marks('sent')).toEqual([]);
        expect(await atGobgp()).toEqual(expect.arrayContaining(prefixes('bird')));
      });
      relay('gobgp').release();
      await until('one of two', SECONDS, () => expect(marks('received')).toEqual(['gobgp']));
      expect(marks('sent')).toEqual([]);
      relay('bird').release();
      await until('it tells everything', SECONDS, () => expect(marks('sent')).toEqual(['bird', 'gobgp']));
      expect(toldTo('gobgp', '10.82.1.0/24')).toBe(undefined);
      expect(await atGobgp()).toEqual(expect.arrayContaining(prefixes('bird')));
    });

    it('missing: the deferral timer ends the wait', async () => {
      await restart(both, both, { deferralTime: 6 });
      await until('it tells everything', SECONDS, () => expect(marks('sent')).toEqual(['bird', 'gobgp']));
      expect(monotonicNow() - startedAt).toBeGreaterThanOrEqual(6000);
      expect([marks('received'), relay('bird').kept, relay('gobgp').kept]).toEqual([[], true, true]);
      await until('GoBGP has been told', SECONDS, async () => expect(await atGobgp()).toEqual(expect.arrayContaining(prefixes('bird'))));
    });

    it('sent by one of three: the timer ends the wait for the others; who says R is not waited for', async () => {
      await restart(NAMES, ['bird', 'frr'], { deferralTime: 6 });
      expect(relay('frr').open?.capabilities.gracefulRestart?.restarting).toBe(true);
      await until('it tells everything', SECONDS, () => expect(marks('sent')).toEqual(['bird', 'frr', 'gobgp']));
      expect(monotonicNow() - startedAt).toBeGreaterThanOrEqual(6000);
      expect([marks('received'), relay('bird').kept, relay('frr').kept]).toEqual([['gobgp'], true, true]);
    });

    it('missing from the one who says R: nobody waits', async () => {
      await restart(NAMES, ['frr'], { deferralTime: LONG });
      await until('it tells everything', SECONDS, () => expect(marks('sent')).toEqual(['bird', 'frr', 'gobgp']));
      expect([marks('received'), relay('frr').kept]).toEqual([['bird', 'gobgp'], true]);
    });
  });

  describe('from a peer that restarted', () => {
    const [kept = '', dropped = ''] = prefixes('bird');

    beforeEach(async () => {
      await startBird(prefixes('bird'), 60);
    });

    async function birdDies(top: object): Promise<void> {
      await startSpeaker(['bird'], top, false);
      await until('BIRD’s routes are here', SECONDS, () => expect(here('bird')).toEqual(prefixes('bird')));
      await daemons.get('bird')?.stop('SIGKILL');
      await until('they are kept', SECONDS, () => expect(here('bird')).toEqual(prefixes('bird').map((prefix) => `${prefix} stale`)));
    }
    /** BIRD is back without one of its routes, and its End-of-RIB is kept back. */
    async function comesBack(): Promise<void> {
      relay('bird').hold();
      await startBird([kept], 60, '-R');
      await until('it is back', SECONDS, () => {
        expect(relay('bird').kept).toBe(true);
        expect(here('bird')).toContain(kept);
      });
      expect(relay('bird').open?.capabilities.gracefulRestart).toMatchObject({ restarting: true, families: [{ forwarding: true }] });
    }

    it('delayed: what it does not announce again stays until then', async () => {
      await birdDies({ stalePathTime: LONG });
      await comesBack();
      await holds('both stay', 2, () => expect(here('bird')).toEqual([kept, `${dropped} stale`]));
      relay('bird').release();
      await until('one is gone', SECONDS, () => expect(here('bird')).toEqual([kept]));
    });

    it('missing: the stale path timer drops it, and the session stays', async () => {
      await birdDies({ stalePathTime: 3 });
      await comesBack();
      await until('one is gone', SECONDS, () => expect(here('bird')).toEqual([kept]));
      expect([relay('bird').kept, speaker.status().peers[0]?.state, speaker.status().peers[0]?.flaps]).toEqual([true, 'established', 1]);
    });

    it('missing because it does not come back: its restart time drops everything', async () => {
      await startBird(prefixes('bird'), 2);
      await birdDies({ stalePathTime: LONG });
      await until('they are gone', SECONDS, () => expect(here('bird')).toEqual([]));
    });
  });
});
