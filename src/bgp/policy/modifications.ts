/** What the actions of a policy add up to, and how they change the facts that later terms see. */
import { METRIC_MIRROR, type RouteFacts } from './conditions.ts';
import type { Action } from './types.ts';

/** Sum of the actions of the terms that applied. Equal sums of one policy are one object, so identity is a cache key. */
export interface Modifications {
  /** Small number, unique within the compiled policy; 0 is always "nothing". */
  readonly id: number;
  readonly addCommunities: readonly number[];
  readonly addLargeCommunities: readonly (readonly [number, number, number])[];
  /** To stand before the AS_PATH, in this order. */
  readonly prependAs: readonly number[];
  /** A value, or the default metric of `setLocalPrefFromMetric`. */
  readonly localPref: { readonly value: number } | { readonly defaultMetric: number } | undefined;
  readonly med: number | undefined;
  readonly preference: number | undefined;
}

/** No change at all. */
export const NO_MODIFICATIONS: Modifications = {
  id: 0,
  addCommunities: [],
  addLargeCommunities: [],
  prependAs: [],
  localPref: undefined,
  med: undefined,
  preference: undefined,
};

/** The modifications with one more action; verdicts change nothing. */
export function addAction(mods: Modifications, action: Action): Modifications {
  switch (action.kind) {
    case 'addCommunity':
      return mods.addCommunities.includes(action.value) ? mods : { ...mods, addCommunities: [...mods.addCommunities, action.value] };
    case 'addLargeCommunity':
      return { ...mods, addLargeCommunities: [...mods.addLargeCommunities, action.value] };
    case 'prependAsPath':
      return { ...mods, prependAs: [...action.asns, ...mods.prependAs] };
    case 'setLocalPref':
      return { ...mods, localPref: { value: action.value } };
    case 'setLocalPrefFromMetric':
      return { ...mods, localPref: { defaultMetric: action.defaultMetric } };
    case 'setMed':
      return { ...mods, med: action.value };
    case 'setPreference':
      return { ...mods, preference: action.value };
    case 'accept':
    case 'reject':
      return mods;
    default: {
      const never: never = action;
      return never;
    }
  }
}

/** LOCAL_PREF after the modifications: control-plane 5.1 step 1 where it follows the metric; undefined where none is set. */
export function localPrefAfter(mods: Modifications, facts: RouteFacts): number | undefined {
  if (mods.localPref === undefined) return facts.localPref;
  if ('value' in mods.localPref) return mods.localPref.value;
  return facts.protocol === 'bgp' ? facts.localPref : METRIC_MIRROR - (facts.metric ?? mods.localPref.defaultMetric);
}

/** The facts as terms after these modifications see them. */
export function factsAfter(mods: Modifications, facts: RouteFacts): RouteFacts {
  if (mods === NO_MODIFICATIONS) return facts;
  return {
    protocol: facts.protocol,
    interface: facts.interface,
    metric: facts.metric,
    localPref: localPrefAfter(mods, facts),
    communities: [...facts.communities, ...mods.addCommunities],
    largeCommunities: [...facts.largeCommunities, ...mods.addLargeCommunities],
    asPath: [...mods.prependAs, ...facts.asPath],
  };
}
