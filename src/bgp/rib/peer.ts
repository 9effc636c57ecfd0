/** A peer as the RIB keeps it: configuration, session, and per family its rows, its import rules and its feed. */
import { addressOctets } from '../net/index.ts';
import { policyId } from '../policy/index.ts';
import type { Policy } from '../policy/types.ts';
import type { RouteChanges } from '../speaker-status.ts';
import type { PeerConfig } from '../speaker-types.ts';
import type { Family } from '../wire/index.ts';
import type { GroupRules } from './export-rules.ts';
import type { Feed } from './feed.ts';
import type { ImportClass } from './import.ts';
import { ALL_PATHS } from './limits.ts';
import type { SourceChain } from './path-table.ts';
import type { RibSession } from './types.ts';

/** One family of a peer. */
export interface PeerFamily {
  readonly family: Family;
  readonly chain: SourceChain;
  /** Session count modulo 16; rows of other generations are stale. */
  generation: number;
  /** Rows older than this generation are being removed; -1: none. */
  sweepBefore: number;
  reimport: boolean;
  /** Best paths from this peer must be exported again: its role changed. */
  retouch: boolean;
  /** Over its prefix limit: announcements are ignored until the session ends. */
  overLimit: boolean;
  /** It was warned of, and has not had fewer routes since. */
  warned: boolean;
  /** It announced a prefix for which the table had no room. */
  refused: boolean;
  feed: Feed | undefined;
  readonly changes: RouteChanges;
}

/** A configured peer; `session` is undefined while it is down. */
export interface PeerState {
  readonly index: number;
  config: PeerConfig;
  session: RibSession | undefined;
  imports: ImportClass;
  readonly families: { readonly [family in Family]: PeerFamily };
  /** In the list of peers with output. */
  ready: boolean;
  removed: boolean;
}

/** The families, in the order they are served. */
export const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

/** A family of a peer without routes. */
export function newPeerFamily(family: Family): PeerFamily {
  return {
    family,
    chain: { head: -1, received: 0, accepted: 0, jobAt: -1 },
    generation: 0,
    sweepBefore: -1,
    reimport: false,
    retouch: false,
    overLimit: false,
    warned: false,
    refused: false,
    feed: undefined,
    changes: {
      importRejected: 0,
      importFiltered: 0,
      importIgnored: 0,
      importAccepted: 0,
      withdrawIgnored: 0,
      withdrawAccepted: 0,
      exportAccepted: 0,
      exportWithdrawn: 0,
    },
  };
}

/** True while a job has rows of the peer to visit. */
export function hasJob(peer: PeerFamily): boolean {
  return peer.sweepBefore >= 0 || peer.reimport || peer.retouch;
}

/** Next hop octets where it is self: configured, or the connection's address where it is of the family. */
function selfOctets(config: PeerConfig, session: RibSession, family: Family): Uint8Array {
  const ip = family === 'ipv4-unicast' ? 'ipv4' : 'ipv6';
  const configured = config.nextHopSelf?.[ip];
  if (configured !== undefined) return addressOctets(configured);
  const usable = session.localAddress.family === ip || session.context.extendedNextHop.includes(family);
  return usable ? addressOctets(session.localAddress) : new Uint8Array(0);
}

/** CLUSTER_ID of a client that needs no reflection from the others like it, 0 for every other peer. */
export function meshedCluster(config: PeerConfig, routerId: number): number {
  return config.reflectorClient && config.clientToClientReflection === false ? (config.clusterId ?? routerId) : 0;
}

/** The group a session belongs to, as rules and as a key: equal keys share a group (bgp-speaker 2.4). */
export function groupRulesOf(config: PeerConfig, session: RibSession, family: Family, routerId: number): GroupRules {
  const kind = session.external ? 'external' : config.reflectorClient ? 'client' : 'internal';
  return {
    family,
    kind,
    clusterId: kind === 'external' ? 0 : (config.clusterId ?? routerId),
    meshed: kind === 'client' ? meshedCluster(config, routerId) : 0,
    localAs: kind === 'external' ? config.localAs : 0,
    dialect: kind === 'external' ? config.dialect : undefined,
    fourOctetAs: session.fourOctetAs,
    maxMessage: session.maxMessage,
    nextHop: config.nextHop,
    self: selfOctets(config, session, family),
    extendedNextHop: session.context.extendedNextHop.includes(family),
    addPath: session.addPathSend.includes(family) ? (config.addPathLimit ?? ALL_PATHS) : 0,
    diversePath: session.addPathSend.includes(family) ? 1 : (config.diversePath ?? 1),
    deferring: false,
  };
}

/** Key of the rules and a policy. */
export function groupKeyOf(rules: GroupRules, policy: Policy): string {
  return JSON.stringify([{ ...rules, self: [...rules.self] }, policyId(policy)]);
}
