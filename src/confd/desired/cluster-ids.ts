/**
 * Reflectors that share a cluster id drop what the others reflected (RFC 4456 section 8), which is right where every client peers with
 * all of them. A client of some of them alone misses the routes of the clients of the others: that is said on both Nodes.
 */
import { formatAddress } from 'bgp-ts/net';
import type { Issue, Snapshot } from '../resources/types.ts';
import { issueAbout } from './issues.ts';
import type { NodeFacts } from './nodes.ts';
import type { DesiredPeer } from './types.ts';

/** What of the own node decides. */
export interface ClusterIdInput {
  /** Name of the own node, for the text. */
  readonly node: string;
  /** Its own cluster id: '' where it is no reflector. */
  readonly clusterId: string;
  readonly peers: readonly DesiredPeer[];
}

/** Issues of cluster ids whose reflectors the own node peers with in part. A reflector itself has none. */
export function clusterIdIssues(own: ClusterIdInput, nodes: Iterable<NodeFacts>, snapshot: Snapshot): Issue[] {
  if (own.clusterId !== '') return [];
  const clusters = new Map<string, NodeFacts[]>();
  for (const facts of nodes) {
    if (facts.clusterId === '') continue;
    const members = clusters.get(facts.clusterId) ?? [];
    members.push(facts);
    clusters.set(facts.clusterId, members);
  }
  if (clusters.size === 0) return [];
  const peered = new Set(own.peers.filter(({ internal }) => internal).map(({ address }) => formatAddress(address)));
  const isPeer = ({ ipv4, ipv6 }: NodeFacts): boolean => [ipv4, ipv6].some((one) => one !== undefined && peered.has(one.text));
  return [...clusters].flatMap(([id, members]) => partial(own.node, id, members, isPeer, snapshot));
}

function partial(
  client: string,
  id: string,
  members: readonly NodeFacts[],
  isPeer: (facts: NodeFacts) => boolean,
  snapshot: Snapshot,
): Issue[] {
  const sorted = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
  const known = sorted.find(isPeer);
  const missed = sorted.filter((facts) => !isPeer(facts));
  const [firstMissed] = missed;
  if (known === undefined || firstMissed === undefined) return [];
  const about = (name: string, rule: string): Issue[] => {
    const node = snapshot.nodes.get(name);
    const field = 'spec.bgp.routeReflectorClusterID';
    return node === undefined
      ? []
      : [issueAbout(node, { code: 'NODE_CLUSTER_ID_SHARED', field, got: JSON.stringify(id), rule, severity: 'warning', transient: true })];
  };
  const loses = `Node/${client} peers with`;
  return [
    ...about(
      known.name,
      `is also the cluster id of Node/${firstMissed.name}, but ${loses} this one only: routes of the other's clients do not reach it`,
    ),
    ...missed.flatMap(({ name }) =>
      about(name, `is also the cluster id of Node/${known.name}, but ${loses} that one only: routes of this one's clients do not reach it`),
    ),
  ];
}
