/** What the configuration asks for beyond itself: Services while some service CIDR is set, Secrets by the names used. */
import { objectKey } from '../resources/issue.ts';
import type { Resource } from '../resources/types.ts';
import type { Change } from './types.ts';

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

/** What one source's objects ask of another source. */
export interface Demand {
  wanted(): Wanted;
  /** Takes what the deciding objects became. True where something else is wanted now; the listener has been called then. */
  note(change: Pick<Change, 'upsert' | 'remove'>): boolean;
  /** Calls back when something else is wanted. */
  listen(changed: () => void): void;
  /** The other source has what is wanted, or knows that it cannot be had. */
  settle(): void;
  /** Resolves at the next `settle`. */
  settled(): Promise<void>;
}

/** Makes the demand of no objects. `advertised` as in `wantedBy`. */
export function createDemand(advertised: boolean): Demand {
  const deciding = new Map<string, Resource>();
  let wanted = wantedBy([], advertised);
  let changed = (): void => undefined;
  let waiting: (() => void)[] = [];
  return {
    wanted: () => wanted,
    note({ upsert, remove }) {
      for (const ref of remove) deciding.delete(objectKey(ref));
      for (const resource of upsert) {
        if (resource.kind === 'BGPPeer' || resource.kind === 'BGPConfiguration') deciding.set(objectKey(resource.ref), resource);
      }
      const next = wantedBy(deciding.values(), advertised);
      if (next.services === wanted.services && next.secrets.join() === wanted.secrets.join()) return false;
      wanted = next;
      changed();
      return true;
    },
    listen(callback) {
      changed = callback;
    },
    settle() {
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    settled: () => new Promise((resolve) => void waiting.push(resolve)),
  };
}
