/** The JSON form of a speaker's configuration. */
export { formatConfigFaults, parseSpeakerConfig } from './parse.ts';
export { ACCEPT_ALL } from './policies.ts';
export type { SessionKind } from './prefix-limits.ts';
export { prefixLimitOf } from './prefix-limits.ts';
export type { ConfigFault } from './reader.ts';
