/**
 * TCP sockets with the options BGP needs and Node does not offer: MD5 keys (RFC 2385), TTL security (RFC 5082), device,
 * type of service, user timeout. A descriptor made here is given to `net.Socket({ fd })` or `server.listen({ fd })`.
 */
import { addon } from './addon.ts';

/** An IP address as four unsigned 32-bit words, IPv4 in the first. */
export interface SocketIp {
  readonly family: 'ipv4' | 'ipv6';
  readonly words: readonly [number, number, number, number];
}

/** An MD5 key for one peer, or for every peer inside a prefix. */
export interface Md5Key {
  readonly address: SocketIp;
  /** 0-32 or 0-128; absent: this address alone. */
  readonly prefixLength?: number;
  /** 1-80 octets. */
  readonly key: Uint8Array;
}

/** Options of a TCP socket; absent ones keep the kernel's default. */
export interface TcpOptions {
  /** Hops of TTL security: packets are sent with TTL 255 and dropped below 256 - hops. 1-255. */
  readonly ttlSecurity?: number;
  /** TTL of packets sent, 1-255; -1: the kernel's default. Not together with ttlSecurity. */
  readonly ttl?: number;
  /** Packets with a lower TTL are dropped, 1-255; 0: none. Not together with ttlSecurity. */
  readonly minTtl?: number;
  /** IP_TOS or IPV6_TCLASS, 0-255. */
  readonly typeOfService?: number;
  /** SO_BINDTODEVICE: an interface name. */
  readonly device?: string;
  /** TCP_USER_TIMEOUT in milliseconds. */
  readonly userTimeout?: number;
  readonly md5?: readonly Md5Key[];
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_MINTTL = 21;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const TCP_USER_TIMEOUT = 18;
const TCP_MD5SIG_EXT = 32;
const MD5SIG_FLAG_PREFIX = 1;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;
const IPV6_MINHOPCOUNT = 73;

/** Longest MD5 key the kernel takes, octets (TCP_MD5SIG_MAXKEYLEN). */
export const MD5_KEY_MAX = 80;

const SOCKADDR_STORAGE = 128;
const TCP_MD5SIG_SIZE = 216;

function int(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value);
  return octets;
}

/** Writes struct sockaddr_in or sockaddr_in6 at the start of `target`; returns its length. */
function writeSockaddr(target: Buffer, address: SocketIp, port: number): number {
  const ipv4 = address.family === 'ipv4';
  target.writeUInt16LE(ipv4 ? AF_INET : AF_INET6, 0);
  target.writeUInt16BE(port, 2);
  if (ipv4) {
    target.writeUInt32BE(address.words[0], 4);
    return 16;
  }
  for (const [index, word] of address.words.entries()) target.writeUInt32BE(word, 8 + 4 * index);
  return 28;
}

/** struct tcp_md5sig; an empty key removes. */
function md5Structure(address: SocketIp, prefixLength: number | undefined, key: Uint8Array): Buffer {
  const octets = Buffer.alloc(TCP_MD5SIG_SIZE);
  writeSockaddr(octets.subarray(0, SOCKADDR_STORAGE), address, 0);
  if (prefixLength !== undefined) {
    octets[128] = MD5SIG_FLAG_PREFIX;
    octets[129] = prefixLength;
  }
  octets.writeUInt16LE(key.length, 130);
  octets.set(key, 136);
  return octets;
}

/** Sets or replaces a key on a socket, listening and established ones too. Throws EINVAL for a key over 80 octets, ENOMEM at the optmem limit. */
export function setMd5Key(fd: number, { address, prefixLength, key }: Md5Key): void {
  // A key that does not fit the structure gets the kernel's own answer, EINVAL, by way of a structure too short.
  const structure = key.length > MD5_KEY_MAX ? Buffer.alloc(0) : md5Structure(address, prefixLength, key);
  addon().setsockopt(fd, IPPROTO_TCP, prefixLength === undefined ? TCP_MD5SIG : TCP_MD5SIG_EXT, structure);
}

/** Removes a key. Throws ENOENT where there is none. */
export function removeMd5Key(fd: number, address: SocketIp, prefixLength?: number): void {
  const structure = md5Structure(address, prefixLength, new Uint8Array(0));
  addon().setsockopt(fd, IPPROTO_TCP, prefixLength === undefined ? TCP_MD5SIG : TCP_MD5SIG_EXT, structure);
}

function applyTtl(fd: number, family: SocketIp['family'], options: TcpOptions): void {
  const level = family === 'ipv4' ? IPPROTO_IP : IPPROTO_IPV6;
  const ttl = options.ttlSecurity === undefined ? options.ttl : 255;
  if (ttl !== undefined) addon().setsockopt(fd, level, family === 'ipv4' ? IP_TTL : IPV6_UNICAST_HOPS, int(ttl));
  const minTtl = options.ttlSecurity === undefined ? options.minTtl : 256 - options.ttlSecurity;
  if (minTtl !== undefined) addon().setsockopt(fd, level, family === 'ipv4' ? IP_MINTTL : IPV6_MINHOPCOUNT, int(minTtl));
}

/** Applies options to an open socket. Throws the kernel's error: ENODEV for an unknown device, EPERM where a capability is missing. */
export function applyTcpOptions(fd: number, family: SocketIp['family'], options: TcpOptions): void {
  applyTtl(fd, family, options);
  if (options.typeOfService !== undefined) {
    const [level, name] = family === 'ipv4' ? [IPPROTO_IP, IP_TOS] : [IPPROTO_IPV6, IPV6_TCLASS];
    addon().setsockopt(fd, level, name, int(options.typeOfService));
  }
  if (options.device !== undefined) addon().setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${options.device}\0`));
  if (options.userTimeout !== undefined) addon().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, int(options.userTimeout));
  for (const key of options.md5 ?? []) setMd5Key(fd, key);
}

/**
 * A TCP socket with its options set, bound where `local` is given (port 0 = any); IPv6 sockets carry IPv6 alone. The caller
 * owns the descriptor until Node's socket takes it. Throws the kernel's error and leaves nothing open.
 */
export function openTcpSocket(
  family: SocketIp['family'],
  options: TcpOptions,
  local?: { readonly address: SocketIp; readonly port: number },
): number {
  const fd = addon().socket(family === 'ipv4' ? AF_INET : AF_INET6, SOCK_STREAM, 0);
  try {
    if (family === 'ipv6') addon().setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, int(1));
    applyTcpOptions(fd, family, options);
    if (local !== undefined) {
      addon().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int(1));
      const address = Buffer.alloc(28);
      const length = writeSockaddr(address, local.address, local.port);
      addon().bind(fd, address.subarray(0, length));
    }
    return fd;
  } catch (error) {
    addon().close(fd);
    throw error;
  }
}

/** Reads a 4-octet integer option back; tests and diagnostics use it. */
export function readIntOption(fd: number, level: number, name: number): number {
  const value = Buffer.alloc(4);
  addon().getsockopt(fd, level, name, value);
  return value.readInt32LE();
}
