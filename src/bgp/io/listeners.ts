/** The set of listeners, kept equal to the endpoints that the speaker asks for, each with the keys of its peers. */
import type { Server, Socket } from 'node:net';
import { addressKey } from '../net/index.ts';
import type { Endpoint } from '../speaker-types.ts';
import type { HeldKeys } from './listener-keys.ts';
import { keyListener } from './listener-keys.ts';
import { descriptorOf, hasNativeSockets } from './native.ts';
import type { ListenError } from './open-socket.ts';
import { bindListener, createListener } from './open-socket.ts';
import type { PeerSockets } from './peer-sockets.ts';

/** The listeners of a speaker. */
export interface Listeners {
  /** Opens what is missing and closes what is too many; established connections are left alone. */
  apply(endpoints: readonly Endpoint[]): void;
  /** Gives the open listeners the keys of the present peers; faults are left in the peers' record. */
  rekey(): void;
  /** Settles when all listeners of the last `apply` are bound; rejects with the first `ListenError`. */
  ready(): Promise<void>;
}

interface OpenListener {
  readonly endpoint: Endpoint;
  readonly server: Server;
  readonly keys: HeldKeys;
  readonly bound: Promise<ListenError | undefined>;
}

/** Listeners whose sockets go to `onSocket`. A listener that fails later (after `ready`) is reported to `onError`. */
export function createListeners(peers: PeerSockets, onSocket: (socket: Socket) => void, onError: (error: ListenError) => void): Listeners {
  const open = new Map<string, OpenListener>();

  function start(key: string, endpoint: Endpoint): OpenListener {
    const server = createListener(onSocket);
    const keys: HeldKeys = new Map();
    // Between bind and listen: no connection is taken before its key is there.
    const prepare = (fd: number): void => keyListener(fd, endpoint.address, keys, peers);
    const bound = new Promise<ListenError | undefined>((resolve) => {
      bindListener(server, endpoint, prepare, (error) => {
        if (error !== undefined) {
          if (open.get(key)?.server === server) open.delete(key);
          onError(error);
        }
        resolve(error);
      });
    });
    return { endpoint, server, keys, bound };
  }

  return {
    apply: (endpoints) => {
      const wanted = new Map(endpoints.map((endpoint) => [`${addressKey(endpoint.address)}|${endpoint.port}`, endpoint]));
      for (const [key, { server }] of open) {
        if (wanted.has(key)) continue;
        open.delete(key);
        server.close();
      }
      for (const [key, endpoint] of wanted) if (!open.has(key)) open.set(key, start(key, endpoint));
    },
    rekey: () => {
      if (!hasNativeSockets()) return;
      for (const { server, endpoint, keys } of open.values()) {
        const fd = descriptorOf(server);
        if (fd !== undefined) keyListener(fd, endpoint.address, keys, peers);
      }
    },
    ready: async () => {
      const results = await Promise.all([...open.values()].map(({ bound }) => bound));
      const failed = results.find((error) => error !== undefined);
      if (failed !== undefined) throw failed;
    },
  };
}
