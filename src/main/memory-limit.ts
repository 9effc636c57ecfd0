/** How much memory the process may use before the speaker drops the peer that grows its table (bgp-speaker 4.11). */
import { totalmem } from 'node:os';

/** Share of what the machine or the control group gives that is used where no limit is set. */
const DEFAULT_SHARE = 0.8;

const MIB = 1024 * 1024;

/** The limit in octets: `mebibytes` where given, else 80 % of the memory of the control group or machine. */
export function memoryLimit(mebibytes: number | undefined): number {
  if (mebibytes !== undefined) return mebibytes * MIB;
  const constrained = process.constrainedMemory();
  return DEFAULT_SHARE * (constrained > 0 ? Math.min(constrained, totalmem()) : totalmem());
}

/** Share of a limit that this process has resident now. */
export function memoryUsedOf(limit: number): () => number {
  return () => process.memoryUsage.rss() / limit;
}
