/**
 * Every bound and fixed time of sessions and of the speaker's loop, with its unit and why. Nothing else may carry a
 * number of this kind.
 */

/** Milliseconds a session may wait in OpenSent for the peer's OPEN (RFC 4271 section 8.2.2 asks for a large value, 4 minutes). */
export const OPEN_SENT_HOLD_MS = 240_000;

/** Least SendHoldTime, milliseconds; twice the hold time where that is more (RFC 9687 section 3.2). */
export const SEND_HOLD_MIN_MS = 480_000;

/** Milliseconds an incoming connection that fits several peers may take to send the OPEN that decides between them. */
export const UNCLAIMED_HOLD_MS = 30_000;

/** First IdleHold after an error we reported, milliseconds; doubles per failure (RFC 4271 section 8.1.1, DampPeerOscillations). */
export const IDLE_HOLD_FIRST_MS = 1_000;

/** Cap of the IdleHold back-off, milliseconds: a cluster must come back in half a minute, not in the usual five (bgp-speaker 4.2). */
export const IDLE_HOLD_MAX_MS = 30_000;

/** IdleHold after a peer sent more routes than it may, milliseconds: long enough not to flap, short enough to heal alone. */
export const MAX_PREFIX_HOLD_MS = 120_000;

/** Share of the memory limit below which memory is plentiful: what peers hold then is what later growth is measured against. */
export const MEMORY_PLENTY_SHARE = 0.75;

/** After a peer was dropped for memory another one goes only when this share of the limit more is used than then. */
export const MEMORY_REGROWTH_SHARE = 0.02;

/**
 * After a drop, a peer with fewer new routes than these is not why memory grows: telling everybody that the dropped peer's routes are gone
 * takes memory too, and that must not cost the next peer.
 */
export const MEMORY_BLAME_ROUTES = 1_000;

/** Between two looks at the memory of the process, milliseconds: a table that comes in at full speed adds some 100 MB meanwhile. */
export const MEMORY_LOOK_MS = 500;

/**
 * Prefixes of a family that a kind of session usually has at most (bgp-speaker 4.11): clients are nodes, internal peers other reflectors,
 * external ones routers with a full table.
 */
export const USUAL_MAX_PREFIX = { client: 10_000, internal: 200_000, external: 2_000_000 } as const;

/** Peers of a range at a time where its configuration says nothing. */
export const DEFAULT_RANGE_LIMIT = 100;

/** First reconnect after a session that was up is lost, milliseconds; the configured ConnectRetryTime follows. */
export const RECONNECT_FIRST_MS = 1_000;

/** A session up for this many milliseconds is healthy again: its failures are forgotten. */
export const FAILURE_FORGET_MS = 60_000;

/** Jitter of RFC 4271 section 10: a timer runs for 75 to 100 percent of its value. */
export const JITTER_FLOOR = 0.75;

/** Hold time used when negotiating never happened but a default is wanted, seconds (bgp-speaker 4.14). */
export const DEFAULT_HOLD_TIME_S = 90;

/** Default of ConnectRetryTime, seconds. */
export const DEFAULT_CONNECT_RETRY_S = 5;

/** Default restart time offered in the graceful restart capability, seconds (RFC 4724 section 3). */
export const DEFAULT_RESTART_TIME_S = 120;

/** Largest restart time the 12-bit field carries, seconds (RFC 4724 section 3). */
export const MAX_RESTART_TIME_S = 4095;

/** Largest long-lived stale time the 24-bit field carries, seconds (RFC 9494 section 3). */
export const MAX_LONG_LIVED_STALE_TIME_S = 0xff_ffff;

/** Seconds for which stale routes wait for End-of-RIB after the peer is back, where nothing is configured (RFC 4724 section 4.2, upper bound on retention). */
export const DEFAULT_STALE_PATH_TIME_S = 360;

/** A restarting speaker waits this long for peers to come back before it counts who is missing, milliseconds (bgp-speaker 4.4). */
export const DEFERRAL_WINDOW_MS = 3_000;

/** Longest deferral of announcements after a restart, seconds, where nothing is configured (Selection_Deferral_Timer; bgp-speaker 4.4). */
export const DEFAULT_DEFERRAL_S = 10;

/**
 * A connection that the peer opened no later than this after a session came up is a collision with it, milliseconds: it may have dialled
 * before it heard of the session, and either side may be late to see what came in. Later ones say that the peer restarted (RFC 4724 section 4.2).
 */
export const COLLISION_WINDOW_MS = 5_000;

/**
 * Longest wait of a peer's connection for the peer's answer on our own, milliseconds: a busy machine may leave its process without the processor
 * for a second, and a dial that nobody answers must not cost more of the time in which a restarted speaker waits for its peers.
 */
export const CROSSING_WAIT_MS = 2_000;

/** Full polls of the sockets between a hold timer's nomination and its execution (bgp-speaker 4.1). */
export const HOLD_CONFIRM_POLLS = 2;

/** Malformed UPDATEs of a peer, and refused connections of all strangers, that are reported within `REPORTS_PERIOD_MS`: the rest is counted. */
export const REPORTS_PER_PERIOD = 10;

/** Milliseconds after which as many reports may be made again. */
export const REPORTS_PERIOD_MS = 10_000;

/** Octets of one peer's UPDATEs not yet decided upon above which its socket is not read (bgp-speaker 2.6 rule 5). */
export const IMPORT_QUEUE_MAX_OCTETS = 1024 * 1024;

/** Octets of all peers' undecided UPDATEs above which any peer that sends more is paused. */
export const IMPORT_QUEUE_TOTAL_OCTETS = 32 * 1024 * 1024;

/** Octets taken from the RIB for one peer at a time: large enough for one writev, small enough to go round. */
export const SEND_BATCH_OCTETS = 256 * 1024;

/** Peers up to which a configuration is taken with the input itself, some 20 us of CPU each; those of a larger one are work for slices. */
export const CONFIGURE_AT_ONCE = 128;

/** Peers that get octets in one slice: each costs a system call after the slice's own time (bgp-speaker 2.4). */
export const FAN_OUT_PEERS = 64;

/** Peers served between two looks at the clock. */
export const FAN_OUT_CHECK = 16;

/** Octets given to sockets in one slice: copying them into the kernel is part of its time, some 1.5 ms a MiB and more where the machine is busy. */
export const FAN_OUT_OCTETS = 2 * 1024 * 1024;

/** Octets read in one turn of the loop, of all sockets together: what they lead to is a few milliseconds of work, then timers have their turn. */
export const READ_OCTETS = 256 * 1024;

/** Octets read of one socket in one turn, so that one that floods leaves room to the others. */
export const READ_SHARE_OCTETS = 64 * 1024;

/** Sockets read in one turn. */
export const READ_SOCKETS = 1024;

/** Unsent octets of a socket above which it gets no more routes (bgp-speaker 2.6 rule 1). */
export const SOCKET_HIGH_WATER_OCTETS = 1024 * 1024;

/** Pending connections the kernel may hold for a listener: a whole cluster dials at once after a restart (bgp-speaker 4.2). */
export const LISTEN_BACKLOG = 4096;

/** Milliseconds a TCP connection attempt may take. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** A connection attempt given up after this many milliseconds without any answer counts as unanswered: a round trip is over by then. */
export const UNANSWERED_MS = 500;

/** A connection on which the peer was not heard yet is probed after this many milliseconds of silence: it may be half open. */
export const OPENING_PROBE_MS = 3_000;

/** Between two looks at the kernel's counters of silently dropped segments, milliseconds. */
export const DIAGNOSE_EVERY_MS = 2_000;

/** Milliseconds a socket may take to flush its last NOTIFICATION before it is destroyed. */
export const CLOSE_LINGER_MS = 2_000;

/** After so much of a slice no further unit of work begins, milliseconds: with the last unit's few it stays below 10 (bgp-speaker 2.4). */
export const WORK_SLICE_MS = 5;

/** Longest wait for a burst of UPDATEs to end before what came of it is flushed, milliseconds: one encoding instead of many. */
export const GATHER_MS = 15;

/**
 * A poll that brought so many inputs is part of a wave of the whole cluster. Reading hundreds of sockets takes longer than the usual wait; where a
 * flush began in the middle of it, every peer was written to twice.
 */
export const BURST_INPUTS = 32;

/** Longest wait while such polls follow one another, milliseconds. */
export const BURST_GATHER_MS = 50;

/** The same while sessions come up one after the other: measured, 500 at once cost half the CPU. A quiet poll ends the wait in either case. */
export const JOIN_GATHER_MS = 100;

/** A session or connection that came up this many milliseconds ago may be followed by more. */
export const JOIN_WAVE_MS = 100;

/** Least distance between two flushes while busy, milliseconds (bgp-speaker 2.4). */
export const FLUSH_SPACING_MS = 5;

/** Longest wait for the next flush after a long busy time, milliseconds: what came meanwhile is batched, more waiting is idle and is what the slowest percent waits for. */
export const FLUSH_SPACING_MAX_MS = 16;

/** Lives of the throwaway speaker that a warm-up works through: measured, more than these gain little. */
export const WARM_UP_LIVES = 10;
