/**
 * The RIB as one object: the tables, the peers, the groups, and a scheduler that does their pending work in small units.
 * Inputs are taken at once into the tables; decisions, exports and encodings wait for `run`.
 */
import type { Family } from '../wire/index.ts';
import { AttributeStore } from './attribute-store.ts';
import { Audit } from './audit.ts';
import { startFeed, takeChanges } from './best-feed.ts';
import { type Decider, decide } from './decide.ts';
import { DEFAULT_MED } from './decision.ts';
import { explainPrefix } from './explain.ts';
import { Groups } from './groups.ts';
import { ImportClasses } from './import.ts';
import { stepJob } from './jobs.ts';
import { DECISION_CHUNK, MAX_LOG_OCTETS, SCAN_CHUNK } from './limits.ts';
import { LocalRoutes } from './local-routes.ts';
import { FAMILIES, hasJob } from './peer.ts';
import { Peers } from './peers.ts';
import { PolicyRegistry } from './policies.ts';
import { Retired } from './retired.ts';
import { type Inspection, listRoutes, statusOf } from './routes.ts';
import { SourceColumns } from './sources.ts';
import { FamilyTables, type Stores } from './tables.ts';
import type { BestChange, Rib, RibCallbacks, RibOptions, RibStats } from './types.ts';
import { newWorkCounters } from './work.ts';

/** Everything of one RIB. */
interface State extends Inspection {
  readonly deciders: { readonly [family in Family]: Decider };
  readonly ready: number[];
  /** Prefix ids from which every prefix is decided again, as the rules changed; -1: not. */
  readonly redecideAt: { [family in Family]: number };
  readonly options: RibOptions;
  readonly audit: Audit;
}

/** An empty state, for `ribOf`. */
export function createState(callbacks: RibCallbacks, options: RibOptions): State {
  const work = newWorkCounters();
  const attributes: AttributeStore = new AttributeStore((set) => {
    policies.forget(set);
    imports.forget(set);
    groups.forget(set);
    audit.forget(set);
  });
  const sources = new SourceColumns();
  const policies = new PolicyRegistry(attributes, work);
  const imports = new ImportClasses(attributes, policies, work);
  const stores: Stores = {
    attributes,
    sources,
    policies,
    work,
    decision: { med: DEFAULT_MED },
    maxLogOctets: options.maxLogOctets ?? MAX_LOG_OCTETS,
    deferring: false,
    now: 0,
  };
  const tables = { 'ipv4-unicast': new FamilyTables('ipv4-unicast'), 'ipv6-unicast': new FamilyTables('ipv6-unicast') };
  const ready: number[] = [];
  const groups: Groups = new Groups(stores, tables, (feed) => {
    const peer = peers.find(feed.peer);
    if (peer === undefined || peer.ready) return;
    peer.ready = true;
    ready.push(peer.index);
  });
  const peers = new Peers({ stores, tables, groups, imports, callbacks }, options.routerId);
  const audit: Audit = new Audit({ stores, tables, groups, peers });
  const decider = (family: Family): Decider => ({
    stores,
    tables: tables[family],
    decision: { options: stores.decision, attributes, sources, paths: tables[family].paths, visited: 0 },
    groups,
    retired: new Retired(tables[family], groups),
  });
  const deciders = { 'ipv4-unicast': decider('ipv4-unicast'), 'ipv6-unicast': decider('ipv6-unicast') };
  const locals = {
    'ipv4-unicast': new LocalRoutes(stores, tables['ipv4-unicast']),
    'ipv6-unicast': new LocalRoutes(stores, tables['ipv6-unicast']),
  };
  return {
    stores,
    tables,
    groups,
    peers,
    deciders,
    locals,
    ready,
    redecideAt: { 'ipv4-unicast': -1, 'ipv6-unicast': -1 },
    options,
    audit,
    born: options.wallClock(),
  };
}

function hasWork(state: State): boolean {
  for (const family of FAMILIES) {
    const { tables, retired } = state.deciders[family];
    if (tables.dirty.length > 0 || retired.hasWork() || state.redecideAt[family] >= 0) return true;
    if (state.locals[family].hasWork()) return true;
  }
  return state.peers.hasUnapplied || state.peers.working.size > 0 || state.groups.hasWork();
}

/** One round over everything that has work; `isOver` is asked after each unit. */
function round(state: State, isOver: () => boolean): void {
  const { stores, tables, groups, peers, deciders, locals } = state;
  if (peers.hasUnapplied) {
    // All of them before groups look: members that ask for the same new group together become it in place.
    peers.applyNext();
    if (isOver() || peers.hasUnapplied) return;
  }
  for (const family of FAMILIES) {
    if (!locals[family].hasWork()) continue;
    locals[family].step();
    if (isOver()) return;
  }
  for (const peer of peers.working) {
    for (const family of FAMILIES) if (hasJob(peer.families[family])) stepJob(stores, tables[family], peer, peer.families[family]);
    if (!FAMILIES.some((family) => hasJob(peer.families[family]))) peers.working.delete(peer);
    if (isOver()) return;
  }
  for (const family of FAMILIES) {
    if (state.redecideAt[family] >= 0) state.redecideAt[family] = tables[family].touchAll(state.redecideAt[family], SCAN_CHUNK);
    if (tables[family].dirty.length === 0) continue;
    decide(deciders[family], DECISION_CHUNK);
    if (isOver()) return;
  }
  groups.step(isOver);
  if (groups.hasWork() || FAMILIES.some((family) => tables[family].dirty.length > 0)) return;
  for (const family of FAMILIES) if (deciders[family].retired.hasWork()) deciders[family].retired.step();
  if (peers.hasRemoved) peers.reclaim();
}

function run(state: State, clock: () => number, budgetMs: number): boolean {
  tick(state);
  const end = clock() + budgetMs;
  let over = false;
  const isOver = (): boolean => {
    over ||= clock() >= end;
    return over;
  };
  while (hasWork(state)) {
    round(state, isOver);
    if (isOver()) return hasWork(state);
  }
  if (state.peers.hasRemoved) state.peers.reclaim();
  return false;
}

function audit(state: State, clock: () => number, budgetMs: number): boolean {
  if (hasWork(state)) return true;
  tick(state);
  const end = clock() + budgetMs;
  return state.audit.step(() => clock() >= end || hasWork(state));
}

/** Wall clock into the tables, in tenths of seconds since the RIB was made. */
function tick(state: State): void {
  state.stores.now = Math.max(0, Math.floor((state.options.wallClock() - state.born) / 100));
}

function take(state: State, index: number, limit: number): Uint8Array[] {
  const peer = state.peers.find(index);
  const out: Uint8Array[] = [];
  let left = limit;
  for (const family of FAMILIES) {
    const feed = peer?.families[family].feed;
    if (feed === undefined || left <= 0) continue;
    left -= feed.take(out, left);
  }
  // What was read may have been the last mention of a prefix that is gone. Looked for once a peer has read all it is owed: after every
  // part of a large withdrawal, each look would go through all retired prefixes.
  if (out.length > 0 && FAMILIES.every((family) => peer?.families[family].feed?.hasOutput() !== true)) {
    for (const family of FAMILIES) state.deciders[family].retired.retry();
  }
  return out;
}

/** Changes for whoever installs routes; what they held back of retired prefixes may go now. */
function takeBest(state: State, limit: number): BestChange[] {
  const changes: BestChange[] = [];
  for (const family of FAMILIES) {
    const tables = state.tables[family];
    takeChanges(state.stores, tables, tables.feed ?? startFeed(tables), limit, changes);
  }
  if (changes.length > 0) for (const family of FAMILIES) state.deciders[family].retired.retry();
  return changes;
}

function statsOf(state: State): RibStats {
  const { tables, stores, groups } = state;
  const count = (of: 'prefixes' | 'paths'): RibStats['prefixes'] => ({
    'ipv4-unicast': tables['ipv4-unicast'][of].count,
    'ipv6-unicast': tables['ipv6-unicast'][of].count,
  });
  return {
    prefixes: count('prefixes'),
    paths: count('paths'),
    attributeSets: stores.attributes.count,
    groups: [...groups.all()].map((group) => ({
      id: group.id,
      family: group.tables.family,
      members: group.members.size,
      logOctets: group.log.octets,
      encodes: group.encodes,
    })),
    work: { ...stores.work },
  };
}

/** Makes an empty RIB. It reads no clock but `options.wallClock` and what `run` is given. */
export function createRib(callbacks: RibCallbacks, options: RibOptions): Rib {
  return ribOf(createState(callbacks, options));
}

/** The RIB of a state; apart from `createRib` for tests that damage the state. */
export function ribOf(state: State): Rib {
  const { peers, groups, locals } = state;
  const hasOutput = (index: number): boolean => FAMILIES.some((family) => peers.find(index)?.families[family].feed?.hasOutput() === true);
  return {
    configurePeer: (config, peer) => peers.configure(config, peer),
    removePeer: (peer) => peers.remove(peer),
    setRouterId: (routerId) => peers.setRouterId(routerId),
    setMed(med) {
      if (med.missing === state.stores.decision.med.missing && med.compare === state.stores.decision.med.compare) return;
      state.stores.decision.med = med;
      for (const family of FAMILIES) state.redecideAt[family] = 0;
    },
    setDeferring: (deferring) => peers.setDeferring(deferring),
    sessionUp: (peer, session) => peers.sessionUp(peer, session),
    sessionDown: (peer, routes) => peers.sessionDown(peer, routes),
    markStale: (peer, family) => peers.markStale(peer, family),
    sweepStale: (peer, family) => peers.sweepStale(peer, family),
    receive(peer, update) {
      tick(state);
      peers.receive(peer, update);
    },
    refresh: (peer, family, enhanced) => groups.refresh(peers.get(peer).families[family], enhanced),
    setLocalRoutes(set, remove) {
      tick(state);
      for (const family of FAMILIES) locals[family].change(set, remove);
      if (state.stores.attributes.ways.change(set, remove)) peers.followWays();
    },
    replaceLocalRoutes(routes) {
      tick(state);
      for (const family of FAMILIES) locals[family].replace(routes);
      if (state.stores.attributes.ways.replace(routes)) peers.followWays();
    },
    run: (clock, budgetMs) => run(state, clock, budgetMs),
    hasWork: () => hasWork(state),
    hasOutput,
    readyPeers() {
      const ready = state.ready.splice(0);
      for (const index of ready) {
        const peer = peers.find(index);
        if (peer !== undefined) peer.ready = false;
      }
      return ready.filter(hasOutput);
    },
    take: (peer, limit) => take(state, peer, limit),
    bestChanges: (limit) => takeBest(state, limit),
    received: (peer) => FAMILIES.reduce((sum, family) => sum + peers.get(peer).families[family].chain.received, 0),
    familyStatus: (peer, family) => statusOf(state, peers.get(peer), family),
    routes: (query, cursor, limit) => listRoutes(state, query, cursor, limit),
    explain: (prefix) => explainPrefix(state, prefix),
    audit: (clock, budgetMs) => audit(state, clock, budgetMs),
    stats: () => statsOf(state),
  };
}
