/** `linnet diags` of a running daemon: what is in the bundle, and that a password planted everywhere is not. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER } from '../manifests.ts';
import { eventually, linnet, makeFolder, type RunningDaemon, startDaemon } from '../program.ts';

const PASSWORD = 'plantedPassw0rd';
const BASE64 = Buffer.from(PASSWORD).toString('base64');
const SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp', namespace: 'kube-system' }, data: { key: BASE64 } };
// Of etcd's account and of the API server's, which are no Secrets: they stand in the environment, and in a file that a setting names.
const ACCOUNT = 'plantedAccount';
const TOKEN = 'planted-opaque-token';
const PEER = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'BGPPeer',
  metadata: { name: 'guarded' },
  spec: { peerIP: '192.0.2.99', asNumber: 64999, password: { secretKeyRef: { name: 'bgp', key: 'key' } } },
};

let folder: Awaited<ReturnType<typeof makeFolder>>;
let daemon: RunningDaemon;
let debugAddress: string;

/** An address of loopback that nobody listens on now. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return `127.0.0.1:${address.port}`;
}

beforeAll(async () => {
  folder = await makeFolder({});
  const manifests = await makeFolder({ 'cluster.yaml': CLUSTER, 'secret.json': JSON.stringify(SECRET), 'peer.json': JSON.stringify(PEER) });
  debugAddress = await freeAddress();
  const state = join(folder.path, 'node-1', 'state');
  await mkdir(state, { recursive: true });
  const saved = [{ schema: 'linnet.last-good/v1', node: 'node-1', at: 1, count: 2 }, SECRET, PEER].map(
    (line) => `${JSON.stringify(line)}\n`,
  );
  await writeFile(join(state, 'last-good.jsonl'), saved.join(''), { mode: 0o600 });
  await writeFile(join(state, 'left-by-another'), PASSWORD);
  const token = join(folder.path, 'token');
  await writeFile(token, `${TOKEN}\n`, { mode: 0o600 });
  const more = [
    '--path',
    manifests.path,
    '--api-token-file',
    token,
    '--kernel',
    'off',
    '--log-level',
    'debug',
    '--debug-listen',
    debugAddress,
  ];
  daemon = startDaemon(folder.path, 'node-1', [...more, '--transport-map', '192.0.2.1=127.0.0.1:17901']);
  await eventually('the peer', async () => ((await daemon.ask('peers')).stdout.includes('192.0.2.99') ? true : undefined), 30);
  await writeFile(join(folder.path, 'daemon.log'), `${daemon.log()}\nsomebody wrote ${PASSWORD} here\nand ${ACCOUNT}, ${TOKEN} there\n`);
}, 60_000);

afterAll(async () => {
  await daemon.stop();
  await folder.dispose();
});

/** Every file below a folder with its text. */
function filesOf(path: string): ReadonlyMap<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(path, name)).isFile());
  return new Map(names.map((name) => [name, readFileSync(join(path, name), 'utf8')]));
}

describe('linnet diags', () => {
  it('writes what support needs, and no password', async () => {
    const out = join(folder.path, 'bundle');
    const words = ['diags', '--out', out, '--log', join(folder.path, 'daemon.log'), '--debug', debugAddress];
    const { code, stdout, stderr } = await linnet([...words, '--run-dir', daemon.runDir], { env: { ETCD_PASSWORD: ACCOUNT } });
    expect([code, stdout, stderr]).toEqual([0, `${out}\n`, '']);
    const files = filesOf(out);
    const daemons = ['status', 'liveness', 'readiness', 'issues', 'peers', 'desired', 'routes', 'kernel-routes', 'versions', 'threads'];
    const expected = [...daemons.map((name) => `${name}.json`), 'metrics.txt', 'log.txt', 'state/list.txt', 'state/last-good.jsonl'];
    expect([...files.keys()]).toEqual(expect.arrayContaining(expected));
    expect(files.get('threads.json')).toContain('"name":"speaker"');
    expect(files.get('status.json')).toContain('"origin"');
    expect(files.get('log.txt')).toContain('somebody wrote [hidden] here\nand [hidden], [hidden] there');
    expect(files.get('state/last-good.jsonl')).toContain('guarded');
    expect(files.get('state/list.txt')).toContain('left-by-another');
    for (const [name, text] of files) {
      for (const planted of [PASSWORD, BASE64, ACCOUNT, TOKEN]) expect(text, name).not.toContain(planted);
      expect(statSync(join(out, name)).mode & 0o077).toBe(0);
    }
  }, 40_000);

  it('packs it, and does without a daemon', async () => {
    const out = join(folder.path, 'bundle.tar.gz');
    const state = join(folder.path, 'node-1', 'state');
    const { code, stderr } = await linnet(['diags', '--out', out, '--run-dir', join(folder.path, 'nobody'), '--state-dir', state]);
    expect(code).toBe(3);
    expect(stderr).toContain('no daemon answered');
    const names = execFileSync('tar', ['-tzf', out], { encoding: 'utf8' }).split('\n');
    expect(names).toEqual(
      expect.arrayContaining(['linnet-diags/versions.json', 'linnet-diags/state/last-good.jsonl', 'linnet-diags/daemon.txt']),
    );
    expect(execFileSync('tar', ['-xzOf', out], { encoding: 'utf8' })).not.toContain(BASE64);
  }, 40_000);

  it('its debug server is the one way to a password: a heap snapshot', async () => {
    const answer = await fetch(`http://${debugAddress}/debug/heap?thread=main`);
    expect(await answer.text()).toContain(PASSWORD);
  }, 60_000);
});
