/** Random worlds for the fan-out invariant: one RIB and one naive model fed with the same events. */

import { addressFromNumber, type Prefix } from 'bgp-ts/net';
import {
  decodeUpdate,
  encodeAttributes,
  encodeUpdate,
  type Family,
  nextHopOctets,
  type PathAttributes,
  scanUpdate,
  type UpdateContext,
} from 'bgp-ts/wire';
import type { Rib } from '../../../src/bgp/rib/index.ts';
import { createState, ribOf } from '../../../src/bgp/rib/rib.ts';
import type { LocalRoute, PeerConfig } from '../../../src/bgp/speaker-types.ts';
import {
  allKeys,
  allTold,
  bestOf,
  type Candidate,
  candidatesOf,
  keyOf,
  LOCAL_AS,
  type Model,
  type ModelPeer,
  oneTold,
  ROUTER_ID,
  routeKey,
} from './model.ts';
import { COMMUNITY, POLICIES, PREFIXES, type Random } from './world-policies.ts';

const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

interface Wire {
  readonly context: UpdateContext;
  /** By prefix and path identifier. */
  readonly view: Map<string, Map<number, string>>;
}

/** How large a world is, and how much of a log its peers may fall behind. */
export interface WorldOptions {
  readonly peers: number;
  readonly maxLogOctets: number;
  /** What is announced; default `PREFIXES`. */
  readonly prefixes?: readonly Prefix[];
}

export class World {
  readonly rib: Rib;
  /** What the RIB is made of, for tests that damage it. */
  readonly state: ReturnType<typeof createState>;
  readonly model: Model;
  readonly wires: (Wire | undefined)[] = [];
  readonly indexes: number[] = [];
  readonly configs: PeerConfig[] = [];
  readonly faults: string[] = [];
  /** Walking peers and refreshes may repeat themselves. */
  refreshed = false;
  private readonly prefixes: readonly Prefix[];
  private readonly random: Random;
  private clock = 0;

  constructor(random: Random, options: WorldOptions) {
    this.random = random;
    this.prefixes = options.prefixes ?? PREFIXES;
    this.state = createState(
      { onFault: (peer, fault) => this.faults.push(`${peer}: ${fault.detail}`), onMaxPrefix: () => this.faults.push('max prefix') },
      { routerId: ROUTER_ID, wallClock: () => 1_700_000_000_000 + this.clock, maxLogOctets: options.maxLogOctets },
    );
    this.rib = ribOf(this.state);
    const clusterId = random(2) === 0 ? ROUTER_ID : 0x01020304;
    this.model = { peers: [], locals: new Map(), clusterId, med: { missing: 'zero', compare: 'same-as' } };
    if (random(2) === 0) this.changeMed();
    for (let number = 0; number < options.peers; number++) this.addPeer(number);
  }

  private pick<T>(items: readonly T[]): T {
    const item = items[this.random(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  private addPeer(number: number): void {
    const external = this.random(3) === 0;
    const peer: ModelPeer = {
      number,
      up: false,
      external,
      client: !external && this.random(2) === 0,
      remoteAs: external ? 65100 + this.random(2) : LOCAL_AS,
      remoteId: 0x0a000100 + number,
      address: 0x0a000100 + number,
      self: 0x0a0000fe,
      fourOctetAs: this.random(4) > 0,
      nextHop: this.pick(['auto', 'auto', 'self', 'keep']),
      allowLocalAs: this.random(4) === 0 ? 1 : 0,
      meshed: this.random(4) === 0,
      diversePath: this.pick([1, 1, 1, 2, 3]),
      importPolicy: this.pick(POLICIES),
      exportPolicy: this.pick(POLICIES),
      sendsPaths: false,
      readsPaths: false,
      pathLimit: this.pick([0, 1, 2]),
      routes: new Map(),
    };
    this.model.peers.push(peer);
    this.indexes.push(this.rib.configurePeer(this.config(peer)));
  }

  config(peer: ModelPeer): PeerConfig {
    return {
      id: `peer${peer.number}`,
      remote: { address: addressFromNumber(peer.address), port: 179 },
      remoteAs: peer.remoteAs,
      localAs: LOCAL_AS,
      families: FAMILIES,
      passive: false,
      holdTime: 90,
      connectRetryTime: 5,
      connectDelay: 0,
      reflectorClient: peer.client,
      clusterId: this.model.clusterId,
      nextHop: peer.nextHop,
      nextHopSelf: { ipv4: addressFromNumber(peer.self), ipv6: { family: 'ipv6', words: [0x20010db8, 0, 0, peer.self] } },
      importPolicy: peer.importPolicy.data,
      exportPolicy: peer.exportPolicy.data,
      allowLocalAs: peer.allowLocalAs,
      addPath: 'both',
      clientToClientReflection: !peer.meshed,
      diversePath: peer.diversePath,
      ...(peer.pathLimit > 0 && { addPathLimit: peer.pathLimit }),
      reasons: [],
    };
  }

  up(peer: ModelPeer): void {
    if (peer.up) return;
    peer.up = true;
    if (this.random(8) === 0) peer.remoteId = 0x0a000100 + this.random(this.model.peers.length);
    peer.sendsPaths = this.random(3) === 0;
    peer.readsPaths = this.random(3) === 0;
    const context = contextOf(peer);
    // The peer reads our messages as whatever it is to us: LOCAL_PREF must come through, so it reads as an internal peer.
    this.wires[peer.number] = {
      context: { ...context, external: false, addPathReceive: peer.readsPaths ? FAMILIES : [] },
      view: new Map(),
    };
    this.rib.sessionUp(this.index(peer), {
      context,
      families: FAMILIES,
      external: peer.external,
      remoteId: peer.remoteId,
      remoteAs: peer.remoteAs,
      remoteAddress: addressFromNumber(peer.address),
      localAddress: addressFromNumber(peer.self),
      fourOctetAs: peer.fourOctetAs,
      maxMessage: 4096,
      addPathSend: peer.readsPaths ? FAMILIES : [],
    });
  }

  down(peer: ModelPeer): void {
    if (!peer.up) return;
    peer.up = false;
    peer.routes.clear();
    this.wires[peer.number] = undefined;
    this.rib.sessionDown(this.index(peer), 'flush');
  }

  announce(peer: ModelPeer): void {
    if (!peer.up) return;
    const prefix = this.pick(this.prefixes);
    const attributes = this.attributes(peer, prefix);
    const pathId = peer.sendsPaths ? 1 + this.random(3) : 0;
    peer.routes.set(routeKey(keyOf(prefix), pathId), { prefix, attributes });
    const options = { fourOctetAs: peer.fourOctetAs, addPath: peer.sendsPaths ? FAMILIES : [] };
    this.send(peer, encodeUpdate({ announced: [{ prefix, pathId }], attributes }, options));
  }

  withdraw(peer: ModelPeer): void {
    if (!peer.up) return;
    const prefix = this.pick(this.prefixes);
    const pathId = peer.sendsPaths ? 1 + this.random(3) : 0;
    peer.routes.delete(routeKey(keyOf(prefix), pathId));
    this.send(peer, encodeUpdate({ withdrawn: [{ prefix, pathId }] }, { addPath: peer.sendsPaths ? FAMILIES : [] }));
  }

  reconfigure(peer: ModelPeer): void {
    switch (this.random(8)) {
      case 0:
        if (!peer.external) peer.client = !peer.client;
        break;
      case 1:
        peer.importPolicy = this.pick(POLICIES);
        break;
      case 2:
        peer.exportPolicy = this.pick(POLICIES);
        break;
      case 3:
        peer.nextHop = this.pick(['auto', 'self', 'keep']);
        break;
      case 4:
        peer.pathLimit = this.pick([0, 1, 2]);
        break;
      case 5:
        peer.meshed = !peer.meshed;
        break;
      case 6:
        peer.diversePath = 1 + this.random(3);
        break;
      default:
        peer.allowLocalAs = this.random(2);
    }
    this.rib.configurePeer(this.config(peer));
  }

  changeMed(): void {
    this.model.med = { missing: this.pick(['zero', 'worst'] as const), compare: this.pick(['same-as', 'always'] as const) };
    this.rib.setMed(this.model.med);
  }

  /** All peers of one kind change their export policy together, as a change of a global filter does. */
  reconfigureAll(): void {
    const policy = this.pick(POLICIES);
    for (const peer of this.model.peers) {
      peer.exportPolicy = policy;
      this.rib.configurePeer(this.config(peer));
    }
  }

  local(): void {
    const prefix = this.pick(this.prefixes);
    if (this.random(2) === 0) {
      this.model.locals.delete(keyOf(prefix));
      this.rib.setLocalRoutes([], [prefix]);
      return;
    }
    const protocol = this.pick(['static', 'kernel'] as const);
    const route: LocalRoute = { prefix, protocol, ...(this.random(2) === 0 && { communities: [77] }), reasons: [] };
    const nextHop: PathAttributes['nextHop'] = { family: prefix.family, words: [0, 0, 0, 0] };
    this.model.locals.set(keyOf(prefix), {
      prefix,
      from: undefined,
      attributes: { origin: 'igp', asPath: [], nextHop, ...(route.communities !== undefined && { communities: route.communities }) },
      preference: protocol === 'static' ? 200 : 10,
    });
    this.rib.setLocalRoutes([route], []);
  }

  refresh(peer: ModelPeer): void {
    if (!peer.up) return;
    this.refreshed = true;
    this.rib.refresh(this.index(peer), this.pick(FAMILIES), this.random(2) === 0);
  }

  /** Part of the pending work. */
  work(): void {
    let ticks = 0;
    const until = this.random(4);
    this.clock += 50;
    this.rib.run(() => ticks++, until);
  }

  take(peer: ModelPeer, limit: number): number {
    const wire = this.wires[peer.number];
    let octets = 0;
    for (const buffer of this.rib.take(this.index(peer), limit)) {
      octets += buffer.length;
      if (wire === undefined) throw new Error('octets for a peer that is down');
      this.read(peer, wire, buffer);
    }
    return octets;
  }

  /** Everything done and read. */
  settle(): void {
    for (let round = 0; round < 100; round++) {
      while (this.rib.run(() => 0, 1));
      const octets = this.model.peers.reduce((sum, peer) => sum + this.take(peer, 1 << 20), 0);
      if (octets === 0 && !this.rib.hasWork()) return;
    }
    throw new Error('the RIB does not settle');
  }

  /** The first difference between what a peer holds and what the model says, if any. */
  difference(): string | undefined {
    const keys = allKeys(this.model);
    for (const key of keys) {
      const candidates = candidatesOf(this.model, key);
      for (const peer of this.model.peers) {
        const wire = this.wires[peer.number];
        if (wire === undefined) continue;
        const expected = this.expected(peer, candidates);
        const held = heldOf(wire, key);
        if (expected === held) continue;
        const from = bestOf(this.model, key)?.from ?? 'local';
        return `${key} at peer${peer.number}: holds ${held || 'nothing'}, expected ${expected || 'nothing'} (best from ${from})`;
      }
    }
    for (const wire of this.wires)
      for (const [key, paths] of wire?.view ?? [])
        if (paths.size > 0 && !keys.has(key)) return `${key} is held by a peer and known to nobody`;
    return undefined;
  }

  /** What the peer must hold of a prefix, as one text; empty for nothing. */
  private expected(peer: ModelPeer, candidates: readonly Candidate[]): string {
    if (peer.readsPaths) return allTold(this.model, peer, candidates).map(fingerprint).sort().join(' and ');
    const one = oneTold(this.model, peer, candidates);
    return one === undefined ? '' : fingerprint(one);
  }

  private index(peer: ModelPeer): number {
    return this.indexes[peer.number] ?? -1;
  }

  private send(peer: ModelPeer, messages: readonly Uint8Array[]): void {
    const context = contextOf(peer);
    for (const message of messages) {
      const scanned = scanUpdate(message.subarray(19), context);
      if (!scanned.ok) throw new Error(scanned.error.detail);
      this.rib.receive(this.index(peer), scanned.value);
    }
  }

  private read(peer: ModelPeer, wire: Wire, octets: Uint8Array): void {
    for (let at = 0; at < octets.length; ) {
      const end = at + ((octets[at + 16] ?? 0) << 8) + (octets[at + 17] ?? 0);
      if (end <= at || end > octets.length) throw new Error('message cut short');
      if (octets[at + 18] === 2) this.readUpdate(peer, wire, octets.subarray(at + 19, end));
      at = end;
    }
  }

  private readUpdate(peer: ModelPeer, wire: Wire, body: Uint8Array): void {
    const decoded = decodeUpdate(body, wire.context);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    if (decoded.value.faults.length > 0) throw new Error(decoded.value.faults.map((fault) => fault.detail).join());
    for (const { prefix, pathId = 0 } of decoded.value.withdrawn) {
      const key = keyOf(prefix);
      if (wire.view.get(key)?.delete(pathId) !== true && !this.refreshed)
        this.faults.push(`spurious withdraw of ${key} ${pathId} at peer${peer.number}`);
    }
    for (const { prefix, pathId = 0, attributes } of decoded.value.announced) {
      const key = keyOf(prefix);
      const held = fingerprint(attributes);
      const paths = wire.view.get(key) ?? new Map<number, string>();
      if (paths.get(pathId) === held && !this.refreshed) this.faults.push(`${key} ${pathId} told twice to peer${peer.number}`);
      wire.view.set(key, paths.set(pathId, held));
    }
  }

  private attributes(peer: ModelPeer, prefix: Prefix): PathAttributes {
    const { random } = this;
    const asns = Array.from({ length: random(3) }, () => this.pick([100, 200, 70000, ...(random(6) === 0 ? [LOCAL_AS] : [])]));
    const path = peer.external ? [peer.remoteAs, ...asns] : asns;
    const host = 0x0a010000 + random(3);
    return {
      origin: this.pick(['igp', 'igp', 'incomplete']),
      asPath: path.length > 0 ? [{ type: 'sequence', asns: path }] : [],
      nextHop: prefix.family === 'ipv4' ? addressFromNumber(host) : { family: 'ipv6', words: [0x20010db8, 0, 1, host] },
      ...(random(2) === 0 && { med: random(3) }),
      ...(!peer.external && { localPref: this.pick([100, 100, 200]) }),
      ...(random(3) === 0 && { communities: [this.pick([COMMUNITY, 1, 0xffffff01, 0xffffff02])] }),
      ...(!peer.external && random(3) === 0 && { originatorId: this.pick([0x0a000100, 0x0a000101, 0x0a000102, ROUTER_ID, 0x0a0000aa]) }),
      ...(!peer.external && random(4) === 0 && { clusterList: [this.pick([1, 2, this.model.clusterId])] }),
      ...(random(4) === 0 && { largeCommunities: [[1, 2, random(2)] as const] }),
    };
  }
}

function contextOf(peer: ModelPeer): UpdateContext {
  return {
    fourOctetAs: peer.fourOctetAs,
    external: peer.external,
    addPathReceive: peer.sendsPaths ? FAMILIES : [],
    extendedNextHop: [],
    families: FAMILIES,
    loopback: true,
  };
}

/** What a peer holds of a prefix, all path identifiers together, as one text; empty for nothing. */
function heldOf(wire: Wire, key: string): string {
  const paths = wire.view.get(key);
  return paths === undefined ? '' : [...paths.values()].sort().join(' and ');
}

/** Attributes as one comparable text. */
export function fingerprint(attributes: PathAttributes): string {
  return `${Buffer.from(encodeAttributes(attributes)).toString('hex')}/${Buffer.from(nextHopOctets(attributes)).toString('hex')}`;
}
