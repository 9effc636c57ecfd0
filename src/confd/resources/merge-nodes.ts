/** One node of the cluster from its two objects (control-plane 1.1, 9.3). */
import type { NodeResource } from './types.ts';

/**
 * A Kubernetes Node and the Calico Node of its name as one. Calico's BGP fields win over annotations, field by field; labels
 * are merged, Calico's on top; what only Kubernetes knows (readiness, addresses, cordon) comes from there.
 */
export function mergeNodes(kubernetes: NodeResource | undefined, calico: NodeResource | undefined): NodeResource | undefined {
  if (kubernetes === undefined || calico === undefined) return calico ?? kubernetes;
  const tunnels = { ...kubernetes.tunnels, ...calico.tunnels };
  return {
    ...kubernetes,
    form: 'calico',
    ref: calico.ref,
    ...(calico.source === undefined ? {} : { source: calico.source }),
    labels: new Map([...kubernetes.labels, ...calico.labels]),
    bgp: { ...kubernetes.bgp, ...calico.bgp },
    wireguard: { ...kubernetes.wireguard, ...calico.wireguard },
    ...(kubernetes.tunnels === undefined && calico.tunnels === undefined ? {} : { tunnels }),
    podCIDRs: calico.podCIDRs.length > 0 ? calico.podCIDRs : kubernetes.podCIDRs,
  };
}
