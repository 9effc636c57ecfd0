/** A cluster as its users write it: Calico v3 and Kubernetes objects, kept in a directory of YAML files that is edited live. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { familyOf } from './daemon.ts';
import type { Host } from './lan.ts';

/** One node of the cluster; its addresses are those of its host. */
export interface ClusterNode {
  readonly host: Host;
  /** Route reflector with this cluster id, without endpoints of its own. */
  readonly clusterId?: string;
  readonly labels?: { readonly [key: string]: string };
  /** IPAM blocks of the node. */
  readonly blocks?: readonly string[];
}

/** A LoadBalancer Service with one EndpointSlice per family. */
export interface ClusterService {
  readonly name: string;
  readonly policy: 'Local' | 'Cluster';
  /** LoadBalancer addresses, either family. */
  readonly addresses: readonly string[];
  /** Names of the nodes that have a ready endpoint. */
  readonly endpoints: readonly string[];
}

/** A BGPPeer: its name and its spec as written. */
export interface ClusterPeer {
  readonly name: string;
  readonly spec: { readonly [field: string]: unknown };
}

/** Everything the datastore holds. */
export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly services: readonly ClusterService[];
  readonly peers: readonly ClusterPeer[];
  /** BGPConfiguration `default`, spec as written. */
  readonly configuration: { readonly [field: string]: unknown };
  readonly pools: readonly string[];
  /** Secrets of namespace kube-system, by name and key. */
  readonly secrets?: readonly { readonly name: string; readonly stringData: { readonly [key: string]: string } }[];
}

interface ObjectFile {
  readonly file: string;
  readonly text: string;
}

const CALICO = 'projectcalico.org/v3';

function objectFile(
  apiVersion: string,
  kind: string,
  metadata: { readonly name: string; readonly [key: string]: unknown },
  rest: object,
): ObjectFile {
  return {
    file: `${kind.toLowerCase()}-${metadata.name}.yaml`,
    text: stringify({ apiVersion, kind, metadata, ...rest }, { version: '1.1' }),
  };
}

function nodeFiles({ host, clusterId, labels, blocks = [] }: ClusterNode): ObjectFile[] {
  const bgp = {
    ipv4Address: `${host.ipv4}/24`,
    ipv6Address: `${host.ipv6}/64`,
    ...(clusterId === undefined ? {} : { routeReflectorClusterID: clusterId }),
  };
  const node = objectFile(CALICO, 'Node', { name: host.name, ...(labels === undefined ? {} : { labels }) }, { spec: { bgp } });
  const affinities = blocks.map((cidr) =>
    objectFile(
      CALICO,
      'BlockAffinity',
      { name: `${host.name}-${cidr.replaceAll(/[^0-9a-f]+/g, '-')}` },
      { spec: { node: host.name, type: 'host', cidr, state: 'confirmed', deleted: false } },
    ),
  );
  return [node, ...affinities];
}

/** Cluster IP of a Service, made from its LoadBalancer address. */
export function clusterAddress(address: string): string {
  return familyOf(address) === 'ipv4' ? `10.96.0.${address.split('.').at(-1)}` : `fd96::${address.split(':').at(-1)}`;
}

function serviceFiles({ name, policy, addresses, endpoints }: ClusterService): ObjectFile[] {
  const families = [...new Set(addresses.map((address) => (familyOf(address) === 'ipv4' ? 'IPv4' : 'IPv6')))];
  const clusterIPs = addresses.map(clusterAddress);
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: policy,
    clusterIP: clusterIPs[0],
    clusterIPs,
    ipFamilies: families,
    ports: [{ port: 80 }],
  };
  const status = { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } };
  const service = objectFile('v1', 'Service', { name, namespace: 'default' }, { spec, status });
  const slices = families.map((addressType, index) => {
    const pod = (at: number): string => (addressType === 'IPv4' ? `10.244.${at + 1}.7` : `fd44:${at + 1}::7`);
    const metadata = { name: `${name}-${index}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } };
    const ready = endpoints.map((nodeName, at) => ({ addresses: [pod(at)], nodeName, conditions: { ready: true } }));
    return objectFile('discovery.k8s.io/v1', 'EndpointSlice', metadata, { addressType, endpoints: ready });
  });
  return [service, ...slices];
}

function clusterFiles(cluster: Cluster): ObjectFile[] {
  return [
    objectFile(CALICO, 'BGPConfiguration', { name: 'default' }, { spec: cluster.configuration }),
    ...cluster.pools.map((cidr, index) =>
      objectFile(CALICO, 'IPPool', { name: `pool-${index}` }, { spec: { cidr, ipipMode: 'Never', vxlanMode: 'Never' } }),
    ),
    ...cluster.nodes.flatMap(nodeFiles),
    ...cluster.services.flatMap(serviceFiles),
    ...(cluster.secrets ?? []).map(({ name, stringData }) =>
      objectFile('v1', 'Secret', { name, namespace: 'kube-system' }, { type: 'Opaque', stringData }),
    ),
    ...cluster.peers.map(({ name, spec }) => objectFile(CALICO, 'BGPPeer', { name }, { spec })),
  ];
}

/** The datastore directory of one scenario. */
export interface Datastore {
  readonly path: string;
  /** Writes what differs from before, each file whole by rename, and removes what is gone. */
  write(cluster: Cluster): void;
}

/** Makes an empty datastore directory. */
export function makeDatastore(path: string): Datastore {
  mkdirSync(path, { recursive: true });
  let before = new Map<string, string>();
  return {
    path,
    write: (cluster) => {
      const now = new Map(clusterFiles(cluster).map(({ file, text }) => [file, text]));
      for (const [file, text] of now) {
        if (before.get(file) === text) continue;
        const half = join(path, `.${file}.new`);
        writeFileSync(half, text);
        renameSync(half, join(path, file));
      }
      for (const file of before.keys()) if (!now.has(file)) rmSync(join(path, file));
      before = now;
    },
  };
}
