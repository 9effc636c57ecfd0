/**
 * `show status` and `show protocols [all]` from the snapshots, in the words and columns of BIRD 1.6.8 (recorded:
 * test/health/birdctl/bird16.json). Of own routes only the table is known, so that each is a change that was accepted. Pure.
 */
import type { HeldPeerView, LocalCounts, PeerFamilyView, PeerView, RouteChangesView } from '../status.ts';
import type { Command, SocketFamily } from './command.ts';
import { CODE, Reply, SPOKEN_VERSION } from './reply.ts';
import { fullTime, shortTime } from './times.ts';

/** What the commands read. Times are wall-clock ms. */
export interface Snapshot {
  readonly now: number;
  readonly routerId: string;
  readonly startedAt: number;
  readonly lastAppliedAt: number;
  /** The speaker has the first complete snapshot of the datastore. */
  readonly configured: boolean;
  readonly peers: readonly PeerView[];
  /** Wanted and not started. */
  readonly held: readonly HeldPeerView[];
  /** Own routes by origin; undefined where the speaker does not say. */
  readonly locals: LocalCounts | undefined;
}

/** Of routes of sessions: own routes of a higher preference are best wherever they are, of a lower one only where no peer has the prefix. */
const BGP_PREFERENCE = 100;

/** BIRD's protocols that are no sessions, named as calico-node's configuration leaves them. */
export const OWN_PROTOCOLS = [
  { name: 'static1', proto: 'Static', preference: 200, origin: 'static' },
  { name: 'kernel1', proto: 'Kernel', preference: 10, origin: 'kernel' },
  { name: 'device1', proto: 'Device', preference: 240, origin: undefined },
  { name: 'direct1', proto: 'Direct', preference: 240, origin: 'device' },
] as const;

/** Name of a protocol as BIRD can write it: letters, digits and underscores. */
export function protocolName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_]/g, '_');
}

/** Answer to `show status`. */
export function statusReply(snapshot: Snapshot): string {
  const { now, routerId, startedAt, lastAppliedAt, configured } = snapshot;
  const reply = new Reply();
  return [
    reply.line(1000, SPOKEN_VERSION),
    reply.line(
      1011,
      `Router ID is ${routerId === '' ? '0.0.0.0' : routerId}`,
      `Current server time is ${fullTime(now)}`,
      `Last reboot on ${fullTime(startedAt)}`,
      `Last reconfiguration on ${fullTime(lastAppliedAt === 0 ? startedAt : lastAppliedAt)}`,
    ),
    // Probes take this line for "not ready" (control-plane 8.2): the sessions are not those of the cluster yet.
    configured ? '' : reply.line(24, 'Graceful restart recovery in progress'),
    reply.end(CODE.up, configured ? 'Daemon is up and running' : 'Reconfiguration in progress'),
  ].join('');
}

/** Answer to `show protocols`. */
export function protocolsReply(snapshot: Snapshot, family: SocketFamily, command: Extract<Command, { kind: 'protocols' }>): string {
  const entries = entriesOf(snapshot, family);
  const { name } = command;
  const matches = matcherOf(command);
  const shown = entries.filter((entry) => matches(entry.name));
  const reply = new Reply();
  if (name !== undefined && shown.length === 0)
    return command.pattern ? reply.end(CODE.noMatch, 'No protocols match') : reply.end(CODE.noProtocol, `${name} is not a protocol`);
  const lines = [reply.line(2002, 'name     proto    table    state  since       info')];
  for (const entry of shown) {
    lines.push(reply.line(1002, rowOf(entry, snapshot)));
    if (command.all) lines.push(reply.line(1006, ...entry.details(), ''));
  }
  lines.push(reply.end(CODE.ok));
  return lines.join('');
}

function matcherOf({ name, pattern }: Extract<Command, { kind: 'protocols' }>): (candidate: string) => boolean {
  if (name === undefined) return () => true;
  if (!pattern) return (candidate) => candidate === name;
  const source = name
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return (candidate) => expression.test(candidate);
}

/** A protocol as the table shows it. */
interface Entry {
  readonly name: string;
  readonly proto: string;
  readonly state: 'up' | 'start' | 'down';
  readonly since: number;
  readonly info: string;
  readonly details: () => string[];
}

function rowOf({ name, proto, state, since, info }: Entry, { now }: Snapshot): string {
  return `${name.padEnd(8)} ${proto.padEnd(8)} master   ${state.padEnd(6)} ${shortTime(since, now).padEnd(10)}  ${info}`;
}

function entriesOf(snapshot: Snapshot, family: SocketFamily): Entry[] {
  const isOurs = (address: string): boolean => address.includes(':') === (family === 'ipv6');
  const { startedAt, locals } = snapshot;
  const own = OWN_PROTOCOLS.map(({ name, proto, preference, origin }): Entry => {
    const imported = origin === undefined || locals === undefined ? 0 : locals[family][origin];
    const details = (): string[] =>
      detailsOf({
        preference,
        routes: routesText(imported, 0, 0, preference < BGP_PREFERENCE ? undefined : imported),
        changes: { ...NO_CHANGES, importAccepted: imported },
      });
    return { name, proto, state: 'up', since: startedAt, info: '', details };
  });
  const peers = snapshot.peers.filter((peer) => isOurs(peer.remote.address)).map((peer) => peerEntry(peer, family));
  const held = snapshot.held
    .filter((peer) => isOurs(peer.address))
    .map(({ id, address, issue }): Entry => {
      const details = (): string[] => [
        ...detailsOf({ preference: BGP_PREFERENCE, routes: routesText(0, 0, 0, 0), changes: NO_CHANGES, description: DESCRIPTION }),
        '  BGP state:          Down',
        `    Neighbor address: ${address}`,
        `    Last error:       ${issue}`,
      ];
      return { name: protocolName(id), proto: 'BGP', state: 'down', since: startedAt, info: info('Down', `Error: ${issue}`), details };
    });
  return [...own, ...peers, ...held].sort((a, b) => rank(a) - rank(b));
}

/** Sessions after the protocols that are always there, in the order they came. */
const rank = (entry: Entry): number => (entry.proto === 'BGP' ? 1 : 0);

const DESCRIPTION = 'Connection to BGP peer';
const NO_CHANGES: RouteChangesView = {
  importRejected: 0,
  importFiltered: 0,
  importIgnored: 0,
  importAccepted: 0,
  withdrawIgnored: 0,
  withdrawAccepted: 0,
  exportAccepted: 0,
  exportWithdrawn: 0,
  exportRejected: 0,
  exportFiltered: 0,
};

/** `preferred` undefined: not known. */
function routesText(imported: number, filtered: number, exported: number, preferred: number | undefined): string {
  const best = preferred === undefined ? '' : `, ${preferred} preferred`;
  return `${imported} imported, ${filtered > 0 ? `${filtered} filtered, ` : ''}${exported} exported${best}`;
}

/** A row of the statistics: received, rejected, filtered, ignored, accepted. What does not apply to a kind of change is undefined. */
function changesRow(name: string, columns: readonly (number | undefined)[]): string {
  const [received = '---', ...rest] = columns.map((column) => column ?? '---');
  return `    ${name.padEnd(17)}${String(received).padStart(13)}${rest.map((column) => String(column).padStart(11)).join('')}`;
}

/** Whatever was received was one of the others, so their sum is what was received. */
function changesRows(c: RouteChangesView): string[] {
  const announced = [c.importRejected, c.importFiltered, c.importIgnored, c.importAccepted];
  const told = [c.exportRejected, c.exportFiltered, c.exportAccepted];
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return [
    changesRow('Import updates:', [sum(announced), ...announced]),
    changesRow('Import withdraws:', [c.withdrawIgnored + c.withdrawAccepted, 0, undefined, c.withdrawIgnored, c.withdrawAccepted]),
    changesRow('Export updates:', [sum(told), c.exportRejected, c.exportFiltered, undefined, c.exportAccepted]),
    changesRow('Export withdraws:', [c.exportWithdrawn, undefined, undefined, undefined, c.exportWithdrawn]),
  ];
}

/** What every protocol says of itself; a session also has a description. */
interface Details {
  readonly preference: number;
  readonly routes: string;
  readonly changes: RouteChangesView;
  readonly description?: string;
}

function detailsOf({ preference, routes, changes, description }: Details): string[] {
  return [
    ...(description === undefined ? [] : [`  Description:    ${description}`]),
    `  Preference:     ${preference}`,
    `  Input filter:   ${description === undefined ? 'ACCEPT' : '(unnamed)'}`,
    `  Output filter:  ${description === undefined ? 'REJECT' : '(unnamed)'}`,
    `  Routes:         ${routes}`,
    '  Route change stats:     received   rejected   filtered    ignored   accepted',
    ...changesRows(changes),
  ];
}

const STATES = {
  idle: 'Idle',
  connect: 'Connect',
  active: 'Active',
  'open-sent': 'OpenSent',
  'open-confirm': 'OpenConfirm',
  established: 'Established',
} as const;

const info = (state: string, because: string): string => `${state.padEnd(14)}${because}`;

function stateOf(peer: PeerView): string {
  if (peer.adminDown) return 'Down';
  return peer.passive && peer.state === 'active' ? 'Passive' : STATES[peer.state];
}

/** Why a session is not up, in BIRD's classes: what the peer said, what we said, what the sockets say. */
function lastError(peer: PeerView): string {
  if (peer.adminDown) return 'Administratively down';
  const { lastErrorReceived: received, lastErrorSent: sent, diagnosis } = peer;
  if (diagnosis !== null) return `Socket: ${diagnosis}`;
  if (received !== null && received.at >= (sent?.at ?? 0)) return `Received: ${received.text}`;
  return sent === null ? '' : `BGP Error: ${sent.text}`;
}

function peerEntry(peer: PeerView, family: SocketFamily): Entry {
  const established = peer.state === 'established';
  const up = established ? 'up' : 'start';
  return {
    name: protocolName(peer.id),
    proto: 'BGP',
    state: peer.adminDown ? 'down' : up,
    since: peer.since,
    info: info(stateOf(peer), established ? '' : oneLine(lastError(peer))),
    details: () => peerDetails(peer, family),
  };
}

/** A peer's text (RFC 9003) may hold anything; a reply is read by lines. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

const NOTHING_CARRIED: Pick<PeerFamilyView, 'received' | 'accepted' | 'advertised' | 'preferred' | 'changes'> = {
  received: 0,
  accepted: 0,
  advertised: 0,
  preferred: 0,
  changes: NO_CHANGES,
};

function peerDetails(peer: PeerView, family: SocketFamily): string[] {
  const carried = peer.families.find((one) => one.family === `${family}-unicast`) ?? NOTHING_CARRIED;
  const { received, accepted, advertised, preferred, changes } = carried;
  const routes = routesText(accepted, received - accepted, advertised, preferred);
  const because = peer.state === 'established' ? '' : oneLine(lastError(peer));
  return [
    ...detailsOf({ preference: BGP_PREFERENCE, routes, changes, description: DESCRIPTION }),
    `  BGP state:          ${stateOf(peer)}`,
    `    Neighbor address: ${peer.remote.address}`,
    `    Neighbor AS:      ${peer.remoteAs}`,
    ...(peer.state === 'established' ? sessionDetails(peer) : []),
    ...(because === '' ? [] : [`    Last error:       ${because}`]),
  ];
}

/** BIRD's words for what was agreed, by the RFC that our names carry. */
const CAPABILITIES: readonly (readonly [string, string])[] = [
  ['RFC 2918', 'refresh'],
  ['RFC 7313', 'enhanced-refresh'],
  ['RFC 8654', 'ext-messages'],
  ['RFC 4724', 'restart-able'],
  ['RFC 9494', 'llgr-aware'],
  ['RFC 6793', 'AS4'],
  ['receive (RFC 7911', 'add-path-rx'],
  ['send (RFC 7911', 'add-path-tx'],
];

function sessionDetails(peer: PeerView): string[] {
  const agreed = CAPABILITIES.filter(([name]) => peer.capabilities.some((text) => text.includes(name))).map(([, word]) => word);
  const session = agreed.filter((word) => word === 'AS4' || word.startsWith('add-path'));
  const role = [peer.type === 'ibgp' ? 'internal' : 'external', 'multihop', ...(peer.reflectorClient ? ['route-reflector'] : [])];
  return [
    `    Neighbor ID:      ${peer.remoteId ?? '0.0.0.0'}`,
    `    Neighbor caps:    ${agreed.join(' ')}`,
    `    Session:          ${[...role, ...session].join(' ')}`,
    ...(peer.local === null ? [] : [`    Source address:   ${peer.local.address}`]),
    `    Hold timer:       -/${peer.holdTime}`,
    `    Keepalive timer:  -/${Math.floor(peer.keepaliveTime)}`,
  ];
}
