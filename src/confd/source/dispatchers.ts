/** Connections of undici to one datastore: one pool for each set of TLS material, replaced when that changes. */
import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { TlsMaterial } from './tls.ts';

/** Ms of silence after which the kernel asks whether the other side of a connection is still there. */
const KEEPALIVE_MS = 30_000;

/**
 * Octets that Node's stream holds of a connection before it stops to read it. One: what comes while a reader rests stays with the kernel and
 * wakes nobody. undici's own 64 KiB (16 KiB with TLS) are most of what heartbeats bring in a rest, each of them a turn of the loop.
 */
const STREAM_OCTETS = 1;

/** What a connection depends on. Secret. */
export interface Target {
  /** URL without a trailing slash. */
  readonly server: string;
  readonly tls: TlsMaterial;
  /** URL of the proxy that leads there. */
  readonly proxy: string | undefined;
}

/** The pool in use. */
export interface Dispatchers {
  /** The pool for a target; the one before it ends when what is under way on it has ended. */
  to(target: Target): Dispatcher;
  close(): Promise<void>;
}

/** Makes it without a connection. `connectMs`: until connected, TLS included. */
export function createDispatchers(connectMs: number): Dispatchers {
  let current: { readonly key: string; readonly dispatcher: Dispatcher } | undefined;
  return {
    to(target) {
      const key = createHash('sha256').update(JSON.stringify(target)).digest('base64');
      if (current?.key === key) return current.dispatcher;
      void current?.dispatcher.close().catch(() => undefined);
      current = { key, dispatcher: dispatcherFor(target, connectMs) };
      return current.dispatcher;
    },
    async close() {
      await current?.dispatcher.destroy().catch(() => undefined);
      current = undefined;
    },
  };
}

function dispatcherFor({ tls, proxy }: Target, connectMs: number): Dispatcher {
  const socket = { timeout: connectMs, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS, highWaterMark: STREAM_OCTETS };
  const connect = { ...tls, ...socket };
  if (proxy === undefined) return new Agent({ connect });
  return new ProxyAgent({ uri: proxy, requestTls: connect, proxyTls: socket });
}
