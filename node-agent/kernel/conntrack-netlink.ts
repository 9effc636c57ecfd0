/** Connection tracking of this machine over ctnetlink: connections of prefixes that another node answers for now are forgotten (dataplane 3.1). */
import type { Prefix } from 'bgp-ts/net';
import { PrefixTrie } from 'bgp-ts/net';
import type { Arena, ConntrackEnds, NetlinkOptions } from 'netlink';
import { decodeConntrack, encodeConntrackDump, encodeConntrackRemoval, NetlinkSocket } from 'netlink';
import type { ConntrackKernel } from './types.ts';

/** What a kernel without connection tracking answers: no such protocol, or no such subsystem (nfnetlink's EINVAL). */
const ABSENT = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EINVAL', 'EOPNOTSUPP']);

/** Says of a connection whether one end of one direction is inside a prefix: what `conntrack -D` finds by its four address options. */
export function concerning(prefixes: readonly Prefix[]): (ends: ConntrackEnds) => boolean {
  const inside = new PrefixTrie<true>();
  for (const prefix of prefixes) inside.set(prefix, true);
  return (ends) => CORNERS.some((corner) => inside.longestMatch(ends[corner]) !== undefined);
}

const CORNERS = ['source', 'destination', 'replySource', 'replyDestination'] as const;

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
