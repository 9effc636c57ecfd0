/** What is listed and watched: kinds with their paths and selectors (control-plane 9.2). Leases are never among them. */

import { isRecord, member } from '../../resources/fields.ts';
import type { ReadFor } from '../types.ts';

/** One list and watch: a path of the API and what narrows it. */
export interface Watched {
  /** Unique among all; also the scope of its issues. */
  readonly id: string;
  readonly kind: string;
  readonly apiVersion: string;
  /** `/api/v1/nodes`. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * Ms that a watch rests after events of which nothing came: objects that are written far more often than they change are read many at
   * once, which costs a fraction of reading one by one. Absent: none.
   */
  readonly restMs?: number;
  /** Ms that an object deleted here is kept: one that gets a label moves to another list, whose event may come later. Absent: none. */
  readonly lingerMs?: number;
  /** The one object that is watched; absent: all. */
  readonly only?: { readonly namespace: string; readonly name: string };
}

/** The API groups that hold Calico's kinds, with their only versions here. */
export type CalicoApi = 'crd.projectcalico.org/v1' | 'projectcalico.org/v3';

/** What decides which kinds are watched at all. */
export interface KindOptions {
  /** Pod CIDRs of Nodes stand in for block affinities, which are then not watched (control-plane 1.1). */
  readonly usePodCIDR: boolean;
  /** Values of the label that a node's block affinities carry. */
  readonly hostnameHashes: readonly string[];
  /** Default: bgp. */
  readonly readFor?: ReadFor;
}

/** Label that newer block affinities carry: base32 of the SHA3-256 of the node's name (control-plane 9.2). */
const HOSTNAME_HASH = 'projectcalico.org/hostname-hash';

function calico(api: CalicoApi, kind: string, plural: string, labelSelector?: string): Watched {
  const id = [api, kind, ...(labelSelector === undefined ? [] : [labelSelector])].join(' ');
  const path = `/apis/${api}/${plural}`;
  return { id, kind, apiVersion: api, path, ...(labelSelector === undefined ? {} : { labelSelector }) };
}

/** Ms by which a change of a Node may come later because heartbeats came before it. */
const HEARTBEAT_REST_MS = 2_000;

/** Kubernetes Nodes. */
export const NODES: Watched = { id: 'Node', kind: 'Node', apiVersion: 'v1', path: '/api/v1/nodes', restMs: HEARTBEAT_REST_MS };

/**
 * Ms that a block affinity without the label is kept when it is deleted: an upgrade of Calico labels what has none, for the watch of those without
 * it a deletion that does not tell itself from any other. Without this the block would be withdrawn for a moment on every node.
 */
const UNLABELLED_LINGER_MS = 2_000;

/**
 * Calico's kinds. For BGP, affinities that name another node are left out by the server, those without the label are all taken; for
 * encapsulation those of every node count.
 */
export function calicoKinds(api: CalicoApi, options: KindOptions): readonly Watched[] {
  if (options.readFor === 'encapsulation') {
    return [
      calico(api, 'BGPConfiguration', 'bgpconfigurations'),
      calico(api, 'FelixConfiguration', 'felixconfigurations'),
      calico(api, 'IPPool', 'ippools'),
      ...(options.usePodCIDR ? [] : [calico(api, 'BlockAffinity', 'blockaffinities')]),
    ];
  }
  const affinities = (selector: string): Watched => calico(api, 'BlockAffinity', 'blockaffinities', selector);
  const labelled = affinities(`${HOSTNAME_HASH} in (${options.hostnameHashes.join(',')})`);
  const unlabelled = { ...affinities(`!${HOSTNAME_HASH}`), lingerMs: UNLABELLED_LINGER_MS };
  return [
    calico(api, 'BGPConfiguration', 'bgpconfigurations'),
    calico(api, 'BGPPeer', 'bgppeers'),
    calico(api, 'BGPFilter', 'bgpfilters'),
    calico(api, 'IPPool', 'ippools'),
    ...(options.usePodCIDR ? [] : [labelled, unlabelled]),
  ];
}

/**
 * A block affinity of another node: 100,000 of those without the label are not worth being kept, and what is wrong with them is
 * told by the nodes that they belong to.
 */
export function isForeign(object: unknown, { kind }: Watched, node: string): boolean {
  if (kind !== 'BlockAffinity' || !isRecord(object)) return false;
  const spec = member(object, 'spec');
  const owner = isRecord(spec) ? member(spec, 'node') : undefined;
  return typeof owner === 'string' && owner !== node;
}

/** Services of all namespaces and where their endpoints are; only while some service CIDR is configured. */
export const SERVICE_KINDS: readonly Watched[] = [
  { id: 'Service', kind: 'Service', apiVersion: 'v1', path: '/api/v1/services' },
  { id: 'EndpointSlice', kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', path: '/apis/discovery.k8s.io/v1/endpointslices' },
];

/** One Secret by name: a role that grants nothing but this object suffices. */
export function secretKind(namespace: string, name: string): Watched {
  return {
    id: `Secret ${namespace}/${name}`,
    kind: 'Secret',
    apiVersion: 'v1',
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`,
    fieldSelector: `metadata.name=${name}`,
    only: { namespace, name },
  };
}
