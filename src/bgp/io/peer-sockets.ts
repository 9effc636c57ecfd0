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

function sameAddress(one: Endpoint['address'] | undefined, other: Endpoint['address'] | undefined): boolean {
  return one === undefined || other === undefined ? one === other : addressesEqual(one, other);
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

/** A named peer and where it stands. */
interface Named {
  peer: PeerConfig;
  /** Place in the configuration. */
  place: number;
  /** Key of the remote address. */
  key: string;
  /** The configuration that named it last. */
  round: number;
}

/** The peers of a speaker by name and by remote address. */
export class PeerSockets {
  #peers: readonly PeerConfig[] = [];
  #round = 0;
  readonly #byId = new Map<string, Named>();
  readonly #byRemote = new Map<string, Named[]>();
  /** Remote addresses of several peers. */
  readonly #shared = new Set<string>();
  #ranges: readonly RangeSockets[] = [];
  readonly #byPrefix = new PrefixTrie<RangeSockets>();
  /** Why peers are held, by name; listeners write here as well. */
  readonly faults = new Map<string, string>();

  /**
   * Replaces the peers and names those whose socket options are others now; the work is that of what differs. Faults are those of the platform until
   * listeners add theirs.
   */
  configure(peers: readonly PeerConfig[], ranges: readonly PeerRange[] = []): readonly string[] {
    this.#setRanges(ranges);
    const changed: string[] = [];
    this.#peers = peers;
    this.#round++;
    for (const [place, peer] of peers.entries()) if (this.#put(peer, place)) changed.push(peer.id);
    if (this.#byId.size > peers.length) for (const named of this.#byId.values()) if (named.round !== this.#round) this.#remove(named);
    for (const key of this.#shared) this.#byRemote.get(key)?.sort((a, b) => a.place - b.place);
    this.clearFaults();
    return changed;
  }

  #setRanges(ranges: readonly PeerRange[]): void {
    this.#ranges = ranges.map(rangeSockets);
    this.#byPrefix.clear();
    for (const [index, { prefix }] of ranges.entries()) {
      const range = this.#ranges[index];
      if (range !== undefined) this.#byPrefix.set(prefix, range);
    }
  }

  /** True where its socket options are others than before. */
  #put(peer: PeerConfig, place: number): boolean {
    const named = this.#byId.get(peer.id);
    const before = named?.peer;
    if (named === undefined || before === undefined || !addressesEqual(before.remote.address, peer.remote.address)) {
      if (named !== undefined) this.#remove(named);
      this.#add({ peer, place, key: addressKey(peer.remote.address), round: this.#round });
    } else {
      named.peer = peer;
      named.place = place;
      named.round = this.#round;
    }
    return before !== peer && differ(before, peer);
  }

  #add(named: Named): void {
    this.#byId.set(named.peer.id, named);
    const list = this.#byRemote.get(named.key);
    if (list === undefined) this.#byRemote.set(named.key, [named]);
    else {
      list.push(named);
      this.#shared.add(named.key);
    }
  }

  #remove(named: Named): void {
    this.#byId.delete(named.peer.id);
    const list = this.#byRemote.get(named.key) ?? [];
    list.splice(list.indexOf(named), 1);
    if (list.length === 0) this.#byRemote.delete(named.key);
    if (list.length < 2) this.#shared.delete(named.key);
  }

  /** Forgets the faults of sockets, to try again; those of the platform stay. */
  clearFaults(): void {
    this.faults.clear();
    if (hasNativeSockets()) return;
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

  /**
   * The peer of a dial: that of the name, or where the speaker still goes by the names of a configuration before, the one that is dialed. Never
   * one of another address: the key of that one is none for this.
   */
  dialed(id: string, { address, port }: Endpoint, local: Endpoint['address'] | undefined): PeerConfig | undefined {
    const named = this.#byId.get(id)?.peer;
    if (named !== undefined && addressesEqual(named.remote.address, address)) return named;
    return this.#byRemote.get(addressKey(address))?.find(({ peer }) => peer.remote.port === port && sameAddress(peer.local, local))?.peer;
  }

  /** Peers that a connection between these addresses may belong to: those that name the local address before those that take any, and a range where nobody is named. */
  at(local: Endpoint['address'], remote: Endpoint['address']): readonly PeerConfig[] {
    const peers = (this.#byRemote.get(addressKey(remote)) ?? []).map(({ peer }) => peer);
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
