/**
 * Joins the routes of the configuration with those learned from the kernel: the speaker has one own route a prefix, the one
 * of the protocol that BIRD prefers (control-plane 2.5: direct 240, static 200, learned 10). Pure.
 */
import type { LocalRoute, SpeakerInput } from 'bgp-ts';
import type { Prefix } from 'bgp-ts/net';
import { prefixKey } from 'bgp-ts/net';
import type { LearnedRoute } from '../../routes/kernel/learn.ts';

type RoutesInput = Extract<SpeakerInput, { type: 'routes' }>;

/** Own routes of one family by protocol. */
type LocalFigure = { readonly [protocol in LocalRoute['protocol']]: number };

/** Own routes by family and protocol. */
export interface LocalFigures {
  readonly ipv4: LocalFigure;
  readonly ipv6: LocalFigure;
}

/** The routes of both origins. */
export interface LearnedRoutes {
  /** The same input with what is learned in it. */
  join<T extends Extract<SpeakerInput, { type: 'configure' | 'routes' }>>(input: T): T | RoutesInput;
  /** The own route of a prefix. */
  at(prefix: Prefix): LocalRoute | undefined;
  /** All of them, at this moment. */
  all(): Iterable<LocalRoute>;
  /** How many there are by family and protocol. */
  counts(): LocalFigures;
  /** Takes what the kernel has learned or lost; the input for the speaker, undefined where nothing changes for it. */
  learn(change: { readonly set: readonly LearnedRoute[]; readonly remove: readonly Prefix[] }): RoutesInput | undefined;
}

const LEARNED_REASONS = {
  kernel: [{ object: 'linnet', rule: 'kernel route' }],
  device: [{ object: 'linnet', rule: 'network of an interface' }],
};

function localRoute({ prefix, protocol, nextHop, metric, rank, interface: name }: LearnedRoute): LocalRoute {
  return {
    prefix,
    protocol,
    ...(nextHop === undefined ? {} : { nextHop }),
    ...(name === undefined ? {} : { interface: name }),
    ...(metric === undefined ? {} : { metric }),
    ...(rank === undefined ? {} : { rank }),
    reasons: LEARNED_REASONS[protocol],
  };
}

/** Nothing configured, nothing learned. */
export function createLearnedRoutes(): LearnedRoutes {
  const configured = new Map<string, LocalRoute>();
  const learned = new Map<string, LocalRoute>();
  let started = false;
  // Counted when asked for after a change: once a second at most.
  let figures: LocalFigures | undefined;
  const choice = (key: string): LocalRoute | undefined => {
    const [own, found] = [configured.get(key), learned.get(key)];
    return found !== undefined && (own === undefined || found.protocol === 'device') ? found : own;
  };
  const input = (prefixes: Iterable<Prefix>): RoutesInput => {
    const set: LocalRoute[] = [];
    const remove: Prefix[] = [];
    for (const prefix of prefixes) {
      const route = choice(prefixKey(prefix));
      if (route === undefined) remove.push(prefix);
      else set.push(route);
    }
    return { type: 'routes', set, remove };
  };
  const count = (): LocalFigures => {
    const counted = { ipv4: { static: 0, kernel: 0, device: 0 }, ipv6: { static: 0, kernel: 0, device: 0 } };
    for (const key of new Set([...configured.keys(), ...learned.keys()])) {
      const route = choice(key);
      if (route !== undefined) counted[route.prefix.family][route.protocol] += 1;
    }
    return counted;
  };
  return {
    at: (prefix) => choice(prefixKey(prefix)),
    all: () => [...new Set([...configured.keys(), ...learned.keys()])].map(choice).filter((route) => route !== undefined),
    counts: () => (figures ??= count()),
    join: (given) => {
      figures = undefined;
      if (given.type === 'configure') {
        started = true;
        configured.clear();
        for (const route of given.config.routes) configured.set(prefixKey(route.prefix), route);
        if (learned.size === 0) return given;
        const keys = new Set([...configured.keys(), ...learned.keys()]);
        return { ...given, config: { ...given.config, routes: [...keys].map(choice).filter((route) => route !== undefined) } };
      }
      for (const prefix of given.remove) configured.delete(prefixKey(prefix));
      for (const route of given.set) configured.set(prefixKey(route.prefix), route);
      return learned.size === 0 ? given : input([...given.set.map((route) => route.prefix), ...given.remove]);
    },
    learn: ({ set, remove }) => {
      figures = undefined;
      for (const prefix of remove) learned.delete(prefixKey(prefix));
      for (const route of set) learned.set(prefixKey(route.prefix), localRoute(route));
      // The first configuration brings them all.
      if (!started || set.length + remove.length === 0) return undefined;
      return input([...set.map((route) => route.prefix), ...remove]);
    },
  };
}
