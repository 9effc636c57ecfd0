/**
 * Neighbours and forwarding entries of a VXLAN device: which there must be, and what makes those that are there so (dataplane 3.1).
 * They stand for the learning of RFC 7348 section 4.1: MAC of the remote device to the address of its node, written and not learned.
 * Ours are the permanent entries with a MAC of the device; all others are left alone unless their key is one of ours. Pure.
 */
import type { Address } from 'bgp-ts/net';
import { formatAddress } from 'bgp-ts/net';
import type { NeighbourMessage } from 'netlink';
import { NEIGHBOUR_FLAG, NEIGHBOUR_STATE } from 'netlink';
import type { Issue } from '../../src/confd/resources/types.ts';
import type { IpFamily, Vtep } from '../encap/types.ts';
import type { NeighbourOperation, NeighbourTable } from './types.ts';

/** A neighbour's place in its table. */
type AddressKey = string | number;

/** Everything a device must hold, by key, and what cannot be. */
export interface FdbEntries {
  readonly family: IpFamily;
  /** Interface index. */
  readonly device: number;
  /** By tunnel address. */
  readonly neighbours: ReadonlyMap<AddressKey, FdbNeighbour>;
  /** By MAC. */
  readonly forwarding: ReadonlyMap<string, FdbForwarding>;
  readonly issues: readonly Issue[];
}

/** A tunnel address and the MAC that packets to it carry. */
export interface FdbNeighbour {
  readonly node: string;
  readonly address: Address;
  readonly mac: string;
}

/** A MAC and the node address that its packets go to. */
export interface FdbForwarding {
  readonly node: string;
  readonly mac: string;
  readonly host: Address;
}

/** What is to be done, in this order, and what was seen. */
export interface FdbPlan {
  readonly operations: readonly NeighbourOperation[];
  /** Entries that are as they must be. */
  readonly right: number;
  /** Entries of others on the device, left alone. */
  readonly foreign: number;
}

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const NO_MAC = '00:00:00:00:00:00';
const FIELDS = {
  ipv4: { mac: 'spec.vxlanTunnelMACAddr', tunnel: 'spec.ipv4VXLANTunnelAddr', host: 'spec.bgp.ipv4Address' },
  ipv6: { mac: 'spec.vxlanTunnelMACAddrV6', tunnel: 'spec.ipv6VXLANTunnelAddr', host: 'spec.bgp.ipv6Address' },
} as const;

/** Key of an address: its value, as text only where four words are needed. */
export function addressKeyOf({ family, words }: Address): AddressKey {
  return family === 'ipv4' ? words[0] : `${words[0]},${words[1]},${words[2]},${words[3]}`;
}

/** An issue of a tunnel endpoint: it alone is left out. */
export function vtepIssue(
  { node, family }: Pick<Vtep, 'node' | 'family'>,
  field: 'mac' | 'tunnel' | 'host',
  got: string,
  rule: string,
): Issue {
  return {
    code: 'VTEP_ENTRY',
    severity: 'error',
    object: { apiVersion: 'projectcalico.org/v3', kind: 'Node', namespace: '', name: node },
    field: FIELDS[family][field],
    got: JSON.stringify(got),
    rule,
    source: null,
    transient: true,
  };
}

/** Why no entry can be made of an endpoint; undefined where one can. */
function fault(vtep: Vtep): Issue | undefined {
  const { mac, tunnel, host, family } = vtep;
  // Bit 0 of the first octet is that of groups (IEEE 802): a frame to a group is no frame to one node.
  const unicast = MAC.test(mac) && mac !== NO_MAC && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0;
  if (!unicast) return vtepIssue(vtep, 'mac', mac, 'is no unicast MAC of six octets; the node gets no traffic by VXLAN');
  if (tunnel.family !== family) return vtepIssue(vtep, 'tunnel', formatAddress(tunnel), `is no ${family} address`);
  return host.family === family ? undefined : vtepIssue(vtep, 'host', formatAddress(host), `is no ${family} address`);
}

/** What the device must hold for the endpoints of the family. Of two with one MAC or tunnel address the first by node counts. */
export function wantedEntries(vteps: readonly Vtep[], family: IpFamily, device: number): FdbEntries {
  const neighbours = new Map<AddressKey, FdbNeighbour>();
  const forwarding = new Map<string, FdbForwarding>();
  const issues: Issue[] = [];
  const own = vteps.filter((vtep) => vtep.family === family).sort((a, b) => (a.node < b.node ? -1 : Number(a.node > b.node)));
  for (const vtep of own) {
    const { node, mac, tunnel, host } = vtep;
    const key = addressKeyOf(tunnel);
    const bad = fault(vtep);
    const holder = forwarding.get(mac) ?? neighbours.get(key);
    if (bad !== undefined) issues.push(bad);
    else if (holder === undefined) {
      neighbours.set(key, { node, address: tunnel, mac });
      forwarding.set(mac, { node, mac, host });
    } else {
      const field = forwarding.has(mac) ? 'mac' : 'tunnel';
      const rule = `is that of Node/${holder.node} already; the node gets no traffic by VXLAN`;
      issues.push(vtepIssue(vtep, field, field === 'mac' ? mac : formatAddress(tunnel), rule));
    }
  }
  return { family, device, neighbours, forwarding, issues };
}

/** True where both want the same of the same device, and say the same about what cannot be. */
export function entriesEqual(a: FdbEntries, b: FdbEntries): boolean {
  if (a.device !== b.device || a.neighbours.size !== b.neighbours.size || a.issues.length !== b.issues.length) return false;
  for (const [key, { node, mac }] of a.neighbours) {
    const other = b.neighbours.get(key);
    if (other?.node !== node || other.mac !== mac) return false;
  }
  for (const [mac, { host }] of a.forwarding) {
    const other = b.forwarding.get(mac);
    if (other === undefined || addressKeyOf(other.host) !== addressKeyOf(host)) return false;
  }
  return JSON.stringify(a.issues) === JSON.stringify(b.issues);
}

/** The neighbour entry as it is written. */
function neighbourEntry({ family, device }: FdbEntries, { address, mac }: FdbNeighbour): NeighbourMessage {
  return { family, interface: device, state: NEIGHBOUR_STATE.permanent, flags: 0, destination: address, mac };
}

/** The forwarding entry as it is written. */
function forwardingEntry({ device }: FdbEntries, { mac, host }: FdbForwarding): NeighbourMessage {
  return { family: 'bridge', interface: device, state: NEIGHBOUR_STATE.permanent, flags: NEIGHBOUR_FLAG.self, destination: host, mac };
}

const isPermanent = ({ state }: NeighbourMessage): boolean => (state & NEIGHBOUR_STATE.permanent) !== 0;

/** True where a neighbour is as it must be. */
function neighbourIsRight(entry: NeighbourMessage, wanted: FdbNeighbour): boolean {
  return isPermanent(entry) && entry.mac === wanted.mac;
}

/** True where a forwarding entry is as it must be: to that host by the device's own port, VNI and interface. */
function forwardingIsRight(entry: NeighbourMessage, wanted: FdbForwarding): boolean {
  const { destination, port, vni, via, nexthop } = entry;
  if (!isPermanent(entry) || destination === undefined) return false;
  if (port !== undefined || vni !== undefined || via !== undefined || nexthop !== undefined) return false;
  return destination.family === wanted.host.family && addressKeyOf(destination) === addressKeyOf(wanted.host);
}

/** True where the device's own table holds the entry, which that of a bridge above it does not. */
function isForwarding(entry: NeighbourMessage): boolean {
  return entry.family === 'bridge' && (entry.flags & NEIGHBOUR_FLAG.self) !== 0;
}

/** True where a notification about an entry of the device says that it is not, or not there, as it must be. */
export function contradicts(entries: FdbEntries, gone: boolean, entry: NeighbourMessage): boolean {
  const unwanted = !gone && isPermanent(entry) && entry.mac !== undefined;
  if (entry.family === 'bridge') {
    const own = isForwarding(entry) ? entries.forwarding.get(entry.mac ?? '') : undefined;
    if (own !== undefined) return forwardingIsRight(entry, own) === gone;
    return isForwarding(entry) && unwanted;
  }
  if (entry.family !== entries.family || entry.destination === undefined) return false;
  const own = entries.neighbours.get(addressKeyOf(entry.destination));
  return own === undefined ? unwanted : gone || !neighbourIsRight(entry, own);
}

/**
 * What makes the tables of a device hold exactly the entries wanted. Removals come first: of two nodes that exchange their MACs each key
 * is written once. An entry that is right is not touched, so the same plan again is empty.
 */
export function planFdb(now: NeighbourTable, wanted: FdbEntries): FdbPlan {
  const removals: NeighbourOperation[] = [];
  const sets: NeighbourOperation[] = [];
  const foreign = planNeighbours(now.neighbours, wanted, removals, sets) + planForwarding(now.forwarding, wanted, removals, sets);
  const right = wanted.neighbours.size + wanted.forwarding.size - sets.length;
  return { operations: [...removals, ...sets], right, foreign };
}

function planNeighbours(
  now: readonly NeighbourMessage[],
  wanted: FdbEntries,
  removals: NeighbourOperation[],
  sets: NeighbourOperation[],
): number {
  const missing = new Map(wanted.neighbours);
  let foreign = 0;
  for (const entry of now) {
    if (entry.interface !== wanted.device || entry.destination === undefined) continue;
    const key = addressKeyOf(entry.destination);
    const own = wanted.neighbours.get(key);
    if (own !== undefined && neighbourIsRight(entry, own)) missing.delete(key);
    else if (own === undefined && isPermanent(entry) && entry.mac !== undefined) removals.push({ kind: 'remove', entry });
    else if (own === undefined) foreign += 1;
  }
  for (const own of missing.values()) sets.push({ kind: 'set', entry: neighbourEntry(wanted, own) });
  return foreign;
}

/** A MAC of one node leads to one host: only groups, which are never wanted, may have several (linux drivers/net/vxlan). */
function planForwarding(
  now: readonly NeighbourMessage[],
  wanted: FdbEntries,
  removals: NeighbourOperation[],
  sets: NeighbourOperation[],
): number {
  const missing = new Map(wanted.forwarding);
  let foreign = 0;
  for (const entry of now) {
    if (entry.interface !== wanted.device || entry.mac === undefined || !isForwarding(entry)) continue;
    const own = wanted.forwarding.get(entry.mac);
    if (own !== undefined && forwardingIsRight(entry, own)) missing.delete(entry.mac);
    // The kernel does not replace a nexthop object by a host.
    else if (own === undefined ? isPermanent(entry) : entry.nexthop !== undefined) removals.push({ kind: 'remove', entry });
    else if (own === undefined) foreign += 1;
  }
  for (const own of missing.values()) sets.push({ kind: 'set', entry: forwardingEntry(wanted, own) });
  return foreign;
}
