/** The peers: configuring, sessions, what they announce. */
import type { PeerConfig } from '../speaker-types.ts';
import {
  type AnnouncedRun,
  type AttributeFault,
  type Family,
  type NlriRun,
  type ScannedUpdate,
  walkIpv4,
  walkIpv6,
  worstFault,
} from '../wire/index.ts';
import type { Groups } from './groups.ts';
import type { ImportClasses } from './import.ts';
import { type Announcement, announcePath, removePath } from './import-path.ts';
import { startJob } from './jobs.ts';
import { APPLY_CHUNK, MAX_PEERS } from './limits.ts';
import { FAMILIES, hasJob, meshedCluster, newPeerFamily, type PeerFamily, type PeerState } from './peer.ts';
import { MAX_PREFIXES } from './prefix-table.ts';
import type { FamilyTables, Stores } from './tables.ts';
import type { RibCallbacks, RibSession } from './types.ts';

/** In place of an attribute set: the peer withdrew, or what it announced has to be treated so (RFC 7606 section 2). */
const WITHDRAWN = -1;
const MALFORMED = -2;

/** What the peers of a RIB share. */
export interface PeersContext {
  readonly stores: Stores;
  readonly tables: { readonly [family in Family]: FamilyTables };
  readonly groups: Groups;
  readonly imports: ImportClasses;
  readonly callbacks: RibCallbacks;
}

/** All peers of a RIB by index. Methods that take an index throw where no peer has it. */
export class Peers {
  routerId: number;
  /** Peers whose rows a job has still to visit. */
  readonly working = new Set<PeerState>();
  private readonly context: PeersContext;
  private readonly list: (PeerState | undefined)[] = [];
  private readonly byId = new Map<string, PeerState>();
  private clusterIds: readonly number[] = [];
  /** `clusterIds` may not follow from the configurations any more: made anew once for all changes, before they have effect. */
  private clusterIdsStale = false;
  /** How many peers name each CLUSTER_ID. */
  private readonly clusterUsers = new Map<number, number>();
  /** Peers whose import rules and groups do not follow from their configuration yet. */
  private readonly unapplied = new Set<PeerState>();
  private readonly free: number[] = [];
  private removed = 0;
  // The NLRI walkers' target, set around each walk: one closure for all of them.
  private walking: (Announcement & { readonly tables: FamilyTables; readonly limit: number }) | undefined;
  private readonly visitIpv4 = (word: number, length: number, pathId: number): void => this.visit(word, 0, 0, 0, length, pathId);
  private readonly visitIpv6 = (w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void =>
    this.visit(w0, w1, w2, w3, length, pathId);

  constructor(context: PeersContext, routerId: number) {
    this.context = context;
    this.routerId = routerId;
    this.clusterIds = [routerId];
  }

  /** Every peer, removed ones too while their routes go. */
  *all(): Generator<PeerState> {
    for (const peer of this.list) if (peer !== undefined) yield peer;
  }

  /** The peer at an index; throws for one that is not configured, which is the caller's mistake. */
  get(index: number): PeerState {
    const peer = this.list[index];
    if (peer === undefined) throw new Error(`no peer has index ${index}`);
    return peer;
  }

  /** The peer at an index, if any. */
  find(index: number): PeerState | undefined {
    return this.list[index];
  }

  configure(config: PeerConfig, index?: number): number {
    const known = index === undefined ? this.byId.get(config.id) : this.get(index);
    if (known === undefined) return this.add(config).index;
    const before = known.config;
    if (before.id !== config.id) {
      if (this.byId.get(before.id) === known) this.byId.delete(before.id);
      this.byId.set(config.id, known);
    }
    known.config = config;
    if (known.removed) this.removed--;
    known.removed = false;
    this.context.stores.sources.setAddress(known.index, config.remote.address);
    this.useClusterId(before.clusterId, -1);
    this.useClusterId(config.clusterId, 1);
    this.unapplied.add(known);
    this.noteRole(known);
    return known.index;
  }

  /** The peer's columns that say to whom its routes are reflected; a change exports them again. */
  private noteRole({ index, config, families }: PeerState): void {
    const { client, meshed } = this.context.stores.sources;
    const [isClient, cluster] = [config.reflectorClient ? 1 : 0, meshedCluster(config, this.routerId)];
    if (client[index] === isClient && meshed[index] === cluster) return;
    client[index] = isClient;
    meshed[index] = cluster;
    for (const family of FAMILIES) this.start(this.get(index), families[family], { retouch: true });
  }

  remove(index: number): void {
    const peer = this.get(index);
    if (peer.session !== undefined) this.sessionDown(index, 'flush');
    else for (const family of FAMILIES) this.flush(peer, peer.families[family]);
    if (!peer.removed) this.removed++;
    peer.removed = true;
  }

  /** Next hops lead elsewhere: what depends on it is judged, decided and exported again. */
  followWays(): void {
    const { policies } = this.context.stores;
    policies.forgetWays();
    for (const peer of this.all()) {
      const reimport = peer.imports.policy.asksWays;
      if (reimport) peer.imports.forgetAll();
      for (const family of FAMILIES) this.start(peer, peer.families[family], reimport ? { reimport, retouch: true } : { retouch: true });
    }
  }

  /** Gives back the indexes of removed peers without rows; asked when no change is pending that could name them. */
  reclaim(): void {
    for (const peer of this.list) {
      if (
        peer === undefined ||
        !peer.removed ||
        FAMILIES.some((family) => peer.families[family].chain.received > 0 || hasJob(peer.families[family]))
      )
        continue;
      this.list[peer.index] = undefined;
      this.free.push(peer.index);
      this.removed--;
      this.unapplied.delete(peer);
      this.useClusterId(peer.config.clusterId, -1);
      if (this.byId.get(peer.config.id) === peer) this.byId.delete(peer.config.id);
      this.context.imports.drop(peer.imports);
      this.context.stores.sources.setAddress(peer.index, undefined);
    }
  }

  /** True while `reclaim` has something to do. */
  get hasRemoved(): boolean {
    return this.removed > 0;
  }

  setRouterId(routerId: number): void {
    if (routerId === this.routerId) return;
    this.routerId = routerId;
    this.clusterIdsStale = true;
    for (const peer of this.all()) {
      this.unapplied.add(peer);
      this.noteRole(peer);
    }
  }

  setDeferring(deferring: boolean): void {
    this.context.stores.deferring = deferring;
    for (const peer of this.all()) this.unapplied.add(peer);
  }

  sessionUp(index: number, session: RibSession): void {
    const peer = this.get(index);
    if (peer.session !== undefined) this.sessionDown(index, 'flush');
    const { sources } = this.context.stores;
    peer.session = session;
    sources.external[index] = session.external ? 1 : 0;
    sources.routerId[index] = session.remoteId;
    sources.setAddress(index, session.remoteAddress);
    for (const family of session.families) {
      peer.families[family].overLimit = false;
      peer.families[family].refused = false;
      this.context.groups.join(peer, peer.families[family], this.routerId);
    }
  }

  sessionDown(index: number, routes: 'flush' | 'stale'): void {
    const peer = this.get(index);
    if (peer.session === undefined && routes === 'stale') return;
    peer.session = undefined;
    for (const family of FAMILIES) {
      const own = peer.families[family];
      this.context.groups.leave(own);
      if (routes === 'flush') {
        this.flush(peer, own);
        continue;
      }
      // RFC 4724 section 4.2: what was stale already when the session fails again is deleted.
      this.start(peer, own, { sweepBefore: own.generation });
      own.generation = (own.generation + 1) & 15;
    }
  }

  markStale(index: number, family: Family): void {
    const own = this.get(index).families[family];
    own.generation = (own.generation + 1) & 15;
  }

  sweepStale(index: number, family: Family): void {
    const peer = this.get(index);
    const own = peer.families[family];
    this.start(peer, own, { sweepBefore: own.generation });
  }

  receive(index: number, update: ScannedUpdate): void {
    const peer = this.get(index);
    if (peer.session === undefined) return;
    const faults: AttributeFault[] = [...update.faults];
    let outcome = worstFault(faults)?.outcome;
    if (outcome !== 'session-reset') {
      for (const run of update.withdrawn) this.walk(peer, run, WITHDRAWN);
      for (const run of update.announced) this.announce(peer, update, run, faults);
    }
    const worst = worstFault(faults);
    outcome = worst?.outcome;
    if (worst !== undefined) this.context.callbacks.onFault(index, worst);
    if (outcome === 'session-reset') return;
    for (const family of FAMILIES) this.reportLimit(peer, peer.families[family]);
  }

  private announce(peer: PeerState, update: ScannedUpdate, run: AnnouncedRun, faults: AttributeFault[]): void {
    const withdraw = worstFault(update.faults)?.outcome === 'treat-as-withdraw';
    const { attributes } = this.context.stores;
    const { session } = peer;
    if (session === undefined || !session.families.includes(run.family)) return;
    const set = withdraw
      ? undefined
      : attributes.internReceived(update.attributes, run.nextHop, session.context, (fault) => faults.push(fault));
    if (set === undefined && worstFault(faults)?.outcome === 'session-reset') return;
    this.walk(peer, run, set ?? MALFORMED);
    if (set !== undefined) attributes.releaseUnused(set);
  }

  private walk(peer: PeerState, run: NlriRun, set: number): void {
    if (peer.session?.families.includes(run.family) !== true) return;
    const own = peer.families[run.family];
    const limit = own.overLimit ? -1 : (peer.config.maxPrefix ?? Infinity);
    this.walking = { peer: peer.index, own, imports: peer.imports, set, tables: this.context.tables[run.family], limit };
    if (run.family === 'ipv4-unicast') walkIpv4(run.octets, run.addPath, this.visitIpv4);
    else walkIpv6(run.octets, run.addPath, this.visitIpv6);
    this.walking = undefined;
  }

  private visit(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    if (this.walking === undefined) return;
    const { peer, own, tables, set, limit } = this.walking;
    const { stores } = this.context;
    if (set < 0) {
      const prefix = tables.prefixes.find(w0, w1, w2, w3, length);
      const row = prefix < 0 ? -1 : tables.paths.find(tables.prefixes, prefix, peer, pathId);
      if (set === MALFORMED) own.changes.importRejected++;
      else if (row >= 0) own.changes.withdrawAccepted++;
      else own.changes.withdrawIgnored++;
      if (row >= 0) removePath(stores, tables, own.chain, row);
    } else if (tables.prefixes.isFull) {
      own.refused = true;
      own.changes.importRejected++;
    } else if (own.chain.accepted > limit) {
      own.changes.importRejected++;
    } else {
      announcePath(stores, tables, this.walking, tables.prefixes.ensure(w0, w1, w2, w3, length), pathId);
    }
  }

  private reportLimit(peer: PeerState, own: PeerFamily): void {
    const warning = peer.config.maxPrefixWarning ?? Infinity;
    const above = own.chain.accepted > warning;
    if (above && !own.warned) this.context.callbacks.onPrefixWarning?.(peer.index, own.family, warning);
    own.warned = above;
    const limit = own.refused ? MAX_PREFIXES : peer.config.maxPrefix;
    if (limit === undefined || own.overLimit || (!own.refused && own.chain.accepted <= limit)) return;
    own.overLimit = true;
    this.context.callbacks.onMaxPrefix(peer.index, own.family, limit);
  }

  private add(config: PeerConfig): PeerState {
    const index = this.free.pop() ?? this.list.length;
    if (index >= MAX_PEERS) throw new Error(`more than ${MAX_PEERS} peers`);
    const { sources } = this.context.stores;
    sources.reserve(index);
    sources.client[index] = config.reflectorClient ? 1 : 0;
    sources.meshed[index] = meshedCluster(config, this.routerId);
    sources.external[index] = config.remoteAs === config.localAs ? 0 : 1;
    sources.setAddress(index, config.remote.address);
    const peer: PeerState = {
      index,
      config,
      session: undefined,
      imports: this.context.imports.use(config, this.routerId, this.clusterIds),
      families: { 'ipv4-unicast': newPeerFamily('ipv4-unicast'), 'ipv6-unicast': newPeerFamily('ipv6-unicast') },
      ready: false,
      removed: false,
    };
    this.list[index] = peer;
    this.byId.set(config.id, peer);
    this.useClusterId(config.clusterId, 1);
    return peer;
  }

  private flush(peer: PeerState, own: PeerFamily): void {
    own.generation = (own.generation + 1) & 15;
    this.start(peer, own, { sweepBefore: own.generation });
  }

  private start(peer: PeerState, own: PeerFamily, what: Parameters<typeof startJob>[1]): void {
    startJob(own, what);
    this.working.add(peer);
  }

  /** True where `applyNext` has something to do. */
  get hasUnapplied(): boolean {
    return this.unapplied.size > 0 || this.clusterIdsStale;
  }

  /** One unit of giving changed configurations effect: a change of all peers' policies is no long slice. */
  applyNext(): void {
    if (this.clusterIdsStale) this.updateClusterIds();
    let left = APPLY_CHUNK;
    for (const peer of this.unapplied) {
      this.unapplied.delete(peer);
      this.reapply(peer);
      if (--left === 0) return;
    }
  }

  /** Import rules and groups after a change of configuration; only what differs costs work. */
  private reapply(peer: PeerState): void {
    const imports = this.context.imports.use(peer.config, this.routerId, this.clusterIds);
    const before = peer.imports;
    peer.imports = imports;
    this.context.imports.drop(before);
    if (imports !== before) for (const family of FAMILIES) this.start(peer, peer.families[family], { reimport: true });
    for (const family of FAMILIES) this.context.groups.resettle(peer, peer.families[family], this.routerId);
  }

  private useClusterId(id: number | undefined, by: number): void {
    if (id === undefined) return;
    const users = (this.clusterUsers.get(id) ?? 0) + by;
    if (users === 0) this.clusterUsers.delete(id);
    else this.clusterUsers.set(id, users);
    if (users === 0 || users === by) this.clusterIdsStale = true;
  }

  private updateClusterIds(): void {
    this.clusterIdsStale = false;
    const { clusterIds, clusterUsers, routerId } = this;
    if (clusterIds.length === clusterUsers.size + (clusterUsers.has(routerId) ? 0 : 1)) {
      if (clusterIds.every((id) => id === routerId || clusterUsers.has(id)) && clusterIds.includes(routerId)) return;
    }
    this.clusterIds = [...new Set([routerId, ...clusterUsers.keys()])].sort((a, b) => a - b);
    for (const peer of this.all()) this.unapplied.add(peer);
  }
}
