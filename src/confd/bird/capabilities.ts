/** What BIRD can do for a peer; all of it. */
import type { EngineCapabilities } from '../desired/types.ts';

/** Optional abilities of this engine, for whoever computes the desired state. */
export const BIRD_CAPABILITIES: EngineCapabilities = { password: true, ttlSecurity: true, reachableBy: true };
