/** Daemons on loopback, as a user runs them: sessions, routes, what a change costs, and how they end. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER, service } from './manifests.ts';
import type { RunningDaemon } from './program.ts';
import { eventually, linnet, makeFolder, startDaemon } from './program.ts';

// A loopback network of our own, so that runs side by side do not meet.
const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;
const MAP = [1, 2, 3].map((number) => `192.0.2.${number}=${NETWORK}.${number}:1790`).join(',');

interface Peer {
  readonly id: string;
  readonly state: string;
  readonly updatesSent: number;
  readonly lastErrorReceived: { readonly text: string } | null;
  readonly lastErrorSent: { readonly text: string } | null;
}

let manifests: Awaited<ReturnType<typeof makeFolder>>;
let folder: Awaited<ReturnType<typeof makeFolder>>;
const daemons: RunningDaemon[] = [];

function daemon(number: number): RunningDaemon {
  const found = daemons[number - 1];
  if (found === undefined) throw new Error(`no daemon ${number}`);
  return found;
}

const startNode = (number: number, ...more: readonly string[]): RunningDaemon =>
  startDaemon(folder.path, `node-${number}`, ['--path', manifests.path, '--transport-map', MAP, '--shutdown', 'cease', ...more]);

function listOf<T>(document: unknown, key: string): readonly T[] | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const list: unknown = Object.entries(document).find(([name]) => name === key)?.[1];
  return Array.isArray(list) ? list : undefined;
}

const peers = async (number: number): Promise<readonly Peer[]> => listOf<Peer>(await daemon(number).json('peers'), 'peers') ?? [];
const routeAt = async (number: number, prefix: string): Promise<{ from: string; nextHop: string } | undefined> =>
  listOf<{ from: string; nextHop: string }>(await daemon(number).json('routes', prefix), 'routes')?.[0];

beforeAll(async () => {
  manifests = await makeFolder({ 'cluster.yaml': CLUSTER, 'web.yaml': service('web', '198.51.100.20', ['node-1']) });
  folder = await makeFolder({});
  for (const number of [1, 2, 3]) daemons.push(startNode(number));
  await Promise.all(
    [1, 2, 3].map((number) =>
      eventually(
        `sessions of node-${number}`,
        async () => {
          const list = await peers(number);
          return list.length === 2 && list.every((peer) => peer.state === 'established') ? true : undefined;
        },
        60,
      ),
    ),
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${daemons.map((entry) => entry.log()).join('\n')}`);
  });
}, 90_000);

afterAll(async () => {
  await Promise.all(daemons.map((entry) => entry.stop()));
  await Promise.all([manifests.dispose(), folder.dispose()]);
}, 20_000);

describe('three daemons in a mesh', () => {
  it('carry the LoadBalancer address with the next hop of its node', async () => {
    const route = await eventually('the address at node-2', () => routeAt(2, '198.51.100.20/32'));
    expect(route).toMatchObject({ from: 'Mesh_192_0_2_1', nextHop: '192.0.2.1' });
  });

  it('are live and ready', async () => {
    await eventually('readiness', async () => ((await daemon(1).ask('health', '--live', '--ready')).code === 0 ? true : undefined));
  });

  it('explain from their records', async () => {
    const outcome = await daemon(1).ask('explain', '198.51.100.20/32', '--peer', 'Mesh_192_0_2_2', '-o', 'json');
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ verdict: 'advertised', peers: [{ peer: 'Mesh_192_0_2_2', verdict: 'advertised' }] });
    expect(outcome.stdout).toMatch(/"updateHex": "f{32}[0-9a-f]*20c6336414"/);
    // node-2 learned it from an internal peer and is no reflector: RFC 4271 section 9.2.1.
    const other = await daemon(2).ask('explain', '198.51.100.20/32', '--peer', 'Mesh_192_0_2_3', '-o', 'json');
    expect([other.code, JSON.parse(other.stdout)]).toMatchObject([1, { verdict: 'not-advertised' }]);
  });

  it('print the desired state as the offline command does', async () => {
    const running = await daemon(1).ask('desired', '-o', 'json');
    const offline = await linnet(['desired', '--path', manifests.path, '--node', 'node-1', '-o', 'json']);
    expect(running.stdout).toBe(offline.stdout);
  });

  it('send nothing for a label, and one UPDATE for one address', async () => {
    const sent = async (): Promise<number[]> => (await peers(1)).map((peer) => peer.updatesSent);
    const before = await sent();
    await manifests.write('web.yaml', service('web', '198.51.100.20', ['node-1'], 'gold'));
    await manifests.write('api.yaml', service('api', '198.51.100.21', ['node-1']));
    await eventually('the second address at node-3', () => routeAt(3, '198.51.100.21/32'));
    const after = await eventually('the counters', async () => {
      const now = await sent();
      return now.every((count, index) => count > (before[index] ?? 0)) ? now : undefined;
    });
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1]);
  });

  it('withdraw on scale-down', async () => {
    await manifests.write('api.yaml', service('api', '198.51.100.21', []));
    await eventually('the withdrawal at node-3', async () =>
      (await daemon(3).ask('routes', '198.51.100.21/32')).code === 1 ? true : undefined,
    );
  });

  it('keep the last good objects of a broken file and name the line', async () => {
    await manifests.write('web.yaml', 'apiVersion: v1\nkind: Service\n  metadata: [');
    const issue = await eventually(
      'the issue',
      async () => listOf<{ source: { file: string } | null }>(await daemon(1).json('desired'), 'issues')?.[0],
    );
    expect(issue.source?.file).toContain('web.yaml');
    expect(await routeAt(2, '198.51.100.20/32')).toBeDefined();
    await manifests.write('web.yaml', service('web', '198.51.100.20', ['node-1']));
    await eventually('the mended file', async () => (listOf(await daemon(1).json('desired'), 'issues')?.length === 0 ? true : undefined));
  });

  it('refuse a second daemon in the same directory', async () => {
    const second = await linnet([
      'run',
      '--node',
      'node-1',
      '--path',
      manifests.path,
      '--run-dir',
      daemon(1).runDir,
      '--state-dir',
      join(folder.path, 'other'),
      '--http',
      'none',
    ]);
    expect([second.code, second.stderr]).toEqual([2, expect.stringMatching(/--run-dir .* is in use by another running daemon/)]);
  });

  it('take over from one that was killed, in the same directories', async () => {
    const killed = await daemon(2).stop('SIGKILL');
    expect(killed.code).toBeNull();
    daemons[1] = startNode(2);
    await eventually('the address at the new node-2', () => routeAt(2, '198.51.100.20/32'));
  });

  it('keep what operators set over a restart, until it is undone', async () => {
    const id = 'Mesh_192_0_2_1';
    const seen = async (): Promise<Peer | undefined> => (await peers(2)).find((peer) => peer.id === id);
    expect((await daemon(2).ask('peer', id, 'gshut', 'on')).code).toBe(0);
    expect((await daemon(2).ask('peer', id, 'shutdown', 'new disk')).code).toBe(0);
    const file = join(daemon(2).runDir, 'state', 'peers.json');
    await eventually('the file', async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      return text.includes('new disk') && text.includes('draining') ? true : undefined;
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await daemon(2).stop('SIGKILL');
    daemons[1] = startNode(2);
    const held = await eventually('the peer after the restart', seen);
    expect(held).toMatchObject({ adminDown: true, draining: true, heldBack: 'shut down by an operator: new disk' });
    expect((await daemon(2).ask('peer', id, 'enable')).code).toBe(0);
    expect((await daemon(2).ask('peer', id, 'gshut', 'off')).code).toBe(0);
    await eventually('the session', async () => ((await seen())?.state === 'established' ? true : undefined), 30);
    await daemon(2).stop();
    daemons[1] = startNode(2);
    await eventually('the session after another restart', async () => ((await seen())?.state === 'established' ? true : undefined), 30);
    expect(await seen()).toMatchObject({ adminDown: false, draining: false });
  }, 90_000);

  it.each([
    ['a limit on prefixes', ['--max-prefix', 'internal=1'], 'Maximum Number of Prefixes Reached'],
    ['a limit on memory', ['--memory-limit', '1'], 'Out of Resources'],
  ])(
    'hold sessions to %s',
    async (_what, more, text) => {
      await daemon(2).stop();
      daemons[1] = startNode(2, ...more);
      await eventually(
        'the end of a session',
        async () => ((await peers(2)).some((peer) => peer.lastErrorSent?.text.includes(text)) ? true : undefined),
        60,
      );
    },
    90_000,
  );

  it('say goodbye where they are to: Cease/Administrative Shutdown with a text, exit status 0', async () => {
    const [, , third] = daemons;
    const outcome = await third?.stop();
    daemons.length = 2;
    expect(outcome?.code).toBe(0);
    const peer = await eventually('the goodbye', async () =>
      (await peers(1)).find((entry) => entry.id === 'Mesh_192_0_2_3' && entry.state !== 'established'),
    );
    expect(peer.lastErrorReceived?.text).toContain('linnet is being stopped');
    expect(await routeAt(1, '10.244.3.0/26')).toBeUndefined();
  });
});
