/** What the demo looks at: the ToR's own status socket and the HTTP API of the node daemons, both over unix sockets. */
import { Agent, request } from 'node:http';
import type {
  ExplainDocument,
  IssuesDocument,
  IssueView,
  PeersDocument,
  PeerView,
  RouteJson,
  RoutesDocument,
} from '../../health/status.ts';
import type { DemoCluster } from './cluster.ts';

/** A route of the ToR's best table. */
export type TorRoute = RouteJson;

/** Reads of one running demo. Every call asks the process again; none is cached. */
export interface View {
  readonly torPeers: () => Promise<readonly PeerView[]>;
  /** Best routes by prefix text. */
  readonly torRoutes: () => Promise<ReadonlyMap<string, TorRoute>>;
  readonly peers: (node: string) => Promise<readonly PeerView[]>;
  /** Paths of one prefix in a node's table. */
  readonly routes: (node: string, prefix: string) => Promise<readonly RouteJson[]>;
  readonly issues: (node: string) => Promise<readonly IssueView[]>;
  readonly explain: (node: string, prefix: string, peer: string | undefined) => Promise<ExplainDocument>;
  readonly close: () => void;
}

/** GETs a JSON document from a unix socket. Rejects on connection errors and on any status but 200. */
function getJson<T>(agent: Agent, socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, socketPath, path, timeout: 2_000 }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${path}: ${response.statusCode} ${text.slice(0, 200)}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${path}: no answer within 2 s`)));
    call.on('error', reject);
    call.end();
  });
}

/** Opens the views of a running cluster. */
export function openView(cluster: DemoCluster): View {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    torPeers: async () => (await getJson<PeersDocument>(agent, cluster.torStatus, '/peers')).peers,
    torRoutes: async () => {
      const { routes } = await getJson<RoutesDocument>(agent, cluster.torStatus, '/routes');
      return new Map(routes.filter((route) => route.best).map((route) => [route.prefix, route]));
    },
    peers: async (node) => (await getJson<PeersDocument>(agent, cluster.api(node), '/api/v1/peers')).peers,
    routes: async (node, prefix) => {
      const query = new URLSearchParams({ prefix, view: 'best' });
      return (await getJson<RoutesDocument>(agent, cluster.api(node), `/api/v1/routes?${query.toString()}`)).routes;
    },
    issues: async (node) => (await getJson<IssuesDocument>(agent, cluster.api(node), '/api/v1/issues')).issues,
    explain: (node, prefix, peer) => {
      const query = new URLSearchParams({ prefix, ...(peer === undefined ? {} : { peer }) });
      return getJson<ExplainDocument>(agent, cluster.api(node), `/api/v1/explain?${query.toString()}`);
    },
    close: () => agent.destroy(),
  };
}
