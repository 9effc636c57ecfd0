/**
 * A request socket of rtnetlink. Writing and dumping are synchronous on purpose: the kernel does the work inside send and
 * recv, so there is nothing to wait for. Keep it off threads that have sessions to serve.
 */
import { getSystemErrorName } from 'node:util';
import { addon } from '../addon.ts';
import { Arena } from './arena.ts';
import { NLM_F, NLMSG } from './constants.ts';
import type { KernelAnswer } from './messages.ts';
import { decodeAnswer, decodeDone, eachMessage } from './messages.ts';
import { inNamespace } from './namespace.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const PROTOCOLS = { route: 0, netfilter: 12 } as const;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const EAGAIN = 11;
const EINTR = 4;

/** Messages of one send; the kernel acknowledges the last. More would not be faster (dependencies 2.4). */
export const BATCH_MESSAGES = 500;

/** Octets read at once. A dump fills at most 32 KB at a time, so this is ample. */
const RECEIVE_OCTETS = 262_144;

/** Answers to 500 refused messages need about 0.5 MB of the kernel's accounting. */
const REQUEST_BUFFER = 4 * 1024 * 1024;

/** A dump that others keep changing is read again so often; then the last reading counts. */
const DUMP_TRIES = 5;

/** An error the kernel answered with, in its own words where it has some. */
export class NetlinkError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor(what: string, answer: KernelAnswer) {
    const code = errorName(answer.errno);
    super(`${what}: ${code}${answer.text === '' ? '' : `: ${answer.text}`}`);
    this.code = code;
    this.errno = answer.errno;
  }
}

/** Name of a positive errno, such as `EEXIST`. */
export function errorName(errno: number): string {
  return errno > 0 && errno < 4096 ? getSystemErrorName(-errno) : `E${errno}`;
}

/** How a netlink socket is opened. */
export interface NetlinkOptions {
  /** A namespace's file, such as /var/run/netns/NAME; absent: the thread's own. */
  readonly namespace?: string;
  /** Which part of the kernel: routing and interfaces (rtnetlink, default), or connection tracking (nfnetlink). */
  readonly protocol?: keyof typeof PROTOCOLS;
}

/** Opens a bound netlink descriptor with a receive buffer of `receiveBuffer` octets (as far as this process may). */
export function openNetlink(
  options: NetlinkOptions,
  receiveBuffer: number,
): { readonly fd: number; readonly portId: number; readonly privileged: boolean } {
  const open = (): { fd: number; portId: number; privileged: boolean } => {
    const fd = addon().socket(AF_NETLINK, SOCK_RAW, PROTOCOLS[options.protocol ?? 'route']);
    try {
      setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      setOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      const privileged = forceOption(fd, SO_RCVBUFFORCE, SO_RCVBUF, receiveBuffer);
      return { fd, portId: bindPort(fd), privileged };
    } catch (error) {
      addon().close(fd);
      throw error;
    }
  };
  return options.namespace === undefined ? open() : inNamespace(options.namespace, open);
}

/** Closes a descriptor; one that is not open any more is what was wanted. */
export function closeQuietly(fd: number): void {
  try {
    addon().close(fd);
  } catch {
    // EBADF, or what the kernel had to say too late.
  }
}

/** Sets an integer option. */
export function setOption(fd: number, level: number, name: number, value: number): void {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value, 0);
  addon().setsockopt(fd, level, name, octets);
}

/** Beyond the system's limit where the process has CAP_NET_ADMIN (true), else as far as the limit goes. */
function forceOption(fd: number, force: number, plain: number, value: number): boolean {
  try {
    setOption(fd, SOL_SOCKET, force, value);
    return true;
  } catch {
    setOption(fd, SOL_SOCKET, plain, value);
    return false;
  }
}

let nextPort = 1;

/** A port id of our choice, so that our own changes are known by it among the kernel's notifications. */
function bindPort(fd: number): number {
  for (let tries = 0; ; tries++) {
    const portId = (((nextPort++ & 0x3ff) << 22) | (process.pid & 0x3fffff)) >>> 0;
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(portId, 4);
    try {
      addon().bind(fd, address);
      return portId;
    } catch (error) {
      if (tries === 1024 || !(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    }
  }
}

/** One message the kernel refused. */
export interface BatchFailure<T> {
  readonly item: T;
  /** Errno by name, such as `EEXIST`. */
  readonly code: string;
  /** The kernel's own words, '' where it gave none. */
  readonly text: string;
}

/** What became of a batch. */
export interface BatchResult<T> {
  readonly failures: readonly BatchFailure<T>[];
  /** Answers were lost: what the kernel holds is not known any more. */
  readonly lost: boolean;
}

/** Writes one message for an item; `flags` (with ACK on the last of a send) and `seq` are for its header. */
export type EncodeItem<T> = (out: Arena, item: T, flags: number, seq: number) => void;

/** A request socket. */
export class NetlinkSocket {
  /** Notifications of changes made through this socket carry it. */
  readonly portId: number;
  /** The process has CAP_NET_ADMIN: the kernel takes changes from it. */
  readonly privileged: boolean;
  private readonly fd: number;
  private readonly arena = new Arena();
  private readonly received = Buffer.alloc(RECEIVE_OCTETS);
  private seq = 1;
  private closed = false;

  constructor(options: NetlinkOptions = {}) {
    const { fd, portId, privileged } = openNetlink(options, REQUEST_BUFFER);
    this.fd = fd;
    this.portId = portId;
    this.privileged = privileged;
    try {
      setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, REQUEST_BUFFER);
    } catch {
      // 500 messages fit into the default as well.
    }
  }

  /** Closes the descriptor; further calls do nothing, and nothing can be sent any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeQuietly(this.fd);
  }

  /**
   * Writes all items, 500 messages a send. The kernel goes on after a refused one; every refusal is returned with its item.
   * Throws only where sending itself fails.
   */
  batch<T>(items: readonly T[], encode: EncodeItem<T>): BatchResult<T> {
    const failures: BatchFailure<T>[] = [];
    let lost = false;
    for (let from = 0; from < items.length; from += BATCH_MESSAGES) {
      lost = this.send(items, from, Math.min(items.length, from + BATCH_MESSAGES), encode, failures) || lost;
    }
    return { failures, lost };
  }

  private send<T>(items: readonly T[], from: number, to: number, encode: EncodeItem<T>, failures: BatchFailure<T>[]): boolean {
    const { arena } = this;
    const first = this.take(to - from);
    arena.reset();
    for (let index = from; index < to; index++) {
      const item = items[index];
      if (item !== undefined) encode(arena, item, index === to - 1 ? NLM_F.ack : 0, (first + index - from) >>> 0);
    }
    this.transmit();
    let acknowledged = false;
    while (!acknowledged) {
      const length = this.receive();
      if (length === undefined) return true;
      eachMessage(this.received, length, (type, flags, seq, _port, at, end) => {
        const index = from + ((seq - first) >>> 0);
        const item = items[index];
        if (type !== NLMSG.error || index >= to || item === undefined) return true;
        const answer = decodeAnswer(this.received, flags, at, end);
        if (answer !== undefined && answer.errno !== 0) failures.push({ item, code: errorName(answer.errno), text: answer.text });
        if (index === to - 1) acknowledged = true;
        return true;
      });
    }
    return false;
  }

  /**
   * Everything a dump gives, decoded; what `decode` gives undefined for is left out. `what` names it in errors. Throws
   * NetlinkError where the kernel refuses it.
   */
  dump<T>(
    what: string,
    request: (out: Arena, seq: number) => void,
    decode: (octets: Buffer, at: number, end: number) => T | undefined,
  ): T[] {
    for (let tries = 1; ; tries++) {
      const found: T[] = [];
      const complete = this.dumpOnce(what, request, (at, end) => {
        const value = decode(this.received, at, end);
        if (value !== undefined) found.push(value);
      });
      if (complete || tries === DUMP_TRIES) return found;
    }
  }

  /** One reading; false where the kernel's table changed meanwhile in a way that may have hidden entries. */
  private dumpOnce(what: string, request: (out: Arena, seq: number) => void, each: (at: number, end: number) => void): boolean {
    const wanted = this.take(1);
    this.arena.reset();
    request(this.arena, wanted);
    this.transmit();
    let consistent = true;
    let ended = false;
    while (!ended) {
      const length = this.receive();
      if (length === undefined) return false;
      eachMessage(this.received, length, (type, flags, seq, _port, at, end) => {
        if (seq !== wanted) return true;
        if ((flags & NLM_F.dumpInterrupted) !== 0) consistent = false;
        if (type !== NLMSG.error && type !== NLMSG.done) {
          each(at, end);
          return true;
        }
        ended = true;
        const answer = type === NLMSG.done ? decodeDone(this.received, flags, at, end) : decodeAnswer(this.received, flags, at, end);
        if (answer !== undefined && answer.errno !== 0) throw new NetlinkError(what, answer);
        return false;
      });
    }
    return consistent;
  }

  private transmit(): void {
    // The number may be another descriptor's by now.
    if (this.closed) throw new Error('netlink socket: it is closed');
    addon().send(this.fd, this.arena.octets, this.arena.length);
  }

  private take(count: number): number {
    const first = this.seq;
    this.seq = (this.seq + count) >>> 0 || 1;
    return first;
  }

  /** Octets received; undefined where an answer that must be there is not (it did not fit the receive buffer). */
  private receive(): number | undefined {
    for (;;) {
      const length = addon().recv(this.fd, this.received);
      if (length >= 0) return Math.min(length, this.received.length);
      if (length === -EINTR) continue;
      if (length === -EAGAIN) return undefined;
      // ENOBUFS is said once; what did fit is still there to be read.
      return undefined;
    }
  }
}
