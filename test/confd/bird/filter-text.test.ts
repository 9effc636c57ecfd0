/** Each condition and action of a policy as BIRD's statements. */
import type { Action, Condition, PrefixMatch, Term } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import { policyLines, termLines } from '../../../src/confd/bird/filter-text.ts';
import { prefix } from '../native/fixtures.ts';

const term = (when: readonly Condition[], then: readonly Action[] = [{ kind: 'accept' }]): Term => ({ name: 't', when, then, reasons: [] });
const exact: PrefixMatch = { prefix: prefix('10.0.0.0/8'), match: { kind: 'exact' } };
const other: PrefixMatch = { prefix: prefix('fd00::/8'), match: { kind: 'orLonger' } };
const range = (min: number, max: number): PrefixMatch => ({ prefix: prefix('10.0.0.0/8'), match: { kind: 'range', min, max } });
const conditionText = (condition: Condition, direction: 'import' | 'export' = 'export'): readonly string[] =>
  termLines([term([condition])], direction, 'ipv4');

describe('conditions', () => {
  it.each<[string, Condition, string]>([
    ['an exact prefix', { kind: 'prefix', any: [exact] }, 'net ~ [ 10.0.0.0/8 ]'],
    ['prefixes, one of the other family', { kind: 'prefix', any: [exact, other] }, 'net ~ [ 10.0.0.0/8 ]'],
    ['no prefix', { kind: 'prefix', any: [exact], not: true }, '!(net ~ [ 10.0.0.0/8 ])'],
    ['a range', { kind: 'prefix', any: [range(4, 24)] }, 'net ~ [ 10.0.0.0/8{8,24} ]'],
    ['protocols', { kind: 'protocol', any: ['static', 'kernel'] }, '(source = RTS_STATIC || source = RTS_INHERIT)'],
    ['no protocol', { kind: 'protocol', any: ['bgp'], not: true }, '!(source = RTS_BGP)'],
    ['a device', { kind: 'interface', any: ['*.cali'] }, 'ifname ~ "*.cali"'],
    ['any device', { kind: 'interface', any: ['*'] }, '(ifname != "" && ifname ~ "*")'],
    ['any device or none', { kind: 'interface', any: ['*'], orNone: true }, 'ifname ~ "*"'],
    ['one device or none', { kind: 'interface', any: ['eth0'], orNone: true }, '(ifname = "" || ifname ~ "eth0")'],
    ['a community', { kind: 'community', value: 0xffff0002 }, '(65535, 2) ~ bgp_community'],
    ['a large community', { kind: 'largeCommunity', value: [1, 2, 4294967295] }, '(1, 2, 4294967295) ~ bgp_large_community'],
    ['the head of a path', { kind: 'asPathPrefix', asns: [65000, 4200000000] }, 'bgp_path ~ [= 65000 4200000000 * =]'],
    ['a preference', { kind: 'localPref', op: 'eq', value: 5 }, '(defined(bgp_local_pref) && bgp_local_pref = 5)'],
    ['a metric', { kind: 'metric', op: 'lt', value: 1024 }, '(defined(krt_metric) && krt_metric < 1024)'],
  ])('%s', (_what, condition, text) => {
    expect(conditionText(condition)).toEqual(['# t', `if ${text} then {`, '  accept;', '}']);
  });

  it('reads the metric of a route that comes in from its preference', () => {
    expect(conditionText({ kind: 'metric', op: 'gt', value: 7 }, 'import')[1]).toBe(
      'if (defined(bgp_local_pref) && (2147483647 - bgp_local_pref) > 7) then {',
    );
  });

  it.each<[string, Condition]>([
    ['prefixes of the other family', { kind: 'prefix', any: [other] }],
    ['an empty range', { kind: 'prefix', any: [range(25, 24)] }],
    ['no protocol at all', { kind: 'protocol', any: [] }],
  ])('a term that can never hold is not written: %s', (_what, condition) => {
    expect(conditionText(condition)).toEqual([]);
  });

  it('a condition that always holds is not written', () => {
    expect(conditionText({ kind: 'prefix', any: [other], not: true })).toEqual(['# t', 'accept;']);
  });

  it('holds all of them together, and the guard first', () => {
    const both = term([
      { kind: 'prefix', any: [exact] },
      { kind: 'protocol', any: ['bgp'] },
    ]);
    expect(termLines([both], 'export', 'ipv4', 'internal_peer')[1]).toBe(
      'if internal_peer && net ~ [ 10.0.0.0/8 ] && source = RTS_BGP then {',
    );
  });
});

describe('actions', () => {
  it.each<[string, Action, readonly string[]]>([
    ['adds a community', { kind: 'addCommunity', value: 0x00640001 }, ['bgp_community.add((100, 1));']],
    ['adds a large community', { kind: 'addLargeCommunity', value: [1, 2, 3] }, ['bgp_large_community.add((1, 2, 3));']],
    [
      'prepends, so that the list stands in order',
      { kind: 'prependAsPath', asns: [1, 2] },
      ['bgp_path.prepend(2);', 'bgp_path.prepend(1);'],
    ],
    ['sets the preference of the AS', { kind: 'setLocalPref', value: 9 }, ['bgp_local_pref = 9;']],
    ['sets the MED', { kind: 'setMed', value: 9 }, ['bgp_med = 9;']],
    ['sets the preference of the route', { kind: 'setPreference', value: 200 }, ['preference = 200;']],
    ['rejects', { kind: 'reject' }, ['reject;']],
  ])('%s', (_what, action, lines) => {
    expect(termLines([term([], [action])], 'export', 'ipv4')).toEqual(['# t', ...lines]);
  });
});

it('ends a policy with its verdict, and keeps a hostile name in its comment', () => {
  const policy = { name: 'p', terms: [{ ...term([]), name: 'x\n}; include "/etc/passwd' }], otherwise: 'reject' as const };
  expect(policyLines(policy, 'export', 'ipv4')).toEqual(['# x }; include "/etc/passwd', 'accept;', 'reject;']);
});
