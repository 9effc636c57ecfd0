/** What a change of each field of a peer's configuration costs (bgp-speaker 4.9). The record is complete by its type. */
import { samePolicy } from '../policy/index.ts';
import type { PeerConfig } from '../speaker-types.ts';
import { equal } from './equal.ts';

/**
 * identity: another session. bounce: this peer's session, Cease/6 (RFC 4486). socket: another TCP connection, without a word where
 * graceful restart keeps the routes meanwhile (bgp-speaker 4.8), else as bounce. policy: the RIB evaluates again, the session stays.
 * timers: the next use of the timer, the next connection; keepalives at once. none: names and texts.
 */
export type ChangeClass = 'none' | 'timers' | 'policy' | 'socket' | 'bounce' | 'identity';

/** The class of each field. */
export const PEER_FIELD_CLASSES: { readonly [field in keyof Required<PeerConfig>]: ChangeClass } = {
  id: 'policy',
  remote: 'identity',
  local: 'identity',
  remoteAs: 'bounce',
  localAs: 'bounce',
  families: 'bounce',
  passive: 'timers',
  holdTime: 'bounce',
  keepaliveTime: 'timers',
  sendHoldTime: 'timers',
  connectRetryTime: 'timers',
  connectDelay: 'timers',
  delayOpenTime: 'timers',
  reflectorClient: 'policy',
  clusterId: 'policy',
  clientToClientReflection: 'policy',
  nextHop: 'policy',
  nextHopSelf: 'policy',
  importPolicy: 'policy',
  exportPolicy: 'policy',
  allowLocalAs: 'policy',
  dialect: 'bounce',
  addPath: 'bounce',
  addPathLimit: 'policy',
  diversePath: 'policy',
  gracefulRestart: 'bounce',
  longLivedPartialDeployment: 'policy',
  enforceFirstAs: 'policy',
  extendedNextHop: 'bounce',
  maxPrefix: 'policy',
  maxPrefixWarning: 'policy',
  maxPrefixAction: 'policy',
  maxPrefixRestartTime: 'timers',
  maxPrefixOut: 'timers',
  gracefulShutdown: 'policy',
  honourGracefulShutdown: 'policy',
  md5Key: 'socket',
  ttlSecurity: 'socket',
  typeOfService: 'timers',
  userTimeout: 'timers',
  device: 'socket',
  range: 'none',
  reasons: 'none',
};

const ORDER: readonly ChangeClass[] = ['none', 'timers', 'policy', 'socket', 'bounce', 'identity'];

/** The fields in which two configurations of a peer differ. */
export function changedFields(before: PeerConfig, after: PeerConfig): (keyof PeerConfig)[] {
  if (before === after) return [];
  return FIELDS.filter((field) => !isSame(field, before, after));
}

/** Policies are large and shared by many peers: each pair of them would be compared for every peer. */
function isSame(field: keyof PeerConfig, before: PeerConfig, after: PeerConfig): boolean {
  if (field === 'importPolicy' || field === 'exportPolicy') return samePolicy(before[field], after[field]);
  return equal(before[field], after[field]);
}

/** The dearest class among fields; undefined where nothing changed. */
export function classOf(fields: readonly (keyof PeerConfig)[]): ChangeClass | undefined {
  if (fields.length === 0) return undefined;
  return ORDER[Math.max(...fields.map((field) => ORDER.indexOf(PEER_FIELD_CLASSES[field])))];
}

const NAMES: { readonly [field in keyof Required<PeerConfig>]: field } = {
  id: 'id',
  remote: 'remote',
  local: 'local',
  remoteAs: 'remoteAs',
  localAs: 'localAs',
  families: 'families',
  passive: 'passive',
  holdTime: 'holdTime',
  keepaliveTime: 'keepaliveTime',
  sendHoldTime: 'sendHoldTime',
  connectRetryTime: 'connectRetryTime',
  connectDelay: 'connectDelay',
  delayOpenTime: 'delayOpenTime',
  reflectorClient: 'reflectorClient',
  clusterId: 'clusterId',
  clientToClientReflection: 'clientToClientReflection',
  nextHop: 'nextHop',
  nextHopSelf: 'nextHopSelf',
  importPolicy: 'importPolicy',
  exportPolicy: 'exportPolicy',
  allowLocalAs: 'allowLocalAs',
  dialect: 'dialect',
  addPath: 'addPath',
  addPathLimit: 'addPathLimit',
  diversePath: 'diversePath',
  gracefulRestart: 'gracefulRestart',
  longLivedPartialDeployment: 'longLivedPartialDeployment',
  enforceFirstAs: 'enforceFirstAs',
  extendedNextHop: 'extendedNextHop',
  maxPrefix: 'maxPrefix',
  maxPrefixWarning: 'maxPrefixWarning',
  maxPrefixAction: 'maxPrefixAction',
  maxPrefixRestartTime: 'maxPrefixRestartTime',
  maxPrefixOut: 'maxPrefixOut',
  gracefulShutdown: 'gracefulShutdown',
  honourGracefulShutdown: 'honourGracefulShutdown',
  md5Key: 'md5Key',
  ttlSecurity: 'ttlSecurity',
  typeOfService: 'typeOfService',
  userTimeout: 'userTimeout',
  device: 'device',
  range: 'range',
  reasons: 'reasons',
};

const FIELDS: readonly (keyof PeerConfig)[] = Object.values(NAMES);
