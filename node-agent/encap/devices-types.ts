/**
 * The machine's interfaces as the plan for our devices sees them, and the steps that bring the devices about. Plain data that
 * prints as JSON; the kernel's side reads the one and carries out the other. Types and names only.
 */
import type { Address } from 'bgp-ts/net';
import type { DeviceRole } from './types.ts';

/** Alternative text of an interface (ip link: alias) by which our devices are known to later runs. */
export const DEVICE_MARK = 'linnet node-agent';

/** The same on a device that the kernel does not let anybody delete and that is no longer in use. */
export const RETIRED_MARK = `${DEVICE_MARK}: not in use`;

/** An address of an interface with the length of its network. */
export interface SeenAddress {
  readonly address: Address;
  readonly length: number;
}

/** A VXLAN device's own settings. */
export interface SeenVxlan {
  readonly vni: number;
  readonly port: number;
  /** Index of the interface it stands on, 0 = none. */
  readonly parent: number;
  readonly local?: Address;
  /** Where unknown destinations go: a multicast group or one remote. We have none. */
  readonly group?: Address;
  readonly learning: boolean;
  readonly external: boolean;
  readonly l2miss: boolean;
  readonly gbp: boolean;
}

/** An interface as it is. */
export interface SeenLink {
  readonly index: number;
  readonly name: string;
  /** `vxlan`, `ipip`, `veth` ...; '' for hardware. */
  readonly kind: string;
  readonly mtu: number;
  /** Six octets with colons; '' where it has none. */
  readonly mac: string;
  readonly up: boolean;
  /** Up with a carrier (RFC 2863 ifOperStatus up, or a driver that does not say). */
  readonly operational: boolean;
  readonly noArp: boolean;
  readonly loopback: boolean;
  /** '' where it has none. */
  readonly alias: string;
  readonly addresses: readonly SeenAddress[];
  readonly vxlan?: SeenVxlan;
  /** Transmit checksum offload; absent where the device has none or it was not looked at. */
  readonly checksumOffload?: boolean;
}

/** What an IPIP device is made of: the kernel's tunnel, or a device that an eBPF program stands behind. */
export type IpipMake = 'ipip' | 'ifb' | 'veth';

/** A device to make. It is made down; later steps give it its addresses and set it up. */
export type DeviceSpec =
  | {
      readonly kind: 'vxlan';
      readonly name: string;
      readonly mtu: number;
      readonly mac: string;
      readonly vni: number;
      readonly port: number;
      readonly parent: number;
      readonly local: Address;
    }
  | { readonly kind: IpipMake; readonly name: string; readonly mtu: number };

/** One step. `because` says in words what was seen and what is wanted. Index 0: of the device made in an earlier step. */
export type DeviceStep = { readonly device: string; readonly because: string } & (
  | { readonly step: 'create'; readonly spec: DeviceSpec }
  /** Right before `create` of the same name, or of a device nobody wants any more. */
  | { readonly step: 'delete'; readonly index: number }
  /** Settings the kernel changes in place; where it cannot, the device is made anew. */
  | {
      readonly step: 'change-vxlan';
      readonly index: number;
      /** 0: on no interface. */
      readonly parent?: number;
      readonly local?: Address;
      readonly learning?: false;
    }
  | { readonly step: 'set-mac'; readonly index: number; readonly mac: string }
  | { readonly step: 'set-mtu'; readonly index: number; readonly mtu: number }
  | { readonly step: 'mark'; readonly index: number; readonly alias: string }
  | { readonly step: 'no-arp'; readonly index: number }
  | { readonly step: 'add-address' | 'remove-address'; readonly index: number; readonly address: SeenAddress }
  | { readonly step: 'set-checksum'; readonly index: number; readonly on: boolean }
  | { readonly step: 'up' | 'down'; readonly index: number }
);

/** Why a device is not brought about at present. */
export interface DeviceFault {
  readonly device: string;
  readonly kind: 'no-parent' | 'owned' | 'no-backend';
  readonly text: string;
}

/** What is to be done for the devices as they are. */
export interface DevicePlan {
  readonly steps: readonly DeviceStep[];
  readonly faults: readonly DeviceFault[];
  /** Interface of each role that is there now, by index. */
  readonly roles: { readonly [role in DeviceRole]?: number };
}
