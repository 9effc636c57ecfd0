/**
 * desire: the cluster as one node must act on it (control-plane 2-6). Stages in order: settings, Services and blocks to originated
 * routes, policies, peers. Each stage keeps its own index and evaluates what the delta touches; the first call touches all.
 */
import type { Prefix } from 'bgp-ts/net';
import type { CidrVerdict } from '../../routes/services.ts';
import type { Issue, Resource, Snapshot, SnapshotDelta } from '../resources/types.ts';
import { BlockStage } from './block-stage.ts';
import { clusterIdIssues } from './cluster-ids.ts';
import { sameData } from './compare.ts';
import { explainPrefix } from './explain.ts';
import { OriginTable } from './origins.ts';
import { filtersUnreadable } from './peer-sources.ts';
import { PeerTable } from './peer-table.ts';
import { PolicyTable } from './policy-table.ts';
import { programme } from './programme.ts';
import { RouterIds } from './router-ids.ts';
import { ServiceStage } from './service-stage.ts';
import { resolveSettings, type Settings } from './settings.ts';
import { IssueTable, SortedTable } from './tables.ts';
import type {
  Desired,
  DesiredFilter,
  DesiredPeer,
  DesiredProgramme,
  DesireEngine,
  DesireOptions,
  DesireResult,
  DesireStep,
  DesireWork,
  InstalledRoute,
} from './types.ts';

/** An engine for one node. It keeps what it needs of the snapshots it is shown; options never change. */
export function createDesire(options: DesireOptions): DesireEngine {
  let stages: Stages | undefined;
  let past = NO_WORK;
  return {
    update: (snapshot, delta) => {
      const held = stages === undefined ? heldByDefaults(snapshot) : undefined;
      if (held !== undefined) return { desired: undefined, issues: [held] };
      if (snapshot.nodes.has(options.node)) {
        stages ??= new Stages(options);
        return stages.update(snapshot, delta);
      }
      // Without the own node nothing holds, and what changes meanwhile goes unseen: start over when it comes back.
      if (stages !== undefined) past = addWork(past, stages.work());
      stages = undefined;
      return NOBODY;
    },
    work: () => (stages === undefined ? past : addWork(past, stages.work())),
    explain: (prefix) => stages?.explain(prefix) ?? [],
  };
}

/** The desired state of a snapshot from scratch, by the same stages. */
export function desire(snapshot: Snapshot, options: DesireOptions): DesireResult {
  return createDesire(options).update(snapshot, { changed: [], issuesChanged: false });
}

/**
 * A BGPConfiguration/default that was never good leaves no last good form, and what stands in for it (AS 64512, a full mesh)
 * is likely wrong for this cluster: nothing starts from it. Once something runs it goes on.
 */
function heldByDefaults(snapshot: Snapshot): Issue | undefined {
  if (snapshot.configurations.has('default')) return undefined;
  const broken = snapshot.issues.find(
    ({ severity, object }) => severity === 'error' && object.kind === 'BGPConfiguration' && object.name === 'default',
  );
  if (broken === undefined) return undefined;
  const rule = 'is not valid and never was: this node waits for it, since the defaults may be wrong here';
  return { ...broken, code: 'NODE_HELD_BY_CONFIGURATION', field: '', got: '', rule, transient: true };
}

type Dirty = { readonly [kind in Resource['kind']]: ReadonlySet<string> };

const NOBODY: DesireResult = { desired: undefined, issues: [] };
const NO_WORK: DesireWork = { servicesEvaluated: 0, peersComputed: 0, policiesBuilt: 0, blocksEvaluated: 0, full: 0 };

function addWork(a: DesireWork, b: DesireWork): DesireWork {
  return {
    servicesEvaluated: a.servicesEvaluated + b.servicesEvaluated,
    peersComputed: a.peersComputed + b.peersComputed,
    policiesBuilt: a.policiesBuilt + b.policiesBuilt,
    blocksEvaluated: a.blocksEvaluated + b.blocksEvaluated,
    full: a.full + b.full,
  };
}

/** The stages and what joins them. */
class Stages {
  readonly #options: DesireOptions;
  readonly #issues = new IssueTable();
  readonly #origins = new OriginTable();
  readonly #installed = new SortedTable<InstalledRoute>();
  readonly #filters = new SortedTable<DesiredFilter>();
  readonly #services = new ServiceStage(this.#origins);
  readonly #policies = new PolicyTable();
  readonly #routerIds: RouterIds;
  readonly #blocks: BlockStage;
  readonly #peers: PeerTable;
  #settings: Settings | undefined;
  #filtersHidden = false;
  #result: DesireResult | undefined;
  #full = 0;
  #checkedPeers: readonly DesiredPeer[] | undefined;

  constructor(options: DesireOptions) {
    this.#options = options;
    this.#routerIds = new RouterIds(options.routerId, this.#issues);
    this.#blocks = new BlockStage(options, this.#origins, this.#installed);
    this.#peers = new PeerTable(this.#policies, this.#issues, this.#installed);
  }

  work(): DesireWork {
    return {
      servicesEvaluated: this.#services.evaluated,
      peersComputed: this.#peers.computed,
      policiesBuilt: this.#policies.built,
      blocksEvaluated: this.#blocks.evaluated,
      full: this.#full,
    };
  }

  explain(prefix: Prefix): readonly DesireStep[] {
    if (this.#settings === undefined) return [];
    return explainPrefix(prefix, {
      objectOf: rangeObject(this.#settings),
      cidrs: this.#services.cidrs,
      services: this.#services.records(),
      blocks: this.#blocks.blocks,
      pools: this.#policies.pools,
      originated: (id) => this.#origins.get(id),
    });
  }

  update(snapshot: Snapshot, delta: SnapshotDelta): DesireResult {
    const before = this.#settings;
    const settings = resolveSettings(snapshot, this.#options, before);
    if (settings === undefined) return NOBODY;
    const dirty = before === undefined ? everything(snapshot) : namedBy(delta);
    if (before === undefined) this.#full += 1;
    this.#settings = settings;
    this.#issues.set('settings', settings.issues);
    if (dirty.IPPool.size > 0) this.#policies.refreshPools(snapshot);
    this.#routes(snapshot, settings, dirty);
    const filters = this.#changedFilters(snapshot, dirty.BGPFilter);
    const policiesChanged = this.#policies.setInputs(settings.policy, this.#blocks.aggregates);
    const nodes = touchedNodes(dirty);
    this.#peers.run(
      snapshot,
      settings,
      { nodes, peers: dirty.BGPPeer, secrets: dirty.Secret, filters, workloads: dirty.LocalWorkload },
      policiesChanged,
    );
    this.#identify(snapshot, settings, nodes, before?.routerId !== settings.routerId);
    this.#checkClusterIds(snapshot, settings, nodes.size > 0);
    this.#listFilters(filters);
    return this.#publish(settings, this.#programme(snapshot, settings));
  }

  /** Filters that are others now, and all that peers name when it has changed whether filters can be read. */
  #changedFilters(snapshot: Snapshot, dirty: ReadonlySet<string>): ReadonlySet<string> {
    const filters = new Set([...dirty].filter((name) => this.#policies.refreshFilter(snapshot, name)));
    const hidden = filtersUnreadable(snapshot);
    if (hidden === this.#filtersHidden) return filters;
    this.#filtersHidden = hidden;
    return new Set([...filters, ...[...snapshot.peers.values()].flatMap((peer) => peer.filters)]);
  }

  #programme(snapshot: Snapshot, settings: Settings): DesiredProgramme | undefined {
    if (this.#options.programme !== true) return undefined;
    const next = programme(snapshot, {
      settings,
      pools: this.#policies.pools,
      exportPolicy: (family, internal) => this.#policies.policyFor({ direction: 'export', families: [family], internal, filters: [] }),
    });
    const before = this.#result?.desired?.programme;
    return before !== undefined && sameData(before, next) ? before : next;
  }

  #routes(snapshot: Snapshot, settings: Settings, dirty: Dirty): void {
    for (const key of dirty.Service) this.#services.service(snapshot, key);
    for (const key of dirty.EndpointSlice) this.#services.slice(snapshot, key);
    this.#services.run(settings.policy.service, rangeObject(settings));
    for (const key of dirty.BlockAffinity) this.#blocks.affinity(snapshot, key);
    if (dirty.Node.has(this.#options.node)) this.#blocks.node();
    this.#blocks.run(snapshot, this.#policies.pools, settings.clusterRoutes);
  }

  #identify(snapshot: Snapshot, settings: Settings, nodes: ReadonlySet<string>, ownChanged: boolean): void {
    const ids = new Set<string>();
    const names = ownChanged ? new Set([...nodes, this.#options.node]) : nodes;
    for (const name of names) {
      const own = name === this.#options.node ? settings.routerId : undefined;
      for (const id of this.#routerIds.note(name, this.#peers.nodes.get(name), own)) ids.add(id);
    }
    this.#routerIds.report(ids, snapshot, (name) => this.#peers.nodes.get(name));
  }

  /** Only where Nodes or peers changed: it goes through all of them. */
  #checkClusterIds(snapshot: Snapshot, { peers: { node, clusterId } }: Settings, nodesChanged: boolean): void {
    const peers = this.#peers.output.list();
    if (!nodesChanged && peers === this.#checkedPeers) return;
    this.#checkedPeers = peers;
    this.#issues.set('cluster ids', clusterIdIssues({ node, clusterId, peers }, this.#peers.nodes.all(), snapshot));
  }

  #listFilters(changed: ReadonlySet<string>): void {
    for (const name of new Set([...changed, ...this.#peers.output.takeFiltersTouched()])) {
      const filter = this.#policies.filter(name);
      if (filter !== undefined && this.#peers.output.usesFilter(name)) this.#filters.set(filter);
      else this.#filters.delete(name);
    }
  }

  #publish(settings: Settings, own: DesiredProgramme | undefined): DesireResult {
    const desired = this.#desired(settings, own);
    const issues = this.#issues.list();
    if (this.#result?.desired === desired && this.#result.issues === issues) return this.#result;
    this.#result = { desired, issues };
    return this.#result;
  }

  #desired(settings: Settings, kernel: DesiredProgramme | undefined): Desired {
    const { peers: own } = settings;
    const { ipv4, ipv6 } = own.own;
    const next: Desired = {
      node: own.node,
      routerId: settings.routerId,
      asNumber: own.asNumber,
      ...(own.clusterId === '' ? {} : { clusterId: own.clusterId }),
      addresses: { ...(ipv4 === undefined ? {} : { ipv4: ipv4.address }), ...(ipv6 === undefined ? {} : { ipv6: ipv6.address }) },
      networks: { ...(ipv4 === undefined ? {} : { ipv4: ipv4.network }), ...(ipv6 === undefined ? {} : { ipv6: ipv6.network }) },
      listen: settings.listen,
      peers: this.#peers.output.list(),
      filters: this.#filters.list(),
      advertise: this.#origins.list(),
      install: this.#installed.list(),
      ...(kernel === undefined ? {} : { programme: kernel }),
    };
    const before = this.#result?.desired;
    return before !== undefined && sameParts(before, next) ? before : next;
  }
}

function everything(snapshot: Snapshot): Dirty {
  return {
    Node: new Set(snapshot.nodes.keys()),
    IPPool: new Set(snapshot.pools.keys()),
    BGPConfiguration: new Set(snapshot.configurations.keys()),
    BGPPeer: new Set(snapshot.peers.keys()),
    BGPFilter: new Set(snapshot.filters.keys()),
    BlockAffinity: new Set(snapshot.affinities.keys()),
    Service: new Set(snapshot.services.keys()),
    EndpointSlice: new Set(snapshot.slices.keys()),
    Secret: new Set(snapshot.secrets.keys()),
    LocalWorkload: new Set(snapshot.workloads.keys()),
    FelixConfiguration: new Set(snapshot.felix.keys()),
  };
}

function namedBy(delta: SnapshotDelta): Dirty {
  const of = (kind: Resource['kind']): Set<string> =>
    new Set(delta.changed.filter((change) => change.kind === kind).map((change) => change.key));
  return {
    Node: of('Node'),
    IPPool: of('IPPool'),
    BGPConfiguration: of('BGPConfiguration'),
    BGPPeer: of('BGPPeer'),
    BGPFilter: of('BGPFilter'),
    BlockAffinity: of('BlockAffinity'),
    Service: of('Service'),
    EndpointSlice: of('EndpointSlice'),
    Secret: of('Secret'),
    LocalWorkload: of('LocalWorkload'),
    FelixConfiguration: of('FelixConfiguration'),
  };
}

/** The resource that configures a service range. */
function rangeObject({ policy }: Settings): (cidr: CidrVerdict) => string {
  return (cidr) => (cidr.class === 'cluster-cidr' ? policy.clusterObject : policy.configObject);
}

const NODE_SCOPE = 'node.';

/** Nodes that changed themselves or in their own BGPConfiguration. */
function touchedNodes(dirty: Dirty): ReadonlySet<string> {
  const scoped = [...dirty.BGPConfiguration].filter((name) => name.startsWith(NODE_SCOPE)).map((name) => name.slice(NODE_SCOPE.length));
  return scoped.length === 0 ? dirty.Node : new Set([...dirty.Node, ...scoped]);
}

function sameParts(a: Desired, b: Desired): boolean {
  const lists = a.peers === b.peers && a.filters === b.filters && a.advertise === b.advertise && a.install === b.install;
  const scalars = a.routerId === b.routerId && a.asNumber === b.asNumber && a.clusterId === b.clusterId && a.listen === b.listen;
  return lists && scalars && a.programme === b.programme && sameData([a.addresses, a.networks], [b.addresses, b.networks]);
}
