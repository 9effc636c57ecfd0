/** The commands as a user gives them: the built program in a process of its own. Exit status, JSON on stdout, all else on stderr. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../../bin/node-agent.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function agent(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linnet-agent-cli-'));
  const object = (kind: string, name: string, spec: object) => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  const node = (name: string, last: number) =>
    object('Node', name, {
      bgp: { ipv4Address: `192.0.2.${last}/24` },
      ipv4VXLANTunnelAddr: `10.42.${last}.0`,
      vxlanTunnelMACAddr: `66:00:00:00:04:0${last}`,
    });
  const items = [
    ...[node('n1', 1), node('n2', 2)],
    object('IPPool', 'pool', { cidr: '10.42.0.0/16', vxlanMode: 'CrossSubnet' }),
    object('BlockAffinity', 'b2', { node: 'n2', cidr: '10.42.2.0/26', state: 'confirmed' }),
  ];
  writeFileSync(join(folder, 'cluster.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  writeFileSync(join(folder, 'agent.conf'), 'node: n1\nvxlanVNI: 5000\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('what cannot be started says why and how', () => {
  it.each<[string, readonly string[], Readonly<Record<string, string>>, number, string]>([
    ['no command', [], {}, 2, 'Usage: node-agent'],
    ['an unknown command', ['fly'], {}, 2, 'unknown command'],
    ['no node', ['run'], {}, 2, 'no node name: give --node'],
    ['a bad flag', ['run', '--node', 'n1', '--vxlan-port', '0'], {}, 2, '--vxlan-port: vxlanPort "0" is not a whole number 1-65535'],
    ["a bad variable of Felix'", ['plan', '--node', 'n1'], { FELIX_VXLANMTU: 'x' }, 2, 'FELIX_VXLANMTU: vxlanMTU "x" is not'],
    ['no manifests', ['plan', '--node', 'n1', '--path', '/nowhere'], {}, 3, '--path /nowhere does not exist'],
    ['no agent', ['status', '--node', 'n1', '--run-dir', '/nowhere'], {}, 3, 'no agent answers on /nowhere/agent.sock'],
    ['no prefix', ['why', 'x', '--node', 'n1'], {}, 2, '"x" is neither a prefix nor an address'],
    ['a datastore that is away', ['why', '10.42.2.1', '--node', 'n1'], {}, 2, 'no API server: give --kubeconfig'],
  ])('%s', async (_what, args, env, code, text) => {
    const outcome = await agent(args, env);
    expect(outcome.stderr).toContain(text);
    expect(outcome).toMatchObject({ code, stdout: '' });
  });
});

describe('answers', () => {
  it('why: the route of a prefix with its reasons, and 1 where there is none', async () => {
    const one = await agent(['why', '10.42.2.9', '--node', 'n1', '--path', folder, '-o', 'json']);
    expect(one.code).toBe(0);
    expect(JSON.parse(one.stdout)).toMatchObject({
      schema: 'linnet.node-agent-why/v1',
      routes: [{ prefix: '10.42.2.0/26', class: 'vxlan-same-subnet', node: 'n2', verdict: 'chosen' }],
    });
    expect(await agent(['why', '192.0.2.0/24', '--node', 'n1', '--path', folder])).toMatchObject({
      code: 1,
      stdout: '192.0.2.0/24: the cluster wants no route here\n',
    });
  });

  it('config show: every value and its origin, from file, environment and flags', async () => {
    const args = ['config', 'show', '--origin', '-o', 'json', '--take-over', '--config', join(folder, 'agent.conf')];
    const { code, stdout } = await agent(args, { FELIX_VXLANVNI: '6000', ETCD_PASSWORD: 'hunter2' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'linnet.node-agent-config/v1',
      values: {
        node: { value: 'n1', origin: `file ${join(folder, 'agent.conf')}:1` },
        vxlanVNI: { value: '6000', origin: 'environment FELIX_VXLANVNI' },
        takeOver: { value: 'true', origin: 'flag --take-over' },
        vxlanPort: { value: null, origin: 'FelixConfiguration, else the default' },
      },
    });
    expect(stdout).not.toContain('hunter2');
  });

  it('version', async () => {
    expect(JSON.parse((await agent(['version', '-o', 'json'])).stdout)).toMatchObject({ schema: 'linnet.version/v1' });
  });
});
