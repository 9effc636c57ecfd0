/**
 * Who peers with whom (control-plane 2.2, 2.3): pure functions from one BGPPeer or the mesh, and the node at the other end, to
 * candidates. Several candidates may claim one session; peer-table decides between them.
 */
import { type Address, addressesEqual, formatAddress, type IpFamily } from 'bgp-ts/net';
import type { BGPPeerResource, LocalWorkloadResource, NodeResource } from '../resources/types.ts';
import { FAMILIES, type NodeFacts } from './nodes.ts';
import type { PeerSettings } from './settings.ts';
import { compareText } from './tables.ts';

/** In this order the passes claim a session: global, node, reverse, mesh. */
export const PASS = { global: 1, node: 2, reverse: 3, mesh: 4 } as const;
/** Rank of a claim; the lowest wins. */
export type Pass = (typeof PASS)[keyof typeof PASS];

/** One claim on a session, with what is known before rendering. */
export interface PeerCandidate {
  /** The session: address, and port unless it is 0 or 179 (control-plane 2.3). */
  readonly key: string;
  readonly pass: Pass;
  /** Name of the BGPPeer, '' for the mesh. */
  readonly source: string;
  /** Name of the node at the other end where the peer comes from one, else ''. */
  readonly node: string;
  readonly address: Address;
  readonly text: string;
  readonly port?: number;
  readonly remoteAs: number;
  /** '' = none known. */
  readonly peerClusterId: string;
  readonly localAs?: number;
  readonly allowLocalAs: number;
  /** The peer was written by address and that is some node's (the passive rule). */
  readonly calicoNode: boolean;
  /** The peer is a workload of this node. */
  readonly workload?: true;
  readonly spec?: BGPPeerResource;
}

/** What a BGPPeer means for the own node. */
export interface PeerRole {
  /** Undefined: not one of its local nodes. */
  readonly forward: Pass | undefined;
  /** Families in which its peer side is the own node, so that its local nodes are our peers. */
  readonly reverse: readonly IpFamily[];
  /** The peer selector matches the own node. */
  readonly selected: boolean;
}

/** The own node as the rules ask for it. */
export interface OwnSide {
  readonly settings: PeerSettings;
  readonly facts: NodeFacts | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

/** Total order of claims on one session; the first wins. */
export function compareCandidates(a: PeerCandidate, b: PeerCandidate): number {
  return a.pass - b.pass || compareText(a.source, b.source) || compareText(a.node, b.node);
}

/** AS a node speaks as: its own, else the global one (control-plane 2.1). */
export function nodeAs(facts: NodeFacts, settings: PeerSettings): number {
  if (facts.name === settings.node) return settings.asNumber;
  return facts.asNumber ?? settings.globalAs;
}

/** listenPort of the node, else the global one; undefined where 179 is implied. */
function nodePort(facts: NodeFacts, settings: PeerSettings): number | undefined {
  return facts.port ?? settings.globalPort;
}

/** True for a BGPPeer whose local side contains the node. */
function isLocalNode(spec: BGPPeerResource, name: string, labels: ReadonlyMap<string, string>): boolean {
  if (spec.nodeSelector !== undefined) return spec.nodeSelector.matches(labels);
  return spec.node === undefined || spec.node === name;
}

/** Which sides of a BGPPeer the own node stands on. */
export function peerRole(spec: BGPPeerResource, own: OwnSide): PeerRole {
  const { settings } = own;
  const global = spec.node === undefined && spec.nodeSelector === undefined;
  const forward = isLocalNode(spec, settings.node, own.labels) ? (global ? PASS.global : PASS.node) : undefined;
  const selected = spec.peerSelector?.matches(own.labels) ?? false;
  if (spec.localWorkloadSelector !== undefined || spec.reversePeering === 'Manual') return { forward, reverse: [], selected };
  return { forward, reverse: reverseFamilies(spec, own, selected), selected };
}

function reverseFamilies(spec: BGPPeerResource, own: OwnSide, selected: boolean): IpFamily[] {
  if (selected) return [...FAMILIES];
  const { peerIP } = spec;
  if (peerIP === undefined || own.facts === undefined) return [];
  const { family } = peerIP.address;
  const address = own.settings.own[family];
  if (address === undefined || !addressesEqual(address.address, peerIP.address)) return [];
  return sameAsWritten(spec, own.facts, own.settings) && samePort(peerIP.port, own.facts, own.settings) ? [family] : [];
}

/** The AS of the BGPPeer is the node's. Unset means any node's own, in Calico the global AS (control-plane 2.3, 2.4). */
function sameAsWritten(spec: BGPPeerResource, facts: NodeFacts, settings: PeerSettings): boolean {
  const written = spec.asNumber ?? 0;
  if (written === 0 && !settings.compat) return true;
  return (written === 0 ? settings.globalAs : written) === nodeAs(facts, settings);
}

/** The port written is the node's. Calico compares with the global port even when the node has its own (control-plane 2.3). */
function samePort(port: number | undefined, facts: NodeFacts, settings: PeerSettings): boolean {
  if (port === undefined) return true;
  if (!settings.compat) return (nodePort(facts, settings) ?? port) === port;
  if (facts.port !== undefined && facts.port !== port) return false;
  return settings.globalPort === undefined || settings.globalPort === port;
}

/** Mesh sessions with one node in these families (control-plane 2.2). */
export function meshCandidates(facts: NodeFacts, families: readonly IpFamily[], settings: PeerSettings): PeerCandidate[] {
  if (!settings.mesh.enabled || settings.clusterId !== '' || facts.clusterId !== '') return [];
  // Calico falls back to our own AS: where we override it, the peer answers with the global AS and is refused.
  const remoteAs = facts.asNumber ?? (settings.compat ? settings.asNumber : settings.globalAs);
  return families.flatMap((family) => {
    const at = facts[family];
    if (at === undefined || !reaches(at.text, family, settings)) return [];
    const port = nodePort(facts, settings);
    return [
      candidate(at, port, {
        pass: PASS.mesh,
        source: '',
        node: facts.name,
        remoteAs,
        peerClusterId: '',
        allowLocalAs: 0,
        calicoNode: true,
      }),
    ];
  });
}

/** The session of a BGPPeer written by address; `nodes` are those that have it. Undefined where no AS can be found. */
export function addressCandidate(
  spec: BGPPeerResource,
  pass: Pass,
  nodes: readonly NodeFacts[],
  settings: PeerSettings,
): PeerCandidate | 'no-as' | undefined {
  const { peerIP } = spec;
  if (peerIP === undefined) return undefined;
  const text = formatAddress(peerIP.address);
  if (!reaches(text, peerIP.address.family, settings)) return undefined;
  const written = spec.asNumber ?? 0;
  const wanted = written === 0 ? settings.globalAs : written;
  // Unset AS: a node that has the address lends its own (control-plane 2.4).
  const node = nodes.find((facts) => nodeAs(facts, settings) === wanted) ?? (written === 0 ? nodes[0] : undefined);
  const remoteAs = written === 0 ? node && nodeAs(node, settings) : written;
  if (remoteAs === undefined) return 'no-as';
  const port = peerIP.port ?? (node === undefined ? undefined : nodePort(node, settings));
  return candidate({ address: peerIP.address, text }, port, {
    pass,
    source: spec.ref.name,
    node: '',
    remoteAs,
    peerClusterId: '',
    ...(spec.localASNumber === undefined ? {} : { localAs: spec.localASNumber }),
    allowLocalAs: spec.numAllowedLocalASNumbers ?? 0,
    calicoNode: nodes.length > 0,
    spec,
  });
}

/** Sessions of a BGPPeer with one local workload, at most one a family (control-plane 2.3). */
export function workloadCandidates(
  spec: BGPPeerResource,
  pass: Pass,
  workload: LocalWorkloadResource,
  settings: PeerSettings,
): PeerCandidate[] {
  const { asNumber } = spec;
  if (asNumber === undefined) return [];
  return FAMILIES.flatMap((family) => {
    const address = workload[family];
    if (address === undefined) return [];
    const text = formatAddress(address);
    if (!reaches(text, family, settings)) return [];
    return [
      candidate({ address, text }, undefined, {
        pass,
        source: spec.ref.name,
        node: '',
        remoteAs: asNumber,
        peerClusterId: '',
        ...(spec.localASNumber === undefined ? {} : { localAs: spec.localASNumber }),
        allowLocalAs: 0,
        calicoNode: false,
        workload: true,
        spec,
      }),
    ];
  });
}

/** How one node stands to a BGPPeer in which the own node has a role. */
export interface Membership {
  /** The peer selector matches it and we are a local node. */
  readonly forward: boolean;
  /** It is a local node and we are the peer side. */
  readonly reverse: boolean;
  /** Both of us are local nodes and peers of each other, so it also applies the local AS of the BGPPeer. */
  readonly mutual: boolean;
}

/** Evaluates the selectors of a BGPPeer for one other node. */
export function membership(spec: BGPPeerResource, role: PeerRole, node: NodeResource): Membership {
  const name = node.ref.name;
  const forward = role.forward !== undefined && (spec.peerSelector?.matches(node.labels) ?? false);
  const asked = role.reverse.length > 0 || (forward && role.selected);
  const local = asked && isLocalNode(spec, name, node.labels);
  return { forward, reverse: local && role.reverse.length > 0, mutual: forward && role.selected && local };
}

/** Sessions that a BGPPeer asks for with one node, forward and reverse. */
export function nodeCandidates(
  spec: BGPPeerResource,
  role: PeerRole,
  member: Membership,
  facts: NodeFacts,
  settings: PeerSettings,
): PeerCandidate[] {
  const forward =
    member.forward && role.forward !== undefined ? selectorCandidates(spec, role.forward, member.mutual, facts, settings) : [];
  return member.reverse ? [...forward, ...reverseCandidates(spec, role.reverse, facts, settings)] : forward;
}

function selectorCandidates(spec: BGPPeerResource, pass: Pass, mutual: boolean, facts: NodeFacts, settings: PeerSettings): PeerCandidate[] {
  // Calico ignores localASNumber and numAllowedLocalASNumbers of selector peers (control-plane 2.3).
  const localAs = settings.compat ? undefined : spec.localASNumber;
  const remoteAs = mutual && localAs !== undefined ? localAs : nodeAs(facts, settings);
  return FAMILIES.flatMap((family) => {
    const at = facts[family];
    if (at === undefined || !reaches(at.text, family, settings)) return [];
    return [
      candidate(at, nodePort(facts, settings), {
        pass,
        source: spec.ref.name,
        node: facts.name,
        remoteAs,
        peerClusterId: facts.clusterId,
        ...(localAs === undefined ? {} : { localAs }),
        allowLocalAs: settings.compat ? 0 : (spec.numAllowedLocalASNumbers ?? 0),
        calicoNode: false,
        spec,
      }),
    ];
  });
}

function reverseCandidates(
  spec: BGPPeerResource,
  families: readonly IpFamily[],
  facts: NodeFacts,
  settings: PeerSettings,
): PeerCandidate[] {
  // The other end speaks as the local AS of the BGPPeer, so that is whom we must expect.
  const remoteAs = (settings.compat ? undefined : spec.localASNumber) ?? nodeAs(facts, settings);
  return families.flatMap((family) => {
    const at = facts[family];
    if (at === undefined || !reaches(at.text, family, settings)) return [];
    const parts = {
      pass: PASS.reverse,
      source: spec.ref.name,
      node: facts.name,
      remoteAs,
      peerClusterId: facts.clusterId,
      allowLocalAs: 0,
      calicoNode: false,
      spec,
    };
    return [candidate(at, nodePort(facts, settings), parts)];
  });
}

/** A family without an own address has no sessions, and nobody peers with itself. */
function reaches(text: string, family: IpFamily, settings: PeerSettings): boolean {
  const own = settings.own[family];
  return own !== undefined && own.text !== text;
}

function candidate(
  at: { readonly address: Address; readonly text: string },
  port: number | undefined,
  parts: Omit<PeerCandidate, 'key' | 'address' | 'text' | 'port'>,
): PeerCandidate {
  const key = port === undefined || port === 0 || port === 179 ? at.text : `${at.text}-${port}`;
  return { key, address: at.address, text: at.text, ...(port === undefined || port === 0 ? {} : { port }), ...parts };
}
