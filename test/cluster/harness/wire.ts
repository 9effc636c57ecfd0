/** A TCP relay before the API server whose connections can be cut or frozen. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The relay of a suite. */
export interface Wire {
  readonly port: number;
  /** Connections accepted so far. */
  accepted(): number;
  /** Ends all connections at once; new ones are taken. */
  cut(): void;
  /** Nothing passes any more on connections that are there, and they are not ended: a dead peer. */
  freeze(): void;
  /** Refuses new connections, or takes them again. */
  refuse(refuse: boolean): void;
  stop(): Promise<void>;
}

/** Starts a relay to a port of loopback. */
export async function startWire(target: number): Promise<Wire> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const state = { refusing: false, accepted: 0 };
  const server: Server = createServer((left) => {
    if (state.refusing) {
      left.destroy();
      return;
    }
    state.accepted += 1;
    const right = connect(target, '127.0.0.1');
    const pair = [left, right] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      left.destroy();
      right.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    left.pipe(right);
    right.pipe(left);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const cut = (): void => {
    for (const [left, right] of [...pairs]) {
      left.destroy();
      right.destroy();
    }
  };
  return {
    port: address.port,
    accepted: () => state.accepted,
    cut,
    freeze() {
      for (const [left, right] of pairs) {
        left.unpipe(right);
        right.unpipe(left);
        left.pause();
        right.pause();
      }
    },
    refuse(refuse) {
      state.refusing = refuse;
    },
    async stop() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
