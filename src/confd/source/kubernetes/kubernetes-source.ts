/**
 * The Kubernetes API server as a Source: one reflector for each list, one view for all. The lists follow the configuration:
 * Services and Secrets are watched while something in it needs them (control-plane 1.1, 9.2).
 */
import type { Clock } from '../../clock.ts';
import { type Log, SILENT_LOG } from '../../log.ts';
import { backoffMs } from '../backoff.ts';
import type { Failure } from '../failure.ts';
import { afterFailure, type ListHealth, REFUSALS, STARTING } from '../health.ts';
import type { Change, ReadFor, Source } from '../types.ts';
import { createView, type View } from '../view.ts';
import { type Demand, type Wanted, wantedBy } from '../wanted.ts';
import { createAccess } from './access.ts';
import { API_TIMING, type Api, type ApiTiming, createApi } from './api.ts';
import type { AccessOptions } from './connection.ts';
import { discover } from './discovery.ts';
import { hostnameHashes } from './hostname-hash.ts';
import { commonIssues, listIssues } from './issues.ts';
import { type CalicoApi, calicoKinds, isForeign, NODES, SERVICE_KINDS, secretKind, type Watched } from './kinds.ts';
import type { ProxySettings } from './proxy.ts';
import { type ReflectorEvents, reflect } from './reflector.ts';
import { spareMemory } from './sparing.ts';

/** Ms between looks for Calico's API group while the server has none. */
const DISCOVERY_MS = 15_000;

/** Ms after the first complete view until memory is no longer spared: what is begun by it, such as its first saving, is over then. */
const SPARING_MS = 10_000;

/** What a Kubernetes source needs. */
export interface KubernetesSourceOptions {
  readonly access: AccessOptions;
  readonly proxies: ProxySettings;
  /** Name of the node this daemon speaks for; narrows block affinities. */
  readonly node: string;
  /** Namespace of the password Secrets. */
  readonly namespace: string;
  readonly usePodCIDR: boolean;
  /** Default: bgp. */
  readonly readFor?: ReadFor;
  /** A cluster CIDR is configured outside of the resources: Services count in any case. */
  readonly advertised: boolean;
  /** Calico's API group; undefined: found out. */
  readonly apiGroup: CalicoApi | undefined;
  /** Calico's objects and Nodes come from elsewhere, and say by this which Services and Secrets are read here. */
  readonly demand?: Demand;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Default: nowhere. */
  readonly log?: Log;
  /** Default `API_TIMING`. */
  readonly timing?: ApiTiming;
}

/** One reflector that runs. */
interface Running {
  readonly watched: Watched;
  readonly stop: () => void;
  readonly done: Promise<void>;
  health: ListHealth;
}

interface Session {
  readonly options: KubernetesSourceOptions;
  readonly log: Log;
  readonly api: Api;
  readonly view: View;
  readonly signal: AbortSignal;
  readonly running: Map<string, Running>;
  readonly ended: Set<Promise<void>>;
  /** Values of the label that our own block affinities carry. */
  readonly hashes: readonly string[];
  calico: CalicoApi | undefined;
  /** How looking for the group goes. */
  discovery: ListHealth;
  /** What decides on the lists that run may be different now. */
  stale: boolean;
  /** A first complete view has been told. */
  complete: boolean;
  wake: () => void;
  woken: boolean;
}

/** Makes the source. Each `watch` begins with a full list. */
export function createKubernetesSource(options: KubernetesSourceOptions): Source {
  return { watch: (signal) => watchCluster(options, signal) };
}

async function* watchCluster(options: KubernetesSourceOptions, outer: AbortSignal): AsyncGenerator<Change> {
  const ending = new AbortController();
  const findsGroup = options.apiGroup === undefined && options.demand === undefined;
  const session: Session = {
    options,
    log: options.log ?? SILENT_LOG,
    api: createApi(createAccess(options.access), options.proxies, options.timing ?? API_TIMING),
    view: createView(),
    signal: AbortSignal.any([outer, ending.signal]),
    running: new Map(),
    ended: new Set(),
    hashes: hostnameHashes(options.node),
    stale: true,
    complete: false,
    calico: options.apiGroup,
    discovery: findsGroup ? STARTING : { status: 'synced' },
    wake: () => undefined,
    woken: true,
  };
  session.signal.addEventListener('abort', () => session.wake(), { once: true });
  options.demand?.listen(() => {
    session.stale = true;
    notice(session);
  });
  const finding = findsGroup ? findGroup(session) : Promise.resolve();
  const spared = spareMemory();
  let told: boolean | undefined;
  try {
    while (!session.signal.aborted) {
      await rest(session);
      follow(session);
      if (session.complete && isSettling(session)) continue;
      const inSync = isInSync(session);
      if (inSync && !session.complete) void options.clock.wait(SPARING_MS, session.signal).then(spared);
      session.complete ||= inSync;
      const change = session.view.take();
      if (change !== undefined || told !== inSync) {
        told = inSync;
        yield { ...(change ?? { upsert: [], remove: [], issues: [] }), inSync };
      }
      // What was asked for has been told.
      options.demand?.settle();
    }
  } finally {
    ending.abort();
    spared();
    await session.api.close();
    await Promise.all([finding, ...session.ended, ...[...session.running.values()].map(({ done }) => done)]);
  }
}

function notice(session: Session): void {
  session.woken = true;
  session.wake();
}

async function rest(session: Session): Promise<void> {
  if (!session.woken && !session.signal.aborted) {
    await new Promise<void>((resolve) => {
      session.wake = resolve;
    });
    session.wake = () => undefined;
  }
  session.woken = false;
}

/** Finds Calico's API group, and looks again as long as the server has none. */
async function findGroup(session: Session): Promise<void> {
  const { api, signal, options, log } = session;
  for (let failures = 0; !signal.aborted; ) {
    const answer = await discover(api, signal);
    if (signal.aborted) return;
    if (!answer.ok) {
      failures += 1;
      session.discovery = afterFailure(session.discovery, answer.failure, options.clock.monotonic());
      report(session);
      await options.clock.wait(backoffMs(failures, options.random(), answer.failure.retryAfter), signal);
      continue;
    }
    failures = 0;
    if (session.calico !== answer.value.api) log.info({ apiGroup: answer.value.api, present: answer.value.present }, 'API group of Calico');
    session.calico = answer.value.api;
    session.stale = true;
    session.discovery = { status: 'synced' };
    report(session);
    if (answer.value.present) return;
    await options.clock.wait(DISCOVERY_MS, signal);
  }
}

/** Issues of the server as a whole, and a turn for the main loop. */
function report(session: Session): void {
  session.view.setIssues('datastore', commonIssues([session.discovery, ...[...session.running.values()].map(({ health }) => health)]));
  notice(session);
}

/** Every list that should run now. */
function wantedLists(session: Session): readonly Watched[] {
  const { options, view, calico } = session;
  if (options.demand !== undefined) return demandedLists(options.demand.wanted(), options.namespace);
  if (calico === undefined) return [NODES];
  const { namespace, usePodCIDR, advertised, readFor = 'bgp' } = options;
  const kinds = [NODES, ...calicoKinds(calico, { usePodCIDR, hostnameHashes: session.hashes, readFor })];
  if (readFor === 'encapsulation') return kinds;
  const wanted = wantedBy([...view.resources('BGPConfiguration'), ...view.resources('BGPPeer')], advertised);
  return [...kinds, ...demandedLists(wanted, namespace)];
}

function demandedLists({ services, secrets }: Wanted, namespace: string): readonly Watched[] {
  return [...(services ? SERVICE_KINDS : []), ...secrets.map((name) => secretKind(namespace, name))];
}

/** Kinds that ask for others. */
const DECIDING: ReadonlySet<string> = new Set(['BGPConfiguration', 'BGPPeer']);

/** Starts lists that are wanted now and ends the others. */
function follow(session: Session): void {
  if (!session.stale) return;
  session.stale = false;
  const wanted = new Map(wantedLists(session).map((watched) => [watched.id, watched]));
  for (const [key, running] of session.running) {
    if (wanted.has(key)) continue;
    running.stop();
    session.running.delete(key);
    session.ended.add(running.done);
    void running.done.then(() => session.ended.delete(running.done));
    session.view.drop(running.watched);
    session.view.setIssues(`list ${running.watched.id}`, []);
  }
  for (const [key, watched] of wanted) if (!session.running.has(key)) session.running.set(key, begin(session, watched));
}

function begin(session: Session, watched: Watched): Running {
  const { api, options, view, signal } = session;
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  const settle = (health: ListHealth): void => {
    // A list that was ended has no say any more.
    if (both.aborted) return;
    running.health = health;
    view.setIssues(`list ${watched.id}`, listIssues(watched, health));
    report(session);
  };
  const ours = (object: unknown): boolean => options.readFor === 'encapsulation' || !isForeign(object, watched, options.node);
  const events: ReflectorEvents = {
    list: () => {
      const listing = view.list(watched);
      return { ...listing, add: (items) => listing.add(items.filter(ours)) };
    },
    event: ({ type, object }) =>
      type === 'changed' && ours(object) ? view.changed(watched, object) : deleted(session, watched, object, both),
    pause: () => {
      session.stale ||= DECIDING.has(watched.kind);
      notice(session);
    },
    reached: () => {
      session.stale ||= DECIDING.has(watched.kind);
      settle({ status: 'synced' });
    },
    relisting: () => session.log.info({ list: watched.id }, 'versions are too old, listing again'),
    failed: (failure, failures) => {
      tell(session, watched, failure, failures);
      settle(afterFailure(running.health, failure, options.clock.monotonic()));
    },
  };
  const deps = { api, clock: options.clock, random: options.random, idleMs: (options.timing ?? API_TIMING).idleMs };
  const running: Running = {
    watched,
    stop: () => ending.abort(),
    done: Promise.resolve().then(() => reflect(watched, deps, events, both)),
    health: STARTING,
  };
  return running;
}

/** Takes a deletion: at once, or later where the object may only have moved to another list. */
function deleted(session: Session, watched: Watched, object: unknown, signal: AbortSignal): boolean {
  const { view, options } = session;
  if (watched.lingerMs === undefined) return view.deleted(watched, object);
  const gone = view.leaving(watched, object);
  if (gone === undefined) return false;
  void options.clock.wait(watched.lingerMs, signal).then(() => {
    if (!signal.aborted && gone()) notice(session);
  });
  return false;
}

function tell(session: Session, { id }: Watched, { code, message }: Failure, failures: number): void {
  session.log.debug({ list: id, code, because: message, failures }, 'list or watch failed, trying again');
}

/**
 * The first view is complete and the datastore answers. A list that nobody may read does not stop the others, nor does one
 * that was begun later and cannot be had: its issue says so, and what it belongs to waits for it.
 */
function isInSync({ calico, options, complete, discovery, running }: Session): boolean {
  if ((calico === undefined && options.demand === undefined) || discovery.status !== 'synced') return false;
  return [...running.values()].every(({ health: { status } }) => status !== 'lost' && (status !== 'starting' || complete));
}

/**
 * True while a list was just begun: what asked for it is not acted upon without it, so that a peer does not lose its
 * session for the moment in which its new password is fetched.
 */
function isSettling({ running }: Session): boolean {
  return [...running.values()].some(({ health: { status, failing } }) => status === 'starting' && (failing?.count ?? 0) < REFUSALS);
}
