/**
 * Policy rules against loops of service packets (dataplane B20, docs/decisions/0013): a forwarded packet to a service address that
 * nothing translated ends here. What this machine sends is let past: its packets are translated after they are routed. Pure but for the seam.
 */
import { formatPrefix } from 'bgp-ts/net';
import type { NetlinkEvent, RuleMessage } from 'netlink';
import { RULE_ACTION } from 'netlink';
import type { EncapWishes, IpFamily } from '../encap/types.ts';
import type { KernelListener, RuleKernel, RuleOperation } from './types.ts';

/** Where our rules stand: after the local table and WireGuard's (99), before everything that leads out of the machine. Three in a row. */
export const RULE_PRIORITY = 110;

type ServiceLoops = EncapWishes['serviceLoops'];

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

/** The rules for these ranges, in the order they are added: until the way past them stands, nothing is stopped. */
export function wantedRules(loops: ServiceLoops, protocol: number): readonly RuleMessage[] {
  return FAMILIES.flatMap((family) => {
    const own = loops.filter((loop) => loop.prefix.family === family);
    if (own.length === 0) return [];
    const base = { family, table: 0, protocol, flags: 0 };
    const end = RULE_PRIORITY + 2;
    return [
      { ...base, action: RULE_ACTION.nop, priority: end },
      { ...base, action: RULE_ACTION.goto, priority: RULE_PRIORITY, inputInterface: 'lo', target: end },
      ...own.map(({ prefix, action }) => ({
        ...base,
        action: action === 'drop' ? RULE_ACTION.blackhole : RULE_ACTION.prohibit,
        priority: RULE_PRIORITY + 1,
        destination: prefix,
      })),
    ];
  });
}

/** True for rules of ours: by number and place. */
function isOwnRule({ protocol, priority }: RuleMessage, own: number): boolean {
  return protocol === own && priority >= RULE_PRIORITY && priority <= RULE_PRIORITY + 2;
}

function keyOf({ family, action, priority, destination, inputInterface = '', target = 0, ...rest }: RuleMessage): string {
  const { source, outputInterface, mark, mask, table, flags } = rest;
  const more = source !== undefined || outputInterface !== undefined || mark !== undefined || mask !== undefined || table !== 0;
  // The kernel says in the flags whether the rule that `goto` leads to is there.
  const inverted = (flags & 2) !== 0;
  const to = destination === undefined ? 'all' : formatPrefix(destination);
  return `${family} ${priority} ${action} ${to} ${inputInterface} ${target} ${inverted || more ? JSON.stringify(rest) : ''}`;
}

/** The operations from the rules there are to those wanted: what is missing in its order, then what is too much, stops before ways past. */
export function planRules(now: readonly RuleMessage[], wanted: readonly RuleMessage[], protocol: number): readonly RuleOperation[] {
  const missing = new Map(wanted.map((rule) => [keyOf(rule), rule]));
  const extra: RuleMessage[] = [];
  for (const rule of now) {
    if (isOwnRule(rule, protocol) && !missing.delete(keyOf(rule))) extra.push(rule);
  }
  const isWay = ({ action }: RuleMessage): boolean => action === RULE_ACTION.goto || action === RULE_ACTION.nop;
  extra.sort((a, b) => Number(isWay(a)) - Number(isWay(b)) || a.priority - b.priority);
  return [
    ...Array.from(missing.values(), (rule): RuleOperation => ({ kind: 'add', rule })),
    ...extra.map((rule): RuleOperation => ({ kind: 'remove', rule })),
  ];
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [RULE_ACTION.blackhole, 'drop'],
  [RULE_ACTION.prohibit, 'reject'],
  [RULE_ACTION.goto, 'let past what this machine sends'],
  [RULE_ACTION.nop, 'end of the rules against loops'],
]);

/** `add rule 111: drop forwarded packets to 10.96.0.0/12`. */
export function describeRule({ kind, rule }: RuleOperation): string {
  const what = WORDS.get(rule.action) ?? `action ${rule.action}`;
  const to = rule.destination === undefined ? '' : ` forwarded packets to ${formatPrefix(rule.destination)}`;
  return `${kind} rule ${rule.priority} (${rule.family}): ${what}${to}`;
}

/** What keeps the rules is given. */
export interface RuleDeps {
  readonly kernel: RuleKernel;
  readonly protocol: number;
  /** Calls once after about so many ms; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** Between two readings without a cause, ms. Default 60,000. */
  readonly auditMs?: number;
  /** A reading or writing failed; it is tried again after RETRY_MS. */
  readonly failed: (error: Error) => void;
}

/** How the rules stand. */
export interface RuleStatus {
  /** Ranges that are guarded. */
  readonly ranges: number;
  /** Refused by the kernel with the last turn. */
  readonly refused: number;
  /** Why they are not known to be in order, '' where the last turn went well. */
  readonly fault: string;
  /** Rules put back or taken away because somebody else had changed them; only grows. */
  readonly repaired: number;
}

/** The rules kept in order. */
export interface RuleKeeper extends KernelListener {
  /** The ranges wanted. Nothing is written before the first call. */
  set(loops: ServiceLoops): void;
  status(): RuleStatus;
  /** Ends; the rules stay. */
  stop(): void;
}

/** Causes that come together are one piece of work, ms. */
const GATHER_MS = 20;
const RETRY_MS = 1_000;
const AUDIT_MS = 60_000;

/** Makes a keeper. */
export function createRuleKeeper(deps: RuleDeps): RuleKeeper {
  const { kernel, protocol } = deps;
  let wanted: readonly RuleMessage[] | undefined;
  let status: RuleStatus = { ranges: 0, refused: 0, fault: '', repaired: 0 };
  let waiting: (() => void) | undefined;
  let stopped = false;
  // What differs although nothing else is wanted, and nothing was left undone, was somebody else's doing.
  const turn = (isRepair: boolean): void => {
    if (wanted === undefined || stopped) return;
    const wasWhole = status.fault === '';
    let fault = '';
    let isLost = false;
    try {
      const operations = planRules(kernel.read(), wanted, protocol);
      const { failures, lost } = operations.length === 0 ? { failures: [], lost: false } : kernel.apply(operations);
      const refused = failures.length;
      status = { ...status, refused, repaired: status.repaired + (isRepair && wasWhole ? operations.length - refused : 0) };
      isLost = lost;
      const [first] = failures;
      if (first !== undefined) fault = `${describeRule(first.item)}: ${first.code}${first.text === '' ? '' : `: ${first.text}`}`;
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    status = { ...status, fault };
    if (fault !== '') deps.failed(new Error(fault));
    if (fault !== '' || isLost) soon(RETRY_MS);
  };
  const soon = (ms: number): void => {
    if (waiting !== undefined || stopped) return;
    waiting = deps.after(ms, () => {
      waiting = undefined;
      turn(true);
    });
  };
  const audit = (): void => {
    if (!stopped)
      cancelAudit = deps.after(deps.auditMs ?? AUDIT_MS, () => {
        turn(true);
        audit();
      });
  };
  let cancelAudit: (() => void) | undefined;
  audit();
  return {
    set: (loops) => {
      wanted = wantedRules(loops, protocol);
      status = { ...status, ranges: loops.length };
      turn(false);
    },
    events: (events) => {
      if (events.some((event: NetlinkEvent) => event.kind === 'rule' && isOwnRule(event.rule, protocol))) soon(GATHER_MS);
    },
    lost: () => soon(GATHER_MS),
    status: () => status,
    stop: () => {
      stopped = true;
      waiting?.();
      cancelAudit?.();
    },
  };
}
