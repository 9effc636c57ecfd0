/** The `linnet.desired/v1` document (contracts.md, JSON): the desired state as plain JSON, the same octets for the same state. */
import { type Address, formatAddress, formatPrefix, type Prefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import type { Issue } from '../resources/types.ts';
import type { Desired, DesiredPeer } from './types.ts';

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * The document: addresses and prefixes as text, passwords as `[hidden]`, policies once under `policies` and named by the peers.
 * `desired` undefined (own node unknown) gives `node: null` and empty lists. `issues` are listed as given.
 */
export function desiredToJson(desired: Desired | undefined, issues: readonly Issue[]): { readonly [key: string]: JsonValue } {
  if (desired === undefined) {
    return {
      schema: 'linnet.desired/v1',
      node: null,
      peers: [],
      policies: [],
      filters: [],
      advertise: [],
      install: [],
      issues: plain(issues),
    };
  }
  const policies = new Map<string, Policy>();
  for (const peer of desired.peers) for (const policy of [peer.importPolicy, peer.exportPolicy]) policies.set(policy.name, policy);
  return {
    schema: 'linnet.desired/v1',
    node: desired.node,
    routerId: desired.routerId,
    asNumber: desired.asNumber,
    clusterId: desired.clusterId ?? null,
    addresses: plain(desired.addresses),
    networks: plain(desired.networks),
    listen: plain(desired.listen),
    peers: desired.peers.map(peerJson),
    policies: [...policies.keys()].sort().map((name) => plain(policies.get(name))),
    filters: plain(desired.filters),
    advertise: plain(desired.advertise),
    install: plain(desired.install),
    issues: plain(issues),
  };
}

function peerJson(peer: DesiredPeer): JsonValue {
  const { password, importPolicy, exportPolicy, ...rest } = peer;
  const shown = plain({ ...rest, importPolicy: importPolicy.name, exportPolicy: exportPolicy.name });
  return password === undefined || typeof shown !== 'object' ? shown : { ...shown, password: '[hidden]' };
}

/** Plain data as JSON: addresses and prefixes become text, absent fields are left out. */
function plain(value: unknown): JsonValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return null;
  if (isPrefix(value)) return formatPrefix(value);
  if (isAddress(value)) return formatAddress(value);
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, plain(item)]])));
}

function isAddress(value: object): value is Address {
  return 'family' in value && 'words' in value;
}

function isPrefix(value: object): value is Prefix {
  return isAddress(value) && 'length' in value;
}
