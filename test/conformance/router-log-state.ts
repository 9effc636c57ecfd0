/** The state that a recorded router had at the end of its log, and ours in the same words. */
import type { Speaker } from 'bgp-ts';
import { formatPrefix } from 'bgp-ts/net';
import type { Family } from 'bgp-ts/wire';
import { entries, list, member, text } from '../interop/harness/json.ts';
import { addressText, prefixOf } from './router-log.ts';

/** The BGP part of a configuration or a state. */
export const bgpOf = (config: unknown): unknown =>
  list(config, 'ietf-routing:routing', 'control-plane-protocols', 'control-plane-protocol')
    .map((protocol) => member(protocol, 'ietf-bgp:bgp'))
    .find((found) => found !== undefined);

/** Where each best route came from, as a log says it: a neighbour's address, or `local`. */
export function bestOrigins(speaker: Speaker): Map<string, string> {
  const families: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];
  return new Map(
    families.flatMap((family) =>
      speaker.routes({ view: 'best', family }, 0, 100_000).routes.map(({ prefix, from }) => [formatPrefix(prefix), from] as const),
    ),
  );
}

/** Best routes of a recorded state, as `bestOrigins` gives ours. */
export function recordedOrigins(state: unknown): Map<string, string> {
  const families = list(bgpOf(state), 'rib', 'afi-safis', 'afi-safi');
  const routes = families.flatMap((family) => entries(family).flatMap(([, inner]) => list(inner, 'loc-rib', 'routes', 'route')));
  return new Map(
    routes.map((route) => {
      const origin = text(route, 'origin');
      return [
        formatPrefix(prefixOf(text(route, 'prefix'))),
        origin.includes(':') && origin.startsWith('ietf-routing') ? 'local' : addressText(origin),
      ];
    }),
  );
}

/** Session states of a recorded state by neighbour. */
export function recordedSessions(state: unknown): Map<string, string> {
  return new Map(
    list(bgpOf(state), 'neighbors', 'neighbor').map((each) => [addressText(text(each, 'remote-address')), text(each, 'session-state')]),
  );
}
