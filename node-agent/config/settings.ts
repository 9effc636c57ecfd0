/** What of Felix' values concerns the agent's own surroundings, with the defaults in place. Pure. */
import type { FelixFields } from '../../src/confd/resources/types.ts';

/** Where something listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Port of the probes, which is Felix' (dataplane 3.3). */
const HEALTH_PORT = 9099;
/** Seconds between two audits (dataplane 3.1). */
export const REFRESH_SECONDS = 90;
/** Directory above `endpoint-status` (dataplane A25). */
export const STATUS_PREFIX = '/var/run/calico';

/** Where probes are answered; null: nowhere but on the socket. */
export function healthListen(felix: FelixFields): HostPort | null {
  if (felix.healthEnabled === false) return null;
  return { host: felix.healthHost ?? 'localhost', port: felix.healthPort ?? HEALTH_PORT };
}

/** Where the debug server listens; null: there is none. */
export function debugListen(felix: FelixFields): HostPort | null {
  const { debugHost = 'localhost', debugPort = 0 } = felix;
  return debugPort === 0 ? null : { host: debugHost, port: debugPort };
}

/** True for what only this host reaches. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
