/**
 * What the demo does and what it must see: a list of steps, each an act on the manifests and an observation read from the
 * ToR's own process (or, for issues, from a node's HTTP API). A step that is not observed in time fails the demo by name.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DemoCluster } from './cluster.ts';
import { NODES, REFLECTOR } from './cluster.ts';
import type { TorRoute, View } from './view.ts';

/** Time a step has to be observed, milliseconds. */
const STEP_LIMIT = 10_000;
/** Ms for all processes of the cluster to start, on a busy machine with few cores. */
const START_LIMIT = 60_000;
const POLL_INTERVAL = 5;

/** One act and what must be seen of it. */
export interface Step {
  readonly name: string;
  readonly change: string;
  readonly expected: string;
  /** Returns when the change was made, wall-clock ms. */
  readonly act: (cluster: DemoCluster) => Promise<number>;
  /** What was seen, as text; undefined while it is not there yet. */
  readonly observe: (view: View) => Promise<string | undefined>;
  /** Ms for it where that is no change on its way but processes that start. Default `STEP_LIMIT`. */
  readonly limit?: number;
}

/** How a step ended. */
export type StepResult =
  /** Milliseconds from the change to the poll that saw it: at most POLL_INTERVAL and one read too long. */
  | { readonly step: Step; readonly ok: true; readonly latency: number; readonly text: string }
  | { readonly step: Step; readonly ok: false; readonly text: string };

const now = async (): Promise<number> => Date.now();

/** Changes one manifest by a textual edit; a missing target is our own fault and throws. */
function edit(file: string, from: string | RegExp, to: string): (cluster: DemoCluster) => Promise<number> {
  return async (cluster) => {
    const text = await cluster.read(file);
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`demo script: nothing to replace in ${file}`);
    return cluster.replace(file, changed);
  };
}

function told(route: TorRoute): string {
  return `${route.prefix} via ${route.nextHop}`;
}

/** The ToR's best route to the prefix goes through this next hop. */
function via(prefix: string, nextHop: string): Step['observe'] {
  return async (view) => {
    const route = (await view.torRoutes()).get(prefix);
    return route?.nextHop === nextHop ? told(route) : undefined;
  };
}

function gone(...prefixes: readonly string[]): Step['observe'] {
  return async (view) => {
    const routes = await view.torRoutes();
    return prefixes.some((prefix) => routes.has(prefix)) ? undefined : `${prefixes.join(', ')} gone`;
  };
}

const WEB = '198.51.100.20/32';
const WEB_EXTERNAL = '203.0.113.20/32';
const WEB_MOVED = '198.51.100.40/32';
const BLOCKS = ['10.244.1.0/26', '10.244.2.0/26', '10.244.3.0/26'];
/** The cluster CIDR is not among them: each node originates it, and the reflector passes no foreign cluster IPs on. */
const RANGES = ['198.51.100.0/24', '203.0.113.0/24'];

const NODE_4 = `apiVersion: v1
kind: Node
metadata:
  name: node-4
  labels: { rack: r2 }
  annotations:
    projectcalico.org/IPv4Address: 192.0.2.4/24
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata:
  name: node-4-10-244-4-0-26
spec: { node: node-4, type: host, cidr: 10.244.4.0/26, state: confirmed, deleted: false }
`;

/** The cluster comes up: every configured session, and every route that the manifests justify. */
export const BRING_UP: readonly Step[] = [
  {
    name: 'daemons',
    change: 'start the daemons',
    expected: 'every daemon and the ToR answer',
    limit: START_LIMIT,
    act: now,
    observe: async (view) => {
      await Promise.all([...NODES.map(({ name }) => view.peers(name)), view.torPeers()]);
      return `${NODES.length} nodes and the ToR answer`;
    },
  },
  {
    name: 'sessions',
    change: 'establish the sessions',
    expected: 'every session established',
    act: now,
    observe: async (view) => {
      const peers = (await Promise.all(NODES.map(({ name }) => view.peers(name)))).flat();
      const tor = await view.torPeers();
      const expected = 2 * (NODES.length - 1) + 1;
      const up = peers.filter((peer) => peer.state === 'established').length;
      const torUp = tor.length === 1 && tor.every((peer) => peer.state === 'established');
      return up === expected && torUp ? `${expected + 1} session ends up` : undefined;
    },
  },
  {
    name: 'routes',
    change: 'announce what the manifests justify',
    expected: `${BLOCKS.length + RANGES.length + 2} routes at the ToR`,
    act: now,
    observe: async (view) => {
      const routes = await view.torRoutes();
      const wanted = [...BLOCKS, ...RANGES, WEB, WEB_EXTERNAL];
      if (routes.size !== wanted.length || !wanted.every((prefix) => routes.has(prefix))) return undefined;
      return routes.get(WEB)?.nextHop === '192.0.2.2' ? `${routes.size} routes` : undefined;
    },
  },
  {
    name: 'reflection',
    change: "reflect node-3's block to node-1",
    expected: '10.244.3.0/26 at node-1 with ORIGINATOR_ID and CLUSTER_LIST',
    act: now,
    observe: async (view) => {
      const route = (await view.routes('node-1', '10.244.3.0/26')).find((one) => one.best);
      if (route?.originatorId !== '192.0.2.3' || route.clusterList?.join() !== '192.0.2.10') return undefined;
      return `originator ${route.originatorId}, cluster list ${route.clusterList.join()}`;
    },
  },
];

/** Changes to the running cluster. */
export const CHANGES: readonly Step[] = [
  {
    name: 'scale down on node-2',
    change: "web loses its endpoint on node-2 (node-3's stays)",
    expected: `${WEB} moves to node-3`,
    act: edit('endpoints.yaml', '  - addresses: [10.244.2.10]\n    nodeName: node-2\n', ''),
    observe: via(WEB, '192.0.2.3'),
  },
  {
    name: 'scale to zero',
    change: 'web loses its last endpoint',
    expected: `${WEB} and ${WEB_EXTERNAL} withdrawn`,
    act: edit('endpoints.yaml', 'endpoints:\n  - addresses: [10.244.3.11]\n    nodeName: node-3\n', 'endpoints: []\n'),
    observe: gone(WEB, WEB_EXTERNAL),
  },
  {
    name: 'scale up on node-1',
    change: 'web gets an endpoint on node-1',
    expected: `${WEB} via node-1`,
    act: edit('endpoints.yaml', 'endpoints: []\n', 'endpoints:\n  - addresses: [10.244.1.13]\n    nodeName: node-1\n'),
    observe: via(WEB, '192.0.2.1'),
  },
  {
    name: 'add a node',
    change: 'node-4 and its address block appear',
    expected: '10.244.4.0/26 via node-4',
    act: (cluster) => cluster.replace('node-4.yaml', NODE_4),
    observe: via('10.244.4.0/26', '192.0.2.4'),
  },
  {
    name: 'change a pool',
    change: 'disableBGPExport: true on pool pods',
    expected: 'every pod block withdrawn',
    act: edit('pools.yaml', '  vxlanMode: Never\n', '  vxlanMode: Never\n  disableBGPExport: true\n'),
    observe: gone(...BLOCKS, '10.244.4.0/26'),
  },
  {
    name: 'break a manifest',
    change: 'ingress ip 198.51.100.999 in services.yaml',
    expected: `an issue with file and line; ${WEB} stays`,
    act: edit('services.yaml', '198.51.100.20 ', '198.51.100.999 '),
    observe: async (view) => {
      const issue = (await view.issues(REFLECTOR)).find((one) => one.object.name === 'web' && one.severity === 'error');
      if (issue === undefined || !(await view.torRoutes()).has(WEB)) return undefined;
      const file = issue.source?.file.split('/').at(-1) ?? '';
      return `${file}:${issue.source?.line ?? 0} ${issue.object.kind}/${issue.object.namespace}/${issue.object.name} ${issue.field}: ${issue.got} ${issue.rule}`;
    },
  },
  {
    name: 'change beside the broken manifest',
    change: 'pool pods is exported again, services.yaml still broken',
    expected: 'pod blocks back',
    act: edit('pools.yaml', '  disableBGPExport: true\n', ''),
    observe: async (view) => {
      const routes = await view.torRoutes();
      const blocks = [...BLOCKS, '10.244.4.0/26'];
      return blocks.every((prefix) => routes.has(prefix)) ? `${blocks.length} blocks` : undefined;
    },
  },
  {
    name: 'mend the manifest',
    change: 'ingress ip 198.51.100.40',
    expected: `${WEB_MOVED} via node-1, ${WEB} withdrawn`,
    act: edit('services.yaml', '198.51.100.999 ', '198.51.100.40 '),
    observe: async (view) => {
      const routes = await view.torRoutes();
      const route = routes.get(WEB_MOVED);
      return route?.nextHop === '192.0.2.1' && !routes.has(WEB) ? told(route) : undefined;
    },
  },
];

/** Runs one step to its observation or its limit. Errors while polling count as "not there yet": processes are starting. */
export async function runStep(step: Step, cluster: DemoCluster, view: View, signal: AbortSignal): Promise<StepResult> {
  const acted = await step.act(cluster);
  const { limit = STEP_LIMIT } = step;
  const deadline = Date.now() + limit;
  let trouble = '';
  const poll = async (): Promise<StepResult> => {
    while (Date.now() < deadline) {
      signal.throwIfAborted();
      try {
        const observation = await step.observe(view);
        trouble = '';
        if (observation !== undefined) {
          return { step, ok: true, latency: Date.now() - acted, text: observation };
        }
      } catch (error) {
        trouble = error instanceof Error ? error.message : String(error);
      }
      await pause(POLL_INTERVAL);
    }
    return { step, ok: false, text: `not observed within ${limit / 1000} s${trouble === '' ? '' : ` (${trouble})`}` };
  };
  return Promise.race([poll(), cluster.failed]);
}
