/** What the shipped manifests say to the daemon is what it understands, and what they ask of a node is the least it needs. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isRecord } from '../../src/confd/resources/fields.ts';
import type { Machine } from '../../src/config/options.ts';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/options.ts';
import { at, documentsOf, kindOf, listAt, MODES, textOf, workload } from './manifests.ts';

const MACHINE: Machine = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const rowOf = (name: unknown): (typeof OPTIONS)[(typeof CONFIG_KEYS)[number]] | undefined =>
  CONFIG_KEYS.map((key) => OPTIONS[key]).find(({ environment }) => environment.some((each) => each === name));

const pod = (mode: (typeof MODES)[number]): unknown => at(workload(mode), 'spec', 'template', 'spec');
const container = (mode: (typeof MODES)[number]): unknown => at(pod(mode), 'containers', 0);

describe.each(MODES)('the shape %s', (mode) => {
  it('gives the daemon only variables it reads, with values that their parsers take', () => {
    const variables = listAt(container(mode), 'env');
    expect(variables.length).toBeGreaterThan(5);
    for (const variable of variables) {
      const row = rowOf(at(variable, 'name'));
      expect(row, `${String(at(variable, 'name'))} is in no row of the option table`).toBeDefined();
      const value = at(variable, 'value');
      if (typeof value === 'string')
        expect(row?.parse(value, MACHINE), `${String(at(variable, 'name'))}=${value}`).toMatchObject({ ok: true });
      else expect(['spec.nodeName', 'metadata.namespace']).toContain(at(variable, 'valueFrom', 'fieldRef', 'fieldPath'));
    }
  });

  it('probes paths that the second listener answers, on its port', () => {
    const paths: unknown = JSON.parse(textOf('docs/openapi.json'));
    const served = Object.keys(Object(at(paths, 'paths')));
    const listen = listAt(container(mode), 'env').find((variable) => at(variable, 'name') === 'LINNET_METRICS_LISTEN');
    const port = Number(String(at(listen, 'value')).split(':')[1]);
    expect(at(container(mode), 'ports', 0)).toMatchObject({ name: 'probes', containerPort: port, hostPort: port });
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect(served).toContain(at(container(mode), probe, 'httpGet', 'path'));
      expect(at(container(mode), probe, 'httpGet', 'port')).toBe('probes');
    }
  });

  it('can write nowhere but in its two directories, and they are mounted', () => {
    const directory = (name: string, fallback: string): unknown =>
      at(
        listAt(container(mode), 'env').find((variable) => at(variable, 'name') === name),
        'value',
      ) ?? fallback;
    const wanted = [
      directory('LINNET_RUN_DIR', String(OPTIONS.runDir.fallback(MACHINE))),
      directory('LINNET_STATE_DIR', String(OPTIONS.stateDir.fallback(MACHINE))),
    ];
    expect(at(container(mode), 'securityContext', 'readOnlyRootFilesystem')).toBe(true);
    expect(listAt(container(mode), 'volumeMounts').map((mount) => at(mount, 'mountPath'))).toEqual(wanted);
    const volumes = listAt(pod(mode), 'volumes').map((volume) => at(volume, 'name'));
    expect(listAt(container(mode), 'volumeMounts').map((mount) => at(mount, 'name'))).toEqual(volumes);
  });

  it('runs with no privilege but those of its work', () => {
    const security = at(container(mode), 'securityContext');
    expect(at(security, 'privileged')).toBe(false);
    expect(at(security, 'capabilities', 'drop')).toEqual(['ALL']);
    const reflector = mode === 'reflectors';
    expect(at(security, 'capabilities', 'add')).toEqual(reflector ? ['NET_BIND_SERVICE'] : ['NET_ADMIN', 'NET_BIND_SERVICE']);
    expect(at(security, 'runAsUser')).toBe(reflector ? 65_532 : 0);
    expect(at(security, 'runAsNonRoot')).toBe(reflector ? true : undefined);
    // no_new_privs would take the capability of the program file away from other uids.
    expect(at(security, 'allowPrivilegeEscalation')).toBe(reflector);
    expect(at(security, 'seccompProfile', 'type')).toBe('RuntimeDefault');
  });

  it('is scheduled as what carries the network: everywhere it belongs, before others, with resources', () => {
    expect(at(pod(mode), 'hostNetwork')).toBe(true);
    expect(at(pod(mode), 'priorityClassName')).toMatch(/^system-(node|cluster)-critical$/);
    expect(at(pod(mode), 'tolerations')).toEqual([{ operator: 'Exists' }]);
    expect(at(pod(mode), 'nodeSelector', 'kubernetes.io/os')).toBe('linux');
    expect(at(container(mode), 'resources', 'requests')).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
    expect(at(container(mode), 'resources', 'limits', 'cpu'), 'a CPU limit stops keepalives').toBeUndefined();
  });

  it('selects its own pods', () => {
    const labels = at(workload(mode), 'spec', 'template', 'metadata', 'labels');
    expect(labels).toMatchObject(Object(at(workload(mode), 'spec', 'selector', 'matchLabels')));
  });

  it('has the account that the rights are given to', () => {
    const rights = documentsOf('deploy/rbac/linnet.yaml');
    const account = at(kindOf(rights, 'ServiceAccount'), 'metadata', 'name');
    expect(at(pod(mode), 'serviceAccountName')).toBe(account);
    expect(at(kindOf(rights, 'ClusterRoleBinding'), 'subjects', 0)).toMatchObject({ kind: 'ServiceAccount', name: account });
  });

  it('has a kustomization whose resources are there', () => {
    const folder = `deploy/kustomize/${mode}`;
    const [kustomization] = documentsOf(`${folder}/kustomization.yaml`);
    expect(listAt(kustomization, 'resources')).toContain('../../rbac');
    for (const resource of listAt(kustomization, 'resources')) expect(existsSync(`${ROOT}${folder}/${String(resource)}`)).toBe(true);
  });
});

describe('dedicated reflectors', () => {
  it('write no kernel routes, and stay off the nodes of the other shapes and of each other', () => {
    const label = 'linnet/dedicated-reflector';
    expect(listAt(container('reflectors'), 'env')).toContainEqual({ name: 'LINNET_KERNEL', value: 'off' });
    expect(at(pod('reflectors'), 'nodeSelector', label)).toBe('true');
    for (const mode of ['addon', 'standalone'] as const) {
      const terms = at(pod(mode), 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
      expect(terms).toEqual([{ matchExpressions: [{ key: label, operator: 'NotIn', values: ['true'] }] }]);
    }
    const apart = at(pod('reflectors'), 'affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 0);
    expect(apart).toMatchObject({ topologyKey: 'kubernetes.io/hostname' });
    const budget = kindOf(documentsOf('deploy/kustomize/reflectors/linnet.yaml'), 'PodDisruptionBudget');
    expect(at(budget, 'spec', 'selector')).toEqual(at(workload('reflectors'), 'spec', 'selector'));
  });
});

describe('the chart', () => {
  const paths = (value: unknown, schema: boolean, before = ''): string[] =>
    Object.entries(Object(value)).flatMap(([key, each]) => {
      const inner = schema ? at(each, 'properties') : each;
      const nested = isRecord(inner) && Object.keys(inner).length > 0 && !['labels', 'requests', 'limits', 'rollingUpdate'].includes(key);
      return nested ? paths(inner, schema, `${before}${key}.`) : [`${before}${key}`];
    });

  it('documents every value, and its schema knows exactly them', () => {
    const [values] = documentsOf('deploy/helm/linnet/values.yaml');
    const flat = paths(values, false).map((path) => path.replace(/^((?:nodeAgent\.)?resources|updateStrategy)\..*/, '$1'));
    const schema: unknown = JSON.parse(textOf('deploy/helm/linnet/values.schema.json'));
    const known = paths(at(schema, 'properties'), true).filter((path) => path !== 'global');
    expect([...new Set(flat)].sort()).toEqual(known.sort());
    expect(at(schema, 'additionalProperties')).toBe(false);
  });

  it('uses every value in some template', () => {
    const templates = readdirSync(`${ROOT}deploy/helm/linnet/templates`).map((name) => textOf(`deploy/helm/linnet/templates/${name}`));
    const schema: unknown = JSON.parse(textOf('deploy/helm/linnet/values.schema.json'));
    const unused = paths(at(schema, 'properties'), true).filter(
      (path) => path !== 'global' && !templates.join('').replaceAll('$agent.', '.Values.nodeAgent.').includes(`Values.${path}`),
    );
    expect(unused).toEqual([]);
  });

  it('names only variables of the option table, in every branch', () => {
    const named = [...textOf('deploy/helm/linnet/templates/_helpers.tpl').matchAll(/- name: ([A-Z][A-Z0-9_]+)/g)].map((match) => match[1]);
    expect(named.length).toBeGreaterThan(12);
    expect(named.filter((name) => rowOf(name) === undefined)).toEqual([]);
  });

  it('has the version of the program, and so have the images of the bases', () => {
    const version = at(JSON.parse(textOf('package.json')), 'version');
    expect(documentsOf('deploy/helm/linnet/Chart.yaml')[0]).toMatchObject({ version, appVersion: version });
    for (const mode of MODES) expect(at(container(mode), 'image')).toBe(`linnet:${String(version)}`);
  });
});
