/** Connection tracking of this machine over ctnetlink: connections of prefixes that another node answers for now are forgotten (dataplane 3.1). */
import type { Address, Prefix } from 'bgp-ts/net';
import { maskWords, wordMask } from 'bgp-ts/net';
import type { Arena, ConntrackEnds, NetlinkOptions } from 'netlink';
import { decodeConntrack, encodeConntrackDump, encodeConntrackRemoval, NetlinkSocket } from 'netlink';
import type { ConntrackKernel } from './types.ts';

/** What a kernel without connection tracking answers: no such protocol, or no such subsystem (nfnetlink's EINVAL). */
const ABSENT = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EINVAL', 'EOPNOTSUPP']);

/**
 * Says of a connection whether one end of one direction is inside a prefix: what `conntrack -D` finds by its four address options. It is
 * asked half a million times, so it looks prefixes up by length instead of walking a trie.
 */
function concerning(prefixes: readonly Prefix[]): (ends: ConntrackEnds) => boolean {
  const byLength = new Map<number, Set<string | number>>();
  for (const { family, words, length } of prefixes) {
    const keys = byLength.get(length) ?? new Set();
    byLength.set(length, keys.add(keyOf({ family, words }, length)));
  }
  const lengths = [...byLength];
  const inside = (address: Address): boolean => lengths.some(([length, keys]) => keys.has(keyOf(address, length)));
  return (ends) => inside(ends.source) || inside(ends.destination) || inside(ends.replySource) || inside(ends.replyDestination);
}

/** The leading bits of an address as a key; equal only within one family. */
function keyOf({ family, words }: Address, length: number): string | number {
  return family === 'ipv4' ? (words[0] & wordMask(length)) >>> 0 : maskWords(words, length).join();
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && ABSENT.has(error.code);
}

/** Forgets the connections of one family; a connection that ended meanwhile (ENOENT) counts as neither. */
function forgetFamily(socket: NetlinkSocket, family: Prefix['family'], prefixes: readonly Prefix[]): { removed: number; failed: number } {
  const request = (out: Arena, seq: number): void => encodeConntrackDump(out, seq, family);
  const wanted = concerning(prefixes);
  const found = socket.dump(`${family} connections`, request, (octets, at, end) => decodeConntrack(octets, at, end, wanted));
  const { failures } = socket.batch(found, (out, entry, flags, seq) => encodeConntrackRemoval(out, flags, seq, entry));
  const failed = failures.filter(({ code }) => code !== 'ENOENT').length;
  return { removed: found.length - failures.length, failed };
}

/**
 * Connection tracking of a namespace. Nothing is opened before the first `forget`, which throws NetlinkError where the kernel has
 * connection tracking but refuses (EPERM).
 */
export function openConntrackKernel(options: Pick<NetlinkOptions, 'namespace'> = {}): ConntrackKernel {
  return {
    forget: (prefixes) => {
      const sums = { removed: 0, failed: 0 };
      if (prefixes.length === 0) return sums;
      let socket: NetlinkSocket | undefined;
      try {
        socket = new NetlinkSocket({ ...options, protocol: 'netfilter' });
        for (const family of ['ipv4', 'ipv6'] as const) {
          const own = prefixes.filter((prefix) => prefix.family === family);
          if (own.length === 0) continue;
          const { removed, failed } = forgetFamily(socket, family, own);
          sums.removed += removed;
          sums.failed += failed;
        }
      } catch (error) {
        if (!isAbsent(error)) throw error;
      } finally {
        socket?.close();
      }
      return sums;
    },
  };
}
