/** Every bound of the RIB, with its unit and why. */

/** Octets of a group's change log before peers behind it walk the table instead (bgp-speaker 2.6). */
export const MAX_LOG_OCTETS = 16 * 1024 * 1024;

/** Rows of jobs (sweeps, re-imports) per unit of work: about 1 ms. */
export const JOB_CHUNK = 1_000;

/** Local routes set per unit of work, each with attributes to be encoded: about 1 ms. */
export const LOCAL_CHUNK = 256;

/** Peers whose changed configuration takes effect per unit of work: about 1 ms. */
export const APPLY_CHUNK = 64;

/** Parts of an image handed to joining members per unit of work: about 2 ms. */
export const SERVE_PARTS = 4_096;

/** Prefix ids looked at per unit of work by members that fall behind their log. */
export const FALL_BEHIND_CHUNK = 262_144;

/** Prefixes and paths looked at per unit of decisions: about 1 ms. */
export const DECISION_CHUNK = 4_096;

/** Prefixes that wait for a group's flush before it is worth one while decisions are still being made. */
export const FLUSH_DUE = 4_096;

/** Work of a flush, in prefixes looked at; a path told and an export made count for several. Larger packs better, this stays within a few ms. */
export const FLUSH_CHUNK = 7_168;

/** The same for a scan of the table, where most exports have to be made. */
export const FLUSH_SCAN_CHUNK = 3_072;

/** Prefix ids looked at per unit of work by image, fill and move scans. */
export const SCAN_CHUNK = 8_192;

/** Prefixes and paths looked at by an audit before the clock is: a quarter of a millisecond. */
export const AUDIT_CHUNK = 128;

/** Prefixes or slots counted by an audit before the clock is looked at. */
export const AUDIT_COUNT_CHUNK = 4_096;

/** Peers looked at by an audit before the clock is. */
export const AUDIT_PEER_CHUNK = 32;

/** Prefix ids per window of a walking peer; the sequence number reached is kept per window. */
export const WALK_WINDOW = 16_384;

/** Retired prefixes looked at for release per unit of work. */
export const RELEASE_CHUNK = 4_096;

/** Entries of the cache of attribute sets as received, a power of 4 times 64: 4 MB with the octets below. */
export const MAX_RAW_ENTRIES = 16_384;

/** Longest attribute set the cache keeps, octets; longer ones are made canonical each time. */
export const RAW_ENTRY_OCTETS = 256;

/** An image is shared with later joiners while the log since then is shorter than this many octets (and than the image). */
export const IMAGE_LOG_OCTETS = 256 * 1024;

/** Paths per prefix of an add-path peer without a limit: more than a table has rows. */
export const ALL_PATHS = 0xffff_ffff;

/** Highest peer index: sources are 16-bit numbers, the last two mean "local" and "none". */
export const MAX_PEERS = 65_534;

/** Source of local routes in path rows and sent state. */
export const LOCAL = 65_535;
