/** `linnet render`: our files and nothing else, and templates of one's own, once and for every change. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launch, linnet } from './program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-render-'));
  mkdirSync(join(folder, 'manifests'));
  node('me', '10.0.0.1');
  node('you', '10.0.0.2');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function node(name: string, ip: string): void {
  const manifest = { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name }, spec: { bgp: { ipv4Address: `${ip}/24` } } };
  writeFileSync(join(folder, 'manifests', `${name}.yaml`), JSON.stringify(manifest));
}

const from = (): readonly string[] => ['render', '--path', join(folder, 'manifests'), '--node', 'me'];
const out = (): string => join(folder, 'out');

describe('our templates', () => {
  it.each([
    ['bird1', ['bird.cfg', 'bird6.cfg', 'bird6_aggr.cfg', 'bird6_ipam.cfg', 'bird_aggr.cfg', 'bird_ipam.cfg']],
    ['bird2', ['bird.conf']],
  ])('%s: exactly its files, for their owner only', async (flavor, files) => {
    expect(await linnet([...from(), '--flavor', flavor, '--out', out()])).toMatchObject({ code: 0, stdout: '' });
    expect(readdirSync(out()).sort()).toEqual(files);
    for (const file of files) expect(statSync(join(out(), file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(out(), files[0] ?? ''), 'utf8')).toContain('protocol bgp Mesh_10_0_0_2 from');
  });

  it.each([
    [['--flavor', 'bird9', '--out', '/tmp/x'], 2, /Allowed choices are bird1, bird2/],
    [['--flavor', 'bird1'], 2, /--out DIR/],
    [['--flavor', 'bird1', '--out', '/tmp/x', '--noop'], 2, /--noop goes with --confdir/],
    [['--flavor', 'bird1', '--out', '/tmp/x', '--node', 'nobody'], 1, /not among the manifests/],
    [['--flavor', 'bird1', '--out', '/tmp/x', '--path', '/nonexistent'], 3, /does not exist/],
  ])('%j is status %i', async (more, code, text) => {
    const outcome = await linnet([...from(), ...more]);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringMatching(text)]);
  });
});

describe('local workloads', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'felix', 'endpoint-status'), { recursive: true });
    const status = { ifaceName: 'cali1', ipv4Nets: ['10.65.0.7/32'], bgpPeerName: 'vnf' };
    writeFileSync(join(folder, 'felix', 'endpoint-status', 'k8s workload eth0'), JSON.stringify(status));
    const peer = { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name: 'vnf' } };
    const spec = { localWorkloadSelector: 'all()', asNumber: 64600 };
    writeFileSync(join(folder, 'manifests', 'peer.yaml'), JSON.stringify({ ...peer, spec }));
    const configuration = { apiVersion: 'projectcalico.org/v3', kind: 'BGPConfiguration', metadata: { name: 'default' } };
    const local = { localWorkloadPeeringIPV4: '169.254.99.1' };
    writeFileSync(join(folder, 'manifests', 'bgp.yaml'), JSON.stringify({ ...configuration, spec: local }));
  });

  it('are peers where their directory is named, of the files and of the desired state', async () => {
    const named = ['--endpoint-status-prefix', join(folder, 'felix')];
    const files = async (...more: readonly string[]): Promise<string> => {
      expect(await linnet([...from(), '--flavor', 'bird2', '--out', out(), ...more])).toMatchObject({ code: 0 });
      return readFileSync(join(out(), 'bird.conf'), 'utf8');
    };
    expect(await files()).not.toContain('10.65.0.7');
    expect(await files(...named)).toContain('10.65.0.7');
    const desired = await linnet(['desired', '--path', join(folder, 'manifests'), '--node', 'me', '-o', 'json', ...named]);
    expect(desired.stdout).toContain('Local_Workload_10_65_0_7');
  });
});

describe('templates of one’s own', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'conf', 'conf.d'), { recursive: true });
    mkdirSync(join(folder, 'conf', 'templates'));
    writeFileSync(join(folder, 'conf', 'conf.d', 'a.toml'), '[template]\nsrc = "a.hbs"\ndest = "a.txt"\nprefix = "/calico"\n');
    writeFileSync(join(folder, 'conf', 'templates', 'a.hbs'), '{{#each (getvs "/bgp/v1/host/*/ip_addr_v4")}}{{this}} {{/each}}');
  });
  const own = (...more: readonly string[]): readonly string[] => [...from(), '--confdir', join(folder, 'conf'), '--out', out(), ...more];
  const text = (): string => (existsSync(join(out(), 'a.txt')) ? readFileSync(join(out(), 'a.txt'), 'utf8') : '');

  it('are rendered once', async () => {
    expect(await linnet(own())).toMatchObject({ code: 0, stdout: `written ${join(out(), 'a.txt')}\n` });
    expect(text()).toBe('10.0.0.1 10.0.0.2 ');
    expect(await linnet(own())).toMatchObject({ code: 0, stdout: '' });
  });

  it('are only compared with --noop', async () => {
    expect(await linnet(own('--noop'))).toMatchObject({ code: 0, stdout: `differs ${join(out(), 'a.txt')}\n` });
    expect(text()).toBe('');
  });

  it('say what fails, with status 1', async () => {
    writeFileSync(join(folder, 'conf', 'templates', 'a.hbs'), '{{getv "/nothing"}}');
    const outcome = await linnet(own());
    expect([outcome.code, outcome.stderr]).toEqual([
      1,
      expect.stringContaining('Node/me a.toml: template a.hbs: there is no key /nothing'),
    ]);
  });

  it('follow every change with --watch, and say a failure until it is over', async () => {
    const running = launch(own('--watch', '--debounce', '10'), {});
    try {
      const becomes = async (look: () => boolean): Promise<void> => {
        const deadline = performance.now() + 10_000;
        while (!look()) {
          if (performance.now() > deadline) throw new Error(`${text()}\n${running.stderr()}`);
          await pause(20);
        }
      };
      await becomes(() => text() === '10.0.0.1 10.0.0.2 ');
      node('him', '10.0.0.3');
      await becomes(() => text() === '10.0.0.3 10.0.0.1 10.0.0.2 ');
    } finally {
      running.child.kill('SIGTERM');
      expect((await running.ended).code).toBe(0);
    }
  });
});
