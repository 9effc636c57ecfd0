/**
 * The BIRD engine for the health thread: asks BIRD's control sockets for its sessions once a second, and reports them in the
 * speaker's place. A BIRD that does not answer is silent here too, so that liveness names it like a stalled thread.
 */

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { formatAddress } from 'bgp-ts/net';
import { openControl } from '../confd/bird/control.ts';
import { identifier } from '../confd/bird/names.ts';
import { type BirdSession, readSessions } from '../confd/bird/protocols.ts';
import type { Desired, DesiredPeer } from '../confd/desired/types.ts';
import type { Log } from '../confd/log.ts';
import type { DaemonView, PeerView, QueryMessage, SessionStateView, SpeakerMessage, SpeakerPush, SpeakerQuery } from '../health/status.ts';

/** What the observer reads. */
export interface ObserverDeps {
  readonly port: MessagePort;
  /** Control sockets, one a daemon. */
  readonly sockets: readonly string[];
  readonly desired: () => Desired | undefined;
  /** The node is on its way out. */
  readonly draining: () => boolean;
  readonly loop: () => SpeakerPush['loop'];
  readonly log: Log;
}

/** Between two looks; a daemon with very many sessions is asked less often. */
const LOOK_MS = 1000;
const REPLY_MS = 2000;
const SHARE_OF_TIME = 5;

/** What is remembered of one session from look to look. */
interface Memory {
  readonly state: SessionStateView;
  readonly since: number;
  readonly flaps: number;
}

/** Between two round trips, and the longest wait for one, ms: together below the 2 s in which a dead BIRD must be known. */
const PULSE_MS = 500;
const PULSE_REPLY_MS = 1000;

type DaemonName = DaemonView['name'];

/** One question and its answer on a socket; what failed in words. The greeting and the answer must be BIRD's. */
async function roundTrip(name: DaemonName, socket: string): Promise<DaemonView> {
  try {
    const control = await openControl(socket, PULSE_REPLY_MS);
    try {
      const { lines } = await control.command('show status', PULSE_REPLY_MS);
      const [first] = lines;
      if (first?.text.startsWith('BIRD') !== true) return { name, ok: false, detail: "the answer to show status is not BIRD's" };
      return { name, ok: true, detail: '' };
    } finally {
      control.close();
    }
  } catch (error) {
    return { name, ok: false, detail: `unable to connect: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Tells each change of what the sockets say; the result ends it. */
function pulse(port: MessagePort, sockets: readonly string[]): () => void {
  const names: readonly DaemonName[] = sockets.length === 1 ? ['BIRD'] : ['BIRDv4', 'BIRDv6'];
  const known = new Map<DaemonName, DaemonView>();
  const end = new AbortController();
  const follow = async (name: DaemonName, socket: string): Promise<void> => {
    while (!end.signal.aborted) {
      const view = await roundTrip(name, socket);
      const before = known.get(name);
      known.set(name, view);
      const changed = before?.ok !== view.ok || before.detail !== view.detail;
      if (changed && !end.signal.aborted) port.postMessage({ type: 'daemons', daemons: [...known.values()] } satisfies SpeakerMessage);
      await setTimeoutPromise(PULSE_MS, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  for (const [index, socket] of sockets.entries()) void follow(names[index] ?? 'BIRD', socket);
  return () => end.abort();
}

/** Starts to look; the result ends it. */
export function observeBird(deps: ObserverDeps): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let memory: ReadonlyMap<string, Memory> = new Map();
  const look = async (): Promise<void> => {
    const began = performance.now();
    let pace = SHARE_OF_TIME;
    const desired = deps.desired();
    try {
      const sessions = desired === undefined ? [] : (await Promise.all(deps.sockets.map(askSessions))).flat();
      memory = remember(memory, sessions, Date.now());
      if (!stopped) deps.port.postMessage({ type: 'push', push: pushOf(desired, sessions, memory, deps) } satisfies SpeakerMessage);
    } catch (error) {
      pace = 0;
      deps.log.debug({ error: String(error) }, 'BIRD was not observed');
    }
    if (!stopped) timer = setTimeout(() => void look(), Math.max(LOOK_MS, pace * (performance.now() - began)));
  };
  deps.port.on('message', (message: QueryMessage<SpeakerQuery>) => {
    const fault = { code: 'unavailable', message: 'BIRD holds the routes: ask it with birdc' } as const;
    deps.port.postMessage({ type: 'fault', id: message.id, fault } satisfies SpeakerMessage);
  });
  void look();
  const quiet = pulse(deps.port, deps.sockets);
  return () => {
    quiet();
    stopped = true;
    clearTimeout(timer);
    deps.port.close();
  };
}

async function askSessions(socket: string): Promise<readonly BirdSession[]> {
  const control = await openControl(socket, REPLY_MS);
  try {
    return readSessions(await control.command('show protocols all', REPLY_MS));
  } finally {
    control.close();
  }
}

const STATES: ReadonlyMap<string, SessionStateView> = new Map([
  ['Established', 'established'],
  ['OpenConfirm', 'open-confirm'],
  ['OpenSent', 'open-sent'],
  ['Connect', 'connect'],
  ['Active', 'active'],
  ['Passive', 'active'],
]);

function remember(before: ReadonlyMap<string, Memory>, sessions: readonly BirdSession[], now: number): ReadonlyMap<string, Memory> {
  return new Map(
    sessions.map((session) => {
      const state = STATES.get(session.state) ?? 'idle';
      const known = before.get(session.name);
      if (known?.state === state) return [session.name, known];
      const flaps = (known?.flaps ?? 0) + (known?.state === 'established' ? 1 : 0);
      return [session.name, { state, since: now, flaps }];
    }),
  );
}

function pushOf(
  desired: Desired | undefined,
  sessions: readonly BirdSession[],
  memory: ReadonlyMap<string, Memory>,
  { loop, draining }: ObserverDeps,
): SpeakerPush {
  const byName = new Map(sessions.map((session) => [session.name, session]));
  const upsert = (desired?.peers ?? []).flatMap((peer) => {
    const name = identifier(peer.id);
    const session = byName.get(name);
    const known = memory.get(name);
    return session === undefined || known === undefined ? [] : [peerView(peer, session, known, draining())];
  });
  return {
    pushedAt: Date.now(),
    routerId: desired?.routerId ?? '',
    localAs: desired?.asNumber ?? 0,
    listeners: [],
    peers: { complete: true, upsert, remove: [] },
    prefixes: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 },
    paths: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 },
    attributeSets: 0,
    groups: [],
    work: {},
    loop: loop(),
  };
}

function peerView(peer: DesiredPeer, session: BirdSession, { state, since, flaps }: Memory, draining: boolean): PeerView {
  const family = peer.address.family === 'ipv4' ? 'ipv4-unicast' : 'ipv6-unicast';
  const { imported, exported, preferred, changes } = session;
  return {
    id: peer.id,
    remote: { address: formatAddress(peer.address), port: peer.port },
    local: peer.source === undefined ? null : { address: formatAddress(peer.source), port: 0 },
    remoteAs: peer.remoteAs,
    localAs: peer.localAs,
    remoteId: session.remoteId ?? null,
    type: peer.internal ? 'ibgp' : 'ebgp',
    reflectorClient: peer.reflectorClient,
    passive: peer.passive,
    state,
    since,
    flaps,
    holdTime: session.holdTime,
    keepaliveTime: session.keepaliveTime,
    lastErrorSent: null,
    lastErrorReceived: null,
    nextRetryAt: null,
    adminDown: false,
    heldBack: null,
    range: null,
    draining,
    diagnosis: session.lastError ?? null,
    capabilities: [],
    families: [
      {
        family,
        received: imported,
        accepted: imported,
        preferred,
        advertised: exported,
        changes,
        group: '',
        lag: 0,
        slow: false,
        endOfRibReceived: false,
        maxPrefix: null,
        maxPrefixOut: null,
      },
    ],
    messagesReceived: 0,
    messagesSent: 0,
    updatesReceived: 0,
    updatesSent: 0,
    notificationsReceived: 0,
    notificationsSent: 0,
    reasons: peer.reasons.map(({ object, rule }) => ({ object, rule })),
  };
}
