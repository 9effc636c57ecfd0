/**
 * The only place where sockets are made. What Node cannot set (TCP MD5, TTL security, a device) is refused by configuration
 * today; an addon that can will answer behind these two functions.
 */

import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { formatAddress, parseAddress } from '../net/index.ts';
import { LISTEN_BACKLOG } from '../session/index.ts';
import type { Endpoint } from '../speaker-types.ts';

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

/** Starts a connection attempt; the socket is connecting when it is returned. */
export function openSocket(remote: Endpoint, local: Endpoint['address'] | undefined): Socket {
  return connect({
    host: formatAddress(remote.address),
    port: remote.port,
    noDelay: true,
    ...(local === undefined ? {} : { localAddress: formatAddress(local) }),
  });
}

/** A listener that is not yet bound. Each socket it accepts goes to `onSocket`. */
export function createListener(onSocket: (socket: Socket) => void): Server {
  return createServer({ noDelay: true }, onSocket);
}

/** Binds a listener; `done` gets the error if that fails. */
export function bindListener(server: Server, endpoint: Endpoint, done: (error: ListenError | undefined) => void): void {
  const failed = (cause: Error): void => {
    done(new ListenError(endpoint, cause));
  };
  server.once('error', failed);
  const host = formatAddress(endpoint.address);
  server.listen(
    { host, port: endpoint.port, backlog: LISTEN_BACKLOG, exclusive: true, ipv6Only: endpoint.address.family === 'ipv6' },
    () => {
      server.off('error', failed);
      done(undefined);
    },
  );
}

/** The address and port of one end of a socket; undefined where the socket died before it could be asked. */
export function endpointOf(address: string | undefined, port: number | undefined): Endpoint | undefined {
  const parsed = address === undefined ? undefined : parseAddress(address.split('%')[0] ?? '');
  return parsed === undefined || port === undefined ? undefined : { address: parsed, port };
}
