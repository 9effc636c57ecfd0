/** Sockets by connection id: reading, writing with back-pressure, closing. One new socket per attempt. */
import type { Socket } from 'node:net';
import { CLOSE_LINGER_MS, CONNECT_TIMEOUT_MS, SOCKET_HIGH_WATER_OCTETS } from '../session/index.ts';
import type { ConnectionId, Endpoint, SpeakerInput } from '../speaker-types.ts';
import { endpointOf, openSocket } from './open-socket.ts';

interface Open {
  readonly id: ConnectionId;
  readonly socket: Socket;
  blocked: boolean;
}

export interface Connections {
  dial(dial: number, remote: Endpoint, local: Endpoint['address'] | undefined): void;
  cancelDial(dial: number): void;
  /** A socket that a listener accepted. */
  accept(socket: Socket): void;
  send(id: ConnectionId, buffers: readonly Uint8Array[]): void;
  close(id: ConnectionId, reset: boolean): void;
  pause(id: ConnectionId): void;
  resume(id: ConnectionId): void;
  /** Settles when every socket is gone. */
  closed(): Promise<void>;
}

/** Sockets whose news go to `feed`. */
export function createConnections(feed: (input: SpeakerInput) => void): Connections {
  const open = new Map<ConnectionId, Open>();
  const dials = new Map<number, Socket>();
  /** Every socket not yet destroyed, those only lingering included. */
  const alive = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let nextId = 1;

  function watch(socket: Socket): void {
    alive.add(socket);
    socket.once('close', () => {
      alive.delete(socket);
      if (alive.size === 0) for (const done of waiting.splice(0)) done();
    });
  }

  function adopt(socket: Socket, dial: number | undefined): boolean {
    const local = endpointOf(socket.localAddress, socket.localPort);
    const remote = endpointOf(socket.remoteAddress, socket.remotePort);
    if (local === undefined || remote === undefined) return false;
    const entry: Open = { id: nextId++, socket, blocked: false };
    open.set(entry.id, entry);
    const lost = (reason: string): void => {
      if (!open.delete(entry.id)) return;
      socket.destroy();
      feed({ type: 'closed', connection: entry.id, reason });
    };
    socket.on('data', (octets) => { if (open.has(entry.id)) feed({ type: 'octets', connection: entry.id, octets }); });
    // A half-closed peer cannot send keepalives: its FIN ends the session at once.
    socket.on('end', () => { lost('the peer closed the connection'); });
    socket.on('error', (error) => { lost(reasonOf(error)); });
    socket.on('close', () => { lost('connection closed'); });
    socket.on('drain', () => {
      if (!entry.blocked) return;
      entry.blocked = false;
      feed({ type: 'writable', connection: entry.id });
    });
    feed({ type: 'connected', connection: entry.id, local, remote, ...(dial === undefined ? {} : { dial }) });
    return true;
  }

  function dial(number: number, remote: Endpoint, local: Endpoint['address'] | undefined): void {
    const socket = openSocket(remote, local);
    dials.set(number, socket);
    watch(socket);
    const settle = (): boolean => {
      clearTimeout(timeout);
      socket.off('error', fail);
      return dials.delete(number);
    };
    const fail = (error: Error): void => {
      if (!settle()) return;
      socket.on('error', () => undefined);
      socket.destroy();
      feed({ type: 'dial-failed', dial: number, reason: reasonOf(error) });
    };
    const timeout = setTimeout(() => { fail(new Error('no answer')); }, CONNECT_TIMEOUT_MS);
    socket.once('error', fail);
    socket.once('connect', () => {
      if (!settle()) return;
      if (adopt(socket, number)) return;
      socket.destroy();
      feed({ type: 'dial-failed', dial: number, reason: 'connection lost at once' });
    });
    socket.once('close', () => { clearTimeout(timeout); });
  }

  function send(id: ConnectionId, buffers: readonly Uint8Array[]): void {
    const entry = open.get(id);
    if (entry === undefined) return;
    const { socket } = entry;
    const [first] = buffers;
    if (buffers.length === 1 && first !== undefined) socket.write(first);
    else {
      // One writev for all of them; the octets are shared between peers and never copied.
      socket.cork();
      for (const buffer of buffers) socket.write(buffer);
      socket.uncork();
    }
    if (entry.blocked || socket.writableLength < SOCKET_HIGH_WATER_OCTETS) return;
    entry.blocked = true;
    feed({ type: 'blocked', connection: id });
  }

  function close(id: ConnectionId, reset: boolean): void {
    const entry = open.get(id);
    if (entry === undefined) return;
    open.delete(id);
    const { socket } = entry;
    if (reset) { socket.resetAndDestroy(); return; }
    // Unread octets would turn our FIN into a RST that may overtake the NOTIFICATION: keep reading until it is out.
    socket.resume();
    socket.end();
    const linger = setTimeout(() => { socket.destroy(); }, CLOSE_LINGER_MS);
    socket.once('close', () => { clearTimeout(linger); });
  }

  return {
    dial,
    cancelDial: (number) => {
      const socket = dials.get(number);
      if (socket === undefined) return;
      dials.delete(number);
      socket.on('error', () => undefined);
      socket.destroy();
    },
    accept: (socket) => {
      watch(socket);
      if (adopt(socket, undefined)) return;
      socket.on('error', () => undefined);
      socket.destroy();
    },
    send,
    close,
    pause: (id) => { open.get(id)?.socket.pause(); },
    resume: (id) => { open.get(id)?.socket.resume(); },
    closed: () => (alive.size === 0 ? Promise.resolve() : new Promise((resolve) => { waiting.push(resolve); })),
  };
}

function reasonOf(error: Error): string {
  switch ('code' in error ? error.code : undefined) {
    case 'ECONNREFUSED': return 'connection refused';
    case 'ECONNRESET': return 'connection reset by the peer';
    case 'EPIPE': return 'connection closed by the peer';
    case 'ETIMEDOUT': return 'timed out';
    case 'EHOSTUNREACH': return 'host unreachable';
    case 'ENETUNREACH': return 'network unreachable';
    case 'EADDRNOTAVAIL': return 'the local address is not available';
    default: return error.message;
  }
}
