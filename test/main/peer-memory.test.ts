/** The file that remembers peers over a restart: what it takes from any content, and that the last state is the one written. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerMemory } from 'bgp-ts';
import { parseAddress } from 'bgp-ts/net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/main/log.ts';
import { memoryLimit, memoryUsedOf } from '../../src/main/memory-limit.ts';
import { openPeerMemory } from '../../src/main/peer-memory.ts';

const log = createLog('fatal', {});
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linnet-memory-'));
});

afterEach(async () => rm(folder, { recursive: true }));

describe('peer memory', () => {
  it('comes back as it was written, v4 and v6, the last state of many', async () => {
    const remote = parseAddress('fd00::7');
    if (remote === undefined) throw new Error('no address');
    let peers: readonly PeerMemory[] = [];
    const file = await openPeerMemory(folder, () => peers, log);
    expect(file.before).toEqual({ kept: false, peers: [] });
    for (let count = 0; count < 50; count++) {
      peers = [
        { id: `p${count}`, shutdown: '' },
        { id: 'fd00::7', draining: true, dynamic: { remote, remoteAs: 4_200_000_000 } },
      ];
      file.changed();
    }
    await file.close(true);
    peers = [];
    file.changed();
    const again = await openPeerMemory(folder, () => peers, log);
    expect(again.before).toEqual({
      kept: true,
      peers: [
        { id: 'p49', shutdown: '' },
        { id: 'fd00::7', draining: true, dynamic: { remote, remoteAs: 4_200_000_000 } },
      ],
    });
    expect((await stat(join(folder, 'peers.json'))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{', '[]', 'null', '{"schema":"other","peers":[]}', '{"schema":"linnet.peer-memory/v1","peers":7}'])(
    'is nothing where the file holds %j, and is written anew',
    async (text) => {
      await writeFile(join(folder, 'peers.json'), text);
      const file = await openPeerMemory(folder, () => [{ id: 'tor', draining: true }], log);
      expect(file.before).toEqual({ kept: false, peers: [] });
      await file.close(false);
      expect((await openPeerMemory(folder, () => [], log)).before).toEqual({ kept: false, peers: [{ id: 'tor', draining: true }] });
    },
  );

  it('leaves out entries that are no peers, and half a dynamic peer', async () => {
    const peers = [7, null, {}, { id: 3 }, { id: 'a', address: '10.0.0.1' }, { id: 'b', as: 1, address: 'x' }];
    await writeFile(join(folder, 'peers.json'), JSON.stringify({ schema: 'linnet.peer-memory/v1', kept: 'yes', peers }));
    expect((await openPeerMemory(folder, () => [], log)).before).toEqual({ kept: false, peers: [{ id: 'a' }, { id: 'b' }] });
  });
});

describe('memory limit', () => {
  it('is what was given, or less than the machine has', () => {
    expect(memoryLimit(64)).toBe(64 * 1024 * 1024);
    expect(memoryLimit(undefined)).toBeGreaterThan(0);
    expect(memoryUsedOf(1)()).toBeGreaterThan(1);
  });
});
