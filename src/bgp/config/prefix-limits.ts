/** Limits on prefixes in the JSON form: `maxPrefix` and its companions, with what is usual for each kind of session where nothing is said. */
import { USUAL_MAX_PREFIX } from '../session/index.ts';
import type { PeerConfig } from '../speaker-types.ts';
import type { ObjectReader } from './reader.ts';

const MAX_COUNT = 0xffff_ffff;
const ACTIONS = ['restart', 'hold', 'warn'] as const;

/** Kinds of session that have a default of their own (bgp-speaker 4.11). */
export type SessionKind = keyof typeof USUAL_MAX_PREFIX;

/** What the top of the document says of limits. */
export interface PrefixLimitDefaults {
  readonly limits: { readonly [kind in SessionKind]?: number };
  readonly action: PeerConfig['maxPrefixAction'];
  readonly restartTime: number | undefined;
}

/** Limits of a session as configured for its kind: a number ends the session, 0 is no limit, and what is usual where nothing is said only warns. */
export function prefixLimitOf(kind: SessionKind, chosen: number | undefined): Pick<PeerConfig, 'maxPrefix' | 'maxPrefixAction'> {
  if (chosen === undefined) return { maxPrefix: USUAL_MAX_PREFIX[kind], maxPrefixAction: 'warn' };
  return chosen === 0 ? {} : { maxPrefix: chosen };
}

/** The fields of a peer that this file reads. */
export type PrefixLimitFields = Pick<
  PeerConfig,
  'maxPrefix' | 'maxPrefixWarning' | 'maxPrefixAction' | 'maxPrefixRestartTime' | 'maxPrefixOut'
>;

/** Reads `maxPrefix` of the document, an object of numbers by kind of session, and what goes with it. */
export function readPrefixLimitDefaults(reader: ObjectReader): PrefixLimitDefaults {
  const each = reader.object('maxPrefix');
  const client = each?.integer('client', 0, MAX_COUNT);
  const internal = each?.integer('internal', 0, MAX_COUNT);
  const external = each?.integer('external', 0, MAX_COUNT);
  each?.done();
  return {
    limits: {
      ...(client === undefined ? {} : { client }),
      ...(internal === undefined ? {} : { internal }),
      ...(external === undefined ? {} : { external }),
    },
    action: reader.oneOf('maxPrefixAction', ACTIONS),
    restartTime: reader.integer('maxPrefixRestartTime', 1, 65_535),
  };
}

/**
 * Reads the limits of a neighbour or range; 0 is no limit. A number that somebody chose ends the session. The usual number of a named
 * neighbour only warns, so that a configuration without limits means what it always meant; whoever comes from a range is held to it.
 */
export function readPrefixLimits(
  reader: ObjectReader,
  defaults: PrefixLimitDefaults,
  kind: SessionKind,
  named: boolean,
): PrefixLimitFields {
  const own = reader.integer('maxPrefix', 0, MAX_COUNT);
  const warning = reader.integer('maxPrefixWarning', 1, MAX_COUNT);
  const action = reader.oneOf('maxPrefixAction', ACTIONS) ?? defaults.action;
  const restartTime = reader.integer('maxPrefixRestartTime', 1, 65_535) ?? defaults.restartTime;
  const out = reader.integer('maxPrefixOut', 1, MAX_COUNT);
  const chosen = own ?? defaults.limits[kind];
  const limit = chosen ?? USUAL_MAX_PREFIX[kind];
  if (limit > 0 && warning !== undefined && warning > limit) reader.fault('maxPrefixWarning', `must not be above maxPrefix, ${limit}`);
  const does = action ?? (chosen === undefined && named ? 'warn' : undefined);
  return {
    ...(limit === 0 ? {} : { maxPrefix: limit }),
    ...(warning === undefined ? {} : { maxPrefixWarning: warning }),
    ...(does === undefined ? {} : { maxPrefixAction: does }),
    ...(restartTime === undefined ? {} : { maxPrefixRestartTime: restartTime }),
    ...(out === undefined ? {} : { maxPrefixOut: out }),
  };
}
