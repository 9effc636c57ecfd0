/**
 * How large packets may be: the MTU of the host's network, what each encapsulation takes of it, and what remains for pods
 * (dataplane 3.1, A31). All of it is decided anew whenever an interface changes.
 */
import type { IpFamily } from './types.ts';

/** Octets that an encapsulation puts around a packet, outer IP header included. */
const ENCAP_OVERHEAD = { ipip: 20, 'vxlan-v4': 50, 'vxlan-v6': 70, 'wireguard-v4': 60, 'wireguard-v6': 80 } as const;

/** What takes room of a packet. */
export type EncapKind = keyof typeof ENCAP_OVERHEAD;

/** The MTU taken for the host's where no interface says one: that of the smallest of the large clouds. */
const FALLBACK_HOST_MTU = 1460;

/** Interfaces that carry the host's traffic, by the names systemd and the kernel give (Felix' default of mtuIfacePattern). */
export const MTU_INTERFACES = '^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)';

/** The least MTU of a link with IPv6 (RFC 8200 section 5) and, in practice, of any. */
export const LEAST_MTU = 1280;

/** An interface of the machine, as far as MTUs go. */
export interface MtuLink {
  readonly name: string;
  readonly mtu: number;
  /** Operational: up with a carrier, not only enabled. */
  readonly operational: boolean;
}

/** An encapsulation in use. */
export interface MtuUse {
  readonly kind: EncapKind;
  /** Configured MTU; 0 or absent: from the machine. */
  readonly configured?: number;
  /** Octets that the network takes besides where it is not configured. Default 0. */
  readonly more?: number;
  /** Interface its outer packets leave by, where that is known. */
  readonly parent?: string;
}

/** What is to be decided. */
export interface MtuQuestion {
  readonly links: readonly MtuLink[];
  /** Regular expression of the interfaces that count; '' or absent: MTU_INTERFACES. */
  readonly pattern?: string;
  readonly uses: readonly MtuUse[];
}

/** The MTU of one encapsulation. */
export interface EncapMtu {
  readonly kind: EncapKind;
  readonly mtu: number;
  readonly from: 'configured' | 'host' | 'parent';
}

/** The decision. */
export interface MtuPlan {
  /** MTU of the host's network and the interface that says so; none: FALLBACK_HOST_MTU. */
  readonly host: number;
  readonly interface?: string;
  readonly encaps: readonly EncapMtu[];
  /** What pods get: the least of the encapsulations in use, the host's where there is none. */
  readonly pod: number;
  readonly warnings: readonly string[];
}

const DEFAULT_PATTERN = new RegExp(MTU_INTERFACES);

/** The interfaces whose MTU counts; `valid` is false where the expression is none, and the default takes its place. */
export function interfacePattern(written: string | undefined): { readonly pattern: RegExp; readonly valid: boolean } {
  if (written === undefined || written === '') return { pattern: DEFAULT_PATTERN, valid: true };
  try {
    return { pattern: new RegExp(written), valid: true };
  } catch {
    return { pattern: DEFAULT_PATTERN, valid: false };
  }
}

/** The operational interface of the least MTU among those that match; the first by name of equals. */
function hostMtu(links: readonly MtuLink[], pattern: RegExp): MtuLink | undefined {
  const matching = links.filter((link) => link.operational && link.mtu > 0 && pattern.test(link.name));
  return matching.sort((a, b) => a.mtu - b.mtu || (a.name < b.name ? -1 : 1))[0];
}

/** Decides all MTUs. */
export function planMtu(question: MtuQuestion): MtuPlan {
  const warnings: string[] = [];
  const { pattern, valid } = interfacePattern(question.pattern);
  if (!valid) warnings.push(`mtuIfacePattern "${question.pattern}" is not a regular expression: ${MTU_INTERFACES} is used`);
  const found = hostMtu(question.links, pattern);
  const host = found?.mtu ?? FALLBACK_HOST_MTU;
  const encaps = question.uses.map((use) => encapMtu(use, host, question.links, warnings));
  return {
    host,
    ...(found === undefined ? {} : { interface: found.name }),
    encaps,
    pod: encaps.length === 0 ? host : Math.min(...encaps.map((one) => one.mtu)),
    warnings,
  };
}

function encapMtu(use: MtuUse, host: number, links: readonly MtuLink[], warnings: string[]): EncapMtu {
  const { kind, configured = 0, more = 0 } = use;
  const overhead = ENCAP_OVERHEAD[kind] + (configured === 0 ? more : 0);
  const parent = links.find((link) => link.name === use.parent && link.mtu > 0);
  // A parent that the pattern does not match may still be the narrowest; the kernel refuses more than it carries.
  const room = parent === undefined ? Infinity : parent.mtu - overhead;
  if (configured === 0) {
    const mtu = Math.min(host - overhead, room);
    if (mtu < LEAST_MTU) warnings.push(`MTU ${mtu} of ${kind} is less than ${LEAST_MTU}: IPv6 does not work over it`);
    return { kind, mtu, from: room < host - overhead ? 'parent' : 'host' };
  }
  if (parent !== undefined && configured > room) {
    warnings.push(`MTU ${configured} of ${kind} does not fit ${parent.name} (${parent.mtu} less ${overhead}): ${room} is used`);
    return { kind, mtu: room, from: 'parent' };
  }
  if (configured > host - overhead) {
    warnings.push(
      `MTU ${configured} of ${kind} is larger than the host's network carries (${host} less ${overhead}): large packets may be lost`,
    );
  }
  return { kind, mtu: configured, from: 'configured' };
}

/** VXLAN over which family of IP. */
export const vxlanKind = (family: IpFamily): 'vxlan-v4' | 'vxlan-v6' => (family === 'ipv4' ? 'vxlan-v4' : 'vxlan-v6');

/** The MTU of one encapsulation in a plan; undefined where it is not in use. */
export const mtuOf = (plan: MtuPlan, kind: EncapKind): number | undefined => plan.encaps.find((one) => one.kind === kind)?.mtu;
