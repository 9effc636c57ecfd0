/** What reads connections: all of them together where the addon is, each through its own stream elsewhere. */
import type { Socket } from 'node:net';
import { BatchedReads } from './batched-reads.ts';
import { hasNativeSockets } from './native.ts';

/** Hears what comes in on a connection. */
export interface Hearer {
  /** Octets in order, good until the call returns: the memory is used again. Never none. */
  octets(octets: Uint8Array): void;
  /** The peer will send no more. */
  ended(): void;
  /** Reading failed; the error has a `code` as Node's own have. */
  failed(error: Error): void;
}

/** The reading of one connection; nothing is heard after `stop`. */
export interface Reading {
  pause(): void;
  resume(): void;
  /** Leaves the rest to the socket's own stream. To be called before the socket is closed; idempotent. */
  stop(): void;
}

/** Reads connections. Sockets come with their stream paused and nothing of it read. */
export interface Reads {
  start(socket: Socket, fd: number, hearer: Hearer): Reading;
  /** Once nothing is read any more. */
  close(): void;
}

/** The best there is on this platform. */
export function createReads(): Reads {
  return hasNativeSockets() ? new BatchedReads() : streamReads;
}

/** Each through Node's stream. */
export const streamReads: Reads = {
  start: (socket, _fd, hearer) => {
    // Plain octets as the other reader gives them: to code compiled for those a Buffer is something else.
    const octets = ({ buffer, byteOffset, length }: Buffer): void => hearer.octets(new Uint8Array(buffer, byteOffset, length));
    const ended = (): void => hearer.ended();
    // A failure of the stream ends the socket: whoever owns that hears of it there.
    socket.on('data', octets).on('end', ended);
    socket.resume();
    return {
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      stop: () => socket.off('data', octets).off('end', ended),
    };
  },
  close: () => undefined,
};
