/**
 * Between a speaker and a real daemon: passes every octet on, but keeps the daemon's End-of-RIB (RFC 4724 section 2) while told so. No daemon can
 * be asked to send it late, so this is how one is late, on the daemon's own session.
 */
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { OpenMessage, RawMessage } from 'bgp-ts/wire';
import { decodeOpen, encodeEndOfRib, Framer, MESSAGE_TYPE } from 'bgp-ts/wire';

const HEADER_OCTETS = 19;

/** An address and TCP port. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Where a relay stands: the speaker dials `at`, the daemon listens at `to` and sees connections come from `from`. */
export interface RelayOptions {
  readonly at: Place;
  readonly to: Place;
  readonly from: string;
}

function whole({ type, body }: RawMessage): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS + body.length).fill(0xff, 0, 16);
  octets.set([octets.length >> 8, octets.length & 0xff, type], 16);
  octets.set(body, HEADER_OCTETS);
  return octets;
}

/** An UPDATE of IPv4 unicast that says nothing. */
function isEndOfRib({ type, body }: RawMessage): boolean {
  return type === MESSAGE_TYPE.update && body.length === 4 && body.every((octet) => octet === 0);
}

/** One relay, one connection at a time. */
export class EndOfRibRelay {
  /** The daemon's last OPEN. */
  open: OpenMessage | undefined;
  /** An End-of-RIB is being kept back. */
  kept = false;
  #holding = false;
  readonly #options: RelayOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #speaker: Socket | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer((speaker) => this.#join(speaker));
  }

  /** Resolves when it listens. */
  start(): Promise<void> {
    const { address, port } = this.#options.at;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, resolve);
    });
  }

  /** From now on the next End-of-RIB is kept back. */
  hold(): void {
    this.#holding = true;
  }

  /** Passes on what was kept back, and keeps nothing back any more. */
  release(): void {
    this.#holding = false;
    if (this.kept) this.#speaker?.write(encodeEndOfRib('ipv4-unicast'));
    this.kept = false;
  }

  /** Ends everything. */
  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #join(speaker: Socket): void {
    const { to, from } = this.#options;
    const daemon = connect({ host: to.address, port: to.port, localAddress: from });
    this.#speaker = speaker;
    this.kept = false;
    const framer = new Framer(65_535);
    speaker.on('data', (octets) => daemon.write(octets));
    daemon.on('data', (octets) => {
      framer.feed(new Uint8Array(octets));
      for (let next = framer.take(); next !== undefined; next = framer.take()) {
        if (!next.ok) throw new Error(`the daemon sent octets that are no message: ${next.error.detail}`);
        this.#pass(speaker, next.value);
      }
    });
    for (const [one, other] of [
      [speaker, daemon],
      [daemon, speaker],
    ] as const) {
      this.#sockets.add(one);
      one.on('end', () => other.end());
      // The other end learns of a reset by a reset, as without the relay.
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }

  #pass(speaker: Socket, message: RawMessage): void {
    if (message.type === MESSAGE_TYPE.open) {
      const open = decodeOpen(message.body);
      if (open.ok) this.open = open.value;
    }
    if (this.#holding && isEndOfRib(message)) this.kept = true;
    else speaker.write(whole(message));
  }
}
