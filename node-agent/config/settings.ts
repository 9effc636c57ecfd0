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

/** Protocol number of the agent's routes and rules, which is Felix' (dataplane 3.1); also where another's is asked for by the resource. */
export const ROUTE_PROTOCOL = 80;
/** That of administrators' routes was Felix' default once: it means the default of today (dataplane 3.1). */
const LEGACY_PROTOCOL = 3;
/**
 * Numbers under which others write on every node (rtnetlink(7)): the kernel, administrators, router advertisements, DHCP, and the BGP daemon.
 * Whoever took one of them would remove what is there.
 */
const OTHERS_PROTOCOLS: ReadonlySet<number> = new Set([0, 1, 2, 4, 9, 12, 16]);

/** Why a number cannot be the agent's, worded to follow "is"; undefined where it can. */
export function protocolFault(number: number): string | undefined {
  return OTHERS_PROTOCOLS.has(number) ? 'the number of the kernel, an administrator, DHCP or the BGP daemon' : undefined;
}

/** Protocol number of the agent's routes and rules. */
export function routeProtocol({ deviceRouteProtocol: number = ROUTE_PROTOCOL }: FelixFields): number {
  return number === LEGACY_PROTOCOL || protocolFault(number) !== undefined ? ROUTE_PROTOCOL : number;
}
