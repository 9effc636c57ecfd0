/** The chart's node agent against the program: variables, rights, privileges, alerts. The rendered objects are test/cluster's. */
import { describe, expect, it } from 'vitest';
import { AGENT_KEYS, AGENT_OPTIONS } from '../../node-agent/config/options.ts';
import { AGENT_METRICS } from '../../node-agent/health/metrics.ts';
import { calicoKinds, NODES } from '../../src/confd/source/kubernetes/kinds.ts';
import { at, documentsOf, kindOf, listAt, textOf } from '../deploy/manifests.ts';
import { leansOn } from '../deploy/promql.ts';
import { AGENT_CAPABILITIES } from '../interop/harness/encap-agent.ts';

const template = textOf('deploy/helm/linnet/templates/node-agent.yaml');
const known = new Set(AGENT_KEYS.flatMap((key) => AGENT_OPTIONS[key].environment));

describe('the chart', () => {
  it('gives the agent only variables that it reads', () => {
    const named = [...template.matchAll(/- name: ([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(7);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('asks for the privileges with which packets were seen to flow, and for those of eBPF only where it may be used', () => {
    const [, few = '', many = ''] = /ternary "\[([^\]]*)\]" "\[([^\]]*)\]"/.exec(template) ?? [];
    // The image's program file carries NET_BIND_SERVICE, and cannot be started without it.
    expect(many.split(', ')).toEqual([...AGENT_CAPABILITIES, 'NET_BIND_SERVICE']);
    expect(few.split(', ')).toEqual(['NET_ADMIN', 'NET_BIND_SERVICE']);
    expect(template).toContain('privileged: false');
    expect(template).not.toMatch(/add: .*SYS_ADMIN|hostPID/);
  });

  it('mounts every directory that the agent writes to as root', () => {
    const machine = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };
    const { runDir, stateDir, mtuFile } = AGENT_OPTIONS;
    const paths = [
      runDir.fallback(machine),
      stateDir.fallback(machine),
      mtuFile.fallback(machine).replace(/\/mtu$/, ''),
      '/var/run/calico',
    ];
    for (const path of paths) expect(template).toContain(`mountPath: ${path}\n`);
  });
});

describe('the rights', () => {
  it('are to list and watch exactly what is read, and to write nothing', () => {
    const role = kindOf(documentsOf('deploy/rbac/node-agent.yaml'), 'ClusterRole');
    const read = [NODES, ...calicoKinds('crd.projectcalico.org/v1', { usePodCIDR: false, hostnameHashes: [], readFor: 'encapsulation' })];
    const granted = listAt(role, 'rules').flatMap((rule) => {
      expect(at(rule, 'verbs')).toEqual(['list', 'watch']);
      return listAt(rule, 'resources').map(String);
    });
    expect(granted.sort()).toEqual(read.map(({ path }) => path.split('/').at(-1)).sort());
  });
});

describe('the alerts', () => {
  const rules = listAt(documentsOf('deploy/alerts/node-agent.rules.yaml')[0], 'groups').flatMap((group) => listAt(group, 'rules'));
  const metrics = new Map(AGENT_METRICS.map(({ name, labels }) => [name, labels]));

  it('name only what is exported, by labels that it has', () => {
    expect(rules.length).toBe(5);
    for (const rule of rules) {
      const { selectors, labels } = leansOn(String(at(rule, 'expr')));
      for (const { metric, matchers } of selectors) {
        const own = ['instance', ...(metrics.get(metric) ?? [])];
        expect([...metrics.keys()]).toContain(metric);
        expect([...matchers.map(({ label }) => label), ...labels].filter((label) => !own.includes(label))).toEqual([]);
      }
    }
  });

  it('have a heading each in docs/node-agent.md', () => {
    const headings = [...textOf('docs/node-agent.md').matchAll(/^### (LinnetAgent\w+)$/gm)].map(([, name = '']) => name);
    expect(headings).toEqual(rules.map((rule) => at(rule, 'alert')));
    for (const rule of rules)
      expect(at(rule, 'annotations', 'runbook')).toBe(`docs/node-agent.md#${String(at(rule, 'alert')).toLowerCase()}`);
  });
});
