/**
 * The transport map: on one machine that plays several nodes, where sessions with a node's address really go. Identity
 * where nothing is mapped. Next hops and everything else in the routes stay the nodes' own addresses.
 */

import type { Endpoint } from 'bgp-ts';
import type { Address } from 'bgp-ts/net';
import { addressKey } from 'bgp-ts/net';

/** One mapped node address and the endpoint its sessions use. */
export interface TransportEntry {
  readonly node: Address;
  readonly transport: Endpoint;
}

/** Looks up the endpoint of a node address; undefined where it is not mapped. */
export type TransportMap = (address: Address) => Endpoint | undefined;

/** Builds the lookup; of two entries for one address the last holds. */
export function transportMap(entries: readonly TransportEntry[]): TransportMap {
  const byAddress = new Map(entries.map((entry) => [addressKey(entry.node), entry.transport]));
  return (address) => byAddress.get(addressKey(address));
}
