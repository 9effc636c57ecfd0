/**
 * From the machine's interfaces and the devices the cluster wants to the steps between them (dataplane 3.1). A device that works is
 * changed in place; it is made anew only where the kernel cannot change what differs, and never before its successor can be made.
 */
import type { Address } from 'bgp-ts/net';
import { addressesEqual, formatAddress, isLinkLocal } from 'bgp-ts/net';
import type { DeviceFault, DevicePlan, DeviceSpec, DeviceStep, IpipMake, SeenAddress, SeenLink } from './devices-types.ts';
import { DEVICE_MARK, RETIRED_MARK } from './devices-types.ts';
import type { KernelFeatures } from './features.ts';
import type { MtuPlan, MtuUse } from './mtu.ts';
import { LEAST_MTU, mtuOf, vxlanKind } from './mtu.ts';
import type { DeviceRole, DeviceWish, EncapWishes, IpFamily, IpipWish, VxlanWish } from './types.ts';

/** Everything the plan is made from. */
export interface DeviceSituation {
  readonly links: readonly SeenLink[];
  readonly wishes: Pick<EncapWishes, 'addresses' | 'devices'>;
  readonly mtu: MtuPlan;
  readonly features: KernelFeatures;
  /** What an IPIP device is to be made of; a sentence where there is no way to have one. */
  readonly ipip: IpipMake | { readonly none: string };
  /** The operator says that devices of others are ours from now on. */
  readonly takeOver: boolean;
  /** Names of devices that this process has brought about: theirs are repaired whatever somebody did to them. */
  readonly held: ReadonlySet<string>;
  /** Devices the kernel would not change in place. */
  readonly remake: ReadonlySet<string>;
  /** The cluster does not know this node at present: devices that nobody wants stay. */
  readonly keepUnwanted: boolean;
  /** A Felix that runs beside us, in words. */
  readonly felix?: string;
}

/** Where a node's address is: the interface that packets to other nodes leave by. */
export function parentOf(links: readonly SeenLink[], local: Address, current = 0): SeenLink | undefined {
  const carriers = links.filter(
    (link) => link.alias !== DEVICE_MARK && link.addresses.some(({ address }) => addressesEqual(address, local)),
  );
  // An address in two places for a moment, as when it moves, must not make the device go to and fro.
  const kept = carriers.find((link) => link.index === current);
  return kept ?? carriers.find((link) => link.operational) ?? carriers[0];
}

/** The encapsulations behind the wishes, for the decision about MTUs. */
export function mtuUses(links: readonly SeenLink[], devices: readonly DeviceWish[]): MtuUse[] {
  return devices.map((wish) => {
    const parent = parentOf(links, wish.local);
    const kind = wish.kind === 'ipip' ? 'ipip' : vxlanKind(wish.family);
    return {
      kind,
      ...(wish.mtu === undefined ? {} : { configured: wish.mtu }),
      ...(parent === undefined || parent.loopback ? {} : { parent: parent.name }),
    };
  });
}

/** Steps and faults for the machine as it is; nothing to do where it is as wanted. */
export function planDevices(situation: DeviceSituation): DevicePlan {
  const steps: DeviceStep[] = [];
  const faults: DeviceFault[] = [];
  const { devices } = situation.wishes;
  for (const link of situation.keepUnwanted ? [] : situation.links) {
    if (link.alias === DEVICE_MARK && !devices.some((wish) => wish.name === link.name)) steps.push(...withdraw(link));
  }
  for (const wish of devices) {
    const link = situation.links.find((one) => one.name === wish.name);
    const owner = ownerOf(situation, wish, link);
    if (owner !== undefined) faults.push({ device: wish.name, kind: 'owned', text: owner });
    else if (wish.kind === 'vxlan') planVxlan(situation, wish, link, steps, faults);
    else planIpip(situation, wish, link, steps, faults);
  }
  return { steps, faults, roles: rolesOf(situation, faults) };
}

/** The kernel's own tunl0 cannot be deleted, so it is left as it came: down and without addresses. */
function withdraw(link: SeenLink): DeviceStep[] {
  const base = { device: link.name, index: link.index, because: 'no pool wants it any more' };
  if (link.kind !== 'ipip') return [{ ...base, step: 'delete' }];
  const addresses = link.addresses.map((address): DeviceStep => ({ ...base, step: 'remove-address', address }));
  return [...addresses, { ...base, step: 'down' }, { ...base, step: 'mark', alias: RETIRED_MARK }];
}

/** Why a device is not ours to touch; undefined where it is. */
function ownerOf(situation: DeviceSituation, wish: DeviceWish, link: SeenLink | undefined): string | undefined {
  if (situation.takeOver) return undefined;
  const hint = 'stop that owner, or start with --take-over to make it ours';
  if (situation.felix !== undefined) return `${wish.name} belongs to Felix: ${situation.felix} runs in this network namespace; ${hint}`;
  if (link === undefined || situation.held.has(wish.name) || link.alias === DEVICE_MARK) return undefined;
  // The ipip module makes a tunl0 by itself: nobody's, until somebody sets it up.
  if (wish.kind === 'ipip' && link.kind === 'ipip' && !link.up && ownAddresses(link, 'ipv4').length === 0) return undefined;
  return `${wish.name} (${link.kind || 'a device'}, index ${link.index}) exists and lacks the mark "${DEVICE_MARK}" of this agent's devices: Felix or somebody else made it; ${hint}`;
}

const ownAddresses = (link: SeenLink, family: IpFamily): SeenAddress[] =>
  link.addresses.filter(({ address }) => address.family === family && !(family === 'ipv6' && isLinkLocal(address)));

function planVxlan(
  situation: DeviceSituation,
  wish: VxlanWish,
  link: SeenLink | undefined,
  steps: DeviceStep[],
  faults: DeviceFault[],
): void {
  const parent = parentOf(situation.links, wish.local, link?.vxlan?.parent);
  const mtu = mtuOf(situation.mtu, vxlanKind(wish.family)) ?? LEAST_MTU;
  if (parent === undefined) {
    const text = `node address ${formatAddress(wish.local)} is on no interface: ${link === undefined ? 'not made' : 'left as it is'} until it is`;
    faults.push({ device: wish.name, kind: 'no-parent', text });
    if (link !== undefined && vxlanClash(link, wish).length === 0) steps.push(...furnish(situation, wish, link, mtu));
    return;
  }
  // An address of the loopback stays reachable whichever interface carries the packets: the device is bound to none then.
  const on = parent.loopback ? 0 : parent.index;
  const spec = {
    kind: 'vxlan',
    name: wish.name,
    mtu,
    mac: wish.mac,
    vni: wish.vni,
    port: wish.port,
    parent: on,
    local: wish.local,
  } as const;
  const clash = link === undefined ? [] : vxlanClash(link, wish);
  if (on === 0 && (link?.vxlan?.parent ?? 0) !== 0) clash.push(`on interface ${link?.vxlan?.parent}, wanted none`);
  if (link === undefined || clash.length > 0 || situation.remake.has(wish.name)) {
    steps.push(...makeAnew(situation, wish, spec, link, clash));
    return;
  }
  const changes = vxlanChanges(link, wish, on);
  if (changes !== undefined) steps.push(changes);
  if (link.mac !== wish.mac) {
    steps.push({ step: 'set-mac', device: wish.name, index: link.index, mac: wish.mac, because: `MAC ${link.mac}, wanted ${wish.mac}` });
  }
  steps.push(...furnish(situation, wish, link, mtu));
}

/** What differs that the kernel cannot change in place (vxlan_changelink refuses it). */
function vxlanClash(link: SeenLink, wish: VxlanWish): string[] {
  const { vxlan } = link;
  if (vxlan === undefined) return [`kind ${link.kind || 'none'}, wanted vxlan`];
  const clash: string[] = [];
  if (vxlan.external) clash.push('external mode, wanted a VNI of its own');
  if (vxlan.vni !== wish.vni) clash.push(`VNI ${vxlan.vni}, wanted ${wish.vni}`);
  if (vxlan.port !== wish.port) clash.push(`port ${vxlan.port}, wanted ${wish.port}`);
  if (vxlan.group !== undefined) clash.push(`group ${formatAddress(vxlan.group)}, wanted none`);
  if (vxlan.l2miss) clash.push('l2miss, wanted none');
  if (vxlan.gbp) clash.push('gbp, wanted none');
  if (vxlan.local !== undefined && vxlan.local.family !== wish.local.family)
    clash.push(`source ${formatAddress(vxlan.local)} of the other family`);
  return clash;
}

function vxlanChanges(link: SeenLink, wish: VxlanWish, parent: number): DeviceStep | undefined {
  const { vxlan } = link;
  if (vxlan === undefined) return undefined;
  const because: string[] = [];
  const moved = vxlan.parent !== parent;
  const renumbered = vxlan.local === undefined || !addressesEqual(vxlan.local, wish.local);
  if (moved) because.push(`on interface ${vxlan.parent}, wanted ${parent}`);
  if (renumbered)
    because.push(`source ${vxlan.local === undefined ? 'none' : formatAddress(vxlan.local)}, wanted ${formatAddress(wish.local)}`);
  if (vxlan.learning) because.push('learning, wanted none');
  if (because.length === 0) return undefined;
  return {
    step: 'change-vxlan',
    device: wish.name,
    index: link.index,
    because: because.join('; '),
    ...(moved ? { parent } : {}),
    ...(renumbered ? { local: wish.local } : {}),
    ...(vxlan.learning ? { learning: false } : {}),
  };
}

function planIpip(
  situation: DeviceSituation,
  wish: IpipWish,
  link: SeenLink | undefined,
  steps: DeviceStep[],
  faults: DeviceFault[],
): void {
  const make = situation.ipip;
  if (typeof make === 'object') {
    faults.push({ device: wish.name, kind: 'no-backend', text: make.none });
    return;
  }
  const mtu = mtuOf(situation.mtu, 'ipip') ?? LEAST_MTU;
  const fits = link !== undefined && (make === 'ipip' ? link.kind === 'ipip' : link.kind === 'ifb' || link.kind === 'veth');
  if (link === undefined || !fits || situation.remake.has(wish.name)) {
    const clash = link === undefined || fits ? [] : [`kind ${link.kind || 'none'}, wanted ${make}`];
    steps.push(...makeAnew(situation, wish, { kind: make, name: wish.name, mtu }, link, clash));
    return;
  }
  if (make !== 'ipip' && !link.noArp) {
    steps.push({ step: 'no-arp', device: wish.name, index: link.index, because: 'answers ARP, which gateways behind a tunnel do not' });
  }
  steps.push(...furnish(situation, wish, link, mtu));
}

function makeAnew(
  situation: DeviceSituation,
  wish: DeviceWish,
  spec: DeviceSpec,
  old: SeenLink | undefined,
  clash: readonly string[],
): DeviceStep[] {
  const because = old === undefined ? 'not there' : clash.join('; ') || 'the kernel does not change it in place';
  const remove: DeviceStep[] = old === undefined ? [] : [{ step: 'delete', device: wish.name, index: old.index, because }];
  const blank: SeenLink = {
    ...{ index: 0, name: wish.name, kind: spec.kind, mtu: spec.mtu, mac: '', alias: '', addresses: [] },
    ...{ up: false, operational: false, noArp: spec.kind !== 'vxlan', loopback: false, checksumOffload: true },
  };
  return [...remove, { step: 'create', device: wish.name, spec, because }, ...furnish(situation, wish, blank, spec.mtu)];
}

/** What devices of every kind get, in the order in which nothing that works stops working: the mark, MTU, addresses, checksums, up. */
function furnish(situation: DeviceSituation, wish: DeviceWish, link: SeenLink, mtu: number): DeviceStep[] {
  const base = { device: wish.name, index: link.index };
  const steps: DeviceStep[] = [];
  if (link.alias !== DEVICE_MARK) steps.push({ ...base, step: 'mark', alias: DEVICE_MARK, because: 'ours from now on' });
  if (link.mtu !== mtu) steps.push({ ...base, step: 'set-mtu', mtu, because: `MTU ${link.mtu}, wanted ${mtu}` });
  steps.push(...addressSteps(wish, link));
  const offload = !situation.features.checksumOffloadBroken;
  if (link.checksumOffload !== undefined && link.checksumOffload !== offload) {
    const because = offload ? 'the kernel does it right' : 'the kernel does it wrong, or featureDetectOverride says so';
    steps.push({ ...base, step: 'set-checksum', on: offload, because: `checksum offload ${offload ? 'off' : 'on'}: ${because}` });
  }
  if (!link.up) steps.push({ ...base, step: 'up', because: 'down' });
  return steps;
}

/** The wanted address comes before others go, so that the device never has none. */
function addressSteps(wish: DeviceWish, link: SeenLink): DeviceStep[] {
  const { tunnel } = wish;
  // One that is not allocated yet says nothing about those that are there.
  if (tunnel === undefined) return [];
  const base = { device: wish.name, index: link.index };
  const length = tunnel.family === 'ipv4' ? 32 : 128;
  const isWanted = (one: SeenAddress): boolean => one.length === length && addressesEqual(one.address, tunnel);
  const present = ownAddresses(link, tunnel.family);
  const others = present.filter((one) => !isWanted(one));
  const because = `${formatAddress(tunnel)}/${length} is the only address it has`;
  const remove = others.map((address): DeviceStep => ({ ...base, step: 'remove-address', address, because }));
  if (present.some(isWanted)) return remove;
  return [{ ...base, step: 'add-address', address: { address: tunnel, length }, because }, ...remove];
}

function rolesOf(situation: DeviceSituation, faults: readonly DeviceFault[]): { readonly [role in DeviceRole]?: number } {
  const { links, wishes } = situation;
  const roles: { [role in DeviceRole]?: number } = {};
  for (const wish of wishes.devices) {
    const link = links.find((one) => one.name === wish.name);
    if (link === undefined || faults.some((fault) => fault.device === wish.name && fault.kind !== 'no-parent')) continue;
    if (wish.kind === 'ipip') roles.ipip = link.index;
    else if (link.vxlan !== undefined) roles[vxlanKind(wish.family)] = link.index;
  }
  const { ipv4, ipv6 } = wishes.addresses;
  const four = ipv4 === undefined ? undefined : parentOf(links, ipv4);
  const six = ipv6 === undefined ? undefined : parentOf(links, ipv6);
  if (four !== undefined && !four.loopback) roles['parent-v4'] = four.index;
  if (six !== undefined && !six.loopback) roles['parent-v6'] = six.index;
  return roles;
}
