/**
 * The peers of this node, kept up to date: each BGPPeer is remembered with its role here and its claims per node, so that a node
 * change looks at that node only, and a Secret or filter at the BGPPeers that name it (control-plane 2, 11 threads 1 and 2).
 */
import { formatAddress, type IpFamily } from 'bgp-ts/net';
import type { BGPPeerResource, Issue, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { issueAbout } from './issues.ts';
import { FAMILIES, type NodeFacts, NodeTable } from './nodes.ts';
import { PeerOutput } from './peer-output.ts';
import { peerPolicies, type RenderContext, renderPeer, type SourceParts } from './peer-render.ts';
import {
  addressCandidate,
  type Membership,
  membership,
  meshCandidates,
  nodeCandidates,
  type PeerCandidate,
  type PeerRole,
  peerRole,
  workloadCandidates,
} from './peer-rules.ts';
import { PeerSlots } from './peer-slots.ts';
import { resolveMeshSource, resolvePeerSource, secretKey } from './peer-sources.ts';
import type { PolicyTable } from './policy-table.ts';
import type { PeerSettings, Settings } from './settings.ts';
import { type IssueTable, NameIndex, type SortedTable } from './tables.ts';
import type { DesiredPeer, InstalledRoute } from './types.ts';

/** Claims of one source with one node and what they were made from; the same inputs need no second look. */
interface NodeClaims {
  readonly facts: NodeFacts;
  readonly member: Membership | readonly IpFamily[];
  readonly claims: readonly PeerCandidate[];
}

/** A BGPPeer, or the mesh where `spec` is absent. */
interface Source {
  readonly name: string;
  readonly spec: BGPPeerResource | undefined;
  role: PeerRole;
  parts: SourceParts;
  readonly byNode: Map<string, NodeClaims>;
  /** Claims of a BGPPeer written by address, or with local workloads. */
  single: readonly PeerCandidate[];
}

/** Names of objects that changed. */
export interface PeerChanges {
  readonly nodes: ReadonlySet<string>;
  readonly peers: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly filters: ReadonlySet<string>;
  readonly workloads: ReadonlySet<string>;
}

const NO_ROLE: PeerRole = { forward: undefined, reverse: [], selected: false };

/** All BGPPeers, the mesh, and what they come to here. */
export class PeerTable {
  readonly nodes = new NodeTable();
  readonly output: PeerOutput;
  readonly #policies: PolicyTable;
  readonly #issues: IssueTable;
  readonly #slots = new PeerSlots();
  readonly #sources = new Map<string, Source>();
  readonly #mesh: Source = { name: '', spec: undefined, role: NO_ROLE, parts: { filters: [] }, byNode: new Map(), single: [] };
  readonly #byAddress = new NameIndex();
  readonly #bySecret = new NameIndex();
  readonly #byFilter = new NameIndex();
  #settings: PeerSettings | undefined;
  #ownSide: unknown;
  computed = 0;

  constructor(policies: PolicyTable, issues: IssueTable, installed: SortedTable<InstalledRoute>) {
    this.#policies = policies;
    this.#issues = issues;
    this.output = new PeerOutput(installed);
  }

  /** Brings the peers up to date. `policiesChanged`: every peer asks for its policies again. */
  run(snapshot: Snapshot, settings: Settings, changes: PeerChanges, policiesChanged: boolean): void {
    const addresses = this.#readNodes(snapshot, changes.nodes);
    const peers = [...changes.peers].filter((name) => this.#readPeer(snapshot, name));
    if (settings.peers !== this.#settings) {
      this.#settings = settings.peers;
      for (const source of this.#all()) this.#rebuild(source, snapshot, settings.peers);
    } else this.#touched(snapshot, settings.peers, { ...changes, peers: new Set(peers) }, addresses);
    const context: RenderContext = { settings: settings.peers, policyFor: (use) => this.#policies.policyFor(use) };
    this.#settle(context);
    if (policiesChanged) this.#askPolicies(context);
  }

  #all(): Source[] {
    return [this.#mesh, ...this.#sources.values()];
  }

  /** Facts of changed nodes; addresses that have other nodes behind them now. */
  #readNodes(snapshot: Snapshot, names: ReadonlySet<string>): ReadonlySet<string> {
    const addresses = new Set<string>();
    for (const name of names) for (const text of this.nodes.refresh(snapshot, name) ?? []) addresses.add(text);
    for (const text of addresses) this.#issues.set(`address ${text}`, sharedAddress(snapshot, text, this.nodes.at(text)));
    return addresses;
  }

  /** Reads a BGPPeer again; false where it says what it said. */
  #readPeer(snapshot: Snapshot, name: string): boolean {
    const before = this.#sources.get(name);
    const spec = snapshot.peers.get(name);
    if (before?.spec !== undefined && spec !== undefined && sameSpec(before.spec, spec)) return false;
    if (before !== undefined) this.#forget(before);
    this.#sources.delete(name);
    if (spec === undefined) return true;
    this.#sources.set(name, { name, spec, role: NO_ROLE, parts: { filters: [] }, byNode: new Map(), single: [] });
    if (spec.peerIP !== undefined) this.#byAddress.add(formatAddress(spec.peerIP.address), name);
    for (const filter of spec.filters) this.#byFilter.add(filter, name);
    return true;
  }

  #forget(source: Source): void {
    this.#drop(source);
    this.#issues.set(`peer ${source.name}`, []);
    this.#issues.set(`peer AS ${source.name}`, []);
    const { spec } = source;
    if (spec?.peerIP !== undefined) this.#byAddress.remove(formatAddress(spec.peerIP.address), source.name);
    for (const filter of spec?.filters ?? []) this.#byFilter.remove(filter, source.name);
    const { password } = spec ?? {};
    if (password !== undefined && this.#settings !== undefined) this.#bySecret.remove(secretKey(password, this.#settings), source.name);
  }

  #drop(source: Source): void {
    for (const { claims } of source.byNode.values()) this.#slots.replace(claims, []);
    this.#slots.replace(source.single, []);
    source.byNode.clear();
    source.single = [];
  }

  /** With the settings as they were: each change leads to what depends on it. */
  #touched(snapshot: Snapshot, settings: PeerSettings, changes: PeerChanges, addresses: ReadonlySet<string>): void {
    for (const name of changes.peers) this.#rebuildNamed(name, snapshot, settings);
    if (changes.workloads.size > 0) for (const source of this.#sources.values()) this.#claimWorkloads(source, snapshot, settings);
    if (changes.nodes.has(settings.node) && this.#ownSideChanged(snapshot, settings)) this.#rolesAgain(snapshot, settings);
    const named = [...namesOf(this.#bySecret, changes.secrets), ...namesOf(this.#byFilter, changes.filters)];
    for (const name of new Set(named)) this.#partsNamed(name, snapshot, settings);
    const nodes = new Set([...changes.nodes, ...[...addresses].flatMap((text) => this.nodes.at(text).map((facts) => facts.name))]);
    for (const source of this.#all()) if (asksNodes(source)) for (const name of nodes) this.#claimNode(source, name, snapshot, settings);
    for (const name of new Set(namesOf(this.#byAddress, addresses))) {
      const source = this.#sources.get(name);
      if (source !== undefined) this.#claimAddress(source, settings);
    }
  }

  #rebuildNamed(name: string, snapshot: Snapshot, settings: PeerSettings): void {
    const source = this.#sources.get(name);
    if (source !== undefined) this.#rebuild(source, snapshot, settings);
  }

  #partsNamed(name: string, snapshot: Snapshot, settings: PeerSettings): void {
    const source = name === '' ? this.#mesh : this.#sources.get(name);
    if (source !== undefined) this.#readParts(source, snapshot, settings);
  }

  /** True where labels or facts of the own node, which roles are made of, are not what they were. */
  #ownSideChanged(snapshot: Snapshot, settings: PeerSettings): boolean {
    const side = [this.nodes.get(settings.node), snapshot.nodes.get(settings.node)?.labels];
    if (sameData(side, this.#ownSide)) return false;
    this.#ownSide = side;
    return true;
  }

  /** The own labels changed: only BGPPeers whose role here changed are computed again. */
  #rolesAgain(snapshot: Snapshot, settings: PeerSettings): void {
    for (const source of this.#sources.values()) {
      if (!sameData(source.role, this.#roleOf(source, snapshot, settings))) this.#rebuild(source, snapshot, settings);
    }
  }

  #roleOf(source: Source, snapshot: Snapshot, settings: PeerSettings): PeerRole {
    if (source.spec === undefined) return NO_ROLE;
    const labels = snapshot.nodes.get(settings.node)?.labels ?? new Map();
    return peerRole(source.spec, { settings, facts: this.nodes.get(settings.node), labels });
  }

  #rebuild(source: Source, snapshot: Snapshot, settings: PeerSettings): void {
    this.#drop(source);
    source.role = this.#roleOf(source, snapshot, settings);
    const password = source.spec === undefined ? settings.mesh.password : source.spec.password;
    if (password !== undefined) this.#bySecret.add(secretKey(password, settings), source.name);
    this.#readParts(source, snapshot, settings);
    if (asksNodes(source)) for (const facts of this.nodes.all()) this.#claimNode(source, facts.name, snapshot, settings);
  }

  /** Password, filters and what holds the peers back; their issues and those of the address. */
  #readParts(source: Source, snapshot: Snapshot, settings: PeerSettings): void {
    const { spec } = source;
    const resolved =
      spec === undefined
        ? resolveMeshSource(snapshot.configurations.get('default'), snapshot, settings)
        : resolvePeerSource(spec, source.role, snapshot, settings, (name) => this.#policies.filter(name) !== undefined);
    source.parts = resolved.parts;
    for (const { claims } of source.byNode.values()) this.#slots.touch(claims);
    this.#slots.touch(source.single);
    this.#issues.set(spec === undefined ? 'mesh' : `peer ${source.name}`, resolved.issues);
    this.#claimAddress(source, settings);
    this.#claimWorkloads(source, snapshot, settings);
  }

  /** One claim for each address of each workload that Felix matched to this BGPPeer (control-plane 2.3). */
  #claimWorkloads(source: Source, snapshot: Snapshot, settings: PeerSettings): void {
    const { spec } = source;
    if (spec?.localWorkloadSelector === undefined) return;
    const { forward } = source.role;
    const workloads = [...snapshot.workloads.values()].filter((workload) => workload.bgpPeer === source.name);
    const claims = forward === undefined ? [] : workloads.flatMap((workload) => workloadCandidates(spec, forward, workload, settings));
    if (sameData(claims, source.single)) return;
    this.#slots.replace(source.single, claims);
    source.single = claims;
  }

  #claimAddress(source: Source, settings: PeerSettings): void {
    const { spec } = source;
    if (spec?.peerIP === undefined) return;
    const { forward } = source.role;
    const found =
      forward === undefined ? undefined : addressCandidate(spec, forward, this.nodes.at(formatAddress(spec.peerIP.address)), settings);
    this.#issues.set(`peer AS ${source.name}`, found === 'no-as' ? [missingAs(spec)] : []);
    const claims = found === undefined || found === 'no-as' ? [] : [found];
    if (sameData(claims, source.single)) return;
    this.#slots.replace(source.single, claims);
    source.single = claims;
  }

  #claimNode(source: Source, name: string, snapshot: Snapshot, settings: PeerSettings): void {
    const before = source.byNode.get(name);
    const facts = name === settings.node ? undefined : this.nodes.get(name);
    const node = snapshot.nodes.get(name);
    if (facts === undefined || node === undefined) {
      if (before === undefined) return;
      this.#slots.replace(before.claims, []);
      source.byNode.delete(name);
      return;
    }
    const member = source.spec === undefined ? this.#meshFamilies(facts) : membership(source.spec, source.role, node);
    if (before !== undefined && before.facts === facts && sameData(before.member, member)) return;
    const claims =
      source.spec === undefined || !('mutual' in member)
        ? meshCandidates(facts, 'mutual' in member ? [] : member, settings)
        : nodeCandidates(source.spec, source.role, member, facts, settings);
    if (before === undefined && claims.length === 0) return;
    this.#slots.replace(before?.claims ?? [], claims);
    if (claims.length === 0) source.byNode.delete(name);
    else source.byNode.set(name, { facts, member, claims });
  }

  /** Of nodes with one address the first by name has the mesh session. */
  #meshFamilies(facts: NodeFacts): readonly IpFamily[] {
    return FAMILIES.filter((family) => this.nodes.at(facts[family]?.text ?? '')[0]?.name === facts.name);
  }

  #settle(context: RenderContext): void {
    const scopes = new Set<string>();
    const rendered = new Map<string, DesiredPeer | undefined>();
    for (const key of this.#slots.takeTouched()) {
      this.#slots.noteLosers(key, scopes);
      rendered.set(key, this.#render(this.#slots.winner(key), context));
    }
    this.output.put(rendered);
    for (const scope of scopes) this.#issues.set(scope, this.#slots.duplicateIssues(scope));
  }

  #render(winner: PeerCandidate | undefined, context: RenderContext): DesiredPeer | undefined {
    if (winner === undefined) return undefined;
    this.computed += 1;
    const source = winner.spec === undefined ? this.#mesh : this.#sources.get(winner.source);
    return renderPeer(winner, source?.parts ?? { filters: [] }, context);
  }

  #askPolicies(context: RenderContext): void {
    for (const peer of [...this.output.values()]) {
      const policies = peerPolicies(peer, context);
      if (policies.importPolicy !== peer.importPolicy || policies.exportPolicy !== peer.exportPolicy)
        this.output.swap({ ...peer, ...policies });
    }
    this.#policies.settle();
  }
}

/** BGPPeers of other nodes, and those written by address that nobody answers, need no look at nodes. */
function asksNodes({ spec, role }: Source): boolean {
  return spec === undefined || role.reverse.length > 0 || (role.forward !== undefined && spec.peerSelector !== undefined);
}

/** Equal but for labels and place; selectors by their text. */
function sameSpec(a: BGPPeerResource, b: BGPPeerResource): boolean {
  const fields = ({ labels: _labels, source: _source, ...spec }: BGPPeerResource): unknown => ({
    ...spec,
    nodeSelector: spec.nodeSelector?.text,
    peerSelector: spec.peerSelector?.text,
    localWorkloadSelector: spec.localWorkloadSelector?.text,
  });
  return sameData(fields(a), fields(b));
}

function namesOf(index: NameIndex, keys: ReadonlySet<string>): string[] {
  return [...keys].flatMap((key) => [...index.get(key)]);
}

/** On every Node that has it; the first by name is the one peered with. */
function sharedAddress(snapshot: Snapshot, text: string, nodes: readonly NodeFacts[]): Issue[] {
  const [first, second] = nodes;
  if (first === undefined || second === undefined) return [];
  return nodes.flatMap((facts) => {
    const node = snapshot.nodes.get(facts.name);
    if (node === undefined) return [];
    const rule =
      facts === first
        ? `is also the address of Node/${second.name}`
        : `is also the address of Node/${first.name}, which is the one peered with`;
    return [issueAbout(node, { code: 'NODE_ADDRESS_SHARED', field: 'spec.bgp', got: JSON.stringify(text), rule, transient: true })];
  });
}

function missingAs(spec: BGPPeerResource): Issue {
  const rule = 'is unset and no node has the address of the peer; no peer is made';
  return issueAbout(spec, { code: 'BGPPEER_AS_MISSING', field: 'spec.asNumber', got: String(spec.asNumber ?? 0), rule, transient: true });
}
