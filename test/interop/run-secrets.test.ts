/**
 * A planted key of `linnet run`, by engine: it works, so it was used, and it stands in nothing that others may read: logs at debug, every
 * answer of the API, client commands, the support bundle, arguments and environments of all its processes, files. BIRD's own 0600 files are
 * the exception that BIRD needs.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { daemons, daemonTitle } from '../confd/bird/daemons.ts';
import { run } from './harness/exec.ts';
import { entries, member } from './harness/json.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import { CLUSTER_AS, makeCluster, neighbors, outsidePeers, routerConfig, sessionsUp, TOR_AS } from './harness/scenario.ts';

const PLANTED = 'planted-key-of-a-node';
const FOUND = /planted-key/;
const LAUNCHER = fileURLToPath(new URL('../../bin/linnet.js', import.meta.url));
const OPENAPI: unknown = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const BLOCKS = ['10.244.1.0/26', 'fd44:1::/122'];

const ENGINES = ['native', 'bird2', 'bird1'] as const;
type Engine = (typeof ENGINES)[number];

const present = (engine: Engine): boolean => engine === 'native' || daemons(engine).length > 0;

/** Words of `run` for an engine. */
function words(engine: Engine): string[] {
  if (engine === 'native') return ['--engine', 'native'];
  const [bird, bird6 = bird] = daemons(engine).map(({ program }) => program);
  return ['--engine', engine, '--bird', bird ?? 'bird', '--bird6', bird6 ?? 'bird6'];
}

/** The text of an answer, whatever its status. */
function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: 30_000 }, (response) => {
      let answer = `${response.statusCode} ${JSON.stringify(response.headers)} `;
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        answer += part;
      });
      response.on('error', reject);
      response.on('end', () => resolve(answer));
    });
    asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer`)));
    asked.on('error', reject);
    asked.end();
  });
}

/** Every path of the API that is read, with what it needs. */
const PATHS = entries(OPENAPI, 'paths')
  .filter(([, operations]) => member(operations, 'get') !== undefined)
  .flatMap(([path]) => [path, `${path}?verbose`, `${path}?prefix=${encodeURIComponent('10.244.1.0/26')}`, `${path}?view=received`]);

/** Files below a folder with their mode, without sockets. */
function filesBelow(folder: string): { readonly path: string; readonly mode: number; readonly text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, mode: statSync(path).mode & 0o777, text: readFileSync(path, 'latin1') }));
}

describe.skipIf(!CAN_RUN).each(ENGINES)('%s', (engine) => {
  const title = 'a key of linnet run';
  describe.skipIf(!present(engine))(engine === 'native' ? title : daemonTitle(title, engine), () => {
    let lab: Lab;
    let failed = false;
    let node: LinnetNode;
    let host: Host;
    let place: string;

    beforeAll(async () => {
      lab = await makeLab(`run secrets ${engine}`);
      host = await lab.lan.host('node-1', 1);
      const router = await lab.lan.host('tor', 254);
      const spec = { password: { secretKeyRef: { name: 'bgp-passwords', key: 'tor' } } };
      const cluster = makeCluster([{ host, blocks: BLOCKS }], outsidePeers(router, TOR_AS, spec), []);
      lab.datastore.write({ ...cluster, secrets: [{ name: 'bgp-passwords', stringData: { tor: PLANTED } }] });
      const secured = neighbors([host], CLUSTER_AS).map((one) => ({ ...one, password: PLANTED }));
      const tor = lab.daemon('bird2', router, { ...routerConfig(router, [host]), neighbors: secured });
      await tor.start();
      place = join(lab.directory, 'linnet-node-1');
      node = lab.adopt(makeLinnet(host, place, lab.datastore.path, { more: words(engine) }));
      node.start();
      await sessionsUp(tor, [host], [node]);
    });

    afterEach(({ task }) => {
      failed ||= task.result?.state === 'fail';
    });

    afterAll(async () => lab?.close(failed));

    it('is in no answer of the API, in no figure and in no client’s words', async () => {
      const socket = join(place, 'run', 'linnet.sock');
      expect(PATHS.length).toBeGreaterThan(10);
      for (const path of PATHS) expect(await get(socket, path), path).not.toMatch(FOUND);
      expect(await get(socket, '/api/v1/desired')).toContain('[hidden]');
      for (const command of [['peers'], ['desired'], ['explain', '10.244.1.0/26'], ['routes']]) {
        const said = await run(process.execPath, [LAUNCHER, ...command, '--api', socket, '-o', 'json']).catch(String);
        expect(said, command.join(' ')).not.toMatch(FOUND);
      }
    });

    it('is in no argument and no environment of its processes', async () => {
      const pids = (await run('ip', ['netns', 'pids', host.namespace])).trim().split('\n');
      expect(pids.length).toBeGreaterThan(engine === 'native' ? 0 : 1);
      for (const pid of pids) {
        for (const name of ['cmdline', 'environ'])
          expect(readFileSync(`/proc/${pid}/${name}`, 'latin1'), `${pid} ${name}`).not.toMatch(FOUND);
      }
    });

    it('is in no file but those of BIRD, which nobody else reads', () => {
      const holding = filesBelow(place).filter(({ text }) => FOUND.test(text));
      if (engine === 'native') expect(holding.map(({ path }) => path)).toEqual([]);
      // The key has reached BIRD: there is something to be found, and the search finds it.
      else expect(holding.length).toBeGreaterThan(0);
      for (const { path, mode } of holding) {
        expect(path).toMatch(/\/bird6?[^/]*\.(conf|cfg)$/);
        expect(mode.toString(8), path).toBe('600');
      }
      expect(filesBelow(place).map(({ path }) => path)).toContain(join(place, 'linnet.log'));
    });

    it('is not in the support bundle', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'linnet-bundle-'));
      const bundle = join(folder, 'bundle');
      const places = ['--api', join(place, 'run', 'linnet.sock'), '--run-dir', join(place, 'run'), '--state-dir', join(place, 'state')];
      await run(process.execPath, [LAUNCHER, 'diags', ...places, '--out', bundle, '--log', join(place, 'linnet.log')]);
      const shown = filesBelow(bundle);
      rmSync(folder, { recursive: true, force: true });
      expect(shown.length).toBeGreaterThan(3);
      for (const { path, text } of shown) expect(text, path).not.toMatch(FOUND);
    });

    it('is not said at the end either', async () => {
      await node.stop();
      expect(readFileSync(join(place, 'linnet.log'), 'utf8')).not.toBe('');
      for (const { path, text } of filesBelow(place)) if (!/\.(conf|cfg)$/.test(path)) expect(text, path).not.toMatch(FOUND);
    });
  });
});
