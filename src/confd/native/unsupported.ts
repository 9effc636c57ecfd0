/** What the native engine cannot do for a peer, refused by name before anything is applied (style 18). */
import { formatAddress } from 'bgp-ts/net';
import type { DesiredPeer, EngineCapabilities } from '../desired/types.ts';
import type { Issue, ObjectRef } from '../resources/types.ts';

/** Optional abilities of this engine, for whoever computes the desired state: none of them yet. */
export const NATIVE_CAPABILITIES: EngineCapabilities = { password: false, ttlSecurity: false, reachableBy: false };

interface Limit {
  readonly code: string;
  readonly field: string;
  readonly rule: string;
  /** JSON text of the offending value; undefined where the peer does not need the option. */
  readonly got: (peer: DesiredPeer) => string | undefined;
}

const NOT_STARTED = 'is not supported by the native engine of this version; the peer is not started';

const LIMITS: readonly Limit[] = [
  {
    code: 'PEER_PASSWORD_UNSUPPORTED_BY_NATIVE',
    field: 'spec.password',
    rule: NOT_STARTED,
    got: (peer) => (peer.password === undefined ? undefined : '[hidden]'),
  },
  {
    code: 'PEER_TTL_SECURITY_UNSUPPORTED_BY_NATIVE',
    field: 'spec.ttlSecurity',
    rule: NOT_STARTED,
    got: (peer) => (peer.ttlSecurity === 0 ? undefined : String(peer.ttlSecurity)),
  },
  {
    code: 'PEER_REACHABLE_BY_UNSUPPORTED_BY_NATIVE',
    field: 'spec.reachableBy',
    rule: NOT_STARTED,
    got: (peer) => (peer.reachableBy === undefined ? undefined : JSON.stringify(formatAddress(peer.reachableBy))),
  },
];

/** The first option of the peer that this engine lacks, as an issue; undefined where it can do everything. */
export function unsupported(peer: DesiredPeer): Issue | undefined {
  for (const limit of LIMITS) {
    const got = limit.got(peer);
    if (got !== undefined) {
      return {
        code: limit.code,
        severity: 'error',
        object: firstObject(peer),
        field: limit.field,
        got,
        rule: limit.rule,
        source: null,
        transient: false,
      };
    }
  }
  return undefined;
}

/** The resource a peer comes from: its first reason that names one (`Kind/[namespace/]name`). */
function firstObject(peer: DesiredPeer): ObjectRef {
  const named = peer.reasons.find((reason) => reason.object.includes('/'));
  const [kind = '', ...rest] = named?.object.split('/') ?? ['BGPPeer', peer.id];
  const name = rest.at(-1) ?? '';
  return { apiVersion: 'projectcalico.org/v3', kind, namespace: rest.length > 1 ? (rest[0] ?? '') : '', name };
}
