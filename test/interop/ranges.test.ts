/**
 * Peers of ranges with real daemons, over IPv4 and IPv6, each range with an MD5 key for its whole prefix: they come, go, and are waited
 * for when the speaker itself was killed (bgp-speaker 4.5).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getDocument } from '../../src/cli/client.ts';
import type { PeersDocument, PeerView } from '../../src/health/status.ts';
import type { Daemon } from './harness/daemon.ts';
import { type Running, start } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

const launcher = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'linnet.js');
const DAEMONS = (['bird2', 'frr', 'gobgp'] as const).filter((kind) => KINDS.includes(kind));
const AS = 64512;
const KEYS = { ipv4: 'key-of-the-range', ipv6: 'another-key' };
const SECONDS = 45;
/** State and flaps of a session that never ended. */
const UP = ['established', 0];

const range = (name: string, prefix: string, md5: string) => ({
  name,
  prefix,
  md5,
  asNumbers: [64600, '64512-64513'],
  rrClient: true,
  limit: 4,
});

describe.skipIf(!CAN_RUN || DAEMONS.length < 3)('peers of ranges', () => {
  let lab: Lab;
  let reflector: Host;
  let directory = '';
  let speaker: Running | undefined;
  let failed = true;
  const daemons: Daemon[] = [];

  function configure(limit: number): void {
    const ranges = [range('nodes', '10.97.0.0/24', KEYS.ipv4), { ...range('nodes6', 'fd97::/64', KEYS.ipv6), limit }];
    const listen = [{ address: reflector.ipv4 }, { address: reflector.ipv6 }];
    const config = { localAs: AS, routerId: reflector.ipv4, listen, gracefulRestart: true, restartTime: 60, ranges };
    writeFileSync(join(directory, 'speaker.json'), JSON.stringify(config));
  }
  function launch(): void {
    const files = ['--status', join(directory, 'status.sock'), '--state-dir', join(directory, 'state'), '--log', 'debug'];
    const args = ['netns', 'exec', reflector.namespace, process.execPath, launcher, 'speaker', join(directory, 'speaker.json'), ...files];
    speaker = start('ip', args, join(directory, 'linnet.log'));
  }
  const peers = async (): Promise<readonly PeerView[]> => {
    const api = { kind: 'socket', path: join(directory, 'status.sock') } as const;
    return (await getDocument<PeersDocument>(api, '/api/v1/peers', 'linnet.peers/v1')).peers;
  };
  const up = async (): Promise<string[]> => (await peers()).filter((one) => one.state === 'established').map(({ id }) => id);
  const prefixesAt = async (daemon: Daemon): Promise<string[]> => [...new Set((await daemon.routes()).map(({ prefix }) => prefix))].sort();
  const announcedBy = (index: number): string[] => [`10.70.${index + 1}.0/24`, `fd70:${index + 1}::/64`];
  const allUp = (): Promise<void> =>
    until('every daemon has the routes of the others', SECONDS, async () => {
      expect((await up()).length).toBe(2 * daemons.length);
      for (const [index, daemon] of daemons.entries()) {
        const others = daemons.flatMap((_, other) => (other === index ? [] : announcedBy(other)));
        expect(await prefixesAt(daemon)).toEqual(expect.arrayContaining(others));
      }
    });

  beforeAll(async () => {
    lab = await makeLab('ranges');
    reflector = await lab.lan.host('rr', 1);
    directory = join(lab.directory, 'speaker');
    mkdirSync(directory, { recursive: true });
    configure(4);
    launch();
    for (const [index, kind] of DAEMONS.entries()) {
      const host = await lab.lan.host(kind, 2 + index);
      const neighbors = [
        { name: 'rr4', address: reflector.ipv4, as: AS, password: KEYS.ipv4, gracefulRestart: true },
        { name: 'rr6', address: reflector.ipv6, as: AS, password: KEYS.ipv6, gracefulRestart: true },
      ];
      const daemon = lab.daemon(kind, host, { as: AS, routerId: host.ipv4, announce: announcedBy(index), neighbors });
      await daemon.start();
      daemons.push(daemon);
    }
  });

  afterAll(async () => {
    await speaker?.stop();
    await lab.close(failed);
  });

  it('come up by their range’s key, and are reflected to each other', async () => {
    await allUp();
    expect((await peers()).map(({ range: of, passive, reflectorClient }) => [of, passive, reflectorClient])).toEqual(
      expect.arrayContaining([
        ['nodes', true, true],
        ['nodes6', true, true],
      ]),
    );
  });

  it('keep their sessions when the ranges are read again', async () => {
    configure(5);
    process.kill(speaker?.pid ?? 0, 'SIGHUP');
    await until('the file was read again', SECONDS, () =>
      expect(readFileSync(join(directory, 'linnet.log'), 'utf8')).toContain('configuration read again'),
    );
    expect((await peers()).map(({ state, flaps }) => [state, flaps])).toEqual(daemons.flatMap(() => [UP, UP]));
  });

  it('are waited for after the speaker was killed, and keep its routes meanwhile', async () => {
    const [bird] = daemons;
    if (bird === undefined) throw new Error('no bird2');
    const wanted = announcedBy(1);
    const lost: string[] = [];
    await speaker?.stop('SIGKILL');
    launch();
    await until('all are back', SECONDS, async () => {
      const seen = await prefixesAt(bird);
      lost.push(...wanted.filter((prefix) => !seen.includes(prefix)));
      expect((await up()).length).toBe(2 * daemons.length);
    });
    await allUp();
    expect(lost).toEqual([]);
  });

  it('are forgotten when they leave for good', async () => {
    const gone = daemons.pop();
    await gone?.stop();
    await until('only the others are there', SECONDS, async () => {
      const ids = (await peers()).map(({ id }) => id).sort();
      expect(ids).not.toContain(gone?.host.ipv4);
      expect(ids).not.toContain(gone?.host.ipv6);
      expect(ids.length).toBe(2 * daemons.length);
    });
    failed = false;
  });
});
