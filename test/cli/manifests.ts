/** Manifests of a small cluster: three nodes in a mesh, LoadBalancer addresses announced, Services made by name. */

export const CLUSTER = `apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec:
  asNumber: 64512
  serviceLoadBalancerIPs: [{ cidr: 198.51.100.0/24 }]
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods }
spec: { cidr: 10.244.0.0/16 }
${[1, 2, 3].map(node).join('')}`;

/** A Calico node with its documentation address. */
export function node(number: number): string {
  return `---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: node-${number}, labels: { kubernetes.io/hostname: node-${number} } }
spec: { bgp: { ipv4Address: 192.0.2.${number}/24 } }
---
apiVersion: projectcalico.org/v3
kind: BlockAffinity
metadata: { name: node-${number}-10-244-${number}-0-26 }
spec: { node: node-${number}, cidr: 10.244.${number}.0/26, state: confirmed, deleted: false }
`;
}

/** A Service of type LoadBalancer with policy Local and an endpoint on each of the nodes. */
export function service(name: string, address: string, nodes: readonly string[], label = 'x'): string {
  const endpoints = nodes.map((nodeName) => `  - { addresses: [10.244.1.5], nodeName: ${nodeName} }`).join('\n');
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, labels: { tier: ${label} } }
spec: { type: LoadBalancer, clusterIP: 10.96.0.9, externalTrafficPolicy: Local, ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ ip: ${address} }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
${nodes.length === 0 ? 'endpoints: []' : `endpoints:\n${endpoints}`}
ports: [{ port: 80 }]
`;
}
