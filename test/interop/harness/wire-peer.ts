/** A BGP peer on a real socket in the test's own process: it says only what the test wants and keeps all it was told. */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { formatPrefix, parsePrefix } from 'bgp-ts/net';
import type { NotificationMessage, PathAttributes } from 'bgp-ts/wire';
import {
  decodeNlri,
  decodeNotification,
  encodeKeepalive,
  encodeOpen,
  encodeUpdate,
  Framer,
  MESSAGE_TYPE,
  NO_CAPABILITIES,
  scanUpdate,
} from 'bgp-ts/wire';

/** Where a speaker listens. */
export interface At {
  readonly host: string;
  readonly port: number;
}

/** What a peer is. `address` is its source address. */
export interface WirePeerOptions {
  readonly address: string;
  readonly as: number;
  readonly bgpId: number;
  /** Seconds. Default 90. */
  readonly holdTime?: number;
}

const CONTEXT = {
  fourOctetAs: true,
  external: false,
  addPathReceive: [],
  extendedNextHop: [],
  families: ['ipv4-unicast'],
  loopback: true,
} as const;
const KEEPALIVE_MS = 1000;

/** Attributes of an ordinary internal route; `padding` makes the UPDATE that many communities long. */
export function ordinary(padding = 0): PathAttributes {
  const communities = Array.from({ length: padding }, (_, index) => index + 1);
  const nextHop = { family: 'ipv4', words: [0x0a000001, 0, 0, 0] } as const;
  return { origin: 'igp', asPath: [], nextHop, localPref: 100, ...(padding === 0 ? {} : { communities }) };
}

/** One peer; `connect` may be called again after an end. */
export class WirePeer {
  readonly routes = new Set<string>();
  readonly notifications: NotificationMessage[] = [];
  /** How often a connection ended, by whomever. */
  ends = 0;
  established = false;
  readonly #options: WirePeerOptions;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WirePeerOptions) {
    this.#options = options;
  }

  /** The current connection. */
  get socket(): Socket {
    if (this.#socket === undefined) throw new Error('the peer has no connection');
    return this.#socket;
  }

  /** Connects and sends an OPEN; resolves when Established, rejects where the connection ends before. */
  connect(to: At): Promise<void> {
    const framer = new Framer();
    const socket = connect({ host: to.host, port: to.port, localAddress: this.#options.address });
    this.#socket = socket;
    this.routes.clear();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.established && socket.writable && socket.write(encodeKeepalive()), KEEPALIVE_MS);
    return new Promise((resolve, reject) => {
      socket.on('connect', () => socket.write(this.open()));
      socket.on('data', (octets) => {
        framer.feed(new Uint8Array(octets));
        for (let next = framer.take(); next !== undefined; next = framer.take()) {
          if (!next.ok) throw new Error(`octets that are no message: ${next.error.detail}`);
          this.#message(next.value.type, next.value.body, resolve);
        }
      });
      socket.on('error', reject);
      socket.on('close', () => {
        this.ends++;
        this.established = false;
        reject(new Error('the connection was closed'));
      });
    });
  }

  /** The OPEN it sends. */
  open(): Uint8Array {
    const { as, bgpId, holdTime = 90 } = this.#options;
    const capabilities = {
      ...NO_CAPABILITIES,
      multiprotocol: true,
      families: ['ipv4-unicast'] as const,
      fourOctetAs: as,
      routeRefresh: true,
    };
    return encodeOpen({ type: 'open', version: 4, myAs: as, holdTime, bgpId, capabilities });
  }

  #message(type: number, body: Uint8Array, ready: () => void): void {
    if (type === MESSAGE_TYPE.open) this.socket.write(encodeKeepalive());
    else if (type === MESSAGE_TYPE.keepalive && !this.established) {
      this.established = true;
      ready();
    } else if (type === MESSAGE_TYPE.notification) {
      const decoded = decodeNotification(body);
      if (decoded.ok) this.notifications.push(decoded.value);
    } else if (type === MESSAGE_TYPE.update) {
      const scanned = scanUpdate(body, CONTEXT);
      if (!scanned.ok) throw new Error(`an UPDATE that nobody can read: ${scanned.error.detail}`);
      for (const run of scanned.value.withdrawn) for (const { prefix } of decodeNlri(run)) this.routes.delete(formatPrefix(prefix));
      for (const run of scanned.value.announced) for (const { prefix } of decodeNlri(run)) this.routes.add(formatPrefix(prefix));
    }
  }

  /** Announces prefixes, one UPDATE each. */
  announce(prefixes: readonly string[], attributes = ordinary()): void {
    for (const written of prefixes) {
      const prefix = parsePrefix(written);
      if (prefix === undefined) throw new Error(`not a prefix: ${written}`);
      for (const message of encodeUpdate({ announced: [{ prefix }], attributes })) this.socket.write(message);
    }
  }

  /** Says nothing any more, not even that it lives. */
  fallSilent(): void {
    clearInterval(this.#timer);
  }

  /** Ends the connection without a word. */
  stop(): void {
    clearInterval(this.#timer);
    this.#socket?.resetAndDestroy();
  }
}
