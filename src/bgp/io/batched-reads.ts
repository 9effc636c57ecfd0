/**
 * Reads all connections of a thread together: one call from script takes what every ready socket has into one slab. Node's streams
 * take a buffer, an object and half a dozen calls for each read, and what they leave behind is most of the garbage of a busy speaker.
 */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Addon, WatchHandle } from 'netlink';
import { addon } from 'netlink';
import { READ_OCTETS, READ_SHARE_OCTETS, READ_SOCKETS } from '../session/index.ts';
import type { Hearer, Reading, Reads } from './reads.ts';

const TOKEN_MAX = 0x7fff_ffff;

/** Reads with an epoll set of its own, by way of the addon. */
export class BatchedReads implements Reads {
  readonly #addon: Addon = addon();
  readonly #slab = new Uint8Array(READ_OCTETS);
  readonly #pairs = new Int32Array(2 * READ_SOCKETS);
  /** By token: one for each use of a descriptor, so that a socket never gets what was read of the one before it. */
  readonly #hearers = new Map<number, Hearer>();
  #set: WatchHandle | undefined;
  #lastToken = 0;

  start(_socket: Socket, fd: number, hearer: Hearer): Reading {
    const set = this.#set ?? this.#addon.readSet((status) => this.#receive(status));
    this.#set = set;
    const token = this.#newToken();
    this.#hearers.set(token, hearer);
    let reading = false;
    const resume = (): void => {
      if (reading || !this.#hearers.has(token)) return;
      try {
        this.#addon.readSetAdd(set, fd, token);
        reading = true;
      } catch (error) {
        // No room in the kernel, or closed already: heard once what goes on now is done.
        setImmediate(() => this.#hearers.get(token)?.failed(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const pause = (): void => {
      // A paused socket leaves the set: its end and its errors would wake the loop for ever.
      if (reading) this.#addon.readSetRemove(set, fd, token);
      reading = false;
    };
    resume();
    return {
      pause,
      resume,
      stop: () => {
        this.#hearers.delete(token);
        pause();
      },
    };
  }

  close(): void {
    if (this.#set !== undefined) this.#addon.unwatch(this.#set);
    this.#set = undefined;
  }

  #newToken(): number {
    do this.#lastToken = (this.#lastToken % TOKEN_MAX) + 1;
    while (this.#hearers.has(this.#lastToken));
    return this.#lastToken;
  }

  /** One round only: what it does to sockets must have taken its course before any of them is read again. */
  #receive(status: number): void {
    if (status < 0) throw new Error(`epoll: ${getSystemErrorName(status)}`);
    if (this.#set === undefined) return;
    const count = this.#addon.readSetReceive(this.#set, this.#slab, READ_SHARE_OCTETS, this.#pairs);
    let at = 0;
    for (let pair = 0; pair < count; pair++) {
      const hearer = this.#hearers.get(this.#pairs[2 * pair] ?? 0);
      const length = this.#pairs[2 * pair + 1] ?? 0;
      if (length > 0) hearer?.octets(new Uint8Array(this.#slab.buffer, at, length));
      else if (length === 0) hearer?.ended();
      else hearer?.failed(readError(length));
      at += Math.max(0, length);
    }
  }
}

/** The error of a read as Node words it. */
function readError(errno: number): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`read ${code}`), { code, errno, syscall: 'read' });
}
