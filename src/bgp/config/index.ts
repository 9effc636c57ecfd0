/** The JSON form of a speaker's configuration. */
export { formatConfigFaults, parseSpeakerConfig } from './parse.ts';
export { ACCEPT_ALL } from './policies.ts';
export type { ConfigFault } from './reader.ts';
