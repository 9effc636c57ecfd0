import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { createServer, Socket } from 'node:net';
import type { SocketIp, TcpOptions } from 'netlink';
import { addon, openTcpSocket, readIntOption, removeMd5Key, setMd5Key } from 'netlink';
import { afterEach, describe, expect, it } from 'vitest';

const ip4 = (a: number, b: number, c: number, d: number): SocketIp => ({
  family: 'ipv4',
  words: [((a << 24) | (b << 16) | (c << 8) | d) >>> 0, 0, 0, 0],
});
const LOOPBACK = ip4(127, 0, 0, 1);
const LOOPBACK6: SocketIp = { family: 'ipv6', words: [0, 0, 0, 1] };
const SECRET = Buffer.from('rack-7');

const open: (Server | Socket)[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one instanceof Socket ? one.destroy() : one.close();
});

async function listen(address: SocketIp, options: TcpOptions): Promise<{ fd: number; port: number }> {
  const fd = openTcpSocket(address.family, options, { address, port: 0 });
  const server = createServer((socket) => open.push(socket.on('error', () => undefined)));
  open.push(server);
  server.listen({ fd });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { fd, port };
}

/** `connected`, the error's code, or `silence` after 400 ms: a dropped SYN says nothing. */
async function dial(host: string, port: number, options: TcpOptions): Promise<string> {
  const fd = openTcpSocket(host.includes(':') ? 'ipv6' : 'ipv4', options);
  const socket = new Socket({ fd, manualStart: true, readable: true, writable: true } as ConstructorParameters<typeof Socket>[0]);
  open.push(socket);
  return new Promise((resolve) => {
    const silence = setTimeout(() => resolve('silence'), 400);
    const settle = (how: string): void => {
      clearTimeout(silence);
      resolve(how);
    };
    socket.once('connect', () => settle('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'error'));
    socket.connect({ host, port });
  });
}

describe.skipIf(process.platform !== 'linux')('TCP MD5 (RFC 2385)', () => {
  it.each([
    ['the same key', LOOPBACK, '127.0.0.1', SECRET, 'connected'],
    ['another key', LOOPBACK, '127.0.0.1', Buffer.from('rack-8'), 'silence'],
    ['no key', LOOPBACK, '127.0.0.1', undefined, 'silence'],
    ['the same key over IPv6', LOOPBACK6, '::1', SECRET, 'connected'],
    ['another key over IPv6', LOOPBACK6, '::1', Buffer.from('x'), 'silence'],
  ] as const)('a listener with a key and a dialer with %s', async (_name, address, host, key, outcome) => {
    const { port } = await listen(address, { md5: [{ address, key: SECRET }] });
    expect(await dial(host, port, key === undefined ? {} : { md5: [{ address, key }] })).toBe(outcome);
  });

  it('covers a range by a prefix key', async () => {
    const { port } = await listen(LOOPBACK, { md5: [{ address: ip4(127, 0, 0, 0), prefixLength: 8, key: SECRET }] });
    expect(await dial('127.0.0.1', port, { md5: [{ address: LOOPBACK, key: SECRET }] })).toBe('connected');
    expect(await dial('127.0.0.1', port, {})).toBe('silence');
  });

  it('re-keys a live listener', async () => {
    const { fd, port } = await listen(LOOPBACK, { md5: [{ address: LOOPBACK, key: SECRET }] });
    setMd5Key(fd, { address: LOOPBACK, key: Buffer.from('new') });
    expect(await dial('127.0.0.1', port, { md5: [{ address: LOOPBACK, key: Buffer.from('new') }] })).toBe('connected');
    removeMd5Key(fd, LOOPBACK);
    expect(await dial('127.0.0.1', port, {})).toBe('connected');
  });

  it.each([
    ['a key over 80 octets', (fd: number) => setMd5Key(fd, { address: LOOPBACK, key: Buffer.alloc(81) }), 'EINVAL'],
    ['removing a key that is not there', (fd: number) => removeMd5Key(fd, LOOPBACK), 'ENOENT'],
  ])("gives the kernel's error for %s", (_name, act, code) => {
    const fd = openTcpSocket('ipv4', {});
    try {
      expect(() => act(fd)).toThrow(expect.objectContaining({ code, syscall: 'setsockopt' }));
    } finally {
      addon().close(fd);
    }
  });
});

describe.skipIf(process.platform !== 'linux')('socket options', () => {
  it('drops packets from farther than the hops of TTL security (RFC 5082)', async () => {
    const { port } = await listen(LOOPBACK, { ttlSecurity: 1 });
    expect(await dial('127.0.0.1', port, { ttl: 64 })).toBe('silence');
    expect(await dial('127.0.0.1', port, { ttlSecurity: 1 })).toBe('connected');
  });

  it.each([
    ['IP_TTL', 'ipv4', { ttlSecurity: 3 }, 0, 2, 255],
    ['IP_MINTTL', 'ipv4', { ttlSecurity: 3 }, 0, 21, 253],
    ['IPV6_MINHOPCOUNT', 'ipv6', { ttlSecurity: 3 }, 41, 73, 253],
    ['IP_TOS', 'ipv4', { typeOfService: 0xc0 }, 0, 1, 0xc0],
    ['IPV6_TCLASS', 'ipv6', { typeOfService: 0xc0 }, 41, 67, 0xc0],
    ['TCP_USER_TIMEOUT', 'ipv4', { userTimeout: 9_000 }, 6, 18, 9_000],
  ] as const)('sets %s on %s', (_name, family, options, level, name, value) => {
    const fd = openTcpSocket(family, options);
    try {
      expect(readIntOption(fd, level, name)).toBe(value);
    } finally {
      addon().close(fd);
    }
  });

  it('leaves nothing open where an option is refused', () => {
    const before = openTcpSocket('ipv4', {});
    addon().close(before);
    expect(() => openTcpSocket('ipv4', { device: 'no-such-device' })).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    const after = openTcpSocket('ipv4', {});
    addon().close(after);
    expect(after).toBe(before);
  });
});

describe.skipIf(process.platform !== 'linux')('sendv', () => {
  async function pair(): Promise<{ readonly fd: number; readonly far: Socket }> {
    const server = createServer({ pauseOnConnect: true });
    open.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const accepted = once(server, 'connection');
    const fd = openTcpSocket('ipv4', {});
    const socket = new Socket({ fd, manualStart: true, readable: true, writable: true } as ConstructorParameters<typeof Socket>[0]);
    open.push(socket);
    socket.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    await once(socket, 'connect');
    const far: Socket = (await accepted)[0];
    open.push(far);
    return { fd, far };
  }

  it('sends the parts in order, more of them than one call of the kernel takes', async () => {
    const { fd, far } = await pair();
    const parts = Array.from({ length: 2000 }, (_, index) => Uint8Array.of(0, 0, index >> 8, index & 255).subarray(2));
    expect(addon().sendv(fd, parts)).toBe(4000);
    const received: Buffer[] = [];
    for (let left = 4000; left > 0; left -= received.at(-1)?.length ?? 0) received.push((await once(far.resume(), 'data'))[0] as Buffer);
    expect(Buffer.concat(received).equals(Buffer.concat(parts))).toBe(true);
  });

  it('takes what fits, then nothing until the other end reads', async () => {
    const { fd } = await pair();
    const part = new Uint8Array(1 << 20);
    let taken = 0;
    let sent = addon().sendv(fd, [part, part]);
    for (; sent > 0; sent = addon().sendv(fd, [part, part])) taken += sent;
    expect(taken).toBeGreaterThan(0);
    expect(sent).toBe(-11);
  });

  it('returns the error of a socket that is no more, and throws for what is no list of octets', () => {
    expect(addon().sendv(-1, [Uint8Array.of(1)])).toBe(-9);
    expect(() => addon().sendv(0, [new Float64Array(1) as unknown as Uint8Array])).toThrow('parts must be of octets');
  });
});

describe.skipIf(process.platform !== 'linux')('watch', () => {
  it('reports a readable netlink socket and stops when told', async () => {
    const fd = addon().socket(16, 3, 0);
    const request = Buffer.alloc(20);
    request.writeUInt32LE(20, 0);
    request.writeUInt16LE(22, 4); // RTM_GETADDR
    request.writeUInt16LE(0x301, 6); // NLM_F_REQUEST | NLM_F_DUMP
    const answer = new Promise<number>((resolve) => {
      const handle = addon().watch(fd, 1, () => {
        const received = addon().recv(fd, Buffer.alloc(65_536));
        addon().unwatch(handle);
        resolve(received);
      });
    });
    addon().send(fd, request, request.length);
    expect(await answer).toBeGreaterThan(16);
    addon().close(fd);
  });
});
