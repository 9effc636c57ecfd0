/** The shipped roles are the least: by the API server's audit log the daemon uses every right that they give, and is refused none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningDaemon } from '../cli/program.ts';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { manifestsIn } from './harness/cluster.ts';
import { calico, node, secret, service, slice } from './harness/manifests.ts';
import { at, CRD, type NodeWorld, OWN, startNodeWorld } from './harness/node-world.ts';

const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;
const POLICY = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] };

let world: NodeWorld;
let daemon: RunningDaemon;
let folder = '';

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** `VERB RESOURCE` of every rule of the shipped roles; a resource of both of Calico's groups counts once. */
function granted(): readonly string[] {
  const rules = manifestsIn('deploy/rbac/linnet.yaml').flatMap((manifest) => (Array.isArray(manifest['rules']) ? manifest['rules'] : []));
  return rules.flatMap((rule) =>
    texts(at(rule, 'resources')).flatMap((resource) => texts(at(rule, 'verbs')).map((verb) => `${verb} ${resource}`)),
  );
}

/** `VERB RESOURCE` of what the account asked for so far, and what of it was refused. */
function asked(): { readonly used: ReadonlySet<string>; readonly refused: readonly string[] } {
  const [used, refused] = [new Set<string>(), new Set<string>()];
  for (const line of readFileSync(join(folder, 'audit.log'), 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue;
    const event: unknown = JSON.parse(line);
    const resource = at(event, 'objectRef', 'resource');
    if (at(event, 'user', 'username') !== 'system:serviceaccount:kube-system:linnet' || typeof resource !== 'string') continue;
    const sub = at(event, 'objectRef', 'subresource');
    const what = `${String(at(event, 'verb'))} ${resource}${typeof sub === 'string' ? `/${sub}` : ''}`;
    used.add(what);
    if (at(event, 'responseStatus', 'code') === 403) refused.add(what);
  }
  return { used, refused: [...refused] };
}

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'linnet-audit-'));
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICY));
  const flags = [`--audit-policy-file=${join(folder, 'policy.json')}`, `--audit-log-path=${join(folder, 'audit.log')}`];
  world = await startNodeWorld(NETWORK, flags);
  const password = { secretKeyRef: { name: 'bgp', key: 'tor' } };
  await world.cluster.admin.create(
    secret('kube-system', 'bgp', 'tor', 'planted-of-rights'),
    node('node-1', `${OWN}/24`),
    service('web', ['198.51.100.7'], 'Local'),
    slice('web', ['node-1']),
    calico(CRD, 'BGPPeer', 'guarded', { peerIP: '192.0.2.253', asNumber: 64701, password }),
    calico(CRD, 'BGPPeer', 'broken', { peerIP: '192.0.2.300', asNumber: 64701 }),
    calico(CRD, 'CalicoNodeStatus', 'node-1', { node: 'node-1', classes: ['Agent'], updatePeriodSeconds: 1 }),
  );
  daemon = world.start('--write', 'address,condition,status,events');
}, 240_000);

afterAll(async () => {
  await daemon?.stop();
  await world?.stop();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe.skipIf(serversFolder() === undefined)(clusterTitle('the rights of the shipped roles'), () => {
  it('are all used, and none is missing', async () => {
    // Lists come over watches; the right to list is for servers that do not stream them (source.test.ts, streamed-lists.test.ts).
    const wanted = granted().filter((what) => !what.startsWith('list '));
    expect(wanted.length).toBeGreaterThan(10);
    await until('every right', 90, () => {
      const { used } = asked();
      expect(wanted.filter((what) => !used.has(what))).toEqual([]);
    });
    const { used, refused } = asked();
    expect(refused).toEqual([]);
    expect([...used].filter((what) => !granted().includes(what))).toEqual([]);
    for (const watched of wanted.filter((what) => what.startsWith('watch ')))
      expect(granted(), watched).toContain(watched.replace('watch', 'list'));
  });
});
