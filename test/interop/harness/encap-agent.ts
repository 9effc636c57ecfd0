/** The agent as a process in the namespace of a node of the laboratory, and the manifests that all of them read. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EncapLab, EncapNode } from './encap-lab.ts';
import { ENCAP_NODES } from './encap-lab.ts';
import type { Running } from './exec.ts';
import { until } from './wait.ts';

/** The launcher of the built program. */
export const NODE_AGENT = resolve('bin/node-agent.js');

/** What the shipped manifests give the agent (deploy/helm): netlink, and eBPF for IPIP where the kernel has no module for it. */
export const AGENT_CAPABILITIES = ['NET_ADMIN', 'BPF', 'PERFMON'] as const;

/** Pools of the laboratory: 10.244.0.0/16 and fd44::/16. */
export interface PoolModes {
  readonly ipv4: Readonly<Record<string, string>>;
  readonly ipv6: Readonly<Record<string, string>>;
}

/** VXLAN in both families. */
export const VXLAN_POOLS: PoolModes = { ipv4: { vxlanMode: 'Always' }, ipv6: { vxlanMode: 'Always' } };

const calico = (kind: string, name: string, spec: object) => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

/** Every object of the cluster: nodes with their tunnel addresses, pools, blocks, and what FelixConfiguration says. */
export function clusterObjects(lab: EncapLab, pools: PoolModes, felix: object = {}): readonly object[] {
  const nodes = ENCAP_NODES.map((name, index) => {
    const { ipv4, ipv6 } = lab.nodes[name];
    const number = index + 1;
    return calico('Node', name, {
      bgp: { ipv4Address: `${ipv4}/24`, ipv6Address: `${ipv6}/64`, ipv4IPIPTunnelAddr: `10.244.${number}.62` },
      ipv4VXLANTunnelAddr: `10.244.${number}.63`,
      vxlanTunnelMACAddr: `66:00:00:00:04:0${number}`,
      ipv6VXLANTunnelAddr: `fd44:${number}::3f`,
      vxlanTunnelMACAddrV6: `66:00:00:00:06:0${number}`,
    });
  });
  const blocks = ENCAP_NODES.flatMap((name) =>
    (['ipv4', 'ipv6'] as const).map((family) =>
      calico('BlockAffinity', `${name}-${family}`, { node: name, state: 'confirmed', cidr: lab.blocks[name][family] }),
    ),
  );
  return [
    ...nodes,
    ...blocks,
    calico('IPPool', 'v4', { cidr: '10.244.0.0/16', ...pools.ipv4 }),
    calico('IPPool', 'v6', { cidr: 'fd44::/16', ...pools.ipv6 }),
    calico('FelixConfiguration', 'default', felix),
  ];
}

/** Replaces the manifests at once. */
export function writeCluster(directory: string, objects: readonly object[]): void {
  mkdirSync(directory, { recursive: true });
  const draft = join(directory, '.cluster.new');
  writeFileSync(draft, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  renameSync(draft, join(directory, 'cluster.json'));
}

/** An agent that was started. */
export interface AgentUnderTest {
  readonly running: Running;
  readonly log: string;
  /** Words that name its node, datastore and directories, for other commands of the program. */
  readonly words: readonly string[];
  /** Standard output of a command of the program in the node's namespace; the exit status is not looked at. */
  command(...words: readonly string[]): Promise<string>;
  /** Lines of its log. */
  lines(): readonly string[];
  /** Status and text of a probe. */
  probe(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Resolves when its readiness is 200. */
  ready(seconds?: number): Promise<void>;
}

/** Starts the agent of a node; `more` are further words of the command line, `before` a program that starts it. */
export function startAgent(
  lab: EncapLab,
  name: EncapNode,
  manifests: string,
  more: readonly string[] = [],
  before: readonly string[] = [],
): AgentUnderTest {
  const { namespace } = lab.nodes[name];
  const place = join(lab.lab.directory, `agent-${name}`);
  mkdirSync(place, { recursive: true });
  const words = [
    ...['--node', name, '--path', manifests, '--run-dir', join(place, 'run'), '--state-dir', join(place, 'state')],
    ...['--mtu-file', join(place, 'mtu'), '--endpoint-status-path-prefix', place, '--instance', namespace, ...more],
  ];
  const log = `agent-${name}.log`;
  const running = lab.daemon(namespace, [...before, 'node', NODE_AGENT, 'run', ...words], log);
  const probe = async (path: string) => {
    const text = await lab.in(namespace, ['sh', '-c', `curl -s -m 5 -w '\\n%{http_code}' http://localhost:9099${path} || true`]);
    const at = text.trimEnd().lastIndexOf('\n');
    return { status: Number(text.slice(at).trim()), text: text.slice(0, Math.max(0, at)) };
  };
  return {
    running,
    log: join(lab.lab.directory, log),
    words,
    command: (command, ...rest) =>
      lab.in(namespace, ['sh', '-c', `"$@" || true`, 'sh', 'node', NODE_AGENT, command ?? '', ...rest, ...words]),
    lines: () =>
      readFileSync(join(lab.lab.directory, log), 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    probe,
    ready: (seconds = 20) =>
      until(`the agent of ${name} is ready`, seconds, async () => {
        const dead = running.dead();
        if (dead !== undefined) throw new Error(dead);
        const { status, text } = await probe('/readiness');
        if (status !== 200) throw new Error(text);
      }),
  };
}
