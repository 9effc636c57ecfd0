/**
 * How a session ends, with FRR at the other end on loopback: graceful shutdown (RFC 8326), NOTIFICATION with the N bit and hard reset
 * (RFC 8538), long-lived stale routes (RFC 9494).
 */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SpeakerConfig } from '../../src/bgp/index.ts';
import { createSpeaker, parseSpeakerConfig } from '../../src/bgp/index.ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from '../../src/bgp/io/index.ts';
import { type Running, run, start } from './harness/exec.ts';
import { entries, list, number, text } from './harness/json.ts';
import { CAN_RUN, KINDS } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const [OURS, THEIRS] = ['127.0.7.1', '127.0.7.2'];
const [OUR_PORT, THEIR_PORT] = [1971, 1972];
const SECONDS = 20;

const FRR = `frr defaults traditional
router bgp 64512
 bgp router-id 10.0.7.2
 no bgp default ipv4-unicast
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart restart-time 2
 bgp graceful-restart notification
 bgp graceful-restart preserve-fw-state
 bgp long-lived-graceful-restart stale-time 600
 neighbor ${OURS} remote-as 64512
 neighbor ${OURS} port ${OUR_PORT}
 neighbor ${OURS} passive
 address-family ipv4 unicast
  network 10.72.0.0/16
  neighbor ${OURS} activate
 exit-address-family
`;

function config(holdTime = 90): SpeakerConfig {
  const parsed = parseSpeakerConfig(
    JSON.stringify({
      localAs: 64512,
      routerId: '10.0.7.1',
      listen: { address: OURS, port: OUR_PORT },
      families: ['ipv4-unicast'],
      holdTime,
      gracefulRestart: true,
      restartTime: 10,
      longLivedStaleTime: 600,
      connectRetryTime: 1,
      neighbors: [{ name: 'frr', address: THEIRS, localAddress: OURS, port: THEIR_PORT, as: 64512 }],
      routes: [{ prefix: '10.71.0.0/16', nextHop: '192.0.2.71' }],
    }),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

describe.skipIf(!CAN_RUN || !KINDS.includes('frr'))('the end of a session with frr', () => {
  const speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf });
  const host = createSpeakerHost({ speaker, now: monotonicNow, onEvent: () => undefined, onListenError: () => undefined });
  let directory = '';
  let bgpd: Running;

  const ask = async (question: string): Promise<unknown> =>
    JSON.parse(await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-c', `${question} json`]));
  /** Our route at FRR; stale is FRR's own word for what it keeps. */
  const atFrr = async (): Promise<unknown> => {
    const routes = entries(await ask('show bgp ipv4 unicast'), 'routes').find(([prefix]) => prefix === '10.71.0.0/16');
    return routes === undefined ? undefined : list(routes, '1')[0];
  };
  const here = () =>
    speaker
      .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10)
      .routes.filter(({ from }) => from === 'frr')
      .map(({ stale, attributes }) => ({ stale, communities: attributes.communities ?? [] }));
  const status = () => speaker.status().peers[0];
  const up = (): Promise<void> =>
    until('the session is up with both tables', SECONDS, async () => {
      expect(status()?.state).toBe('established');
      expect(here()).toEqual([{ stale: false, communities: [] }]);
      expect(await atFrr()).toBeDefined();
    });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-end-'));
    const { uid, gid } = statSync('/etc/frr');
    chownSync(directory, uid, gid);
    const file = join(directory, 'bgpd.conf');
    writeFileSync(file, FRR);
    chownSync(file, uid, gid);
    const options = ['-Z', '-n', '-f', file, '-p', String(THEIR_PORT), '-l', THEIRS, '-P', '0'];
    bgpd = start('/usr/lib/frr/bgpd', [...options, '--vty_socket', directory, '-i', join(directory, 'bgpd.pid')], join(directory, 'log'));
    await host.configure(config());
    await up();
  });

  afterAll(async () => {
    await host.stop(false);
    await bgpd.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('agrees on all three', () => {
    expect(status()?.capabilities).toEqual(
      expect.arrayContaining(['graceful restart after NOTIFICATION (RFC 8538)', 'long-lived graceful restart (RFC 9494)']),
    );
  });

  it('gshut reaches it as community and LOCAL_PREF, and goes again', async () => {
    const seen = async (communities: string, localPref: number): Promise<void> => {
      const [path] = list(await ask('show bgp ipv4 unicast 10.71.0.0/16'), 'paths');
      expect([text(path, 'community', 'string'), number(path, 'locPrf')]).toEqual([communities, localPref]);
    };
    host.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'gshut', on: true } });
    await until('GRACEFUL_SHUTDOWN', SECONDS, () => seen('graceful-shutdown', 0));
    host.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'gshut', on: false } });
    await until('no community', SECONDS, () => seen('', 100));
    expect(status()?.flaps).toBe(0);
  });

  it('a changed configuration keeps the routes on both sides', async () => {
    await host.configure(config(30));
    expect(status()?.state).not.toBe('established');
    expect(here()).toEqual([{ stale: true, communities: [] }]);
    expect(await atFrr()).toBeDefined();
    await up();
    expect(status()?.holdTime).toBe(30);
  });

  it('a shutdown by the operator is a hard reset and takes them along', async () => {
    host.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'shutdown', text: 'interop' } });
    // Well before FRR's restart time of two seconds.
    await until('its route is dropped', 1, () => expect(here()).toEqual([]));
    await until('FRR drops the route', 5, async () => expect(await atFrr()).toBeUndefined());
    host.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'enable' } });
    await up();
  });

  it('its death leaves its routes as the last resort after its restart time', async () => {
    await bgpd.stop('SIGKILL');
    await until('stale', SECONDS, () => expect(here()).toEqual([{ stale: true, communities: [] }]));
    await until('long-lived stale', SECONDS, () => expect(here()).toEqual([{ stale: true, communities: [0xffff0006] }]));
  });
});
