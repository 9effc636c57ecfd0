/**
 * A million routes as `linnet routes` streams them from a bare speaker, by a reader that takes all and by one that takes nothing: the sessions stay up and
 * go on being served, and memory stays where it was (bgp-speaker 4.12).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePrefix } from '../../src/bgp/net/index.ts';
import { encodeUpdate } from '../../src/bgp/wire/index.ts';
import { getDocument } from '../../src/cli/client.ts';
import type { PeersDocument } from '../../src/health/status.ts';
import { type Running, start } from './harness/exec.ts';
import { Hopeless, until } from './harness/wait.ts';
import { ordinary, WirePeer } from './harness/wire-peer.ts';

const launcher = fileURLToPath(new URL('../../bin/linnet.js', import.meta.url));
const ROUTES = 1_000_000;
const PER_UPDATE = 500;
const [OURS, GIVER, OTHER] = ['127.0.11.1', '127.0.11.2', '127.0.11.3'];
const PORT = 1911;
const SECONDS = 120;
const MIB = 1024;
/** What a dump may cost at most, KiB resident: pages under way and garbage of one collection, not the table as text (some 300 MB). */
const GROWTH = 150 * MIB;

describe('a million routes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-dump-'));
  const socket = join(directory, 'status.sock');
  const api = { kind: 'socket', path: socket } as const;
  const giver = new WirePeer({ address: GIVER, as: 64512, bgpId: 2 });
  const other = new WirePeer({ address: OTHER, as: 64512, bgpId: 3, holdTime: 9 });
  let speaker: Running;

  const peers = async () => (await getDocument<PeersDocument>(api, '/api/v1/peers', 'linnet.peers/v1')).peers;
  const resident = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${speaker.pid}/status`, 'utf8'))?.[1]);
  /** A route of `giver` comes to `other` while something goes on. */
  const stillServed = async (prefix: string): Promise<void> => {
    giver.announce([prefix]);
    await until(`${prefix} is passed on`, SECONDS, () => expect(other.routes.has(prefix)).toBe(true));
  };

  beforeAll(async () => {
    const neighbor = (name: string, address: string, more: object = {}) => ({
      name,
      address,
      as: 64512,
      rrClient: true,
      passive: true,
      maxPrefix: 0,
      ...more,
    });
    const closed = {
      otherwise: 'reject',
      terms: [{ when: [{ kind: 'prefix', any: [{ prefix: '192.0.2.0/24', orLonger: true }] }], then: [{ kind: 'accept' }] }],
    };
    writeFileSync(
      join(directory, 'speaker.json'),
      JSON.stringify({
        localAs: 64512,
        routerId: '10.0.11.1',
        listen: { address: OURS, port: PORT },
        families: ['ipv4-unicast'],
        holdTime: 9,
        // The other one is sent only what is announced later.
        neighbors: [neighbor('giver', GIVER, { holdTime: 90 }), neighbor('other', OTHER, { exportPolicy: closed })],
      }),
    );
    const words = [launcher, 'speaker', join(directory, 'speaker.json'), '--status', socket, '--log', 'info'];
    speaker = start(process.execPath, words, join(directory, 'speaker.log'));
    await until('it answers', SECONDS, () => {
      const dead = speaker.dead();
      if (dead !== undefined) throw new Hopeless(dead);
      return peers();
    });
    await giver.connect({ host: OURS, port: PORT });
    await other.connect({ host: OURS, port: PORT });
    const attributes = ordinary();
    for (let at = 0; at < ROUTES; at += PER_UPDATE) {
      const announced = Array.from({ length: PER_UPDATE }, (_, n) => {
        const prefix = parsePrefix(`${16 + ((at + n) >> 16)}.${((at + n) >> 8) & 255}.${(at + n) & 255}.0/24`);
        if (prefix === undefined) throw new Error('no prefix');
        return { prefix };
      });
      for (const message of encodeUpdate({ announced, attributes })) giver.socket.write(message);
      // The test's own session has to say that it lives.
      if (at % 50_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until('all are here', SECONDS, async () => expect((await peers())[0]?.families[0]?.accepted).toBe(ROUTES));
  }, 240_000);

  afterAll(async () => {
    giver.stop();
    other.stop();
    await speaker.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('to a reader that takes nothing, then to linnet routes: sessions go on, memory stays', async () => {
    const before = resident();
    const idle = request({ socketPath: socket, path: '/api/v1/routes?format=jsonl', agent: false });
    await new Promise<void>((resolve, reject) =>
      idle
        .once('response', (response) => response.pause() && resolve())
        .once('error', reject)
        .end(),
    );
    await stillServed('192.0.2.1/32');
    const began = performance.now();
    const reader = spawn(process.execPath, [launcher, 'routes', '--api', socket, '--peer', 'giver', '--received', '-o', 'jsonl'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let [lines, most] = [0, 0];
    for await (const line of createInterface({ input: reader.stdout })) {
      lines++;
      if (lines === 1) expect(JSON.parse(line)).toMatchObject({ from: 'giver' });
      if (lines % 50_000 === 0) most = Math.max(most, resident());
      if (lines === ROUTES / 2) await stillServed('192.0.2.2/32');
    }
    process.stdout.write(
      `${lines} routes in ${Math.round(performance.now() - began)} ms; resident ${before >> 10} MiB before, ${most >> 10} at most\n`,
    );
    expect(lines).toBeGreaterThanOrEqual(ROUTES + 2);
    expect(most - before).toBeLessThan(GROWTH);
    await stillServed('192.0.2.3/32');
    idle.destroy();
    expect((await peers()).map(({ id, state, flaps }) => [id, state, flaps])).toEqual([
      ['giver', 'established', 0],
      ['other', 'established', 0],
    ]);
  }, 400_000);
});
