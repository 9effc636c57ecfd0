/** A RIB with scripted peers: what each was sent, decoded. */

import { addressFromNumber, formatPrefix, type Prefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import type { Policy } from 'bgp-ts/policy';
import { decodeUpdate, encodeUpdate, type Family, type PathAttributes, scanUpdate, type UpdateContext } from 'bgp-ts/wire';
import { createRib, type Rib, type RibSession } from '../../../src/bgp/rib/index.ts';
import type { LocalRoute, PeerConfig } from '../../../src/bgp/speaker-types.ts';

export const ALL: Policy = { name: 'all', terms: [], otherwise: 'accept' };
export const NONE: Policy = { name: 'none', terms: [], otherwise: 'reject' };
export const LOCAL_AS = 64512;
export const ROUTER_ID = 0x0a630001;
const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`bad prefix ${text}`);
  return parsed;
}

export function address(text: string): PathAttributes['nextHop'] {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`bad address ${text}`);
  return parsed;
}

/** Peer numbers are indexes; addresses are 10.0.0.N, router ids 10.0.1.N. */
export interface PeerOptions extends Partial<PeerConfig> {
  readonly remoteId?: number;
  readonly maxMessage?: number;
  readonly fourOctetAs?: boolean;
  /** Families in which several paths were agreed on, in either direction (RFC 7911). */
  readonly addPathReceive?: readonly Family[];
  readonly addPathSend?: readonly Family[];
}

export interface TestPeer {
  readonly index: number;
  readonly options: PeerOptions;
  config: PeerConfig;
  /** By prefix, with the path identifier after a blank where there are some. */
  readonly view: Map<string, PathAttributes>;
  /** `announce P`, `withdraw P`, `end-of-rib`, `refresh N`, in order. */
  readonly heard: string[];
  messages: number;
  octets: number;
}

export class Harness {
  readonly rib: Rib;
  readonly peers: TestPeer[] = [];
  readonly events: string[] = [];
  wallClock = 1_000_000;

  constructor(options: { readonly maxLogOctets?: number } = {}) {
    this.rib = createRib(
      {
        onFault: (peer, fault) => this.events.push(`fault ${peer} ${fault.outcome}`),
        onMaxPrefix: (peer, family, limit) => this.events.push(`max-prefix ${peer} ${family} ${limit}`),
      },
      { routerId: ROUTER_ID, wallClock: () => this.wallClock, ...options },
    );
  }

  /** A configured peer whose session is up. */
  peer(options: PeerOptions = {}): TestPeer {
    const number = this.peers.length;
    const { remoteId: _r, maxMessage: _m, fourOctetAs: _f, addPathReceive: _a, addPathSend: _s, ...overrides } = options;
    const config: PeerConfig = {
      id: `p${number}`,
      remote: { address: addressFromNumber(0x0a000000 + number + 1), port: 179 },
      remoteAs: LOCAL_AS,
      localAs: LOCAL_AS,
      families: FAMILIES,
      passive: false,
      holdTime: 90,
      connectRetryTime: 5,
      connectDelay: 0,
      reflectorClient: false,
      nextHop: 'auto',
      importPolicy: ALL,
      exportPolicy: ALL,
      allowLocalAs: 0,
      addPath: 'off',
      reasons: [],
      ...overrides,
    };
    const peer: TestPeer = { index: this.rib.configurePeer(config), options, config, view: new Map(), heard: [], messages: 0, octets: 0 };
    this.peers.push(peer);
    this.up(peer);
    return peer;
  }

  up(peer: TestPeer): void {
    peer.view.clear();
    this.rib.sessionUp(peer.index, this.session(peer));
  }

  private session(peer: TestPeer): RibSession {
    const external = peer.config.remoteAs !== peer.config.localAs;
    return {
      context: this.context(peer),
      families: FAMILIES,
      external,
      remoteId: peer.options.remoteId ?? 0x0a000100 + peer.index,
      remoteAs: peer.config.remoteAs,
      remoteAddress: peer.config.remote.address,
      localAddress: address('10.99.0.1'),
      fourOctetAs: peer.options.fourOctetAs ?? true,
      maxMessage: peer.options.maxMessage ?? 4096,
      addPathSend: peer.options.addPathSend ?? [],
    };
  }

  private context(peer: TestPeer): UpdateContext {
    const external = peer.config.remoteAs !== peer.config.localAs;
    const fourOctetAs = peer.options.fourOctetAs ?? true;
    const addPathReceive = peer.options.addPathReceive ?? [];
    return { fourOctetAs, external, addPathReceive, extendedNextHop: [], families: FAMILIES, loopback: true };
  }

  announce(peer: TestPeer, prefixes: readonly string[], attributes: Partial<PathAttributes> = {}, pathId = 0): void {
    const internal = peer.config.remoteAs === peer.config.localAs;
    const v6 = prefixes[0]?.includes(':') === true;
    const whole: PathAttributes = {
      origin: 'igp',
      asPath: internal ? [] : [{ type: 'sequence', asns: [peer.config.remoteAs] }],
      nextHop: v6 ? { family: 'ipv6', words: [0x20010db8, 0, 0, peer.index + 1] } : addressFromNumber(0x0a010000 + peer.index + 1),
      ...(internal && { localPref: 100 }),
      ...attributes,
    };
    this.send(
      peer,
      encodeUpdate(
        { announced: prefixes.map((text) => ({ prefix: prefix(text), pathId })), attributes: whole },
        { fourOctetAs: peer.options.fourOctetAs ?? true, addPath: peer.options.addPathReceive ?? [] },
      ),
    );
  }

  withdraw(peer: TestPeer, prefixes: readonly string[], pathId = 0): void {
    const withdrawn = prefixes.map((text) => ({ prefix: prefix(text), pathId }));
    this.send(peer, encodeUpdate({ withdrawn }, { addPath: peer.options.addPathReceive ?? [] }));
  }

  send(peer: TestPeer, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const scanned = scanUpdate(message.subarray(19), this.context(peer));
      if (!scanned.ok) throw new Error(scanned.error.detail);
      this.rib.receive(peer.index, scanned.value);
    }
  }

  local(text: string, more: Partial<LocalRoute> = {}): void {
    this.rib.setLocalRoutes([{ prefix: prefix(text), protocol: 'static', reasons: [], ...more }], []);
  }

  /** All pending work. */
  work(): void {
    while (this.rib.run(() => 0, 1));
  }

  /** All pending work, and everything read by every peer but those named. */
  settle(but: readonly TestPeer[] = []): void {
    for (let round = 0; round < 1000; round++) {
      this.work();
      let octets = 0;
      for (const peer of this.peers) if (!but.includes(peer)) octets += this.read(peer);
      if (octets === 0 && !this.rib.hasWork()) return;
    }
    throw new Error('does not settle');
  }

  /** What the peer takes with one call. */
  read(peer: TestPeer, limit = 1 << 20): number {
    let octets = 0;
    for (const buffer of this.rib.take(peer.index, limit)) {
      octets += buffer.length;
      for (let at = 0; at < buffer.length; ) {
        const end = at + ((buffer[at + 16] ?? 0) << 8) + (buffer[at + 17] ?? 0);
        this.hear(peer, buffer.subarray(at, end));
        at = end;
      }
    }
    peer.octets += octets;
    return octets;
  }

  private hear(peer: TestPeer, message: Uint8Array): void {
    peer.messages++;
    if (message[18] === 5) {
      peer.heard.push(`refresh ${message[21]}`);
      return;
    }
    const decoded = decodeUpdate(message.subarray(19), {
      ...this.context(peer),
      external: false,
      addPathReceive: peer.options.addPathSend ?? [],
    });
    if (!decoded.ok) throw new Error(decoded.error.detail);
    if (decoded.value.endOfRib !== undefined) peer.heard.push('end-of-rib');
    for (const route of decoded.value.withdrawn) {
      peer.heard.push(`withdraw ${formatPrefix(route.prefix)}`);
      peer.view.delete(viewKey(route));
    }
    for (const route of decoded.value.announced) {
      peer.heard.push(`announce ${formatPrefix(route.prefix)}`);
      peer.view.set(viewKey(route), route.attributes);
    }
  }

  reconfigure(peer: TestPeer, change: Partial<PeerConfig>): void {
    peer.config = { ...peer.config, ...change };
    this.rib.configurePeer(peer.config);
  }

  get counters(): Readonly<Record<string, number>> {
    return this.rib.stats().work;
  }
}

const viewKey = ({ prefix: of, pathId }: { readonly prefix: Prefix; readonly pathId?: number }): string =>
  pathId === undefined ? formatPrefix(of) : `${formatPrefix(of)} ${pathId}`;

/** A counter that must exist. */
export function counter(harness: Harness, name: string): number {
  const value = harness.counters[name];
  if (value === undefined) throw new Error(`no counter ${name}`);
  return value;
}
