/** What keeps the devices in order needs, is told and tells. Types only. */
import type { Prefix } from 'bgp-ts/net';
import type { Log } from '../../src/confd/log.ts';
import type { IpipBackend, IpipStatus } from '../ebpf/types.ts';
import type { DevicePlan } from '../encap/devices-types.ts';
import type { DetectedFeatures } from '../encap/features.ts';
import type { MtuPlan, MtuUse } from '../encap/mtu.ts';
import type { DeviceRole, EncapWishes } from '../encap/types.ts';
import type { KernelListener, LinkKernel } from './types.ts';

/** What the devices are to be. */
export interface DeviceConfig {
  readonly wishes: Pick<EncapWishes, 'node' | 'addresses' | 'devices' | 'routes' | 'issues'>;
  /** Regular expression of the interfaces whose MTU counts; absent: MTU_INTERFACES. */
  readonly mtuPattern?: string;
  readonly featureDetectOverride?: string;
  /** Networks outside the cluster that may send by IPIP. */
  readonly externalNodes?: readonly Prefix[];
  /** Encapsulations of others that take room of pods' packets, such as WireGuard. */
  readonly otherUses?: readonly MtuUse[];
}

/** What is fixed for the life of the process, and the seams. */
export interface DeviceDeps {
  readonly kernel: LinkKernel;
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** uname -r. */
  readonly kernelRelease: string;
  readonly takeOver: boolean;
  readonly ipipBackend: 'auto' | 'kernel' | 'ebpf';
  /** Opens the eBPF backend; absent where this build has none. Throws where the kernel gives no eBPF. */
  readonly openIpip?: () => IpipBackend;
  /** A Felix that runs in this network namespace, in words. */
  readonly felix: () => string | undefined;
  /** The MTU file; absent: none is written. `read` gives undefined where there is none, `write` throws. */
  readonly mtuFile?: { readonly read: () => number | undefined; readonly write: (mtu: number) => void; readonly required: boolean };
  /** After every turn in which something is other than before. */
  readonly changed: (status: DeviceStatus) => void;
  /** The MTU file is required and cannot be written. */
  readonly fatal: (error: Error) => void;
}

/** One device as it stands. */
export interface DeviceReport {
  readonly name: string;
  readonly kind: 'vxlan' | 'ipip';
  /** What carries it. */
  readonly backend: 'kernel' | 'ebpf';
  readonly state: 'ready' | 'refused' | 'waiting' | 'failed';
  /** Why it is not ready; '' where it is. */
  readonly detail: string;
  /** Interface index, absent while there is none. */
  readonly index?: number;
  readonly mtu?: number;
  readonly mac?: string;
  readonly parent?: string;
  readonly addresses: readonly string[];
  readonly checksumOffload?: boolean;
}

/** Everything about the devices. */
export interface DeviceStatus {
  /** Every wanted device is as wanted, and the MTU file says what it should. */
  readonly ready: boolean;
  readonly devices: readonly DeviceReport[];
  /** Interface of each role that may be used now, by index. */
  readonly roles: { readonly [role in DeviceRole]?: number };
  readonly mtu: MtuPlan;
  readonly features: DetectedFeatures;
  /** What is wrong, one sentence each. */
  readonly faults: readonly string[];
  /** Steps done since the start, and those of them that undid what others did. */
  readonly steps: number;
  readonly repairs: number;
  /** Of the eBPF backend, where it is in use: as it stood when it was last applied. */
  readonly ipip?: IpipStatus;
}

/** What would be done. */
export interface DevicePreview extends DevicePlan {
  /** What the MTU file would say; absent where it says so already, or none is written. */
  readonly mtuFile?: number;
}

/** Devices kept in order. */
export interface DeviceSync {
  /** Changes that others make; the watch calls it. */
  readonly listener: KernelListener;
  /** Sets what is wanted and begins, or goes on with it. */
  configure(config: DeviceConfig): void;
  /** Undefined before the first turn. */
  status(): DeviceStatus | undefined;
  /** What would be done now; nothing is. Undefined before `configure`. */
  plan(): DevicePreview | undefined;
  /** Does what is due now; for tests. */
  flush(): void;
  /** Ends; the devices stay, and packets go on. */
  stop(): void;
}
