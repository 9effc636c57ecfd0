/** Options of the health thread: where it listens and what readiness asks for. Types only. */
import type { EndpointView, PushingThread } from './status.ts';

/** Classes of peers in readiness policy, by the id's prefix as Calico's probe reads it (control-plane 8.2); `other`: a bare speaker's. */
export type PeerClass = 'mesh' | 'node' | 'global' | 'local-workload' | 'other';

/**
 * What a class of peers must show for readiness. `pooled`: taken together with every other pooled class, all established
 * within `thresholdMs` of the start, at least one afterwards (control-plane 8.2). `all` and `one` hold for the class by
 * itself at any age; `ignored`: not looked at.
 */
export type PeerRequirement = 'pooled' | 'all' | 'one' | 'ignored';

/** Readiness policy. Default: 30000 ms, every class pooled but `local-workload`, which is ignored. */
export interface ReadinessPolicy {
  readonly thresholdMs: number;
  readonly classes: { readonly [name in PeerClass]: PeerRequirement };
}

/** Where the health thread listens. */
export interface ListenOptions {
  /** Listener 1, everything; host must be loopback. Default 127.0.0.1:9178; port 0 takes a free one; null: off. */
  readonly api: EndpointView | null;
  /** Path of the unix socket with everything, mode 0660, directory made by the caller; null: off. */
  readonly socket: string | null;
  /** Listener 2, /metrics and the probes only, any address. Default null: off. */
  readonly metrics: EndpointView | null;
  /** Directory of BIRD's control sockets `bird.ctl` and `bird6.ctl`, spoken for it; null or absent: none. */
  readonly bird?: string | null;
}

/** One address really listened on; `text` is `http://127.0.0.1:9178` or `unix:/run/linnet.sock`, with the port that was given for 0. */
export interface ListeningView {
  readonly listener: 'api' | 'socket' | 'metrics' | 'bird';
  readonly text: string;
  /** 0 for the socket. */
  readonly port: number;
}

/** Options of the health thread, plain data (they cross to the worker). */
export interface HealthOptions {
  readonly listen: ListenOptions;
  /** Threads that are expected to push. Default main and speaker. */
  readonly threads?: readonly PushingThread[];
  readonly readiness?: ReadinessPolicy;
}
