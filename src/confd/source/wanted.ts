/** What the configuration asks for beyond itself: Services while some service CIDR is set, Secrets by the names used. */
import type { Resource } from '../resources/types.ts';

/** Kinds that the other objects make necessary. */
export interface Wanted {
  readonly services: boolean;
  /** Names of Secrets, sorted. */
  readonly secrets: readonly string[];
}

/** Computes what is wanted. `advertised`: a cluster CIDR is set outside of the resources, so Services count in any case. */
export function wantedBy(resources: Iterable<Resource>, advertised: boolean): Wanted {
  const secrets = new Set<string>();
  let services = advertised;
  for (const resource of resources) {
    if (resource.kind === 'BGPPeer') {
      if (resource.password !== undefined) secrets.add(resource.password.name);
    } else if (resource.kind === 'BGPConfiguration') {
      if (resource.nodeMeshPassword !== undefined) secrets.add(resource.nodeMeshPassword.name);
      // Only the default resource decides on services (control-plane 1.2).
      if (resource.scope?.kind === 'default') services ||= hasServiceCidr(resource);
    }
  }
  return { services, secrets: [...secrets].sort() };
}

function hasServiceCidr(resource: Resource & { readonly kind: 'BGPConfiguration' }): boolean {
  const { serviceClusterIPs = [], serviceExternalIPs = [], serviceLoadBalancerIPs = [] } = resource;
  return serviceClusterIPs.length + serviceExternalIPs.length + serviceLoadBalancerIPs.length > 0;
}
