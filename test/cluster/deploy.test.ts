/**
 * deploy/ through the real helm and kustomize, and into a real API server by server-side dry runs: it checks every field against its own
 * types. LINNET_UPDATE=1 writes the kustomize bases anew from the chart.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import type { Cluster } from './harness/cluster.ts';
import { startCluster } from './harness/cluster.ts';
import type { Manifest } from './harness/manifests.ts';
import { pathOf } from './harness/manifests.ts';
import { baseText, buildRenderers, kustomize, MODES, manifestsOf, template } from './harness/renderers.ts';

const tools = buildRenderers();
const without = tools === undefined ? ' (skipped: no Go toolchain)' : '';
const MONITORING = { 'metrics.podMonitor.enabled': 'true', 'metrics.rules.enabled': 'true', 'metrics.dashboard.enabled': 'true' };
/** Kinds that the bases take from deploy/rbac. */
const RIGHTS = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
const OPERATOR = ['PodMonitor', 'PrometheusRule'];
const AGENT = { 'nodeAgent.enabled': 'true' };
const update = process.env['LINNET_UPDATE'] === '1';

function folder(): string {
  if (tools === undefined) throw new Error('no renderers');
  return tools;
}

/** Holds a file to what the chart makes, or writes it. */
function hold(path: string, text: string): void {
  if (update) writeFileSync(path, text);
  expect(readFileSync(path, 'utf8')).toBe(text);
}

describe.skipIf(tools === undefined)(`the chart and the bases${without}`, () => {
  it.each(MODES)('base %s is what the chart makes of that mode', async (mode) => {
    const made = (await template(folder(), { mode })).filter(({ kind }) => !RIGHTS.includes(kind));
    hold(
      `deploy/kustomize/${mode}/linnet.yaml`,
      baseText(made, `Made from the chart (mode: ${mode}); test/cluster/deploy.test.ts holds both together.`),
    );
  });

  it('the monitoring component is what the chart makes', async () => {
    const made = (await template(folder(), { mode: 'addon', ...MONITORING })).filter(({ kind }) =>
      [...OPERATOR, 'ConfigMap'].includes(kind),
    );
    // On top of any shape.
    const text = baseText(made, 'Made from the chart; test/cluster/deploy.test.ts holds both together.').replaceAll(
      /^.*app\.kubernetes\.io\/component: .*\n/gm,
      '',
    );
    hold('deploy/kustomize/monitoring/linnet.yaml', text);
  });

  it.each(MODES)('kustomize builds %s, with the monitoring component too', async (mode) => {
    const plain = (await kustomize(folder(), `deploy/kustomize/${mode}`)).filter(({ kind }) => kind !== 'CustomResourceDefinition');
    const chart = await template(folder(), { mode });
    const named = (manifests: readonly Manifest[]): string[] => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
    expect(named(plain)).toEqual(named(chart));
    const rules = (manifests: readonly Manifest[]): unknown => manifests.find(({ kind }) => kind === 'ClusterRole')?.['rules'];
    expect(rules(plain)).toEqual(rules(chart));
    const overlay = mkdtempSync(join('deploy/kustomize', '.overlay-'));
    try {
      const text = `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../${mode}]\ncomponents: [../monitoring]\n`;
      writeFileSync(join(overlay, 'kustomization.yaml'), `${text}images: [{name: linnet, newName: images.example/linnet, newTag: '1'}]\n`);
      const all = await kustomize(folder(), overlay);
      expect(all.map(({ kind }) => kind)).toEqual(expect.arrayContaining([...OPERATOR, 'ConfigMap']));
      expect(JSON.stringify(all)).toContain('"image":"images.example/linnet:1"');
    } finally {
      rmSync(overlay, { recursive: true });
    }
  });

  it('base node-agent is what the chart makes of the agent, and kustomize builds it beside a base of the daemon', async () => {
    const made = (await template(folder(), AGENT)).filter(({ metadata }) => metadata.name === 'linnet-node-agent');
    hold(
      'deploy/kustomize/node-agent/linnet.yaml',
      baseText(made, 'Made from the chart (nodeAgent.enabled); test/cluster/deploy.test.ts holds both together.'),
    );
    const overlay = mkdtempSync(join('deploy/kustomize', '.overlay-'));
    try {
      const text = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../addon, ../node-agent]\n';
      writeFileSync(join(overlay, 'kustomization.yaml'), `${text}images: [{name: linnet, newTag: '1'}]\n`);
      const all = await kustomize(folder(), overlay);
      expect(all.filter(({ kind }) => kind === 'DaemonSet').map(({ metadata }) => metadata.name)).toEqual(['linnet', 'linnet-node-agent']);
      expect(JSON.stringify(all).match(/"image":"linnet:1"/g)).toHaveLength(2);
    } finally {
      rmSync(overlay, { recursive: true });
    }
  });

  it.each([
    ['an unknown value', { colour: 'red' }, /colour/],
    ['an unknown mode', { mode: 'sidecar' }, /mode/],
    ['a port that is none', { 'metrics.port': '70000' }, /port/],
    ['a hold time that BGP forbids', { holdTime: '2' }, /holdTime/],
    ['a drain of pods that come back to their node', { drainSeconds: '20' }, /drainSeconds/],
    ['an unknown rule of readiness', { readiness: 'mesh=some' }, /readiness/],
  ])('helm refuses %s and names it', async (_, values, name) => {
    await expect(template(folder(), values)).rejects.toThrow(name);
  });

  it('another release has names of its own, and the Role only where passwords are', async () => {
    const made = await template(folder(), { mode: 'reflectors', 'passwords.enabled': 'false' }, 'rr');
    expect(new Set(made.map(({ metadata }) => metadata.name))).toEqual(new Set(['rr-linnet']));
    expect(made.map(({ kind }) => kind)).not.toContain('Role');
    const narrowed = await template(folder(), { 'passwords.secretNames[0]': 'tor' });
    expect(JSON.stringify(narrowed.find(({ kind }) => kind === 'Role'))).toContain('"resourceNames":["tor"]');
  });

  it('reflectors may drain before they stop, and have the time for it', async () => {
    const made = await template(folder(), { mode: 'reflectors', drainSeconds: '20' });
    const text = JSON.stringify(made.find(({ kind }) => kind === 'Deployment'));
    expect(text).toContain('"lifecycle":{"preStop":{"exec":{"command":["linnet","drain","--wait","20"]}}}');
    expect(text).toContain('"terminationGracePeriodSeconds":35');
    expect(JSON.stringify(await template(folder(), { mode: 'reflectors' }))).not.toContain('lifecycle');
  });

  it('helm lints and packages the chart, with what its links lead to', () => {
    const to = mkdtempSync(join(tmpdir(), 'linnet-chart-'));
    try {
      execFileSync(join(folder(), 'helm'), ['lint', '--strict', '--quiet', 'deploy/helm/linnet'], { stdio: 'pipe' });
      execFileSync(join(folder(), 'helm'), ['package', 'deploy/helm/linnet', '-d', to], { stdio: 'pipe' });
      const listing = execFileSync('tar', ['tvzf', join(to, 'linnet-0.1.0.tgz')], { encoding: 'utf8' });
      expect(listing).toMatch(/^-.* linnet\/files\/rbac\.yaml$/m);
    } finally {
      rmSync(to, { recursive: true });
    }
  });
});

const state: { cluster?: Cluster } = {};

/** The Prometheus operator's kinds, as far as a dry run needs them. */
const operatorKind = (kind: string): Manifest => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${kind.toLowerCase()}s.monitoring.coreos.com` },
  spec: {
    group: 'monitoring.coreos.com',
    names: { kind, listKind: `${kind}List`, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase() },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
        },
      },
    ],
  },
});

async function dryRun(cluster: Cluster, manifest: Manifest): Promise<unknown> {
  // Strict: a field that the server does not know is an error, not dropped.
  return await cluster.admin.call('POST', `${pathOf(manifest)}?dryRun=All&fieldValidation=Strict`, manifest);
}

describe.skipIf(tools === undefined || serversFolder() === undefined)(clusterTitle('a real API server takes'), () => {
  beforeAll(async () => {
    const cluster = await startCluster();
    state.cluster = cluster;
    await cluster.admin.create(...OPERATOR.map(operatorKind));
    for (const kind of OPERATOR)
      await until(`${kind} is served`, 30, () => cluster.admin.call('GET', `/apis/monitoring.coreos.com/v1/${kind.toLowerCase()}s`));
  }, 180_000);
  afterAll(async () => state.cluster?.stop(), 60_000);

  const cluster = (): Cluster => {
    if (state.cluster === undefined) throw new Error('no cluster');
    return state.cluster;
  };

  it.each(MODES)('every object of the chart, mode %s', async (mode) => {
    const made = await template(folder(), { mode, ...MONITORING });
    expect(made.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['ServiceAccount', 'ClusterRole', ...OPERATOR]));
    for (const manifest of made) await dryRun(cluster(), manifest);
  });

  it('every value of the chart at once', async () => {
    const values = {
      'image.tag': 'x',
      'imagePullSecrets[0].name': 'pull',
      compat: 'calico',
      logLevel: 'debug',
      shutdown: 'cease',
      holdTime: '9',
      readiness: 'mesh=all\\,node=one',
      kernel: 'auto',
      write: 'status\\,events',
      'apiServer.host': '192.0.2.10',
      'apiServer.port': '6443',
      'metrics.enabled': 'false',
      'metrics.port': '9999',
      priorityClassName: 'mine',
      'nodeSelector.a': 'b',
      'podAnnotations.c': 'd',
      'podLabels.e': 'f',
      'extraEnv[0].name': 'LINNET_AS',
      'extraEnv[0].value': '"65001"',
      ...AGENT,
      'nodeAgent.healthPort': '9100',
      'nodeAgent.metrics': 'true',
      'nodeAgent.ipipBackend': 'kernel',
      'nodeAgent.takeOver': 'true',
      'nodeAgent.extraEnv[0].name': 'FELIX_VXLANVNI',
      'nodeAgent.extraEnv[0].value': '"5000"',
    };
    for (const mode of MODES) {
      const more = mode === 'reflectors' ? { drainSeconds: '40' } : {};
      for (const manifest of await template(folder(), { mode, ...values, ...more })) await dryRun(cluster(), manifest);
    }
  });

  it('the node agent beside the daemon, with rights and pods of its own', async () => {
    const plain = await template(folder(), {});
    const made = await template(folder(), { ...AGENT, ...MONITORING, 'nodeAgent.metrics': 'true' });
    const own = made.filter(({ metadata }) => metadata.name === 'linnet-node-agent');
    expect(own.map(({ kind }) => kind).sort()).toEqual(
      ['ClusterRole', 'ClusterRoleBinding', 'DaemonSet', 'PodMonitor', 'PrometheusRule', 'ServiceAccount'].sort(),
    );
    expect(plain.filter(({ metadata }) => metadata.name.includes('node-agent'))).toEqual([]);
    const daemon = (all: readonly Manifest[]): unknown =>
      all.find(({ kind, metadata }) => kind === 'DaemonSet' && metadata.name === 'linnet');
    expect(daemon(made)).toEqual(daemon(plain));
    for (const manifest of own) await dryRun(cluster(), manifest);
  });

  it.each([...MODES, 'node-agent'])('every object of base %s', async (mode) => {
    for (const manifest of await kustomize(folder(), `deploy/kustomize/${mode}`)) await dryRun(cluster(), manifest);
  });

  it('no field that it does not know: the check itself', async () => {
    const [first] = (await template(folder(), {})).filter(({ kind }) => kind === 'DaemonSet');
    if (first === undefined) throw new Error('no DaemonSet');
    await expect(dryRun(cluster(), { ...first, spec: { ...Object(first['spec']), colour: 'red' } })).rejects.toThrow(/colour/);
  });

  it("the definitions for clusters without Calico, and a peer's spec is kept whole", async () => {
    await cluster().admin.create(...manifestsOf(readFileSync('deploy/crds/calico.yaml', 'utf8')));
    const spec = { peerIP: '192.0.2.254', asNumber: 65001, communities: [{ name: 'a', value: '1:2' }] };
    const peer: Manifest = { apiVersion: 'crd.projectcalico.org/v1', kind: 'BGPPeer', metadata: { name: 'tor' }, spec };
    await until('peers can be created', 30, () => cluster().admin.create(peer));
    expect(await cluster().admin.call('GET', '/apis/crd.projectcalico.org/v1/bgppeers/tor')).toMatchObject({ spec });
  });
});
