/**
 * What Node cannot do with TCP sockets, through the addon of `netlink` where this platform has it. Everything above this file
 * works without it too; only peers that need one of these options do not.
 */

import type { Server, Socket } from 'node:net';
import type { TcpOptions } from 'netlink';
import { addon, readOptmemMax } from 'netlink';
import { CONNECT_TIMEOUT_MS } from '../session/index.ts';
import type { PeerConfig, PeerTemplate } from '../speaker-types.ts';

/** Class selector 6, internetwork control (RFC 4271 does not ask for it; every daemon sends it): queues drop it last. */
export const CONTROL_TRAFFIC = 0xc0;

let available: boolean | undefined;

/** True where the addon works: Linux on x64 or arm64. Asked once. */
export function hasNativeSockets(): boolean {
  if (available !== undefined) return available;
  try {
    addon();
    available = true;
  } catch {
    available = false;
  }
  return available;
}

/** Fields of a peer that need the addon, with the names that the JSON configuration gives them. */
const NATIVE_FIELDS = {
  md5Key: 'md5',
  ttlSecurity: 'ttlSecurity',
  typeOfService: 'typeOfService',
  userTimeout: 'userTimeout',
  device: 'device',
} as const;

/** Fields of a peer that this platform cannot serve, as the JSON configuration names them; none where the addon works. */
export function unavailableOptions(peer: PeerTemplate, native = hasNativeSockets()): readonly string[] {
  if (native) return [];
  return Object.entries(NATIVE_FIELDS).flatMap(([field, name]) => (field in peer ? [name] : []));
}

/** Octets of a peer's MD5 key; undefined where it has none. */
export function keyOctets(peer: PeerConfig): Uint8Array | undefined {
  return peer.md5Key === undefined ? undefined : new TextEncoder().encode(peer.md5Key.reveal());
}

/**
 * Options of a peer's own sockets. Until the peer is heard, what we sent may stay unacknowledged only as long as an attempt may take: a
 * reset or an end that the kernel drops for its signature or TTL would leave the connection half open (RFC 2385 section 4.1).
 */
export function socketOptions(peer: PeerConfig): TcpOptions {
  const key = keyOctets(peer);
  return {
    ...(peer.ttlSecurity === undefined ? {} : { ttlSecurity: peer.ttlSecurity }),
    typeOfService: peer.typeOfService ?? CONTROL_TRAFFIC,
    userTimeout: Math.min(CONNECT_TIMEOUT_MS, peer.userTimeout ?? CONNECT_TIMEOUT_MS),
    ...(peer.device === undefined ? {} : { device: peer.device }),
    ...(key === undefined ? {} : { md5: [{ address: peer.remote.address, key }] }),
  };
}

/** Descriptor of an open socket or listener; undefined where it is closed. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  // Node keeps it in a field without documentation, the same for many years.
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  const fd: unknown = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** Why the kernel refused a peer's options, in words. `keys`: how many MD5 keys the socket holds already. */
export function optionFault(error: unknown, peer: PeerConfig, keys: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOMEM':
      return `no room for the MD5 key: ${keys} keys fill net.core.optmem_max (${readOptmemMax() ?? 'unknown'} octets a socket); raise it`;
    case 'ENOPROTOOPT':
      return 'the kernel has no TCP MD5 signatures (CONFIG_TCP_MD5SIG)';
    case 'ENODEV':
      return `there is no interface ${peer.device ?? ''}`;
    case 'EINVAL':
      return 'the kernel takes no such MD5 key: it must have 1 to 80 octets';
    case 'EPERM':
      return `not permitted to bind to interface ${peer.device ?? ''}; that needs CAP_NET_RAW`;
    default:
      return `the kernel refuses the socket options: ${error instanceof Error ? error.message : String(error)}`;
  }
}
