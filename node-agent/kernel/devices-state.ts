/** The state of the devices' upkeep, and what is seen of the machine with it. */
import type { IpipBackend, IpipStatus, StandInKind } from '../ebpf/types.ts';
import { STAND_IN_KINDS } from '../ebpf/types.ts';
import type { DeviceSituation } from '../encap/devices.ts';
import { mtuUses, planDevices } from '../encap/devices.ts';
import type { DevicePlan, IpipMake, SeenLink } from '../encap/devices-types.ts';
import { DEVICE_MARK } from '../encap/devices-types.ts';
import type { DetectedFeatures } from '../encap/features.ts';
import { detectFeatures } from '../encap/features.ts';
import type { MtuPlan } from '../encap/mtu.ts';
import { planMtu } from '../encap/mtu.ts';
import type { Concern } from './devices-events.ts';
import type { DeviceConfig, DeviceDeps, DeviceStatus } from './devices-types.ts';
import { mtuLinks, seenLinks } from './host-links.ts';

/** The eBPF backend at its last application. */
interface AppliedIpip {
  readonly routes: DeviceConfig['wishes']['routes'];
  /** Everything else that was applied, as JSON. */
  readonly text: string;
  /** Monotonic ms. */
  readonly at: number;
  readonly fault: string;
  readonly status: IpipStatus;
}

/** One record that the functions of the upkeep share. */
export interface DeviceState {
  readonly deps: DeviceDeps;
  config: DeviceConfig | undefined;
  /** Devices this process has brought about. */
  readonly held: Set<string>;
  /** Devices the kernel refused to change in place. */
  readonly remake: Set<string>;
  /** Kinds of device the kernel said it does not have. */
  readonly absentKinds: Set<string>;
  /** What failed at the last try, by device. */
  readonly failed: Map<string, string>;
  /** Sentences that were logged already. */
  readonly told: Set<string>;
  /** Which events matter; undefined before the first look: all. */
  concern: Concern | undefined;
  felix: string | undefined;
  felixDue: boolean;
  backend: IpipBackend | undefined;
  /** What was applied to it last, when, and how it stood then. */
  ipip: AppliedIpip | undefined;
  /** A device that the eBPF backend stood behind was removed. */
  standInGone: boolean;
  mtuFileFault: string;
  mtuFileDue: boolean;
  /** A turn without anything to do came since the last configuration: what is found from now on is others' doing. */
  settled: boolean;
  steps: number;
  repairs: number;
  /** Monotonic ms of the last turns that repaired something, oldest first. */
  readonly repairedAt: number[];
  failures: number;
  status: DeviceStatus | undefined;
  statusText: string;
  lastTurn: number;
  armedAt: number;
  cancel: (() => void) | undefined;
  cancelAudit: (() => void) | undefined;
  stopped: boolean;
}

/** A state before anything was read. */
export function createState(deps: DeviceDeps): DeviceState {
  return {
    ...{ deps, config: undefined, held: new Set(), remake: new Set(), absentKinds: new Set(), failed: new Map(), told: new Set() },
    ...{
      concern: undefined,
      felix: undefined,
      felixDue: true,
      backend: undefined,
      ipip: undefined,
      standInGone: false,
      mtuFileFault: '',
      mtuFileDue: true,
    },
    ...{ settled: false, steps: 0, repairs: 0, repairedAt: [], failures: 0, status: undefined, statusText: '' },
    ...{ lastTurn: -Infinity, armedAt: Infinity, cancel: undefined, cancelAudit: undefined, stopped: false },
  };
}

/** The machine at one moment, and what is to be done about it. */
export interface View {
  readonly links: readonly SeenLink[];
  readonly mtu: MtuPlan;
  readonly features: DetectedFeatures;
  readonly ipip: DeviceSituation['ipip'];
  readonly plan: DevicePlan;
}

/** Reads the machine and plans. Throws NetlinkError where it cannot be read. */
export function look(state: DeviceState, config: DeviceConfig): View {
  const { deps } = state;
  const { devices, addresses } = config.wishes;
  const links = seenLinks(deps.kernel.read(), new Set(devices.map((wish) => wish.name)), (name) => checksumOf(state, name));
  const features = detectFeatures(deps.kernelRelease, config.featureDetectOverride);
  const mtu = planMtu({
    links: mtuLinks(links),
    ...(config.mtuPattern === undefined ? {} : { pattern: config.mtuPattern }),
    uses: [...mtuUses(links, devices), ...(config.otherUses ?? [])],
  });
  const ipip = ipipMake(state, links, devices.find((wish) => wish.kind === 'ipip')?.name);
  const plan = planDevices({
    ...{ links, wishes: { addresses, devices }, mtu, features: features.features, ipip },
    ...{ takeOver: deps.takeOver, held: state.held, remake: state.remake, keepUnwanted: isUnknown(config) },
    ...(state.felix === undefined ? {} : { felix: state.felix }),
  });
  return { links, mtu, features, ipip, plan };
}

/** A node that is missing from the cluster, or lost its address there, may be back in a moment: nobody's packets should stop for that. */
export function isUnknown({ wishes }: DeviceConfig): boolean {
  return wishes.issues.some(
    ({ code, object }) => (code === 'NODE_MISSING' || code === 'OWN_ADDRESS_MISSING') && object.name === wishes.node,
  );
}

function checksumOf({ deps }: DeviceState, name: string): boolean | undefined {
  try {
    return deps.kernel.offload(name, 'txChecksum');
  } catch {
    // No such device, or one without the feature: nothing to set then.
    return undefined;
  }
}

/** What tunl0 is to be made of: as configured, as far as the kernel has it. */
function ipipMake({ deps, absentKinds }: DeviceState, links: readonly SeenLink[], name: string | undefined): DeviceSituation['ipip'] {
  const { ipipBackend, openIpip } = deps;
  const noKernel = 'kernel has no ipip';
  const standIn: StandInKind | undefined = STAND_IN_KINDS.find((kind) => !absentKinds.has(kind));
  const present = links.find((link) => link.name === name);
  const make = (why: string): IpipMake | { readonly none: string } => {
    if (openIpip === undefined) return { none: `${why}, and no eBPF backend is available` };
    return standIn ?? { none: `${why}, and no device of kind ${STAND_IN_KINDS.join(' or ')} for the eBPF backend to stand in for it` };
  };
  if (ipipBackend === 'ebpf') return make('ipipBackend is ebpf');
  if (!absentKinds.has('ipip')) {
    // A stand-in of an earlier run works: it is not taken down to find out whether the kernel can do without it.
    const works = present?.alias === DEVICE_MARK && STAND_IN_KINDS.some((kind) => kind === present.kind);
    if (ipipBackend === 'kernel' || !works) return 'ipip';
  }
  return ipipBackend === 'kernel' ? { none: `${noKernel}, and ipipBackend is kernel` } : make(noKernel);
}
