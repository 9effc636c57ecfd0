/**
 * BGPFilter rules as policy terms (control-plane 5.6). The guard on the peer's type stays beside the term here; whoever builds a
 * peer's policy knows the type and resolves it.
 */
import type { IpFamily, Prefix } from 'bgp-ts/net';
import type { Action, Condition, PrefixMatch, Reason } from 'bgp-ts/policy';
import type { BGPFilterResource, BGPFilterRule, Community } from '../resources/types.ts';
import { objectName } from './issues.ts';
import type { DesiredFilter, DesiredFilterRule } from './types.ts';

/** LOCAL_PREF of kernel metric 0: priority p travels as this minus p (control-plane 5.1). */
export const MAX_LOCAL_PREF = 2147483647;

const LISTS = [
  { field: 'exportV4', direction: 'export', family: 'ipv4' },
  { field: 'importV4', direction: 'import', family: 'ipv4' },
  { field: 'exportV6', direction: 'export', family: 'ipv6' },
  { field: 'importV6', direction: 'import', family: 'ipv6' },
] as const;

/** The filter with every rule as a term, in the order written per list. */
export function translateFilter(filter: BGPFilterResource): DesiredFilter {
  const object = objectName(filter.ref);
  const reasons: Reason[] = [{ object, rule: 'control-plane 5.6' }];
  const rules = LISTS.flatMap(({ field, direction, family }) =>
    filter[field].map((rule, index): DesiredFilterRule => {
      const term = { name: `${object} ${field}[${index}]`, when: conditions(rule, family), then: actions(rule), reasons };
      return { direction, family, ...(rule.peerType === undefined ? {} : { peerType: rule.peerType }), term };
    }),
  );
  return { id: filter.ref.name, rules, reasons };
}

/** The rules of one list that apply to a peer of this type, in order. */
export function rulesFor(filter: DesiredFilter, direction: 'import' | 'export', family: IpFamily): readonly DesiredFilterRule[] {
  return filter.rules.filter((rule) => rule.direction === direction && rule.family === family);
}

function conditions(rule: BGPFilterRule, family: IpFamily): Condition[] {
  const when: Condition[] = [];
  if (rule.cidr !== undefined) when.push(prefixCondition(rule.cidr, rule, family));
  if (rule.source === 'RemotePeers') when.push({ kind: 'protocol', any: ['bgp'] });
  if (rule.interface !== undefined) when.push(interfaceCondition(rule.interface));
  if (rule.community !== undefined) when.push(communityCondition(rule.community));
  if (rule.asPathPrefix !== undefined && rule.asPathPrefix.length > 0) when.push({ kind: 'asPathPrefix', asns: rule.asPathPrefix });
  if (rule.priority !== undefined) when.push({ kind: 'localPref', op: 'eq', value: MAX_LOCAL_PREF - rule.priority });
  return when;
}

function prefixCondition(cidr: Prefix, rule: BGPFilterRule, family: IpFamily): Condition {
  const negative = rule.matchOperator === 'NotEqual' || rule.matchOperator === 'NotIn';
  const any = [{ prefix: cidr, match: prefixMatch(cidr, rule, family) }];
  return negative ? { kind: 'prefix', any, not: true } : { kind: 'prefix', any };
}

function prefixMatch(cidr: Prefix, rule: BGPFilterRule, family: IpFamily): PrefixMatch['match'] {
  const longest = family === 'ipv4' ? 32 : 128;
  if (rule.prefixLength !== undefined) {
    // The range is cut to what can lie inside the CIDR at all (control-plane 5.6).
    return {
      kind: 'range',
      min: Math.max(cidr.length, rule.prefixLength.min ?? 0),
      max: Math.min(longest, rule.prefixLength.max ?? longest),
    };
  }
  return rule.matchOperator === 'In' || rule.matchOperator === 'NotIn' ? { kind: 'orLonger' } : { kind: 'exact' };
}

function interfaceCondition(pattern: string): Condition {
  // BIRD sees a route without a device as one with an empty name, which only stars match (bird-behaviour, kernel side).
  return /^\*+$/.test(pattern) ? { kind: 'interface', any: [pattern], orNone: true } : { kind: 'interface', any: [pattern] };
}

function communityCondition(community: Community): Condition {
  return community.kind === 'standard'
    ? { kind: 'community', value: community.standard }
    : { kind: 'largeCommunity', value: community.large };
}

/** The action that adds a community. */
export function addCommunity(community: Community): Action {
  return community.kind === 'standard'
    ? { kind: 'addCommunity', value: community.standard }
    : { kind: 'addLargeCommunity', value: community.large };
}

function actions(rule: BGPFilterRule): Action[] {
  const verdict: Action = { kind: rule.action === 'Accept' ? 'accept' : 'reject' };
  const operations = rule.operations.map((operation): Action => {
    switch (operation.kind) {
      case 'addCommunity':
        return addCommunity(operation.value);
      case 'prependASPath':
        return { kind: 'prependAsPath', asns: operation.prefix };
      case 'setPriority':
        return { kind: 'setLocalPref', value: MAX_LOCAL_PREF - operation.value };
      default: {
        const never: never = operation;
        return never;
      }
    }
  });
  return [...operations, verdict];
}
