/** A peer that says only what a test tells it to, built on the wire codec; it joins a MemoryNetwork like a speaker. */
import type { ConnectionId, Endpoint, SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import type { Capabilities, NotificationMessage, OpenMessage, RawMessage } from '../wire/index.ts';
import { decodeNotification, decodeOpen, encodeKeepalive, encodeOpen, Framer, MESSAGE_TYPE } from '../wire/index.ts';
import type { NetworkNode } from './memory-network.ts';

/** What the peer puts into its OPEN. `bgpId` unsigned, `holdTime` in seconds, default 90. */
export interface ScriptedPeerOptions {
  readonly as: number;
  readonly bgpId: number;
  readonly holdTime?: number;
  readonly capabilities?: Partial<Capabilities>;
}

/** Messages are kept with the connection they came on. */
export interface ReceivedMessage extends RawMessage {
  readonly connection: ConnectionId;
}

/** A node without any behaviour of its own. */
export class ScriptedPeer implements NetworkNode {
  readonly received: ReceivedMessage[] = [];
  readonly connections: ConnectionId[] = [];
  readonly #options: ScriptedPeerOptions;
  readonly #framers = new Map<ConnectionId, Framer>();
  #outputs: SpeakerOutput[] = [];
  #nextDial = 1;

  constructor(options: ScriptedPeerOptions) {
    this.#options = options;
  }

  /* NetworkNode */

  readonly handle = (input: SpeakerInput): SpeakerOutput[] => {
    if (input.type === 'connected') {
      this.connections.push(input.connection);
      this.#framers.set(input.connection, new Framer(65_535));
    } else if (input.type === 'closed') this.#gone(input.connection);
    else if (input.type === 'octets') this.#read(input.connection, input.octets);
    return this.#outputs.splice(0);
  };

  readonly hasWork = (): boolean => this.#outputs.length > 0;

  readonly work = (): { outputs: SpeakerOutput[]; more: boolean } => ({ outputs: this.#outputs.splice(0), more: false });

  readonly nextDeadline = (): number => Infinity;

  #gone(connection: ConnectionId): void {
    this.connections.splice(this.connections.indexOf(connection), 1);
    this.#framers.delete(connection);
  }

  #read(connection: ConnectionId, octets: Uint8Array): void {
    const framer = this.#framers.get(connection);
    if (framer === undefined) return;
    framer.feed(octets);
    for (let next = framer.take(); next !== undefined; next = framer.take()) {
      if (!next.ok) throw new Error(`the speaker sent octets that are no message: ${next.error.detail}`);
      this.received.push({ ...next.value, body: next.value.body.slice(), connection });
    }
  }

  /* Script */

  /** Takes connections at these endpoints. */
  listen(endpoints: readonly Endpoint[]): void {
    this.#outputs.push({ type: 'listen', endpoints });
  }

  /** Dials a speaker. */
  connect(remote: Endpoint): void {
    this.#outputs.push({ type: 'dial', dial: this.#nextDial++, peer: 'scripted', remote });
  }

  /** Sends octets on a connection, the newest by default. */
  send(octets: Uint8Array, connection = this.newest()): void {
    this.#outputs.push({ type: 'send', connection, buffers: [octets] });
  }

  /** Sends an OPEN of the options, changed by `overrides`. */
  sendOpen(overrides: Partial<OpenMessage> = {}, connection = this.newest()): void {
    this.send(encodeOpen({ ...this.open(), ...overrides }), connection);
  }

  sendKeepalive(connection = this.newest()): void {
    this.send(encodeKeepalive(), connection);
  }

  close(connection = this.newest()): void {
    this.#gone(connection);
    this.#outputs.push({ type: 'close', connection, reset: false });
  }

  /** The newest open connection. */
  newest(): ConnectionId {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('the scripted peer has no connection');
    return connection;
  }

  /** The OPEN of the options: 4-octet AS, IPv4 unicast and route refresh unless told otherwise. */
  open(): OpenMessage {
    const { as, bgpId, holdTime = 90, capabilities } = this.#options;
    return {
      type: 'open',
      version: 4,
      myAs: as > 0xffff ? 23_456 : as,
      holdTime,
      bgpId,
      capabilities: {
        families: ['ipv4-unicast'],
        multiprotocol: true,
        fourOctetAs: as,
        routeRefresh: true,
        enhancedRouteRefresh: false,
        extendedMessage: false,
        unknown: [],
        ...capabilities,
      },
    };
  }

  /** Types of the messages received so far, in order. */
  types(): string[] {
    return this.received.map(({ type }) => nameOf(type));
  }

  /** The first OPEN received. */
  receivedOpen(): OpenMessage | undefined {
    const raw = this.received.find(({ type }) => type === MESSAGE_TYPE.open);
    const open = raw === undefined ? undefined : decodeOpen(raw.body);
    return open?.ok === true ? open.value : undefined;
  }

  /** NOTIFICATIONs received so far. */
  notifications(): NotificationMessage[] {
    return this.received
      .filter(({ type }) => type === MESSAGE_TYPE.notification)
      .flatMap(({ body }) => {
        const decoded = decodeNotification(body);
        return decoded.ok ? [decoded.value] : [];
      });
  }
}

function nameOf(type: number): string {
  return Object.entries(MESSAGE_TYPE).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}
