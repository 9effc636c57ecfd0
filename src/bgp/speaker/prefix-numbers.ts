/** The numbers of prefixes at which a peer is warned of and at which its session ends, as the RIB needs them. */
import type { PeerConfig } from '../speaker-types.ts';

/** Share of the limit above which is warned where the configuration names no number. */
const WARN_SHARE = 0.75;

/** Routes of a family above which a peer is warned of; undefined without limit. */
export function warningOf(config: PeerConfig): number | undefined {
  const { maxPrefix, maxPrefixWarning, maxPrefixAction } = config;
  if (maxPrefixWarning !== undefined || maxPrefix === undefined) return maxPrefixWarning;
  return maxPrefixAction === 'warn' ? maxPrefix : Math.max(1, Math.floor(maxPrefix * WARN_SHARE));
}

/** The limit at which a session ends; undefined where it only warns. */
export function limitOf({ maxPrefix, maxPrefixAction }: PeerConfig): number | undefined {
  return maxPrefixAction === 'warn' ? undefined : maxPrefix;
}
