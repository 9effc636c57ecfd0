/**
 * The configured peers as their sockets see them: which options a dial gets, and which an accepted connection must have before
 * its first octet is read. A peer whose options cannot be set is held: it is neither dialled nor accepted (contracts.md,
 * Behaviour decided: a session never comes up without its key).
 */
import type { Socket } from 'node:net';
import { applyTcpOptions } from 'netlink';
import { addressesEqual, addressKey, isUnspecified, PrefixTrie } from '../net/index.ts';
import type { Endpoint, PeerConfig, PeerRange } from '../speaker-types.ts';
import { descriptorOf, hasNativeSockets, optionFault, socketOptions, unavailableOptions } from './native.ts';
import type { Ends } from './open-socket.ts';

/** True where a listener takes connections for the peer. */
export function servedBy(listener: Endpoint['address'], peer: PeerConfig): boolean {
  if (listener.family !== peer.remote.address.family) return false;
  return peer.local === undefined || isUnspecified(listener) || addressesEqual(listener, peer.local);
}

function differ(before: PeerConfig | undefined, after: PeerConfig): boolean {
  return (
    before?.md5Key?.reveal() !== after.md5Key?.reveal() || before?.ttlSecurity !== after.ttlSecurity || before?.device !== after.device
  );
}

/** A range as its sockets see it: a peer at its first address, which is that of its MD5 key. */
export interface RangeSockets {
  readonly prefixLength: number;
  readonly peer: PeerConfig;
}

function rangeSockets({ id, prefix, template }: PeerRange): RangeSockets {
  const { family, words, length } = prefix;
  const remote = { address: { family, words }, port: 179 };
  return { prefixLength: length, peer: { ...template, id, remote, remoteAs: 0, passive: true, range: id } };
}

/** The peers of a speaker by name and by remote address. */
export class PeerSockets {
  #peers: readonly PeerConfig[] = [];
  readonly #byId = new Map<string, PeerConfig>();
  readonly #byRemote = new Map<string, PeerConfig[]>();
  #ranges: readonly RangeSockets[] = [];
  readonly #byPrefix = new PrefixTrie<RangeSockets>();
  /** Why peers are held, by name; listeners write here as well. */
  readonly faults = new Map<string, string>();

  /** Replaces the peers and names those whose socket options are others now. Faults are those of the platform until listeners add theirs. */
  configure(peers: readonly PeerConfig[], ranges: readonly PeerRange[] = []): readonly string[] {
    this.#ranges = ranges.map(rangeSockets);
    this.#byPrefix.clear();
    for (const [index, { prefix }] of ranges.entries()) {
      const range = this.#ranges[index];
      if (range !== undefined) this.#byPrefix.set(prefix, range);
    }
    const changed = peers.filter((peer) => differ(this.#byId.get(peer.id), peer));
    this.#peers = peers;
    this.#byId.clear();
    this.#byRemote.clear();
    for (const peer of peers) {
      this.#byId.set(peer.id, peer);
      const key = addressKey(peer.remote.address);
      const list = this.#byRemote.get(key);
      if (list === undefined) this.#byRemote.set(key, [peer]);
      else list.push(peer);
    }
    this.clearFaults();
    return changed.map(({ id }) => id);
  }

  /** Forgets the faults of sockets, to try again; those of the platform stay. */
  clearFaults(): void {
    this.faults.clear();
    for (const peer of [...this.#peers, ...this.#ranges.map((range) => range.peer)]) {
      const missing = unavailableOptions(peer);
      if (missing.length > 0)
        this.faults.set(peer.id, `${missing.join(', ')}: not available on this platform (Linux on x64 or arm64 has it)`);
    }
  }

  /** Named peers. */
  all(): readonly PeerConfig[] {
    return this.#peers;
  }

  ranges(): readonly RangeSockets[] {
    return this.#ranges;
  }

  get(id: string): PeerConfig | undefined {
    return this.#byId.get(id);
  }

  /** Peers that a connection between these addresses may belong to: those that name the local address before those that take any, and a range where nobody is named. */
  at(local: Endpoint['address'], remote: Endpoint['address']): readonly PeerConfig[] {
    const peers = this.#byRemote.get(addressKey(remote)) ?? [];
    const exact = peers.filter((peer) => peer.local !== undefined && addressesEqual(peer.local, local));
    const found = exact.length > 0 ? exact : peers.filter((peer) => peer.local === undefined);
    if (found.length > 0) return found;
    const range = this.#byPrefix.longestMatch(remote)?.value.peer;
    return range === undefined ? [] : [{ ...range, remote: { address: remote, port: range.remote.port } }];
  }

  /**
   * Gives an accepted connection the options of its peer before anything of it is read; the names of the peers it may belong to,
   * or undefined where it must be closed. What came in before this call was checked by the listener, which holds every key, but the lowest
   * TTL only where all its peers have one: setting both again here makes every further segment pass them.
   */
  secure(socket: Socket, { local, remote }: Ends): readonly string[] | undefined {
    const peers = this.at(local.address, remote.address);
    if (peers.some(({ id }) => this.faults.has(id))) return undefined;
    const fd = descriptorOf(socket);
    for (const peer of hasNativeSockets() ? peers : []) {
      if (fd === undefined) return undefined;
      try {
        // The listener sends 255 where one of its peers wants that; the others get the kernel's default back.
        applyTcpOptions(fd, local.address.family, { ...(peer.ttlSecurity === undefined ? { ttl: -1 } : {}), ...socketOptions(peer) });
      } catch (error) {
        this.faults.set(peer.id, optionFault(error, peer, 0));
        return undefined;
      }
    }
    return peers.map(({ id }) => id);
  }
  /** The peer was heard: from now on the configured user timeout counts, or none, since a peer that reads slowly is not dead. */
  heard(socket: Socket, { local, remote }: Ends): void {
    const fd = hasNativeSockets() ? descriptorOf(socket) : undefined;
    if (fd === undefined) return;
    applyTcpOptions(fd, local.address.family, { userTimeout: this.at(local.address, remote.address)[0]?.userTimeout ?? 0 });
  }
}
