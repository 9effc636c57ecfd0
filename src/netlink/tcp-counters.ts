/**
 * What the kernel counts of TCP segments that it drops without a word: wrong or missing MD5 signatures (RFC 2385) and packets
 * below a socket's lowest TTL (RFC 5082). The counts are those of a whole network namespace.
 */
import { readFileSync } from 'node:fs';

/** Counts since the namespace was made; they only grow. */
export interface TcpCounters {
  /** Segments without the signature that was expected. */
  readonly md5Missing: number;
  /** Segments with a signature where none was expected. */
  readonly md5Unexpected: number;
  /** Segments with the signature of another key. */
  readonly md5Wrong: number;
  /** Packets with too low a TTL. */
  readonly lowTtl: number;
}

/** The kernel's name of each counter. */
export const TCP_COUNTER_NAMES: { readonly [counter in keyof TcpCounters]: string } = {
  md5Missing: 'TCPMD5NotFound',
  md5Unexpected: 'TCPMD5Unexpected',
  md5Wrong: 'TCPMD5Failure',
  lowTtl: 'TCPMinTTLDrop',
};

/** Reads the text of `/proc/net/netstat`: pairs of lines, names above values. A counter that is not there is 0. */
export function parseTcpCounters(text: string): TcpCounters {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  const count = (name: string): number => Number(values[names.indexOf(name)] ?? 0);
  return {
    md5Missing: count(TCP_COUNTER_NAMES.md5Missing),
    md5Unexpected: count(TCP_COUNTER_NAMES.md5Unexpected),
    md5Wrong: count(TCP_COUNTER_NAMES.md5Wrong),
    lowTtl: count(TCP_COUNTER_NAMES.lowTtl),
  };
}

/** The counters of the calling thread's network namespace; undefined where there is no such file. */
export function readTcpCounters(): TcpCounters | undefined {
  const text = readText('/proc/thread-self/net/netstat');
  return text === undefined ? undefined : parseTcpCounters(text);
}

/** Octets of options memory that one socket may hold (`net.core.optmem_max`), which bounds its MD5 keys; undefined where unknown. */
export function readOptmemMax(): number | undefined {
  const text = readText('/proc/sys/net/core/optmem_max');
  return text === undefined ? undefined : Number(text);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
