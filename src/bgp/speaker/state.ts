/** The one record that the speaker's functions work on, and the small things all of them need. */
import { addressKey } from '../net/index.ts';
import type { Rib } from '../rib/types.ts';
import type { DeadlineQueue, Fsm, FsmSettings, Negotiated, Scheduled } from '../session/index.ts';
import type {
  ConnectionId,
  Endpoint,
  PeerConfig,
  PeerMemory,
  SessionState,
  SpeakerConfig,
  SpeakerEvent,
  SpeakerOutput,
} from '../speaker-types.ts';
import type { Family, Framer, UpdateContext } from '../wire/index.ts';
import type { Configuring } from './configure.ts';
import type { Crossing } from './crossing.ts';
import type { ReportWindows } from './limited-reports.ts';
import type { Ranges } from './ranges.ts';
import type { PolicyEdits } from './rib-config.ts';

/** What the composition gives the speaker. Nothing here is read from globals. */
export interface SpeakerOptions {
  /** Numbers in [0, 1) for timer jitter. */
  readonly random: () => number;
  /** Wall-clock milliseconds of a monotonic time, for status only. */
  readonly wallClock: (now: number) => number;
  /**
   * This process restarted while its routes were kept in the forwarding plane: send the R bit (and F where `forwarding`), and
   * announce nothing learned before the peers' tables are back (RFC 4724 section 4.1). Absent: a fresh start.
   */
  readonly restarting?: { readonly forwarding: boolean };
}

/** One end of a TCP connection. */
export interface Connection {
  readonly id: ConnectionId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly incoming: boolean;
  readonly framer: Framer;
  /** Undefined while several peers could own it. */
  owner: { readonly peer: Peer; readonly fsm: Fsm } | undefined;
  /** Give up on an unclaimed connection at this time. */
  claimBy: number;
  blocked: boolean;
  /** Octets wait that the kernel does not take. */
  unsent: boolean;
  paused: boolean;
  /** Octets of UPDATEs handed to the RIB since its queue was last empty. */
  undecided: number;
  /** Hold timer nominated: full polls seen since, and the time not to act before (bgp-speaker 4.1). */
  nominated: { polls: number; readonly notBefore: number } | undefined;
}

/** Routes kept for a peer that restarts (RFC 4724 section 4.2), and longer where that was agreed (RFC 9494 section 4.2). */
export interface StaleRoutes {
  readonly families: Set<Family>;
  /** When something has to happen to them, monotonic ms. */
  until: number;
  /** How long each family is kept after the restart time, ms; families that are not are not in it. */
  readonly longLivedMs: ReadonlyMap<Family, number>;
  /** The restart time is over: the routes are the least preferred now. */
  longLived: boolean;
  /** When the long-lived part began. */
  since: number;
}

/** Counted for the life of the peer; a flap is the end of a session that was up. */
export interface PeerCounters {
  messagesReceived: number;
  messagesSent: number;
  updatesReceived: number;
  updatesSent: number;
  flaps: number;
}

/** One configured peer. */
export interface Peer extends Scheduled {
  config: PeerConfig;
  key: string;
  readonly index: number;
  settings: FsmSettings;
  primary: Fsm;
  challenger: Fsm | undefined;
  adminDown: boolean;
  /** What the operator who shut it down said. */
  shutdownText: string;
  /** Why it is held back although nobody shut it down. */
  heldBack: string | undefined;
  /** An operator asked it to prefer other paths (RFC 8326). */
  draining: boolean;
  readonly edits: PolicyEdits;
  /** A session was up since this process started: forwarding state has been kept since (RFC 8538 section 4). */
  preserved: boolean;
  shown: SessionState;
  since: number;
  /** Of the session that is up. */
  session: Negotiated | undefined;
  /** How its UPDATEs are read; set with `session`. */
  context: UpdateContext;
  endOfRibReceived: Set<Family>;
  endOfRibSent: Set<Family>;
  /** Families between BoRR and EoRR (RFC 7313). */
  refreshing: Set<Family>;
  stale: StaleRoutes | undefined;
  /** Our connection attempt under way. */
  dial: number | undefined;
  queued: boolean;
  readonly counters: PeerCounters;
  lastErrorSent: { readonly at: number; readonly text: string } | undefined;
  lastErrorReceived: { readonly at: number; readonly text: string } | undefined;
  /** Why it cannot be reached, from the I/O layer. */
  diagnosis: string | undefined;
}

/** What the limits did since the start. */
export interface SpeakerCounters {
  prefixWarnings: number;
  maxPrefixExceeded: number;
  maxPrefixOutExceeded: number;
  memoryDrops: number;
  sendHoldExpired: number;
}

/** Everything a speaker knows; one record for all its functions. */
export interface SpeakerState {
  readonly options: SpeakerOptions;
  readonly rib: Rib;
  config: SpeakerConfig | undefined;
  /** Peers of `config` that are not taken yet; undefined: all are. */
  configuring: Configuring | undefined;
  /** Peers that were added and not started yet. */
  readonly unstarted: Set<Peer>;
  /** Endpoints last asked for. */
  listening: readonly Endpoint[] | undefined;
  readonly edits: PolicyEdits;
  /** What was reported lately of what others can cause at will. */
  readonly reportWindows: ReportWindows;
  stopped: boolean;
  readonly peers: Map<string, Peer>;
  readonly byIndex: Map<number, Peer>;
  /** Peers by remote address, for incoming connections. */
  readonly byRemote: Map<string, Peer[]>;
  readonly connections: Map<ConnectionId, Connection>;
  readonly unclaimed: Set<Connection>;
  /** Connections of peers that wait for the answer on our own. */
  readonly crossings: Map<Connection, Crossing>;
  readonly ranges: Ranges;
  /** What is remembered of peers from before a restart and not used yet, by name. */
  readonly recalled: Map<string, PeerMemory>;
  /** Work done that no RIB counts. */
  readonly counters: SpeakerCounters;
  /** Routes received by each peer when memory was last plentiful, by name; undefined: no limit is watched. */
  memoryBase: Map<string, number> | undefined;
  /** Share of the memory in use when it was last measured; 0: never. */
  memoryUsed: number;
  /** Share of the memory in use when a peer was last dropped for it, 0: none was. */
  droppedAt: number;
  readonly dials: Map<number, Peer>;
  nextDial: number;
  readonly deadlines: DeadlineQueue<Peer>;
  outputs: SpeakerOutput[];
  /** Peers that may have octets to take, oldest first. */
  readonly ready: Peer[];
  /** Connections with undecided UPDATEs. */
  readonly importing: Set<Connection>;
  undecided: number;
  /** What the RIB reported while it was running, carried out afterwards. */
  readonly reports: (() => void)[];
  /** Present while announcements of what was learned wait for the peers of a restarted speaker. */
  deferral: { readonly startedAt: number } | undefined;
  /** When a connection or a session last came up. */
  joinedAt: number;
  /** Peers of `ready` still to be served before the RIB encodes anything new. */
  round: number;
  /** Changes of best paths reported so far. */
  bestChanges: number;
  /** Something happened that may have left work; asking the RIB costs a walk over its peers. */
  mayHaveWork: boolean;
  /** Announcements were held back and may go once the deferral ends. */
  withheld: boolean;
  /** Monotonic ms of the input being handled. */
  readonly time: { now: number };
}

/** Adds an output of the input being handled. */
export function output(state: SpeakerState, item: SpeakerOutput): void {
  state.outputs.push(item);
}

/** Adds a fact for the log. */
export function report(state: SpeakerState, event: SpeakerEvent): void {
  state.outputs.push({ type: 'event', event });
}

const keys = new WeakMap<PeerConfig, string>();

/** Session identity: local address, remote address, configured remote port. Made once per object: most peers stay when some change. */
export function peerKey(config: PeerConfig): string {
  const known = keys.get(config);
  if (known !== undefined) return known;
  const key = keyOf(config);
  keys.set(config, key);
  return key;
}

function keyOf(config: PeerConfig): string {
  return `${config.local === undefined ? '*' : addressKey(config.local)}|${addressKey(config.remote.address)}|${config.remote.port}`;
}

/** The connection of the session that is up, if any. */
export function establishedConnection(state: SpeakerState, peer: Peer): Connection | undefined {
  const { primary } = peer;
  return primary.state === 'established' && primary.connection !== undefined ? state.connections.get(primary.connection) : undefined;
}

/** True for a session that is up. */
export function isUp(peer: Peer): boolean {
  return peer.primary.state === 'established';
}
