/** What the native engine cannot do for a peer, refused by name before anything is applied (style 18). */
import { formatAddress } from 'bgp-ts/net';
import type { DesiredPeer, EngineCapabilities } from '../desired/types.ts';
import type { Issue, ObjectRef } from '../resources/types.ts';

/** Optional abilities of this engine on Linux without kernel routes, for whoever computes the desired state. Elsewhere the speaker holds such a peer and says so. */
export const NATIVE_CAPABILITIES: EngineCapabilities = { password: true, ttlSecurity: true, reachableBy: false };

interface Limit {
  readonly code: string;
  readonly field: string;
  readonly rule: string;
  /** JSON text of the offending value; undefined where there is nothing to refuse. */
  readonly got: (peer: DesiredPeer, abilities: EngineCapabilities) => string | undefined;
}

/** Longest TCP MD5 key of the kernel, octets. */
const MD5_KEY_MAX = 80;

const HIDDEN = '[hidden]';

function octetsOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

const LIMITS: readonly Limit[] = [
  {
    code: 'PEER_PASSWORD_EMPTY',
    field: 'spec.password',
    rule: 'is empty, which is no MD5 key; the peer is not started',
    got: (peer) => (peer.password?.reveal() === '' ? HIDDEN : undefined),
  },
  {
    code: 'PEER_PASSWORD_TOO_LONG',
    field: 'spec.password',
    rule: `is longer than the ${MD5_KEY_MAX} octets of a TCP MD5 key; the peer is not started`,
    got: (peer) => (peer.password !== undefined && octetsOf(peer.password.reveal()) > MD5_KEY_MAX ? HIDDEN : undefined),
  },
  {
    code: 'PEER_REACHABLE_BY_UNSUPPORTED_BY_NATIVE',
    field: 'spec.reachableBy',
    rule: 'needs a route that only `--kernel on` writes; the peer is not started',
    got: (peer, { reachableBy }) =>
      reachableBy === true || peer.reachableBy === undefined ? undefined : JSON.stringify(formatAddress(peer.reachableBy)),
  },
];

/** The first option of the peer that this engine lacks, as an issue; undefined where it can do everything. */
export function unsupported(peer: DesiredPeer, abilities: EngineCapabilities = NATIVE_CAPABILITIES): Issue | undefined {
  for (const limit of LIMITS) {
    const got = limit.got(peer, abilities);
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
