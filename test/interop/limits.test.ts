/**
 * Each limit of a session fires once against FRR at the other end, on loopback: prefixes received and sent (RFC 4486), memory (bgp-speaker
 * 4.11), first AS (RFC 4271 section 6.3) and send hold (RFC 9687).
 */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Speaker } from '../../src/bgp/index.ts';
import { createSpeaker, parseSpeakerConfig } from '../../src/bgp/index.ts';
import type { SpeakerHost } from '../../src/bgp/io/index.ts';
import { createSpeakerHost, monotonicNow, wallClockOf } from '../../src/bgp/io/index.ts';
import { type Running, run, start } from './harness/exec.ts';
import { entries, member, text } from './harness/json.ts';
import { CAN_RUN, KINDS } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const [OURS, THEIRS] = ['127.0.9.1', '127.0.9.2'];
const [OUR_PORT, THEIR_PORT] = [1991, 1992];
const SECONDS = 40;
const NETWORKS = [1, 2, 3, 4, 5, 6].map((n) => `10.90.${n}.0/24`);

const frrConfig = (as: number, family: readonly string[]): string =>
  [
    'frr defaults traditional',
    `router bgp ${as}`,
    ' bgp router-id 10.0.9.2',
    ' no bgp default ipv4-unicast',
    ' no bgp network import-check',
    ' no bgp ebgp-requires-policy',
    ` neighbor ${OURS} remote-as 64512`,
    ` neighbor ${OURS} port ${OUR_PORT}`,
    ` neighbor ${OURS} passive`,
    ` neighbor ${OURS} disable-connected-check`,
    ' address-family ipv4 unicast',
    ...NETWORKS.map((prefix) => `  network ${prefix}`),
    `  neighbor ${OURS} activate`,
    ...family,
    ' exit-address-family',
    '',
  ].join('\n');

describe.skipIf(!CAN_RUN || !KINDS.includes('frr'))('limits of a session with frr', () => {
  let directory = '';
  let bgpd: Running | undefined;
  let host: SpeakerHost | undefined;
  let speaker: Speaker;
  let used = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-limits-'));
    used = 0;
  });

  afterEach(async () => {
    await host?.stop(false);
    await bgpd?.stop('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  function startFrr(as = 64512, family: readonly string[] = []): void {
    const { uid, gid } = statSync('/etc/frr');
    chownSync(directory, uid, gid);
    const file = join(directory, 'bgpd.conf');
    writeFileSync(file, frrConfig(as, family));
    chownSync(file, uid, gid);
    const options = ['-Z', '-n', '-f', file, '-p', String(THEIR_PORT), '-l', THEIRS, '-P', '0'];
    bgpd = start('/usr/lib/frr/bgpd', [...options, '--vty_socket', directory, '-i', join(directory, 'bgpd.pid')], join(directory, 'log'));
  }
  const neighbor = (options: object): object => ({
    name: 'frr',
    address: THEIRS,
    localAddress: OURS,
    port: THEIR_PORT,
    as: 64512,
    ...options,
  });
  async function startLinnet(neighbors: readonly object[], top: object = {}): Promise<void> {
    const listen = { address: OURS, port: OUR_PORT };
    const common = { localAs: 64512, routerId: '10.0.9.1', listen, families: ['ipv4-unicast'], connectRetryTime: 1 };
    const parsed = parseSpeakerConfig(JSON.stringify({ ...common, neighbors, ...top }));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    speaker = createSpeaker({ random: Math.random, wallClock: wallClockOf });
    host = createSpeakerHost({
      speaker,
      now: monotonicNow,
      onEvent: () => undefined,
      onListenError: () => undefined,
      memoryUsed: () => used,
    });
    await host.configure(parsed.value);
  }
  const status = () => speaker.status().peers[0];
  const work = (counter: string): number => speaker.status().work[counter] ?? 0;
  const ask = async (question: string): Promise<unknown> =>
    JSON.parse(await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-c', `${question} json`]));
  const lastAtFrr = async (): Promise<string> => text(member(await ask(`show bgp neighbors ${OURS}`), OURS), 'lastNotificationReason');
  const up = (): Promise<void> => until('the session is up', SECONDS, () => expect(status()?.state).toBe('established'));

  it('more prefixes than accepted end it with Cease/1, and it comes back by itself', async () => {
    startFrr();
    await startLinnet([neighbor({ maxPrefix: 5, maxPrefixRestartTime: 1 })]);
    await until('it ended', SECONDS, () => expect(status()?.lastErrorSent?.text).toBe('Cease/Maximum Number of Prefixes Reached'));
    await until('FRR says why', SECONDS, async () => expect(await lastAtFrr()).toContain('Maximum Number of Prefixes Reached'));
    await until('it was tried again', SECONDS, () => expect(work('maxPrefixExceeded')).toBeGreaterThan(1));
  });

  it('more prefixes than accepted may end it until it is reset', async () => {
    startFrr();
    await startLinnet([neighbor({ maxPrefix: 5, maxPrefixAction: 'hold' })]);
    await until('it is held', SECONDS, () =>
      expect(status()).toMatchObject({ state: 'idle', heldBack: 'more than 5 ipv4-unicast prefixes received', nextRetryAt: undefined }),
    );
    host?.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'reset' } });
    await until('it came up, and ended again', SECONDS, () => expect(work('maxPrefixExceeded')).toBe(2));
  });

  it('more prefixes than may be sent end it, and FRR never has one too many', async () => {
    startFrr();
    const routes = [1, 2, 3, 4].map((n) => ({ prefix: `10.91.${n}.0/24`, nextHop: '192.0.2.1' }));
    await startLinnet([neighbor({ maxPrefixOut: 3, maxPrefixAction: 'hold' })], { routes });
    await until('it is held', SECONDS, () => expect(status()?.heldBack).toBe('more than 3 ipv4-unicast prefixes to send'));
    await until('FRR says why', SECONDS, async () => expect(await lastAtFrr()).toContain('Maximum Number of Prefixes Reached'));
    expect(entries(await ask('show bgp ipv4 unicast'), 'routes').filter(([prefix]) => prefix.startsWith('10.91.'))).toEqual([]);
  });

  it('short memory drops it with Cease/8', async () => {
    startFrr();
    await startLinnet([neighbor({})]);
    await until('its routes are here', SECONDS, () => expect(status()?.families[0]?.received).toBe(NETWORKS.length));
    used = 1.5;
    await until('it was dropped', SECONDS, () => expect(status()?.lastErrorSent?.text).toBe('Cease/Out of Resources'));
    expect(work('memoryDrops')).toBe(1);
    await until('FRR says why', SECONDS, async () => expect(await lastAtFrr()).toContain('Out of Resource'));
  });

  it('routes that begin with another AS than its own are not used, unless that is allowed', async () => {
    // To a client of its route server FRR does not add its own AS.
    startFrr(65001, [`  neighbor ${OURS} route-server-client`]);
    await startLinnet([neighbor({ as: 65001 })]);
    await up();
    await until('all were counted', SECONDS, () => expect(work('firstAsMismatch')).toBeGreaterThan(0));
    expect(status()?.families[0]).toMatchObject({ received: NETWORKS.length, accepted: 0 });
    await host?.stop(false);
    await startLinnet([neighbor({ as: 65001, enforceFirstAs: false })]);
    await until('its routes are used', SECONDS, () => expect(status()?.families[0]?.accepted).toBe(NETWORKS.length));
  });

  it('a peer that takes nothing is given up after the send hold time', async () => {
    startFrr();
    const routes = Array.from({ length: 40_000 }, (_, n) => ({
      prefix: `10.${100 + (n >> 14)}.${(n >> 6) & 255}.${(n & 63) << 2}/30`,
      nextHop: '192.0.2.1',
    }));
    await startLinnet([neighbor({ sendHoldTime: 2, holdTime: 600 })], { routes });
    await up();
    process.kill(bgpd?.pid ?? 0, 'SIGSTOP');
    try {
      await until('it was given up', SECONDS, () => {
        // Tables until the buffers of both kernels are full.
        host?.handle({ type: 'peer-action', peer: 'frr', action: { kind: 'refresh', direction: 'out' } });
        expect(status()?.lastErrorSent?.text).toBe('Send Hold Timer Expired');
      });
    } finally {
      process.kill(bgpd?.pid ?? 0, 'SIGCONT');
    }
    await up();
  });
});
