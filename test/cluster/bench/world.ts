/** A cluster of any size as its objects stand in etcd: nodes, block affinities, Services and EndpointSlices as large as real ones. */
import { randomUUID } from 'node:crypto';
import { hostnameHashes } from '../../../src/confd/source/kubernetes/hostname-hash.ts';

/** An object and the key that the API server keeps it under. */
export interface Stored {
  readonly key: string;
  readonly value: string;
}

/** Objects for each node, as in the largest cluster that counts: 5,000 nodes, 100k blocks, 10k Services, 20k EndpointSlices. */
export const PER_NODE = { blocks: 20, services: 2, slices: 4 } as const;

const CREATED = '2026-01-01T00:00:00Z';
const meta = (name: string, more: object) => ({ name, uid: randomUUID(), creationTimestamp: CREATED, ...more });
const stored = (key: string, object: unknown): Stored => ({ key: `/registry/${key}`, value: JSON.stringify(object) });

/** `node-1` is the first. */
export const nodeName = (index: number): string => `node-${index + 1}`;
/** Address of a node. The first has the highest: it is the one that is measured, and dials all others of a mesh (control-plane 2.2). */
export const nodeAddress = (index: number): string =>
  index === 0 ? '192.63.255.254' : `192.${1 + (index >> 14)}.${(index >> 6) & 255}.${1 + (index & 63)}`;

const condition = (type: string, status: string) => ({
  type,
  status,
  lastHeartbeatTime: CREATED,
  lastTransitionTime: CREATED,
  reason: `Kubelet${type}`,
  message: `kubelet has said about ${type} what it says every five minutes`,
});

function node(index: number): Stored {
  const name = nodeName(index);
  const labels = Object.fromEntries(
    [
      'kubernetes.io/hostname',
      'kubernetes.io/os',
      'kubernetes.io/arch',
      'topology.kubernetes.io/zone',
      'node.kubernetes.io/instance-type',
    ].map((label) => [label, label === 'kubernetes.io/hostname' ? name : 'linux']),
  );
  const annotations = {
    'projectcalico.org/IPv4Address': `${nodeAddress(index)}/10`,
    'node.alpha.kubernetes.io/ttl': '30',
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
  };
  const images = Array.from({ length: 20 }, (_, image) => ({
    names: [`registry.example/team/image-${image}@sha256:${String(image).padStart(64, '0')}`, `registry.example/team/image-${image}:v1`],
    sizeBytes: 100_000_000 + image,
  }));
  const resources = { cpu: '32', memory: '131072Mi', pods: '110', 'ephemeral-storage': '400Gi', 'hugepages-2Mi': '0' };
  return stored(`minions/${name}`, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: meta(name, { labels, annotations }),
    spec: { podCIDR: `10.${index >> 8}.${index & 255}.0/24`, providerID: `test:///${name}` },
    status: {
      addresses: [
        { type: 'InternalIP', address: nodeAddress(index) },
        { type: 'Hostname', address: name },
      ],
      allocatable: resources,
      capacity: resources,
      conditions: [
        ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => condition(type, 'False')),
        condition('Ready', 'True'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      images,
      nodeInfo: Object.fromEntries(
        ['architecture', 'bootID', 'containerRuntimeVersion', 'kernelVersion', 'kubeProxyVersion', 'kubeletVersion', 'machineID'].map(
          (key) => [key, 'some text of an ordinary length'],
        ),
      ),
    },
  });
}

/** `labelled`: with the label by which the server can leave out those of other nodes, as newer releases of Calico write it. */
function block(index: number, nodes: number, labelled: boolean): Stored {
  const owner = nodeName(index % nodes);
  const cidr = `10.${64 + (index >> 18)}.${(index >> 10) & 255}.${(index >> 2) & 255}`;
  const name = `${owner}-${cidr.replaceAll('.', '-')}-${index & 3}`;
  const labels = labelled ? { labels: { 'projectcalico.org/hostname-hash': hostnameHashes(owner)[0] } } : {};
  return stored(`crd.projectcalico.org/blockaffinities/${name}`, {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'BlockAffinity',
    metadata: meta(name, { generation: 1, ...labels, annotations: { 'projectcalico.org/metadata': '{"creationTimestamp":null}' } }),
    spec: {
      cidr: `${cidr.split('.').slice(0, 3).join('.')}.${(index & 3) * 64}/26`,
      node: owner,
      state: 'confirmed',
      type: 'host',
      deleted: 'false',
    },
  });
}

const serviceName = (index: number): string => `loaded-${index}`;

// Without cluster IPs: the API server would first write an object for each of them.
function service(index: number): Stored {
  const name = serviceName(index);
  return stored(`services/specs/default/${name}`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, { namespace: 'default', labels: { app: name, team: 'bench' } }),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      clusterIPs: ['None'],
      externalIPs: [`203.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      selector: { app: name },
      sessionAffinity: 'None',
    },
  });
}

function slice(index: number, nodes: number): Stored {
  const owner = serviceName(index >> 1);
  const name = `${owner}-${index & 1}`;
  return stored(`endpointslices/default/${name}`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: meta(name, { namespace: 'default', generation: 1, labels: { 'kubernetes.io/service-name': owner, app: owner } }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: 5 }, (_, endpoint) => ({
      addresses: [`10.${64 + endpoint}.${(index >> 8) & 255}.${index & 255}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: nodeName((index * 7 + endpoint * 131) % nodes),
      targetRef: { kind: 'Pod', namespace: 'default', name: `${owner}-${endpoint}`, uid: randomUUID() },
    })),
  });
}

/** Every object of a cluster of so many nodes. */
export function* worldOf(nodes: number, labelled: boolean): Generator<Stored> {
  for (let index = 0; index < nodes; index += 1) yield node(index);
  for (let index = 0; index < nodes * PER_NODE.blocks; index += 1) yield block(index, nodes, labelled);
  for (let index = 0; index < nodes * PER_NODE.services; index += 1) yield service(index);
  for (let index = 0; index < nodes * PER_NODE.slices; index += 1) yield slice(index, nodes);
}
