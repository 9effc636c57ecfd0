/** Sockets by connection id: reading, writing with back-pressure, closing. One new socket per attempt. */
import type { Socket } from 'node:net';
import { addon } from 'netlink';
import { CLOSE_LINGER_MS, CONNECT_TIMEOUT_MS, OPENING_PROBE_MS, SOCKET_HIGH_WATER_OCTETS, UNANSWERED_MS } from '../session/index.ts';
import type { ConnectionId, Endpoint, SpeakerInput } from '../speaker-types.ts';
import { descriptorOf, hasNativeSockets, optionFault, socketOptions } from './native.ts';
import type { Ends } from './open-socket.ts';
import { endsOf, openSocket } from './open-socket.ts';
import type { PeerSockets } from './peer-sockets.ts';
import type { Reading } from './reads.ts';
import { createReads } from './reads.ts';

interface Open {
  readonly id: ConnectionId;
  readonly socket: Socket;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** For the addon; -1 where there is none. Node's socket owns it, and gives it up before `#open` forgets this entry. */
  readonly fd: number;
  blocked: boolean;
  /** Octets wait that the kernel did not take. */
  unsent: boolean;
  /** A write has gone to the kernel; one function for all of them. */
  readonly wrote: () => void;
  /** The peer has sent something. */
  heard: boolean;
  /** Stopped before the entry is forgotten. */
  reading: Reading | undefined;
}

/** A connection attempt under way; from `silentFrom` on (performance.now), one that is given up was not answered. */
interface Dial {
  readonly peer: string;
  readonly socket: Socket | undefined;
  readonly silentFrom: number;
}

/** Hears how each attempt with a peer went: whether anything came back, and of a refusal what, or why none could be made. */
export type AttemptListener = (peer: string, answered: boolean, because?: string) => void;

const noop = (): void => undefined;

/** The sockets of a speaker; what happens to them goes to `feed`. */
export class Connections {
  readonly #feed: (input: SpeakerInput) => void;
  readonly #open = new Map<ConnectionId, Open>();
  readonly #peers: PeerSockets;
  readonly #onAttempt: AttemptListener;
  readonly #dials = new Map<number, Dial>();
  /** Every socket not yet destroyed, those only lingering included. */
  readonly #alive = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  readonly #reads = createReads();
  #nextId = 1;

  constructor(feed: (input: SpeakerInput) => void, peers: PeerSockets, onAttempt: AttemptListener) {
    this.#feed = feed;
    this.#peers = peers;
    this.#onAttempt = onAttempt;
  }

  /** Connections open. */
  get count(): number {
    return this.#open.size;
  }

  /** Starts a connection attempt; the answer is `connected` or `dial-failed` with its number. */
  dial(number: number, peer: string, remote: Endpoint, local: Endpoint['address'] | undefined): void {
    const socket = this.#openSocket(peer, remote, local);
    if (typeof socket === 'string') {
      this.#onAttempt(peer, false, socket);
      // Not before the outputs that follow the dial have been carried out.
      this.#dials.set(number, { peer, socket: undefined, silentFrom: Infinity });
      setImmediate(() => {
        if (this.#dials.delete(number)) this.#feed({ type: 'dial-failed', dial: number, reason: socket });
      });
      return;
    }
    this.#dials.set(number, { peer, socket, silentFrom: performance.now() + UNANSWERED_MS });
    this.#watch(socket);
    const timeout = setTimeout(() => fail(new Error('no answer')), CONNECT_TIMEOUT_MS);
    const fail = (error: Error): void => {
      clearTimeout(timeout);
      if (!this.#dials.delete(number)) return;
      abandon(socket);
      const reason = reasonOf(error);
      const answered = 'code' in error && error.code !== 'ETIMEDOUT';
      this.#onAttempt(peer, answered, answered ? reason : undefined);
      this.#feed({ type: 'dial-failed', dial: number, reason });
    };
    socket.once('error', fail);
    socket.once('close', () => clearTimeout(timeout));
    socket.once('connect', () => {
      clearTimeout(timeout);
      socket.off('error', fail);
      this.#onAttempt(peer, true);
      if (!this.#dials.delete(number)) return;
      const ends = endsOf(socket);
      if (ends !== undefined) return this.#adopt(socket, ends, number);
      abandon(socket);
      this.#feed({ type: 'dial-failed', dial: number, reason: 'connection lost at once' });
    });
  }

  cancelDial(number: number): void {
    const dial = this.#dials.get(number);
    this.#dials.delete(number);
    if (dial?.socket === undefined) return;
    abandon(dial.socket);
    if (performance.now() >= dial.silentFrom) this.#onAttempt(dial.peer, false);
  }

  /** Takes a socket that a listener accepted. */
  accept(socket: Socket): void {
    this.#watch(socket);
    const ends = endsOf(socket);
    const peers = ends === undefined ? undefined : this.#peers.secure(socket, ends);
    if (ends === undefined || peers === undefined) return abandon(socket);
    for (const peer of peers) this.#onAttempt(peer, true);
    this.#adopt(socket, ends, undefined);
  }

  send(id: ConnectionId, buffers: readonly Uint8Array[]): void {
    const entry = this.#open.get(id);
    if (entry === undefined) return;
    const { socket } = entry;
    // Straight to the kernel where nothing waits before it: half the cost of a write through a stream.
    const rest =
      entry.fd < 0 || socket.writableLength > 0 || socket.destroyed ? buffers : untaken(buffers, addon().sendv(entry.fd, buffers));
    if (rest.length === 0) return;
    this.#write(entry, rest);
  }

  #write(entry: Open, buffers: readonly Uint8Array[]): void {
    const { socket } = entry;
    const [first] = buffers;
    if (buffers.length === 1 && first !== undefined) socket.write(first, entry.wrote);
    else {
      // One writev for all of them; the octets are shared between peers and never copied.
      socket.cork();
      for (const [index, buffer] of buffers.entries()) socket.write(buffer, index === buffers.length - 1 ? entry.wrote : undefined);
      socket.uncork();
    }
    if (!entry.unsent && socket.writableLength > 0) this.#unsent(entry, true);
    if (entry.blocked || socket.writableLength < SOCKET_HIGH_WATER_OCTETS) return;
    entry.blocked = true;
    this.#feed({ type: 'blocked', connection: entry.id });
  }

  #unsent(entry: Open, waiting: boolean): void {
    entry.unsent = waiting;
    this.#feed({ type: 'unsent', connection: entry.id, waiting });
  }

  close(id: ConnectionId, reset: boolean): void {
    const entry = this.#open.get(id);
    if (entry === undefined) return;
    this.#open.delete(id);
    const { socket, reading } = entry;
    reading?.stop();
    if (reset) {
      socket.resetAndDestroy();
      return;
    }
    // Unread octets would turn our FIN into a RST that may overtake the NOTIFICATION: keep reading until it is out.
    socket.resume();
    socket.end();
    const linger = setTimeout(() => socket.destroy(), CLOSE_LINGER_MS);
    socket.once('close', () => clearTimeout(linger));
  }

  pause(id: ConnectionId): void {
    this.#open.get(id)?.reading?.pause();
  }

  resume(id: ConnectionId): void {
    this.#open.get(id)?.reading?.resume();
  }

  /** Settles when every socket is gone. */
  async closed(): Promise<void> {
    if (this.#alive.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#reads.close();
  }

  /** A socket that is connecting, or why there is none. */
  #openSocket(id: string, remote: Endpoint, local: Endpoint['address'] | undefined): Socket | string {
    const peer = this.#peers.dialed(id, remote, local);
    const fault = peer === undefined ? undefined : this.#peers.faults.get(peer.id);
    if (peer === undefined || fault !== undefined) return fault ?? 'no such peer is configured';
    try {
      return openSocket(remote, local, socketOptions(peer));
    } catch (error) {
      const known = error instanceof Error ? reasonOf(error) : String(error);
      return error instanceof Error && known !== error.message ? known : optionFault(error, peer, 0);
    }
  }

  #watch(socket: Socket): void {
    this.#alive.add(socket);
    socket.once('close', () => {
      this.#alive.delete(socket);
      if (this.#alive.size === 0) for (const done of this.#waiting.splice(0)) done();
    });
  }

  /** Gives a connected socket its id and its listeners. */
  #adopt(socket: Socket, { local, remote }: Ends, dial: number | undefined): void {
    const wrote = (): void => {
      // Progress, or the end of the wait; a write that the kernel took at once has not waited (RFC 9687 section 3.2).
      if (entry.unsent && this.#open.has(entry.id)) this.#unsent(entry, socket.writableLength > 0);
    };
    const fd = hasNativeSockets() ? (descriptorOf(socket) ?? -1) : -1;
    const entry: Open = {
      id: this.#nextId++,
      socket,
      local,
      remote,
      fd,
      blocked: false,
      unsent: false,
      wrote,
      heard: false,
      reading: undefined,
    };
    this.#open.set(entry.id, entry);
    // The kernel drops a peer's reset for its signature or TTL: before the peer speaks nothing else would show that it is gone.
    socket.setKeepAlive(true, OPENING_PROBE_MS);
    const failed = (error: Error): void => this.#lost(entry, reasonOf(error));
    entry.reading = this.#reads.start(socket, fd, {
      octets: (octets) => {
        if (!entry.heard) this.#heard(entry);
        this.#feed({ type: 'octets', connection: entry.id, octets });
      },
      // A half-closed peer cannot send keepalives: its FIN ends the session at once.
      ended: () => this.#lost(entry, 'the peer closed the connection'),
      failed,
    });
    socket.on('error', failed);
    socket.on('close', () => this.#lost(entry, 'connection closed'));
    socket.on('drain', () => {
      if (!entry.blocked) return;
      entry.blocked = false;
      this.#feed({ type: 'writable', connection: entry.id });
    });
    this.#feed({ type: 'connected', connection: entry.id, local, remote, ...(dial === undefined ? {} : { dial }) });
  }

  /** The peer spoke: from here on the hold timer watches it. */
  #heard(entry: Open): void {
    entry.heard = true;
    entry.socket.setKeepAlive(false);
    this.#peers.heard(entry.socket, entry);
  }

  #lost(entry: Open, reason: string): void {
    if (!this.#open.delete(entry.id)) return;
    entry.reading?.stop();
    entry.socket.destroy();
    this.#feed({ type: 'closed', connection: entry.id, reason });
  }
}

/** What the kernel did not take of `buffers`; after an error all of it, for the stream to meet and report. */
function untaken(buffers: readonly Uint8Array[], taken: number): readonly Uint8Array[] {
  let left = Math.max(0, taken);
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)];
    left -= buffer.length;
  }
  return [];
}

/** Destroys a socket that nobody listens to any more. */
function abandon(socket: Socket): void {
  socket.on('error', noop);
  socket.destroy();
}

function reasonOf(error: Error): string {
  switch ('code' in error ? error.code : undefined) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
      return 'connection reset by the peer';
    case 'EPIPE':
      return 'connection closed by the peer';
    case 'ETIMEDOUT':
      return 'timed out';
    case 'EHOSTUNREACH':
      return 'host unreachable';
    case 'ENETUNREACH':
      return 'network unreachable';
    case 'EADDRNOTAVAIL':
      return 'the local address is not available';
    default:
      return error.message;
  }
}
