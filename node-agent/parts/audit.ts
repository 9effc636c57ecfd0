/** The interval of audits that FelixConfiguration asks for, for every part. Pure. */
import type { FelixFields } from '../../src/confd/resources/types.ts';
import { REFRESH_SECONDS } from '../config/settings.ts';

/** The longest wait that timers know: 0 asks for no audits at all. */
const NEVER_MS = 2 ** 31 - 1;

/** Ms between two audits without a cause. */
export function auditMsOf({ routeRefreshInterval = REFRESH_SECONDS }: Pick<FelixFields, 'routeRefreshInterval'>): number {
  return routeRefreshInterval === 0 ? NEVER_MS : Math.min(NEVER_MS, routeRefreshInterval * 1000);
}
