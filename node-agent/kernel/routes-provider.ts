/**
 * The cluster's routes as a provider of src/routes/kernel: roles of devices become interfaces of this machine, the best class of each
 * prefix counts, and a route of a class that is another's (a workload's, WireGuard's) keeps ours away (dataplane 3.1). Pure.
 */
import type { Address } from 'bgp-ts/net';
import { addressesEqual, addressKey, prefixKey } from 'bgp-ts/net';
import { hopsEqual } from '../../src/routes/kernel/holdings.ts';
import type { ResolvedHop } from '../../src/routes/kernel/nexthop-book.ts';
import type { Target } from '../../src/routes/kernel/plan.ts';
import type { Machine, RouteProvider } from '../../src/routes/kernel/provider.ts';
import { Aliens } from '../../src/routes/kernel/resolve.ts';
import type { AlienRoute, KernelHop, KernelLink, OwnRoute } from '../../src/routes/kernel/table.ts';
import { compareClasses } from '../encap/classes.ts';
import type { DeviceRole, EncapRoute, EncapWishes, RouteTarget } from '../encap/types.ts';
import { DEVICE_NAMES } from '../encap/wishes.ts';
import type { RouteSources } from './routes-sources.ts';
import { SourcesHere } from './routes-sources.ts';

/** What others' devices are called. */
export interface ForeignDevices {
  /** Begins of the names of workloads' interfaces. Default `cali`. */
  readonly workloadPrefixes: readonly string[];
  /** WireGuard's devices. Default `wireguard.cali`, `wg-v6.cali`. */
  readonly wireguard: readonly string[];
}

/** Calico's names. */
export const FOREIGN_DEVICES: ForeignDevices = { workloadPrefixes: ['cali'], wireguard: ['wireguard.cali', 'wg-v6.cali'] };

/** What the provider tells and asks. */
export interface ProviderDeps {
  readonly foreign: ForeignDevices;
  /** Default none. */
  readonly sources?: RouteSources;
  /** A device was there so long that what others wrote on it is no race any more. */
  readonly isSettled: (index: number) => boolean;
  /** The tunnel devices of this machine as they are now. */
  readonly devicesSeen: (indexes: ReadonlySet<number>) => void;
  /** Nothing is due any more, and these prefixes lead to another node than before. */
  readonly ownersChanged: (routes: readonly EncapRoute[]) => void;
}

interface HopEntry {
  readonly name: string;
  readonly target: Exclude<RouteTarget, { kind: 'blackhole' }>;
  hop: KernelHop | undefined;
  /** The hop as routes have it: the same list for all of them. Empty while there is none. */
  hops: readonly ResolvedHop[];
}

/** The kernel's own routes, which come with addresses; they are nobody's to remove (RTPROT_KERNEL). */
const PROTOCOL_KERNEL = 2;

const METRIC = { ipv4: 0, ipv6: 1024 } as const;

/** Everything wanted, and the devices behind it. */
export class EncapProvider implements RouteProvider {
  readonly aliens = new Aliens();
  private readonly deps: ProviderDeps;
  private routes = new Map<string, EncapRoute>();
  private own: EncapWishes['addresses'] = {};
  private machine: Machine = { links: new Map(), addresses: [] };
  private roles = new Map<DeviceRole, number>();
  /** Indexes of our tunnel devices by name, and those that routes of ours go through. */
  private tunnels: ReadonlyMap<number, DeviceRole> = new Map();
  private used: ReadonlySet<DeviceRole> = new Set();
  private readonly sources: SourcesHere;
  private readonly hops = new Map<string, HopEntry>();
  /** The same by target: all routes of a node and a pool have one, and a name made of text for each would be most of the work. */
  private byTarget = new WeakMap<RouteTarget, HopEntry>();
  private readonly evictable = new Set<string>();
  private readonly moved = new Map<string, EncapRoute>();

  constructor(deps: ProviderDeps) {
    this.deps = deps;
    this.sources = new SourcesHere(deps.sources ?? {});
  }

  get count(): number {
    return this.routes.size;
  }

  /** The route wanted for a prefix. */
  at(key: string): EncapRoute | undefined {
    return this.routes.get(key);
  }

  /** Takes what the cluster wants; returns the keys of prefixes for which that is something else than before, to be walked before the next call. */
  set(wishes: Pick<EncapWishes, 'routes' | 'addresses'>): Iterable<string> {
    const before = this.routes;
    const routes = new Map<string, EncapRoute>();
    const used = new Set<DeviceRole>();
    for (const route of wishes.routes) {
      const key = prefixKey(route.prefix);
      const other = routes.get(key);
      if (other === undefined || compareClasses(route.class, other.class) < 0) routes.set(key, route);
      if (route.target.kind !== 'blackhole') used.add(route.target.device);
    }
    this.routes = routes;
    this.used = used;
    this.own = wishes.addresses;
    this.findRoles();
    for (const key of this.aliens.keys()) this.aliensChanged(key);
    return before.size === 0 ? routes.keys() : this.changedSince(before);
  }

  private changedSince(before: ReadonlyMap<string, EncapRoute>): Iterable<string> {
    const changed: string[] = [];
    for (const key of before.keys()) if (!this.routes.has(key)) changed.push(key);
    for (const [key, route] of this.routes) {
      const old = before.get(key);
      if (old !== undefined && targetsEqual(old.target, route.target)) continue;
      changed.push(key);
      if (old !== undefined && old.node !== route.node) this.moved.set(key, route);
    }
    return changed;
  }

  keys(): Iterable<string> {
    return new Set([...this.routes.keys(), ...this.evictable]);
  }

  target(key: string): Target | undefined {
    const route = this.routes.get(key);
    if (route === undefined || this.better(key) !== undefined) return undefined;
    const { prefix, target } = route;
    const metric = METRIC[prefix.family];
    if (target.kind === 'blackhole') return { prefix, metric, hops: [] };
    const { hops } = this.byTarget.get(target) ?? this.entryOf(target);
    if (hops.length === 0) return undefined;
    const source = this.sources.at(prefix.family);
    return source === undefined ? { prefix, metric, hops } : { prefix, metric, hops, source };
  }

  /** Sources that no interface has: routes are written without them. */
  missingSources(): readonly Address[] {
    return this.sources.missing();
  }

  isUnreachable(key: string): boolean {
    return this.routes.has(key) && this.better(key) === undefined;
  }

  /** Another writer's route in the place of the one wanted for a prefix; undefined: none, or none is wanted. */
  takenBy(key: string): AlienRoute | undefined {
    const route = this.routes.get(key);
    if (route === undefined) return undefined;
    const going = this.evict(key);
    return this.aliens.at(key).find((one) => one.metric === METRIC[route.prefix.family] && !going.includes(one));
  }

  resolveAgain(): { readonly moved: readonly ResolvedHop[]; readonly keys: ReadonlySet<string> } {
    const moved: ResolvedHop[] = [];
    const flipped = new Set<string>();
    for (const [key, entry] of this.hops) {
      const before = entry.hop;
      entry.hop = this.resolve(entry.target);
      entry.hops = entry.hop === undefined ? [] : [{ key, hop: entry.hop }];
      if (before === undefined || entry.hop === undefined) {
        if (before !== entry.hop) flipped.add(key);
      } else if (!hopsEqual(before, entry.hop)) moved.push({ key, hop: entry.hop });
    }
    const keys = new Set<string>(this.sources.takeChanged() ? this.routes.keys() : []);
    if (flipped.size > 0) {
      for (const [key, { target }] of this.routes) {
        if (target.kind !== 'blackhole' && flipped.has(this.entryOf(target).name)) keys.add(key);
      }
    }
    return { moved, keys };
  }

  prune(): void {
    const used = new Set<string>();
    for (const { target } of this.routes.values()) if (target.kind !== 'blackhole') used.add(this.entryOf(target).name);
    for (const key of this.hops.keys()) if (!used.has(key)) this.hops.delete(key);
    this.byTarget = new WeakMap();
  }

  setMachine(machine: Machine): void {
    this.machine = machine;
    const before = [...this.tunnels.keys()].join();
    this.findRoles();
    this.sources.look(machine.addresses);
    this.deps.devicesSeen(new Set(this.tunnels.keys()));
    if (before === [...this.tunnels.keys()].join()) return;
    for (const key of this.aliens.keys()) this.aliensChanged(key);
  }

  aliensChanged(key: string): void {
    if (this.trespassers(key).length > 0) this.evictable.add(key);
    else this.evictable.delete(key);
  }

  /** Prefixes with routes of others on our devices. */
  trespassed(): Iterable<string> {
    return this.evictable;
  }

  evict(key: string): readonly AlienRoute[] {
    if (!this.evictable.has(key)) return [];
    return this.trespassers(key).filter((route) => route.hops.every((hop) => this.deps.isSettled(hop.interface)));
  }

  isForeign(route: OwnRoute, links: ReadonlyMap<number, KernelLink>): boolean {
    // Felix writes workloads' routes with the same number, and they outlive it: whoever takes its devices over has no business with them.
    if (route.kind !== 'via' || route.nexthop !== 0 || route.hops.length === 0) return false;
    return route.hops.every((hop) => this.isForeignDevice(links.get(hop.interface)?.name ?? ''));
  }

  turned(idle: boolean): void {
    if (!idle || this.moved.size === 0) return;
    const routes = [...this.moved.values()];
    this.moved.clear();
    this.deps.ownersChanged(routes);
  }

  private entryOf(target: HopEntry['target']): HopEntry {
    const known = this.byTarget.get(target);
    if (known !== undefined) return known;
    const name = hopName(target);
    let entry = this.hops.get(name);
    if (entry === undefined) {
      const hop = this.resolve(target);
      entry = { name, target, hop, hops: hop === undefined ? [] : [{ key: name, hop }] };
      this.hops.set(name, entry);
    }
    this.byTarget.set(target, entry);
    return entry;
  }

  private isForeignDevice(name: string): boolean {
    const { workloadPrefixes, wireguard } = this.deps.foreign;
    // `bpfin.cali` and its kind are eBPF's.
    return name.endsWith('.cali') || wireguard.includes(name) || workloadPrefixes.some((begin) => name.startsWith(begin));
  }

  /** A route of another writer and of a better class: that of a workload, of eBPF or of WireGuard, by its device. */
  private better(key: string): AlienRoute | undefined {
    const here = this.aliens.at(key);
    if (here.length === 0) return undefined;
    const isBetter = ({ interface: index }: KernelHop): boolean => this.isForeignDevice(this.machine.links.get(index)?.name ?? '');
    return here.find((route) => route.unicast && route.hops.length > 0 && route.hops.every(isBetter));
  }

  /** Routes of others through devices that are ours alone, whatever their writer. Where no route of ours goes through one, it is not. */
  private trespassers(key: string): readonly AlienRoute[] {
    const isOurs = ({ interface: index }: KernelHop): boolean => {
      const role = this.tunnels.get(index);
      return role !== undefined && this.used.has(role);
    };
    return this.aliens.at(key).filter((route) => route.protocol !== PROTOCOL_KERNEL && route.hops.length > 0 && route.hops.every(isOurs));
  }

  private findRoles(): void {
    const { links } = this.machine;
    const tunnels = new Map<number, DeviceRole>();
    const roles = new Map<DeviceRole, number>();
    for (const link of links.values()) {
      for (const role of ['vxlan-v4', 'vxlan-v6', 'ipip'] as const) {
        if (link.name !== DEVICE_NAMES[role]) continue;
        tunnels.set(link.index, role);
        if (link.up) roles.set(role, link.index);
      }
    }
    for (const [role, address] of [['parent-v4', this.own.ipv4] as const, ['parent-v6', this.own.ipv6] as const]) {
      const index = this.parentOf(address, this.roles.get(role), tunnels);
      if (index !== undefined) roles.set(role, index);
    }
    this.roles = roles;
    this.tunnels = tunnels;
  }

  /**
   * The interface with an own address, up; of several the one before. While the address is on its way from one to another, the one
   * before stays as long as it is up: the routes move once.
   */
  private parentOf(address: Address | undefined, before: number | undefined, tunnels: ReadonlyMap<number, DeviceRole>): number | undefined {
    const { links, addresses } = this.machine;
    if (address === undefined) return undefined;
    const isUp = (index: number): boolean => links.get(index)?.up === true;
    const found = addresses
      .filter((one) => addressesEqual(one.address, address) && isUp(one.interface) && !tunnels.has(one.interface))
      .map((one) => one.interface)
      .sort((a, b) => a - b);
    if (before !== undefined && (found.includes(before) || (found.length === 0 && isUp(before)))) return before;
    return found[0];
  }

  private resolve(target: HopEntry['target']): KernelHop | undefined {
    const index = this.roles.get(target.device);
    if (index === undefined) return undefined;
    return target.kind === 'link' ? { interface: index, onlink: false } : { gateway: target.gateway, interface: index, onlink: true };
  }
}

/** Name of a hop whatever interface its device is; that of a link says its family by the colon, as addresses do. */
function hopName(target: HopEntry['target']): string {
  if (target.kind === 'via') return `${addressKey(target.gateway)}%${target.device}`;
  return `${target.device.endsWith('-v6') ? '::' : '0.0.0.0'}%${target.device}`;
}

function targetsEqual(a: RouteTarget, b: RouteTarget): boolean {
  if (a.kind === 'blackhole' || b.kind === 'blackhole') return a.kind === b.kind;
  if (a.device !== b.device) return false;
  return a.kind === 'via' && b.kind === 'via' ? addressesEqual(a.gateway, b.gateway) : a.kind === b.kind;
}
