/**
 * The steps of deploy/docker/Dockerfile as a script in a temporary folder, since CI has no container engine (by hand:
 * deploy/docker/build-without-engine.sh): COPY and RUN of the build stage as they stand, COPY of the runtime stage into a root of its own,
 * setcap on a copy of node. What comes out is run as the pods run it: another uid, one capability, as PID 1, with nothing writable but
 * its directories.
 */
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerfile, parseCopy } from '../deploy/dockerfile.ts';
import { run } from '../interop/harness/exec.ts';
import { Hopeless, until } from '../interop/harness/wait.ts';

const state: { folder?: string } = {};
const folder = (): string => {
  if (state.folder === undefined) throw new Error('nothing built');
  return state.folder;
};
/** A path of the image. */
const inside = (path: string): string => join(folder(), 'root', path);
const launcher = (): string => inside('opt/linnet/bin/linnet.js');
const node = (): string => inside('usr/local/bin/node');
const root = process.getuid?.() === 0;

/** One source of a COPY as Docker does it: a folder gives its contents, a file goes into a target that ends with a slash. */
function copyOne(source: string, target: string): void {
  const folders = statSync(source).isDirectory();
  const to = !folders && target.endsWith('/') ? join(target, basename(source)) : target;
  mkdirSync(dirname(to), { recursive: true });
  cpSync(source, to, { recursive: true, verbatimSymlinks: true });
}

/** A RUN step. Throws with what it said. */
function shell(command: string, cwd: string): void {
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', command], { cwd, encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`${command}: ${status}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
}

/** Carries out the stages. */
function build(to: string): void {
  const [context, source] = [join(to, 'context'), join(to, 'build')];
  for (const each of [context, source]) mkdirSync(each, { recursive: true });
  // The context is the last commit: what is in the tree and in nobody's commit is in no image.
  execFileSync('sh', ['-euc', 'git archive --format=tar -o "$0/tree.tar" HEAD && tar xf "$0/tree.tar" -C "$0"', context]);
  for (const stage of dockerfile().stages.filter(({ name }) => name === 'build' || name === 'runtime')) {
    for (const instruction of stage.instructions) {
      if (instruction.name === 'RUN' && stage.name === 'build') shell(instruction.rest, source);
      if (instruction.name !== 'COPY') continue;
      const copy = parseCopy(instruction);
      for (const each of copy.sources) {
        const from = copy.stage === undefined ? join(context, each) : join(source, each.replace(/^\/src\//, ''));
        const target = copy.target.replace(/^\.\//, '');
        copyOne(from, stage.name === 'build' ? `${source}/${target}` : `${to}/root${target}`);
      }
    }
  }
}

/** `name@version` of every package below a node_modules folder. */
function installed(modules: string): string[] {
  if (!existsSync(modules)) return [];
  const packages = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => join(modules, name, inner)) : [join(modules, name)],
  );
  return packages
    .filter((path) => existsSync(join(path, 'package.json')))
    .flatMap((path) => {
      const { name, version }: { name: string; version: string } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
      return [`${name}@${version}`, ...installed(join(path, 'node_modules'))];
    });
}

/** What a unix socket answers to a GET. */
function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => (text += part));
      answer.once('end', () => resolve(text));
    });
    asked.once('error', reject);
    asked.end();
  });
}

beforeAll(() => {
  state.folder = mkdtempSync(join(tmpdir(), 'linnet-image-'));
  build(folder());
  mkdirSync(dirname(node()), { recursive: true });
  cpSync(process.execPath, node());
  execFileSync('chmod', ['-R', 'a+rX', folder()]);
  if (root) execFileSync('setcap', ['cap_net_bind_service=+ep', node()]);
}, 600_000);

afterAll(() => rmSync(folder(), { recursive: true, force: true }));

/** A daemon in namespaces as of a pod of the Deployment: uid, bounding set, a tree that is read-only, two directories of its own. */
function startAsPod(): { api: string; child: ChildProcess; ended: Promise<number | null>; said: () => string } {
  const [own, manifests] = [join(folder(), 'own'), inside('opt/linnet/examples/demo')];
  mkdirSync(own);
  execFileSync('chown', ['65532:65532', own]);
  const flags = ['--run-dir', join(own, 'run'), '--state-dir', join(own, 'state'), '--kernel', 'off', '--bird-sockets', 'off'];
  const source = ['--datastore', 'file', '--path', manifests, '--http', 'none', '--listen-port', '179'];
  const daemon = [node(), launcher(), 'run', '--node', 'node-1', ...source, ...flags];
  const privileges = '--reuid 65532 --regid 65532 --clear-groups --bounding-set -all,+net_bind_service';
  const script = `ip link set lo up; mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec setpriv ${privileges} "$@"`;
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
  const child = spawn('unshare', [...namespaces, 'sh', '-ec', script, inside(''), ...daemon], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { api: join(own, 'run', 'linnet.sock'), child, ended, said: () => text };
}

describe('the image, from its steps', () => {
  it('starts, and lists its artefacts', async () => {
    expect(await run(process.execPath, [launcher(), 'version'])).toMatch(/^linnet \d/);
    const version: unknown = JSON.parse(await run(process.execPath, [launcher(), 'version', '-o', 'json']));
    expect(JSON.stringify(version)).toContain('sbom.cdx.json');
    expect(await run(process.execPath, [inside('opt/linnet/bin/node-agent.js'), 'version'])).toMatch(/^\d/);
    const objects = readdirSync('node-agent/ebpf').filter((name) => name.endsWith('.o'));
    expect(objects).toContain('ipip.o');
    for (const name of objects) expect(existsSync(inside(`opt/linnet/node-agent/ebpf/${name}`)), name).toBe(true);
  });

  it('has no tools of developers, and a bill of materials of what it has', () => {
    const modules = inside('opt/linnet/node_modules');
    for (const name of ['typescript', 'vitest', 'fast-check']) expect(existsSync(join(modules, name)), name).toBe(false);
    const bill: { components: { name: string; version: string }[] } = JSON.parse(readFileSync(inside('opt/linnet/sbom.cdx.json'), 'utf8'));
    const billed = new Set(bill.components.map(({ name, version }) => `${name}@${version}`));
    expect([...billed].sort()).toEqual([...new Set(installed(modules))].sort());
    expect(billed.size).toBeGreaterThan(20);
  });

  it('reads manifests and templates', async () => {
    const [manifests, out] = [join(folder(), 'root/opt/linnet/examples/demo'), join(folder(), 'rendered')];
    await run(process.execPath, [launcher(), 'check', manifests], 30_000);
    await run(process.execPath, [launcher(), 'render', '--node', 'node-1', '--path', manifests, '--flavor', 'bird2', '--out', out], 30_000);
    expect(readFileSync(join(out, 'bird.conf'), 'utf8')).toContain('protocol bgp');
  });

  it.skipIf(!root)(
    'is PID 1 that ends on SIGTERM, with another uid, one capability, and port 179 in its hands',
    async () => {
      const { api, child, ended, said } = startAsPod();
      await until('the daemon is live', 60, () => {
        if (child.exitCode !== null) throw new Hopeless(said());
        return run(process.execPath, [launcher(), 'health', '--live', '--api', api]);
      });
      await until('port 179 is listened on', 60, async () =>
        expect(await get(api, '/metrics')).toMatch(/linnet_bgp_listener_up\{[^}]*port="179"\} 1/),
      );
      const pid = Number(execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).trim());
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
      expect(status).toMatch(/^Uid:\t65532\t/m);
      expect(status).toMatch(/^CapEff:\t0000000000000400$/m);
      process.kill(pid, 'SIGTERM');
      expect(await ended, said()).toBe(0);
      expect(said()).toContain('stopped');
    },
    180_000,
  );
});
