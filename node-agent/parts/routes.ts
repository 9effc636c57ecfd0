/** The routes as a part of the dataplane. Their own socket is opened anew, with growing pauses, where it breaks or cannot be opened (dataplane B19). */
import { formatAddress } from 'bgp-ts/net';
import { gotText } from '../../src/confd/resources/issue.ts';
import type { FelixFields, Issue } from '../../src/confd/resources/types.ts';
import { openNetlinkKernel } from '../../src/routes/kernel/netlink.ts';
import type { Kernel } from '../../src/routes/kernel/table.ts';
import { routeProtocol } from '../config/settings.ts';
import type { AgentWanted, PartStatus } from '../dataplane-types.ts';
import { openConntrackKernel } from '../kernel/conntrack-netlink.ts';
import { createRouteKeeper, planRoutes, type RouteKeeper } from '../kernel/routes.ts';
import type { ForeignDevices } from '../kernel/routes-provider.ts';
import { FOREIGN_DEVICES } from '../kernel/routes-provider.ts';
import type { RouteSources } from '../kernel/routes-sources.ts';
import { auditMsOf } from './audit.ts';
import type { Part, PartDeps } from './part.ts';

/** Before a socket that could not be opened is tried again, ms: doubled each time up to the last. One that breaks later is the keeper's own matter. */
const REOPEN_MS = { first: 500, last: 30_000 } as const;

/** Routes that the status names where others have their place. */
const HINDERED = 3;

/** What decides on the keeper: another one is made where it changes. */
interface Settings {
  readonly protocol: number;
  readonly auditMs: number;
  readonly foreign: ForeignDevices;
  readonly sources: RouteSources;
  readonly disabled: boolean;
}

function settingsOf(felix: FelixFields): Settings {
  const [ipv4 = '', ipv6 = ''] = FOREIGN_DEVICES.wireguard;
  return {
    protocol: routeProtocol(felix),
    auditMs: auditMsOf(felix),
    foreign: {
      workloadPrefixes: felix.interfacePrefix ?? FOREIGN_DEVICES.workloadPrefixes,
      wireguard: [felix.wireguardInterfaceName ?? ipv4, felix.wireguardInterfaceNameV6 ?? ipv6],
    },
    sources: {
      ...(felix.deviceRouteSourceAddress && { ipv4: felix.deviceRouteSourceAddress }),
      ...(felix.deviceRouteSourceAddressIPv6 && { ipv6: felix.deviceRouteSourceAddressIPv6 }),
    },
    disabled: felix.routeSyncDisabled ?? false,
  };
}

interface Keeping {
  readonly settings: Settings;
  readonly kernel: Kernel;
  readonly keeper: RouteKeeper;
}

interface State {
  readonly deps: PartDeps;
  wanted: AgentWanted | undefined;
  keeping: Keeping | undefined;
  fault: string;
  pause: number;
  cancel: (() => void) | undefined;
  operations: number;
  /** Repairs of keepers before this one. */
  repairs: number;
  lastMs: number;
}

/** Makes the part; nothing is opened before the first `configure`. */
export function createRoutesPart(deps: PartDeps): Part {
  const state: State = {
    ...{ deps, wanted: undefined, keeping: undefined, fault: '', pause: REOPEN_MS.first, cancel: undefined },
    ...{ operations: 0, repairs: 0, lastMs: 0 },
  };
  return {
    ports: [],
    configure(wanted) {
      state.wanted = wanted;
      if (deps.dry) return;
      const began = deps.now();
      bringAbout(state, wanted);
      state.lastMs = deps.now() - began;
    },
    status: () => statusOf(state),
    issues: () => issuesOf(state),
    plan() {
      if (state.wanted === undefined || settingsOf(state.wanted.felix).disabled) return [];
      const { protocol, foreign, sources } = settingsOf(state.wanted.felix);
      const kernel = openNetlinkKernel({ protocol });
      try {
        return planRoutes(kernel, state.wanted.wishes, { foreign, sources }).map(({ step, because }) => ({
          part: 'routes',
          step,
          because,
        }));
      } finally {
        kernel.close();
      }
    },
    stop() {
      state.cancel?.();
      end(state);
    },
  };
}

const same = (a: Settings, b: Settings): boolean => JSON.stringify(a) === JSON.stringify(b);

function bringAbout(state: State, wanted: AgentWanted): void {
  const settings = settingsOf(wanted.felix);
  const { keeping } = state;
  if (keeping !== undefined && !same(keeping.settings, settings)) {
    // What has the former number would be nobody's from now on.
    if (!settings.disabled && keeping.settings.protocol !== settings.protocol) {
      keeping.keeper.set({ ...wanted.wishes, routes: [] });
      keeping.keeper.flush();
    }
    end(state);
  }
  if (settings.disabled) return;
  try {
    if (state.keeping === undefined) {
      state.fault = '';
      state.keeping = begin(state, settings);
      state.pause = REOPEN_MS.first;
      // It is there before the next try was due.
      state.cancel?.();
    }
    state.keeping.keeper.set(wanted.wishes);
    state.keeping.keeper.flush();
  } catch (error) {
    broken(state, error instanceof Error ? error : new Error(String(error)));
  }
}

function begin(state: State, settings: Settings): Keeping {
  const { log, now, after, changed } = state.deps;
  const real = openNetlinkKernel({ protocol: settings.protocol });
  const kernel: Kernel = {
    ...real,
    apply(operations) {
      state.operations += operations.length;
      return real.apply(operations);
    },
  };
  const keeper = createRouteKeeper({
    ...{ kernel, now, after, foreign: settings.foreign, sources: settings.sources, auditMs: settings.auditMs },
    conntrack: openConntrackKernel(),
    remembered: (because) => log.warn({ because }, 'connections of prefixes that another node answers for now are not forgotten'),
    status: changed,
    failed: (error) => {
      state.fault = error.message;
      log.warn({ because: error.message }, "the kernel's routes are out of reach");
      changed();
    },
    recovered: () => {
      state.fault = '';
      log.info({}, "the kernel's routes are in reach again");
      changed();
    },
  });
  log.info({ protocol: settings.protocol, nexthopObjects: real.nexthopObjects }, 'keeping routes');
  try {
    keeper.start();
  } catch (error) {
    kernel.close();
    throw error;
  }
  return { settings, kernel, keeper };
}

/** The keeper is given up and another one made in a moment; the routes stay as they are meanwhile. */
function broken(state: State, error: Error): void {
  const { deps } = state;
  state.fault = error.message;
  deps.log.warn({ because: error.message, againInMs: state.pause }, "the kernel's routes are out of reach");
  state.cancel?.();
  state.cancel = deps.after(state.pause, () => {
    end(state);
    if (state.wanted !== undefined) bringAbout(state, state.wanted);
    deps.changed();
  });
  state.pause = Math.min(REOPEN_MS.last, state.pause * 2);
}

function end(state: State): void {
  const { keeping } = state;
  if (keeping === undefined) return;
  state.keeping = undefined;
  state.repairs += keeping.keeper.status().repaired;
  keeping.keeper.stop();
  keeping.kernel.close();
}

function statusOf({ wanted, keeping, fault, operations, repairs, lastMs }: State): PartStatus {
  const status = keeping?.keeper.status();
  const disabled = wanted !== undefined && settingsOf(wanted.felix).disabled;
  const wrong = [
    ...(fault === '' ? [] : [fault]),
    ...(status !== undefined && status.failed > 0 ? [`the kernel refuses ${status.failed}: ${status.failure}`] : []),
    ...(status !== undefined && status.unreachable > 0 ? [`${status.unreachable} wait for their device`] : []),
  ];
  // Another's route in the place of ours is its owner's business, and nothing that more time or a restart would mend.
  const told = [...wrong, ...(keeping === undefined ? [] : hinderedWords(keeping.keeper))];
  return {
    part: 'routes',
    ready: disabled || (status !== undefined && wrong.length === 0),
    detail: disabled ? 'routeSyncDisabled: left alone' : told.join('; '),
    figures: { operations, repairs: repairs + (status?.repaired ?? 0), failing: status?.failed ?? 0, lastMs },
    more: status ?? null,
  };
}

/** The first few by name, and how many more. */
function hinderedWords(keeper: RouteKeeper): readonly string[] {
  const { taken } = keeper.status();
  const words = keeper.hindered(HINDERED);
  return taken > words.length ? [...words, `${taken - words.length} more are in the place of others`] : words;
}

/** A source that is nowhere costs its hint and no route. */
function issuesOf({ wanted, keeping }: State): readonly Issue[] {
  if (wanted === undefined) return [];
  return (keeping?.keeper.missingSources() ?? []).map((address) => ({
    code: 'ROUTE_SOURCE_MISSING',
    severity: 'warning',
    object: { apiVersion: 'projectcalico.org/v3', kind: 'Node', namespace: '', name: wanted.wishes.node },
    field: address.family === 'ipv4' ? 'deviceRouteSourceAddress' : 'deviceRouteSourceAddressIPv6',
    got: gotText(formatAddress(address)),
    rule: 'is on no interface of this node: the kernel chooses the source of its own packets to pods',
    source: null,
    transient: true,
  }));
}
