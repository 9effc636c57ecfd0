/** A BGP peer that takes one connection and notes which host routes come and go, with the time of their octets. */
import { createServer, type Socket } from 'node:net';
import { encodeKeepalive, encodeOpen, Framer, MESSAGE_TYPE } from 'bgp-ts/wire';

/** The peer of a suite. */
export interface BgpPeer {
  /** Monotonic ms when an UPDATE about the host route (such as 198.51.100.7) came last, or undefined. */
  announced(host: string): number | undefined;
  withdrawn(host: string): number | undefined;
  updates(): number;
  established(): boolean;
  /** Connections taken so far. */
  connections(): number;
  stop(): Promise<void>;
}

/** The /32 as it stands in an UPDATE. */
const wireForm = (host: string): string =>
  `20${host
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')}`;

interface Seen {
  readonly at: number;
  /** Withdrawn routes, and the rest with the announced ones. */
  readonly lost: string;
  readonly rest: string;
}

/** Starts listening; the session is made by the other side. */
export async function startPeer(options: {
  readonly host: string;
  readonly port: number;
  readonly as: number;
  readonly bgpId: number;
  /** Told of each UPDATE as it comes: monotonic ms, and the octets of its body in hexadecimal. */
  readonly onUpdate?: (at: number, body: string) => void;
}): Promise<BgpPeer> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const state = { established: false, connections: 0 };
  const take = (socket: Socket, type: number, body: Uint8Array): void => {
    if (type === MESSAGE_TYPE.open) socket.write(encodeKeepalive());
    else if (type === MESSAGE_TYPE.keepalive) {
      state.established = true;
      socket.write(encodeKeepalive());
    } else if (type === MESSAGE_TYPE.update) {
      const octets = Buffer.from(body);
      const end = 2 + octets.readUInt16BE(0);
      options.onUpdate?.(performance.now(), octets.toString('hex'));
      seen.push({ at: performance.now(), lost: octets.subarray(2, end).toString('hex'), rest: octets.subarray(end).toString('hex') });
    }
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    state.connections += 1;
    socket.setNoDelay(true);
    const framer = new Framer(4096);
    const open = {
      type: 'open',
      version: 4,
      myAs: options.as,
      holdTime: 90,
      bgpId: options.bgpId,
      capabilities: {
        families: ['ipv4-unicast'],
        multiprotocol: true,
        fourOctetAs: options.as,
        routeRefresh: true,
        enhancedRouteRefresh: false,
        extendedMessage: false,
        unknown: [],
      },
    } as const;
    socket.write(encodeOpen(open));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (octets: Buffer) => {
      framer.feed(octets);
      for (let next = framer.take(); next !== undefined; next = framer.take()) {
        if (next.ok) take(socket, next.value.type, next.value.body);
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    announced: (host) => seen.findLast(({ rest }) => rest.includes(wireForm(host)))?.at,
    withdrawn: (host) => seen.findLast(({ lost }) => lost.includes(wireForm(host)))?.at,
    updates: () => seen.length,
    established: () => state.established,
    connections: () => state.connections,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
