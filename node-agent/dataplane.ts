/**
 * The parts of the dataplane together, in the order in which they stand on each other: devices with their MTU, the neighbours and
 * forwarding entries on them, the routes over them, the rules beside. Each keeps itself in order between two states; what a device
 * became is told to those above it at once.
 */
import type { Server } from 'node:net';
import type { ApplyResult } from '../src/confd/driver.ts';
import type { Log } from '../src/confd/log.ts';
import { StartError } from '../src/main/start-error.ts';
import type { AgentConfig } from './config/types.ts';
import type { AgentWanted, Dataplane, DataplaneStatus, PlannedStep } from './dataplane-types.ts';
import type { DeviceKind } from './health/figures.ts';
import { holdDevices } from './kernel/devices-owner.ts';
import { watchKernel } from './kernel/watch.ts';
import { createDevicesPart, type DevicesPart } from './parts/devices.ts';
import { createNeighboursPart } from './parts/neighbours.ts';
import type { Part, PartDeps } from './parts/part.ts';
import { createRoutesPart } from './parts/routes.ts';
import { createRulesPart } from './parts/rules.ts';

/** What the dataplane needs of the process. */
export interface DataplaneDeps {
  readonly log: Log;
  /** Something about it is other than before. */
  readonly changed: () => void;
  /** The process cannot go on. */
  readonly fail: (error: Error) => void;
}

const after = (ms: number, call: () => void): (() => void) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

interface Parts {
  readonly devices: DevicesPart;
  /** Those above the devices, in their order. */
  readonly others: readonly Part[];
}

function createParts(config: AgentConfig, deps: PartDeps, rolesChanged: () => void): Parts {
  const devices = createDevicesPart(config, { ...deps, changed: rolesChanged });
  return { devices, others: [createNeighboursPart(deps), createRoutesPart(deps), createRulesPart(deps)] };
}

const all = ({ devices, others }: Parts): readonly Part[] => [devices, ...others];

/**
 * Makes the dataplane of this network namespace. Rejects with StartError where another agent has its devices, or there is no
 * netlink.
 */
export async function createDataplane(config: AgentConfig, { log, changed, fail }: DataplaneDeps): Promise<Dataplane> {
  const held = await hold();
  let wanted: AgentWanted | undefined;
  let roles = '{}';
  let applying = false;
  const deps: PartDeps = { log, now: () => performance.now(), after, changed, fail, dry: false };
  const rolesChanged = (): void => {
    const now = JSON.stringify(parts.devices.roles());
    // Within `apply` the others come anyway, once.
    if (wanted !== undefined && now !== roles && !applying) configureOthers(parts, wanted);
    roles = now;
    changed();
  };
  const parts = createParts(config, deps, rolesChanged);
  const listeners = all(parts).flatMap(({ listener }) => (listener === undefined ? [] : [listener]));
  const ignorePorts = all(parts).flatMap(({ ports }) => ports);
  const watch = watchKernel({ listeners, ignorePorts, log, now: deps.now, after });
  return {
    apply(given) {
      wanted = given;
      const before = operationsOf(parts);
      applying = true;
      try {
        parts.devices.configure(given, {});
      } finally {
        applying = false;
      }
      roles = JSON.stringify(parts.devices.roles());
      configureOthers(parts, given);
      return Promise.resolve<ApplyResult>({ issues: [], touched: { peers: 0, routes: operationsOf(parts) - before, policies: 0 } });
    },
    status: () => statusOf(parts, watch.figures().losses),
    issues: () => all(parts).flatMap((part) => part.issues()),
    stop() {
      watch.close();
      for (const part of all(parts)) part.stop();
      held.close();
      return Promise.resolve();
    },
  };
}

async function hold(): Promise<Server> {
  const held = await holdDevices();
  if (held === undefined) throw new StartError('LOCKED', 'another node-agent has the devices of this network namespace');
  return held;
}

function configureOthers({ devices, others }: Parts, wanted: AgentWanted): void {
  const roles = devices.roles();
  for (const part of others) part.configure(wanted, roles);
}

function operationsOf(parts: Parts): number {
  return all(parts).reduce((sum, part) => sum + part.status().figures.operations, 0);
}

function statusOf(parts: Parts, losses: number): DataplaneStatus {
  const statuses = all(parts).map((part) => part.status());
  const status = parts.devices.device();
  const devices: { [kind in DeviceKind]?: number } = {};
  for (const { name, mtu } of status?.devices ?? []) if (mtu !== undefined) devices[kindOf(name)] = mtu;
  const ipip = status?.ipip === undefined ? {} : { ipip: status.ipip.counters };
  return { parts: statuses, devices, podMtu: status?.mtu.pod ?? 0, losses, ...ipip };
}

function kindOf(name: string): DeviceKind {
  if (name === 'tunl0') return 'ipip';
  return name === 'vxlan-v6.calico' ? 'vxlan-v6' : 'vxlan-v4';
}

/** What would be done to bring it about, while nothing is. Throws where there is no netlink. */
export function planDataplane(config: AgentConfig, wanted: AgentWanted, log: Log): readonly PlannedStep[] {
  const deps: PartDeps = {
    log,
    now: () => performance.now(),
    after: () => () => undefined,
    changed: () => undefined,
    fail: () => undefined,
    dry: true,
  };
  const parts = createParts(config, deps, () => undefined);
  try {
    parts.devices.configure(wanted, {});
    configureOthers(parts, wanted);
    return all(parts).flatMap((part) => part.plan());
  } finally {
    for (const part of all(parts)) part.stop();
  }
}
