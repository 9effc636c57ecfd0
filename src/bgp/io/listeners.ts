/** The set of listeners, kept equal to the endpoints that the speaker asks for. */
import type { Server, Socket } from 'node:net';
import { addressKey } from '../net/index.ts';
import type { Endpoint } from '../speaker-types.ts';
import type { ListenError } from './open-socket.ts';
import { bindListener, createListener } from './open-socket.ts';

/** The listeners of a speaker. */
export interface Listeners {
  /** Opens what is missing and closes what is too many; established connections are left alone. */
  apply(endpoints: readonly Endpoint[]): void;
  /** Settles when all listeners of the last `apply` are bound; rejects with the first `ListenError`. */
  ready(): Promise<void>;
}

/** Listeners whose sockets go to `onSocket`. A listener that fails later (after `ready`) is reported to `onError`. */
export function createListeners(onSocket: (socket: Socket) => void, onError: (error: ListenError) => void): Listeners {
  const open = new Map<string, { readonly server: Server; readonly bound: Promise<ListenError | undefined> }>();
  return {
    apply: (endpoints) => {
      const wanted = new Map(endpoints.map((endpoint) => [`${addressKey(endpoint.address)}|${endpoint.port}`, endpoint]));
      for (const [key, { server }] of open) {
        if (wanted.has(key)) continue;
        open.delete(key);
        server.close();
      }
      for (const [key, endpoint] of wanted) {
        if (open.has(key)) continue;
        const server = createListener(onSocket);
        const bound = new Promise<ListenError | undefined>((resolve) => {
          bindListener(server, endpoint, (error) => {
            if (error !== undefined) {
              if (open.get(key)?.server === server) open.delete(key);
              onError(error);
            }
            resolve(error);
          });
        });
        open.set(key, { server, bound });
      }
    },
    ready: async () => {
      const results = await Promise.all([...open.values()].map(({ bound }) => bound));
      const failed = results.find((error) => error !== undefined);
      if (failed !== undefined) throw failed;
    },
  };
}
