/**
 * Rendered peers by session, with what follows from them: the routes to peers that are not on a shared network, and which
 * filters are in use. An entry that comes out equal stays the same object.
 */
import { formatPrefix, hostPrefix } from 'bgp-ts/net';
import { sameData } from './compare.ts';
import { NameIndex, SortedTable } from './tables.ts';
import type { DesiredPeer, InstalledRoute } from './types.ts';

/** Peers by id and session. */
export class PeerOutput {
  readonly #peers = new SortedTable<DesiredPeer>(samePeer);
  readonly #idOf = new Map<string, string>();
  readonly #installed: SortedTable<InstalledRoute>;
  readonly #routed = new NameIndex();
  readonly #filterUse = new NameIndex();
  readonly #filtersTouched = new Set<string>();

  constructor(installed: SortedTable<InstalledRoute>) {
    this.#installed = installed;
  }

  list(): readonly DesiredPeer[] {
    return this.#peers.list();
  }

  values(): Iterable<DesiredPeer> {
    return this.#peers.values();
  }

  /** Sets or removes the peers of sessions. Ids are freed first: a mesh id may move to another port, which is another session. */
  put(peers: ReadonlyMap<string, DesiredPeer | undefined>): void {
    for (const [key, peer] of peers) if (this.#idOf.get(key) !== peer?.id) this.#replace(key, undefined);
    for (const [key, peer] of peers) if (peer !== undefined) this.#replace(key, peer);
  }

  #replace(key: string, peer: DesiredPeer | undefined): void {
    const id = this.#idOf.get(key);
    const before = id === undefined ? undefined : this.#peers.get(id);
    if (before !== undefined && peer !== undefined && samePeer(before, peer)) return;
    if (before !== undefined && peer === undefined) this.#peers.delete(before.id);
    if (peer === undefined) this.#idOf.delete(key);
    else {
      this.#idOf.set(key, peer.id);
      this.#peers.set(peer);
    }
    this.#countFilters(before, peer);
    this.#route(before, peer);
  }

  /** Exchanges a peer for one that differs in its policies only. */
  swap(peer: DesiredPeer): void {
    this.#peers.set(peer);
  }

  usesFilter(name: string): boolean {
    return this.#filterUse.has(name);
  }

  /** Filters whose use may have changed since the last call. */
  takeFiltersTouched(): readonly string[] {
    const names = [...this.#filtersTouched];
    this.#filtersTouched.clear();
    return names;
  }

  #countFilters(before: DesiredPeer | undefined, after: DesiredPeer | undefined): void {
    for (const name of before?.filters ?? []) {
      this.#filterUse.remove(name, before?.id ?? '');
      this.#filtersTouched.add(name);
    }
    for (const name of after?.filters ?? []) {
      this.#filterUse.add(name, after?.id ?? '');
      this.#filtersTouched.add(name);
    }
  }

  /** A host route by `reachableBy`; of several peers at one address the lowest id decides (control-plane 6). */
  #route(before: DesiredPeer | undefined, after: DesiredPeer | undefined): void {
    const targets = new Map(
      [before, after].flatMap((peer) =>
        peer?.reachableBy === undefined ? [] : [[formatPrefix(hostPrefix(peer.address)), hostPrefix(peer.address)]],
      ),
    );
    if (before?.reachableBy !== undefined) this.#routed.remove(formatPrefix(hostPrefix(before.address)), before.id);
    if (after?.reachableBy !== undefined) this.#routed.add(formatPrefix(hostPrefix(after.address)), after.id);
    for (const [id, prefix] of targets) {
      const first = [...this.#routed.get(id)].sort()[0];
      const peer = first === undefined ? undefined : this.#peers.get(first);
      if (peer?.reachableBy === undefined) this.#installed.delete(id);
      else {
        const object = peer.reasons[0]?.object ?? 'linnet';
        const route: InstalledRoute = {
          id,
          prefix,
          kind: 'via',
          gateway: peer.reachableBy,
          reasons: [{ object, rule: 'control-plane 6 (reachableBy)' }],
        };
        this.#installed.set(route);
      }
    }
  }
}

/** Equal in everything that a driver acts on; a password by its text, since a Secret may change elsewhere. */
function samePeer(a: DesiredPeer, b: DesiredPeer): boolean {
  if (a.password?.reveal() !== b.password?.reveal()) return false;
  // Policies with equal terms are one object already: comparing them by reference keeps this cheap.
  if (a.importPolicy !== b.importPolicy || a.exportPolicy !== b.exportPolicy) return false;
  const { password: before, ...restA } = a;
  const { password: after, ...restB } = b;
  return (before === undefined) === (after === undefined) && sameData(restA, restB);
}
