/** Loads the native addon that fits this platform. Nothing here runs before the first call: importing costs nothing. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Handle of a watched descriptor, opaque. */
export type WatchHandle = { readonly brand: unique symbol };

/** The addon's functions: one system call each. Failures throw an Error with `code`, `errno` and `syscall`. */
export interface Addon {
  /** A new non-blocking, close-on-exec descriptor. */
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly close: (fd: number) => void;
  /** `address` is a struct sockaddr. */
  readonly bind: (fd: number, address: Buffer) => void;
  readonly setsockopt: (fd: number, level: number, name: number, value: Buffer) => void;
  /** A filter of classic BPF (struct sock_filter, eight octets an instruction) decides what the socket takes: 0, or the negative errno. */
  readonly attachFilter: (fd: number, program: Buffer) => number;
  /** Octets written into `value`. */
  readonly getsockopt: (fd: number, level: number, name: number, value: Buffer) => number;
  readonly send: (fd: number, data: Buffer, length: number) => number;
  /** The parts in order, as far as the socket takes them: octets taken, or the negative errno where it takes none. */
  readonly sendv: (fd: number, parts: readonly Uint8Array[]) => number;
  /** Octets of the datagram (more than the buffer where it was cut), or the negative errno. */
  readonly recv: (fd: number, data: Buffer) => number;
  /** Moves the calling thread into the namespace of an open descriptor; pair it without an await between. */
  readonly setns: (fd: number, type: number) => void;
  /**
   * bpf(2): a descriptor or another number from 0, or the negative errno. The address of `buffers[i]` stands at `offsets[i]` of the
   * attributes during the call and is zeroed after it; at most 16. Throws TypeError where an offset has no room for eight octets.
   */
  readonly bpf: (command: number, attributes: Buffer, offsets: readonly number[], buffers: readonly Buffer[]) => number;
  /** ioctl(2), with embedded buffers as in `bpf`: the call's result, or the negative errno. */
  readonly ioctl: (fd: number, request: number, argument: Buffer, offsets: readonly number[], buffers: readonly Buffer[]) => number;
  /** waitpid(2) without waiting: 1 where that child of this process had ended and is collected now, 0 where it lives, else the negative errno. */
  readonly reap: (pid: number) => number;
  /** Events: 1 readable, 2 writable. `status` is 0 or a negative errno. */
  readonly watch: (fd: number, events: number, callback: (status: number, events: number) => void) => WatchHandle;
  /** Once per handle, before its descriptor is closed. */
  readonly unwatch: (handle: WatchHandle) => void;
  /**
   * An empty set of sockets that are read together; `callback` says that `readSetReceive` has something to give, again and again until
   * it was taken. Only a set with members keeps the loop alive. `unwatch` closes it: nothing else may be asked of it then.
   */
  readonly readSet: (callback: (status: number, events: number) => void) => WatchHandle;
  /** Reads a socket from now on. `token`, 1 to 2^31-1, names this use of the descriptor: another one never gets what was meant for it. */
  readonly readSetAdd: (set: WatchHandle, fd: number, token: number) => void;
  /** No more of this socket. To be called before it is closed; does nothing where the descriptor is no member under this token. */
  readonly readSetRemove: (set: WatchHandle, fd: number, token: number) => void;
  /**
   * Reads ready sockets once each, at most `share` octets, one after the other into the slab while a whole share fits; those left over come
   * first the next time. Fills `pairs` with token and octets read, 0 where the stream has ended, or the negative errno. Returns the number of pairs.
   */
  readonly readSetReceive: (set: WatchHandle, slab: Uint8Array, share: number, pairs: Int32Array) => number;
}

/** Why there is no addon here. */
export class AddonUnavailable extends Error {
  readonly code = 'NETLINK_ADDON_UNAVAILABLE';
}

let loaded: Addon | undefined;

/** The addon for this platform, loaded once per thread. Throws AddonUnavailable off Linux x64/arm64 or where it cannot be loaded. */
export function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const name = `prebuilds/${process.platform}-${process.arch}/netlink.node`;
  // Compiled files live one folder below the sources.
  const file = ['./', '../'].map((up) => fileURLToPath(new URL(up + name, import.meta.url))).find((candidate) => existsSync(candidate));
  if (file === undefined) throw new AddonUnavailable(`no native addon for ${process.platform}-${process.arch}`);
  try {
    const module: Addon = createRequire(import.meta.url)(file);
    loaded = module;
    return module;
  } catch (cause) {
    throw new AddonUnavailable(`native addon ${name} does not load`, { cause });
  }
}
