/** Policy rules against loops of service packets, over rules in memory (dataplane B20). */
import type { RuleMessage } from 'netlink';
import { RULE_ACTION } from 'netlink';
import { describe, expect, it } from 'vitest';
import { createRuleKeeper, describeRule, planRules, RULE_PRIORITY, wantedRules } from '../../../node-agent/kernel/rules.ts';
import type { RuleKernel } from '../../../node-agent/kernel/types.ts';
import { makeHandClock } from '../../routes/kernel/fake-kernel.ts';
import { prefix } from '../../worlds/build.ts';

const loop = (to: string, action: 'drop' | 'reject' = 'drop') => ({ prefix: prefix(to), action, reasons: [] });
const FOREIGN: RuleMessage = {
  family: 'ipv4',
  action: RULE_ACTION.blackhole,
  priority: RULE_PRIORITY + 1,
  table: 0,
  protocol: 4,
  flags: 0,
  destination: prefix('192.0.2.0/24'),
};

interface FakeRules extends RuleKernel {
  rules: RuleMessage[];
  refuse: boolean;
  readings: number;
  /** Neither does anything nor answers. */
  mute: boolean;
  /** What a reading fails with; '': it does not. */
  unreadable: string;
}

function fakeRules(): FakeRules {
  const fake: FakeRules = {
    rules: [FOREIGN],
    refuse: false,
    readings: 0,
    mute: false,
    unreadable: '',
    read: () => {
      fake.readings += 1;
      if (fake.unreadable !== '') throw new Error(fake.unreadable);
      return fake.rules;
    },
    apply: (operations) => {
      if (fake.mute) return { failures: [], lost: true };
      if (fake.refuse) return { failures: operations.map((item) => ({ item, code: 'EPERM', text: '' })), lost: false };
      for (const { kind, rule } of operations) {
        if (kind === 'add') fake.rules = [...fake.rules, rule];
        else fake.rules = fake.rules.filter((one) => one !== rule);
      }
      return { failures: [], lost: false };
    },
  };
  return fake;
}

const own = (fake: FakeRules): string[] =>
  fake.rules.filter((rule) => rule.protocol === 80).map((rule) => describeRule({ kind: 'add', rule }));

function makeKeeper() {
  const kernel = fakeRules();
  const clock = makeHandClock();
  const failures: string[] = [];
  const keeper = createRuleKeeper({ kernel, protocol: 80, after: clock.after, failed: (error) => failures.push(error.message) });
  return { kernel, clock, failures, keeper };
}

describe('rules against loops', () => {
  it('let past what the machine sends, then stop; each family has its own', () => {
    const { kernel, keeper } = makeKeeper();
    keeper.set([loop('10.96.0.0/12'), loop('fd96::/112', 'reject')]);
    expect(own(kernel)).toEqual([
      'add rule 112 (ipv4): end of the rules against loops',
      'add rule 110 (ipv4): let past what this machine sends',
      'add rule 111 (ipv4): drop forwarded packets to 10.96.0.0/12',
      'add rule 112 (ipv6): end of the rules against loops',
      'add rule 110 (ipv6): let past what this machine sends',
      'add rule 111 (ipv6): reject forwarded packets to fd96::/112',
    ]);
    expect(keeper.status()).toEqual({ ranges: 2, refused: 0, fault: '', repaired: 0 });
  });

  it('change by what is different, stops going before the ways past them, and go altogether', () => {
    const { kernel, keeper } = makeKeeper();
    keeper.set([loop('10.96.0.0/12'), loop('198.51.100.0/24')]);
    const now = kernel.rules;
    const operations = planRules(now, wantedRules([loop('10.96.0.0/12', 'reject')], 80), 80).map(describeRule);
    expect(operations).toEqual([
      'add rule 111 (ipv4): reject forwarded packets to 10.96.0.0/12',
      'remove rule 111 (ipv4): drop forwarded packets to 10.96.0.0/12',
      'remove rule 111 (ipv4): drop forwarded packets to 198.51.100.0/24',
    ]);
    expect(planRules(now, [], 80).map(({ rule }) => rule.action)).toEqual([
      RULE_ACTION.blackhole,
      RULE_ACTION.blackhole,
      RULE_ACTION.goto,
      RULE_ACTION.nop,
    ]);
    keeper.set([]);
    expect(kernel.rules).toEqual([FOREIGN]);
  });

  it('come back after others took or changed them; those of others stay', () => {
    const { kernel, clock, keeper } = makeKeeper();
    // With our number, but at no place of ours: Felix' for WireGuard.
    const near = [RULE_PRIORITY - 1, RULE_PRIORITY + 3].map((priority) => ({ ...FOREIGN, protocol: 80, priority }));
    keeper.set([loop('10.96.0.0/12')]);
    expect(planRules([...kernel.rules, ...near], wantedRules([loop('10.96.0.0/12')], 80), 80)).toEqual([]);
    const [, end, way, stop] = kernel.rules;
    if (end === undefined || way === undefined || stop === undefined) throw new Error('rules are missing');
    kernel.rules = [FOREIGN, { ...end, table: 254 }, way, stop, { ...way, mark: 7 }];
    keeper.events([{ kind: 'rule', gone: true, rule: end }]);
    clock.turn(100);
    expect(own(kernel).sort()).toHaveLength(3);
    expect(kernel.rules).toContain(FOREIGN);
    expect(keeper.status().repaired).toBe(3);
    kernel.rules = [FOREIGN];
    keeper.lost('an overrun');
    clock.turn(100);
    expect(own(kernel)).toHaveLength(3);
    // The same rule turned round (FIB_RULE_INVERT) stops everything else.
    kernel.rules = kernel.rules.map((rule) => (rule.priority === RULE_PRIORITY + 1 && rule.protocol === 80 ? { ...rule, flags: 2 } : rule));
    const readings = kernel.readings;
    keeper.lost('an overrun');
    keeper.events([{ kind: 'rule', gone: true, rule: end }]);
    clock.turn(100);
    expect(kernel.readings).toBe(readings + 1);
    expect(kernel.rules.filter(({ flags }) => flags === 2)).toEqual([]);
    kernel.rules = [FOREIGN];
    clock.turn(60_000);
    expect(own(kernel)).toHaveLength(3);
  });

  it('that the kernel refuses are told and tried again; nothing is written before anything is wanted', () => {
    const { kernel, clock, keeper, failures } = makeKeeper();
    clock.turn(61_000);
    expect(own(kernel)).toEqual([]);
    kernel.refuse = true;
    keeper.set([loop('10.96.0.0/12')]);
    expect(keeper.status()).toMatchObject({ refused: 3, fault: 'add rule 112 (ipv4): end of the rules against loops: EPERM' });
    expect(failures).toEqual(['add rule 112 (ipv4): end of the rules against loops: EPERM']);
    kernel.refuse = false;
    clock.turn(1_500);
    expect(own(kernel)).toHaveLength(3);
    // Nobody else had a hand in it.
    expect(keeper.status()).toMatchObject({ refused: 0, fault: '', repaired: 0 });
    keeper.stop();
    kernel.rules = [];
    clock.turn(120_000);
    expect(kernel.rules).toEqual([]);
  });

  it('whose answers are lost are looked at again', () => {
    const { kernel, clock, keeper, failures } = makeKeeper();
    kernel.mute = true;
    keeper.set([loop('10.96.0.0/12')]);
    kernel.mute = false;
    clock.turn(1_500);
    expect([own(kernel).length, failures]).toEqual([3, []]);
  });

  it('that cannot be read are not said to be in order, until they can be', () => {
    const { kernel, clock, keeper, failures } = makeKeeper();
    kernel.unreadable = 'ENOBUFS';
    keeper.set([loop('10.96.0.0/12')]);
    expect(keeper.status().fault).toBe('ENOBUFS');
    clock.turn(1_500);
    expect(failures).toEqual(['ENOBUFS', 'ENOBUFS']);
    kernel.unreadable = '';
    clock.turn(1_000);
    expect(keeper.status()).toEqual({ ranges: 1, refused: 0, fault: '', repaired: 0 });
    expect(own(kernel)).toHaveLength(3);
  });
});
