/** Processes, as far as Node leaves something to be done about them. */
import { addon } from './addon.ts';

/**
 * Collects a child of this process that has ended: true where there was one. To be asked only of children that Node did not start, which it
 * collects itself. False for everything else. Throws AddonUnavailable.
 */
export function reapChild(pid: number): boolean {
  return addon().reap(pid) === 1;
}
