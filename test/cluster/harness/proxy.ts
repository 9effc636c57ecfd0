/**
 * A proxy of HTTPS before the API server that misbehaves on request: it ends TLS with a certificate of the test CA, so that it
 * can answer in the server's stead, hold answers back and cut them where it likes.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, Agent as HttpsAgent, request, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Cluster } from './cluster.ts';

/** What is wrong now. */
export interface Fault {
  /** Ms before each answer begins. */
  readonly delayMs?: number;
  /** The answer to everything, in the server's stead. */
  readonly status?: number;
  /** Seconds, a header of those answers. */
  readonly retryAfter?: number;
  /** Events of watches end in the middle of a line, and the connection with them. */
  readonly truncate?: boolean;
  /** No connection is taken. */
  readonly refuse?: boolean;
}

/** The proxy of a suite. */
export interface FaultyProxy {
  readonly port: number;
  set(fault: Fault): void;
  /** Ends all connections; new ones are taken. */
  cut(): void;
  /** Another certificate for new connections. */
  present(cert: string, key: string): void;
  /** When requests came, monotonic ms. */
  requests(): readonly number[];
  /** Watches that were cut in the middle of a line. */
  truncated(): number;
  stop(): Promise<void>;
}

/** Starts it on loopback. */
export async function startFaultyProxy(cluster: Cluster): Promise<FaultyProxy> {
  const { certificates } = cluster;
  const material = (cert: string, key: string): ServerOptions => ({ cert: readFileSync(cert), key: readFileSync(key) });
  const agent = new HttpsAgent({ ca: readFileSync(certificates.ca), keepAlive: true });
  const sockets = new Set<Socket>();
  const times: number[] = [];
  const state: { fault: Fault; truncated: number } = { fault: {}, truncated: 0 };
  const forward = (asked: IncomingMessage, answer: ServerResponse): void => {
    const options = { host: '127.0.0.1', port: cluster.port, path: asked.url, method: asked.method, agent };
    const onward = request({ ...options, headers: { ...asked.headers, host: `127.0.0.1:${cluster.port}` } }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      answer.flushHeaders();
      from.on('data', (octets: Buffer) => {
        if (state.fault.truncate !== true || asked.url?.includes('watch=1') !== true) {
          answer.write(octets);
          return;
        }
        state.truncated += 1;
        answer.write(octets.subarray(0, Math.max(1, octets.length >> 1)), () => asked.socket.destroy());
      });
      from.on('end', () => answer.end());
      from.on('error', () => asked.socket.destroy());
    });
    onward.on('error', () => asked.socket.destroy());
    answer.once('close', () => onward.destroy());
    asked.pipe(onward);
  };
  const take = (asked: IncomingMessage, answer: ServerResponse): void => {
    times.push(performance.now());
    const { delayMs = 0, status, retryAfter } = state.fault;
    const go = (): void => {
      if (status === undefined) return forward(asked, answer);
      const headers = { 'content-type': 'application/json', ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) };
      answer
        .writeHead(status, headers)
        .end(JSON.stringify({ kind: 'Status', status: 'Failure', message: 'a fault of the test', code: status }));
    };
    if (delayMs === 0) go();
    else setTimeout(go, delayMs);
  };
  const server = createServer(material(certificates.serverCert, certificates.serverKey), take);
  server.on('connection', (socket: Socket) => {
    if (state.fault.refuse === true) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    set: (fault) => {
      state.fault = fault;
    },
    cut,
    present: (cert, key) => server.setSecureContext(material(cert, key)),
    requests: () => times,
    truncated: () => state.truncated,
    async stop() {
      cut();
      agent.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
