/**
 * The cluster as last known good: applies the changes of a source and says what really became different.
 *
 * The Snapshot is one live view: its maps are the store's own and are updated in place by `apply`, so that a change among
 * 100,000 objects costs what it touches. A reader either uses it between two calls of `apply`, or keeps what it needs.
 */
import { prefixKey } from 'bgp-ts/net';
import { nameKey, objectKey } from './issue.ts';
import { mergeNodes } from './merge-nodes.ts';
import { createPoolConflicts, type PoolConflicts } from './pool-conflicts.ts';
import { sameContent } from './same.ts';
import type {
  BGPConfigurationResource,
  BGPFilterResource,
  BGPPeerResource,
  BlockAffinityResource,
  EndpointSliceResource,
  FelixConfigurationResource,
  IPPoolResource,
  Issue,
  LocalWorkloadResource,
  NodeResource,
  ObjectRef,
  Resource,
  SecretResource,
  ServiceResource,
  Snapshot,
  SnapshotDelta,
} from './types.ts';

/** What `apply` takes: a source's Change, in the shape of confd/source/types.ts. */
export interface StoreChange {
  readonly upsert: readonly Resource[];
  readonly remove: readonly ObjectRef[];
  readonly issues: readonly { readonly scope: string; readonly issues: readonly Issue[] }[];
  readonly inSync: boolean;
}

/** The store of one daemon. */
export interface Store {
  /** Live view; see the header of this file. */
  readonly snapshot: Snapshot;
  /** As the last change said: the first complete view has arrived and the datastore is not lost. False at first. */
  readonly inSync: boolean;
  /** Applies one change. Objects whose extracted fields are equal to what is known are no part of the delta. */
  apply(change: StoreChange): SnapshotDelta;
}

interface Tables {
  readonly nodes: Map<string, NodeResource>;
  readonly pools: Map<string, IPPoolResource>;
  readonly configurations: Map<string, BGPConfigurationResource>;
  readonly peers: Map<string, BGPPeerResource>;
  readonly filters: Map<string, BGPFilterResource>;
  readonly affinities: Map<string, BlockAffinityResource>;
  readonly services: Map<string, ServiceResource>;
  readonly slices: Map<string, EndpointSliceResource>;
  readonly secrets: Map<string, SecretResource>;
  readonly workloads: Map<string, LocalWorkloadResource>;
  readonly felix: Map<string, FelixConfigurationResource>;
}

interface State {
  readonly tables: Tables;
  readonly kubernetesNodes: Map<string, NodeResource>;
  readonly calicoNodes: Map<string, NodeResource>;
  readonly conflicts: PoolConflicts;
  /** Issues by scope, scopes in order of first report. */
  readonly scopes: Map<string, readonly Issue[]>;
  allIssues: readonly Issue[] | undefined;
}

type Changed = SnapshotDelta['changed'][number];

/** What one object should become. */
interface Target {
  readonly ref: ObjectRef;
  readonly resource: Resource | undefined;
}

function newState(): State {
  const tables: Tables = {
    nodes: new Map(),
    pools: new Map(),
    configurations: new Map(),
    peers: new Map(),
    filters: new Map(),
    affinities: new Map(),
    services: new Map(),
    slices: new Map(),
    secrets: new Map(),
    workloads: new Map(),
    felix: new Map(),
  };
  return {
    tables,
    kubernetesNodes: new Map(),
    calicoNodes: new Map(),
    conflicts: createPoolConflicts(),
    scopes: new Map(),
    allIssues: undefined,
  };
}

/** Sets or deletes an entry; true where its content is different from before. */
function put<T extends Resource>(table: Map<string, T>, key: string, next: T | undefined): boolean {
  const before = table.get(key);
  if (next === undefined) return table.delete(key);
  // An equal object still replaces the old one: it may have moved to another line.
  table.set(key, next);
  return before === undefined || !sameContent(before, next);
}

function putNode(state: State, { ref, resource }: Target): readonly Changed[] {
  const halves = ref.apiVersion === 'v1' ? state.kubernetesNodes : state.calicoNodes;
  put(halves, ref.name, resource?.kind === 'Node' ? resource : undefined);
  const merged = mergeNodes(state.kubernetesNodes.get(ref.name), state.calicoNodes.get(ref.name));
  return put(state.tables.nodes, ref.name, merged) ? [{ kind: 'Node', key: ref.name }] : [];
}

/** A pool may bring another one of its CIDR into view or out of it. */
function putPool(state: State, { ref, resource }: Target): readonly Changed[] {
  const touched = state.conflicts.set(ref.name, resource?.kind === 'IPPool' ? resource : undefined);
  const changed: Changed[] = [];
  for (const cidr of touched) {
    for (const name of cidr.names) {
      const shown = name === cidr.winner?.ref.name ? cidr.winner : undefined;
      // A pool that moved to another CIDR is settled by the entry of its new one.
      const current = state.tables.pools.get(name);
      if (shown === undefined && current !== undefined && prefixKey(current.cidr) !== cidr.key) continue;
      if (put(state.tables.pools, name, shown)) changed.push({ kind: 'IPPool', key: name });
    }
  }
  return changed;
}

function putResource(state: State, target: Target): readonly Changed[] {
  const { ref, resource } = target;
  const key = nameKey(ref);
  const { tables } = state;
  switch (ref.kind) {
    case 'Node':
      return putNode(state, target);
    case 'IPPool':
      return putPool(state, target);
    case 'BGPConfiguration':
      return put(tables.configurations, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'BGPPeer':
      return put(tables.peers, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'BGPFilter':
      return put(tables.filters, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'BlockAffinity':
      return put(tables.affinities, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'Service':
      return put(tables.services, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'EndpointSlice':
      return put(tables.slices, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'Secret':
      return put(tables.secrets, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'LocalWorkload':
      return put(tables.workloads, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    case 'FelixConfiguration':
      return put(tables.felix, key, resource?.kind === ref.kind ? resource : undefined) ? [{ kind: ref.kind, key }] : [];
    default:
      return [];
  }
}

/** The last word on each object of a change: removals first, so that removing and adding replaces. */
function targetsOf(change: StoreChange): Iterable<Target> {
  const targets = new Map<string, Target>();
  for (const ref of change.remove) targets.set(objectKey(ref), { ref, resource: undefined });
  for (const resource of change.upsert) targets.set(objectKey(resource.ref), { ref: resource.ref, resource });
  return targets.values();
}

const POOL_SCOPE = 'pools with one CIDR';

function putIssues(state: State, scope: string, issues: readonly Issue[]): boolean {
  const before = state.scopes.get(scope) ?? [];
  if (issues.length === 0) state.scopes.delete(scope);
  else state.scopes.set(scope, issues);
  return !sameIssues(before, issues);
}

function sameIssues(a: readonly Issue[], b: readonly Issue[]): boolean {
  return (
    a.length === b.length &&
    a.every((issue, index) => {
      const other = b[index];
      return other !== undefined && sameContent(issue, other) && sameContent(issue.source, other.source);
    })
  );
}

/** Makes an empty store. */
export function createStore(): Store {
  const state = newState();
  let inSync = false;
  const snapshot: Snapshot = {
    ...state.tables,
    get issues(): readonly Issue[] {
      state.allIssues ??= [...state.scopes.values()].flat();
      return state.allIssues;
    },
  };
  return {
    snapshot,
    get inSync() {
      return inSync;
    },
    apply(change) {
      const changed = new Map<string, Changed>();
      for (const target of targetsOf(change)) {
        for (const entry of putResource(state, target)) changed.set(`${entry.kind}/${entry.key}`, entry);
      }
      let issuesChanged = false;
      for (const { scope, issues } of change.issues) issuesChanged = putIssues(state, scope, issues) || issuesChanged;
      issuesChanged = putIssues(state, POOL_SCOPE, state.conflicts.issues()) || issuesChanged;
      if (issuesChanged) state.allIssues = undefined;
      inSync = change.inSync;
      return { changed: [...changed.values()], issuesChanged };
    },
  };
}
