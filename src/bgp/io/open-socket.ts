/**
 * The only place where sockets are made: by the addon where there is one, with their options set before the first packet, else by
 * Node without options. Each attempt gets a new socket; one that connects again would come without its key.
 */

import type { Server } from 'node:net';
import { connect, createServer, Socket } from 'node:net';
import type { TcpOptions } from 'netlink';
import { addon, openTcpSocket } from 'netlink';
import { formatAddress, parseAddress } from '../net/index.ts';
import { LISTEN_BACKLOG } from '../session/index.ts';
import type { Endpoint } from '../speaker-types.ts';
import { hasNativeSockets } from './native.ts';

/** A listener could not be opened. `code` says why; `endpoint` is `ADDRESS port PORT`. */
export class ListenError extends Error {
  readonly code: 'LISTEN_IN_USE' | 'LISTEN_NOT_PERMITTED' | 'LISTEN_NO_ADDRESS' | 'LISTEN_FAILED';
  readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint, cause: Error) {
    const [code, text] = listenReason(cause);
    super(`cannot listen on ${formatAddress(endpoint.address)} port ${endpoint.port}: ${text}`, { cause });
    this.name = 'ListenError';
    this.code = code;
    this.endpoint = endpoint;
  }
}

function listenReason(cause: Error): [ListenError['code'], string] {
  switch ('code' in cause ? cause.code : undefined) {
    case 'EADDRINUSE':
      return ['LISTEN_IN_USE', 'the port is in use; another BGP daemon may be running'];
    case 'EACCES':
      return ['LISTEN_NOT_PERMITTED', 'not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE'];
    case 'EADDRNOTAVAIL':
      return ['LISTEN_NO_ADDRESS', 'no interface has this address'];
    default:
      return ['LISTEN_FAILED', cause.message];
  }
}

/**
 * Starts a connection attempt; the socket is connecting when it is returned, its stream paused. Throws the kernel's error for options or a
 * local address.
 */
export function openSocket(remote: Endpoint, local: Endpoint['address'] | undefined, options: TcpOptions): Socket {
  // Paused already while it connects: Node begins to read then.
  return (hasNativeSockets() ? openNativeSocket(remote, local, options) : openPlainSocket(remote, local)).pause();
}

function openPlainSocket(remote: Endpoint, local: Endpoint['address'] | undefined): Socket {
  return connect({
    host: formatAddress(remote.address),
    port: remote.port,
    noDelay: true,
    ...(local === undefined ? {} : { localAddress: formatAddress(local) }),
  });
}

function openNativeSocket(remote: Endpoint, local: Endpoint['address'] | undefined, options: TcpOptions): Socket {
  const fd = openTcpSocket(remote.address.family, options, local === undefined ? undefined : { address: local, port: 0 });
  // Without manualStart Node would read a socket that is not connected.
  const settings = { fd, manualStart: true, readable: true, writable: true };
  const socket = new Socket(settings);
  socket.setNoDelay(true);
  return socket.connect({ host: formatAddress(remote.address), port: remote.port, autoSelectFamily: false });
}

/** A listener that is not yet bound. Each socket it accepts goes to `onSocket`, its stream paused and nothing of it read. */
export function createListener(onSocket: (socket: Socket) => void): Server {
  return createServer({ noDelay: true, pauseOnConnect: true }, onSocket);
}

/**
 * Binds a listener and opens it; `done` gets the error if that fails. `prepare` gets its descriptor between the two, where there
 * is an addon.
 */
export function bindListener(
  server: Server,
  endpoint: Endpoint,
  prepare: (fd: number) => void,
  done: (error: ListenError | undefined) => void,
): void {
  const failed = (cause: Error): void => {
    done(new ListenError(endpoint, cause));
  };
  const up = (): void => {
    server.off('error', failed);
    done(undefined);
  };
  server.once('error', failed);
  if (hasNativeSockets()) {
    const fd = openListening(endpoint, prepare);
    if (typeof fd === 'number') server.listen({ fd }, LISTEN_BACKLOG, up);
    else queueMicrotask(() => failed(fd));
    return;
  }
  const host = formatAddress(endpoint.address);
  server.listen({ host, port: endpoint.port, backlog: LISTEN_BACKLOG, exclusive: true, ipv6Only: endpoint.address.family === 'ipv6' }, up);
}

function openListening(endpoint: Endpoint, prepare: (fd: number) => void): number | Error {
  let fd: number | undefined;
  try {
    fd = openTcpSocket(endpoint.address.family, {}, endpoint);
    prepare(fd);
    return fd;
  } catch (error) {
    if (fd !== undefined) addon().close(fd);
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Both ends of a connection. */
export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** Both ends of a socket; undefined where it died before it could be asked. */
export function endsOf(socket: Socket): Ends | undefined {
  const local = endpointOf(socket.localAddress, socket.localPort);
  const remote = endpointOf(socket.remoteAddress, socket.remotePort);
  return local === undefined || remote === undefined ? undefined : { local, remote };
}

function endpointOf(address: string | undefined, port: number | undefined): Endpoint | undefined {
  const parsed = address === undefined ? undefined : parseAddress(address.split('%')[0] ?? '');
  return parsed === undefined || port === undefined ? undefined : { address: parsed, port };
}
