/** Every bound of the health thread, with its unit and why. */

/** A pushing thread silent for longer is stalled, milliseconds (contracts.md, Files). Five missed pushes. */
export const STALL_MS = 5000;

/** The kernel's thread writes in one piece: a hundred thousand routes take seconds on a slow machine, milliseconds. */
export const KERNEL_STALL_MS = 10_000;

/** A thread that has never pushed is judged after this long, milliseconds: a cold start may load a big manifest directory. */
export const START_ALLOWANCE_MS = 30_000;

/** Longest step the live clock takes at once, milliseconds: time in which this thread itself did not run is nobody's stall. */
export const LIVE_STEP_MS = 1000;

/** How often the live clock is advanced, milliseconds: half of LIVE_STEP_MS, since each turn costs this idle thread 0.1 ms of a core. */
export const LIVE_TICK_MS = 500;

/** A query unanswered for this long becomes 504, milliseconds: below any probe's or client's own patience. */
export const QUERY_TIMEOUT_MS = 2000;

/** The same of a query whose answer is that the engine has done something, milliseconds: BIRD checks and takes a configuration meanwhile. */
export const ENGINE_TIMEOUT_MS = 25_000;

/** Queries in flight per thread; more are refused with 503, so that a crowd of clients cannot fill the speaker's inbox. */
export const MAX_QUERIES = 256;

/** Routes asked of the speaker at a time: a page is formatted in well under a millisecond of its thread. */
export const ROUTE_PAGE = 256;

/** Most routes in one answer with `limit`. */
export const MAX_ROUTE_LIMIT = 10_000;

/** Octets buffered per routes stream before the next page is asked for. */
export const STREAM_BUFFER_OCTETS = 64 * 1024;

/** Connections per listener; further ones are closed at once, so that a flood cannot exhaust file descriptors. */
export const MAX_CONNECTIONS = 512;

/** A request must have arrived whole within this, milliseconds (half requests hold a connection no longer). */
export const REQUEST_TIMEOUT_MS = 5000;

/** A connection on which nothing moves in either direction is closed after this, milliseconds. */
export const IDLE_TIMEOUT_MS = 60_000;

/** How often timeouts of requests are looked at, milliseconds. */
export const TIMEOUT_CHECK_MS = 1000;

/** How long a stale unix socket may take to answer before it counts as dead, milliseconds. */
export const SOCKET_ANSWER_MS = 1000;

/** Peers with metric series of their own: 19 series each, so some 5,000 in all. */
export const METRICS_PEER_CAP = 256;

/** Distinct values of a label that comes from input (object kinds, work counters); further ones become `other`. */
export const MAX_LABEL_VALUES = 64;

/** Upper bounds of the convergence histogram, seconds. */
export const CONVERGENCE_BUCKETS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Longest path of a unix socket, octets (sun_path of Linux less its end); a longer one would be cut short in silence. */
export const MAX_SOCKET_PATH = 107;

/** Longest text to the operator of a peer that is shut down, octets of UTF-8 (RFC 9003 section 2). */
export const MAX_SHUTDOWN_OCTETS = 255;
