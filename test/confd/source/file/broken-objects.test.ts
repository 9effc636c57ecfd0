/**
 * Deliberately broken objects: test/fixtures/broken/bad holds them, each with `# expect: ISSUE` on the line the issue must name;
 * test/fixtures/broken/good holds the twin of each, which is right.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { FELIX_CONFIGURATION_FIELDS } from '../../../../src/confd/resources/felix-configuration.ts';
import { formatIssue, objectKey } from '../../../../src/confd/resources/issue.ts';
import type { Issue, Resource } from '../../../../src/confd/resources/types.ts';
import { checkDirectory } from '../../../../src/confd/source/file/index.ts';
import { REAL_CLOCK } from '../../../../src/main/clock.ts';
import { follow, temporaryDirectory } from './follow.ts';

const fixtures = resolve(dirname(fileURLToPath(import.meta.url)), '../../../fixtures/broken');

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort();
}

const files = yamlFiles(join(fixtures, 'bad'));

/** `LINE ISSUE` of every marked line. */
function expected(file: string): string[] {
  return readFileSync(join(fixtures, 'bad', file), 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const found = /# expect: (.*)$/.exec(line)?.[1];
      return found === undefined ? [] : [`${index + 1} ${found}`];
    });
}

const seen = (issue: Issue): string => `${issue.source?.line} ${formatIssue(issue)}`;
const documents = (file: string): number => readFileSync(join(fixtures, 'good', file), 'utf8').split(/^---$/m).length;

const tasks: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of tasks.splice(0).reverse()) await task();
});

describe('each broken object gives its one issue, at its line', () => {
  it.each(files)('%s', async (file) => {
    const path = join(fixtures, 'bad', file);
    const { issues } = await checkDirectory(path, REAL_CLOCK);
    expect(issues.map(seen)).toEqual(expected(file));
    expect(issues.every(({ source }) => source?.file === path)).toBe(true);
  });
});

describe('its twin gives none', () => {
  it.each(files)('%s', async (file) => {
    const { issues, objects } = await checkDirectory(join(fixtures, 'good', file), REAL_CLOCK);
    expect(issues.map(seen)).toEqual([]);
    expect(objects).toBe(documents(file));
  });
});

describe('the collection', () => {
  it('has at least 200 objects, no two with the same kind, field and rule', async () => {
    const all = (await Promise.all(files.map((file) => checkDirectory(join(fixtures, 'bad', file), REAL_CLOCK)))).flatMap(
      ({ issues }) => issues,
    );
    const keys = all.map(({ object, field, rule }) => `${object.kind} ${field.replaceAll(/\[\d+\]/g, '[]')} ${rule}`);
    expect(keys.length).toBeGreaterThanOrEqual(200);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('has every field of the kinds that BGP and encapsulation are configured with', async () => {
    const all = (await Promise.all(files.map((file) => checkDirectory(join(fixtures, 'bad', file), REAL_CLOCK)))).flatMap(
      ({ issues }) => issues,
    );
    const fields = new Set(all.map(({ object, field }) => `${object.kind} ${field.replaceAll(/\[\d+\]/g, '')}`));
    expect(FIELDS.filter((field) => !fields.has(field))).toEqual([]);
  });

  it('in one directory leaves good objects beside it as they are', async () => {
    const path = await temporaryDirectory((task) => tasks.push(task));
    cpSync(join(fixtures, 'bad'), path, { recursive: true });
    mkdirSync(join(path, 'beside'));
    writeFileSync(join(path, 'beside', 'good.yaml'), BESIDE);
    const { snapshot } = await checkDirectory(path, REAL_CLOCK);
    expect(snapshot.peers.get('beside')?.asNumber).toBe(64512);
    expect(snapshot.filters.get('beside')?.exportV4).toHaveLength(1);
    expect(snapshot.pools.has('beside')).toBe(true);
    expect(snapshot.nodes.get('beside')?.bgp.asNumber).toBe(64513);
    expect(snapshot.services.get('beside/web')?.type).toBe('LoadBalancer');
    expect(snapshot.issues.filter(({ object }) => object.name === 'beside' || object.namespace === 'beside')).toEqual([]);
  });

  it('written over its twins leaves the last good form of each object that it spoils', async () => {
    const path = await temporaryDirectory((task) => tasks.push(task));
    const file = join(path, 'all.yaml');
    const many = files.filter((name) => !name.includes('/'));
    const read = (kind: string): string => many.map((name) => readFileSync(join(fixtures, kind, name), 'utf8')).join('---\n');
    writeFileSync(file, read('good'));
    const followed = follow(path);
    tasks.push(() => followed.stop());
    await followed.until(() => followed.changes.length === 1);
    const good = new Map<string, Resource>(followed.changes[0]?.upsert.map((found) => [objectKey(found.ref), found]));
    writeFileSync(file, read('bad'));
    await followed.until(() => followed.store.snapshot.issues.length > 100);
    const errors = followed.store.snapshot.issues.filter(({ severity, object }) => severity === 'error' && good.has(objectKey(object)));
    expect(errors.length).toBeGreaterThan(100);
    const upserted = new Set(followed.changes.slice(1).flatMap(({ upsert }) => upsert.map(({ ref }) => objectKey(ref))));
    const removed = new Set(followed.changes.flatMap(({ remove }) => remove.map(objectKey)));
    expect(errors.filter(({ object }) => upserted.has(objectKey(object)) || removed.has(objectKey(object)))).toEqual([]);
  });

  it('never shows a secret', async () => {
    for (const file of files) {
      const { issues } = await checkDirectory(join(fixtures, 'bad', file), REAL_CLOCK);
      expect(JSON.stringify(issues)).not.toMatch(/hunter2|aHVudGVyMg/);
    }
    expect(files.some((file) => readFileSync(join(fixtures, 'bad', file), 'utf8').includes('hunter2'))).toBe(true);
  });
});

const spec = (kind: string, names: string): string[] => names.split(' ').map((name) => `${kind} spec.${name}`);

/** The fields of control-plane 1.2 to 1.6, and those of encapsulation. */
const FIELDS = [
  ...FELIX_CONFIGURATION_FIELDS.map((name) => `FelixConfiguration spec.${name}`),
  ...spec('BGPConfiguration', 'logSeverityScreen nodeToNodeMeshEnabled asNumber serviceLoadBalancerIPs.cidr serviceExternalIPs.cidr'),
  ...spec('BGPConfiguration', 'serviceClusterIPs.cidr serviceLoadBalancerAggregation communities communities.name communities.value'),
  ...spec('BGPConfiguration', 'prefixAdvertisements.cidr prefixAdvertisements.communities listenPort nodeMeshPassword'),
  ...spec('BGPConfiguration', 'nodeMeshPassword.secretKeyRef.name nodeMeshPassword.secretKeyRef.key nodeMeshMaxRestartTime bindMode'),
  ...spec('BGPConfiguration', 'ignoredInterfaces localWorkloadPeeringIPV4 localWorkloadPeeringIPV6 programClusterRoutes'),
  ...spec('BGPConfiguration', 'ipv4NormalRoutePriority ipv6NormalRoutePriority'),
  ...spec('BGPPeer', 'node nodeSelector peerIP peerSelector localWorkloadSelector asNumber localASNumber keepOriginalNextHop nextHopMode'),
  ...spec(
    'BGPPeer',
    'password.secretKeyRef password.secretKeyRef.name password.secretKeyRef.key sourceAddress maxRestartTime keepaliveTime',
  ),
  ...spec('BGPPeer', 'numAllowedLocalASNumbers ttlSecurity reachableBy filters reversePeering'),
  ...['exportV4', 'importV4', 'exportV6', 'importV6'].flatMap((direction) =>
    spec('BGPFilter', 'cidr matchOperator action').map((field) => field.replace('spec.', `spec.${direction}.`)),
  ),
  ...spec('BGPFilter', 'exportV4.prefixLength.min exportV4.prefixLength.max exportV4.source exportV4.interface exportV4.peerType'),
  ...spec('BGPFilter', 'exportV4.communities.values importV4.asPathPrefix exportV4.priority exportV4.operations'),
  ...spec(
    'BGPFilter',
    'exportV4.operations.addCommunity.value exportV4.operations.prependASPath.prefix exportV4.operations.setPriority.value',
  ),
  ...spec('IPPool', 'cidr ipipMode vxlanMode disableBGPExport disabled allowedUses nodeSelector assignmentMode'),
  ...spec('Node', 'bgp.ipv4Address bgp.ipv6Address bgp.asNumber bgp.routeReflectorClusterID'),
  ...spec('Node', 'wireguard.interfaceIPv4Address wireguard.interfaceIPv6Address'),
  'Node metadata.labels.rack',
  'Node status.podCIDRs',
];

const BESIDE = `apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: beside}
spec: {peerIP: 192.0.2.1, asNumber: 64512}
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: beside}
spec: {exportV4: [{action: Accept}]}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: beside}
spec: {cidr: 198.51.100.0/24}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: beside}
spec: {bgp: {asNumber: 64513}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: beside}
spec: {type: LoadBalancer}
`;

it('fixtures lie where their names say', () => {
  expect(yamlFiles(join(fixtures, 'good'))).toEqual(files);
  expect(relative(fixtures, join(fixtures, files[0] ?? ''))).toBe(files[0]);
});
