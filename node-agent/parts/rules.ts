/** The rules against loops of service packets as a part of the dataplane (dataplane B20). */
import { routeProtocol } from '../config/settings.ts';
import type { AgentWanted } from '../dataplane-types.ts';
import { createRuleKeeper, describeRule, planRules, type RuleKeeper, wantedRules } from '../kernel/rules.ts';
import { openRuleKernel } from '../kernel/rules-netlink.ts';
import type { RuleKernel } from '../kernel/types.ts';
import { auditMsOf } from './audit.ts';
import type { Part, PartDeps } from './part.ts';

interface Keeping {
  readonly protocol: number;
  readonly auditMs: number;
  readonly keeper: RuleKeeper;
}

/** Makes the part. Throws where there is no netlink. */
export function createRulesPart(deps: PartDeps): Part {
  const real = openRuleKernel();
  let operations = 0;
  let repaired = 0;
  let lastMs = 0;
  let wanted: AgentWanted | undefined;
  let keeping: Keeping | undefined;
  const kernel: RuleKernel = {
    read: real.read,
    apply(more) {
      operations += more.length;
      return real.apply(more);
    },
  };
  const failed = (error: Error): void => {
    deps.log.warn({ because: error.message }, 'rules against service loops cannot be brought in order');
    deps.changed();
  };
  const end = (): void => {
    repaired += keeping?.keeper.status().repaired ?? 0;
    keeping?.keeper.stop();
    keeping = undefined;
  };
  const keep = ({ wishes, felix }: AgentWanted): void => {
    const protocol = routeProtocol(felix);
    const auditMs = auditMsOf(felix);
    if (keeping !== undefined && keeping.protocol !== protocol) keeping.keeper.set([]);
    if (keeping !== undefined && (keeping.protocol !== protocol || keeping.auditMs !== auditMs)) end();
    keeping ??= { protocol, auditMs, keeper: createRuleKeeper({ kernel, protocol, auditMs, after: deps.after, failed }) };
    keeping.keeper.set(wishes.serviceLoops);
  };
  return {
    listener: { events: (events) => keeping?.keeper.events(events), lost: (because) => keeping?.keeper.lost(because) },
    ports: [real.portId],
    configure(given) {
      const began = deps.now();
      wanted = given;
      if (!deps.dry) keep(given);
      lastMs = deps.now() - began;
    },
    status() {
      const status = keeping?.keeper.status();
      const failing = status?.refused ?? 0;
      const figures = { operations, repairs: repaired + (status?.repaired ?? 0), failing, lastMs };
      return {
        part: 'rules',
        ready: status?.fault === '',
        detail: status?.fault ?? '',
        figures,
        more: status ?? null,
      };
    },
    issues: () => [],
    plan() {
      if (wanted === undefined) return [];
      const protocol = routeProtocol(wanted.felix);
      return planRules(real.read(), wantedRules(wanted.wishes.serviceLoops, protocol), protocol).map((operation) => ({
        part: 'rules',
        step: describeRule(operation),
        because: operation.kind === 'add' ? 'serviceLoopPrevention' : 'nothing wants it',
      }));
    },
    stop() {
      end();
      real.close();
    },
  };
}
