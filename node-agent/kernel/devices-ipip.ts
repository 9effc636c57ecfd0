/** The eBPF backend behind tunl0: what it is told, and when it goes. */
import type { Address } from 'bgp-ts/net';
import type { IpipPeer, IpipWanted } from '../ebpf/types.ts';
import { parentOf } from '../encap/devices.ts';
import type { SeenLink } from '../encap/devices-types.ts';
import { DEVICE_MARK } from '../encap/devices-types.ts';
import { interfacePattern } from '../encap/mtu.ts';
import type { DeviceState, View } from './devices-state.ts';
import { isUnknown } from './devices-state.ts';
import type { DeviceConfig } from './devices-types.ts';

/** Blocks and their nodes from the routes that lead into the tunnel. */
function ipipPeers(routes: DeviceConfig['wishes']['routes']): IpipPeer[] {
  const peers: IpipPeer[] = [];
  for (const { prefix, target } of routes) {
    if (target.kind === 'via' && target.device === 'ipip') peers.push({ block: prefix, host: target.gateway });
  }
  return peers;
}

/** Nodes whose blocks are reached without the tunnel: where masks differ from node to node, they may see that the other way round. */
function neighbours(routes: DeviceConfig['wishes']['routes']): Address[] {
  return routes.flatMap(({ class: kind, target }) => (kind === 'ipip-same-subnet' && target.kind === 'via' ? [target.gateway] : []));
}

/**
 * Where packets of other nodes come in: the interface with the node's address, and every other one to the network. The kernel answers for
 * an address by any of its interfaces in a network, and takes packets to it by any (its own tunnels too).
 */
function parentsOf(config: DeviceConfig, links: readonly SeenLink[], local: Address): readonly number[] {
  const parent = parentOf(links, local);
  if (parent === undefined) return [];
  const { pattern } = interfacePattern(config.mtuPattern);
  const others = links.filter(
    ({ index, mac, name, up, alias }) => up && mac !== '' && alias !== DEVICE_MARK && pattern.test(name) && index !== parent.index,
  );
  return [...(parent.loopback ? [] : [parent.index]), ...others.map(({ index }) => index)];
}

/** What the backend is to do; undefined where there is no stand-in it could stand behind, or no interface to the other nodes. */
export function ipipWanted(config: DeviceConfig, links: readonly SeenLink[]): IpipWanted | undefined {
  const wish = config.wishes.devices.find((one) => one.kind === 'ipip');
  const device = links.find((link) => link.name === wish?.name && link.kind !== 'ipip');
  if (wish === undefined || device === undefined) return undefined;
  const parents = parentsOf(config, links, wish.local);
  if (parents.length === 0) return undefined;
  const { routes } = config.wishes;
  const externals = (config.externalNodes ?? []).filter(({ family }) => family === 'ipv4');
  return {
    ...{ peers: ipipPeers(routes), sources: neighbours(routes), local: wish.local, device: device.index, mac: device.mac, parents },
    ...(externals.length === 0 ? {} : { externals }),
  };
}

/** Between two applications of the same state, ms: with blocks of a large cluster one takes a while. */
const APPLY_SPACING_MS = 1_000;

/** Brings the backend in line with the devices as they are; returns what is wrong, '' where all is well. */
export function tendIpip(state: DeviceState, config: DeviceConfig, view: View): string {
  const standIn = typeof view.ipip === 'string' && view.ipip !== 'ipip';
  const wanted = standIn && view.plan.roles.ipip !== undefined ? ipipWanted(config, view.links) : undefined;
  const unused = view.ipip === 'ipip' || (!config.wishes.devices.some((one) => one.kind === 'ipip') && !isUnknown(config));
  try {
    if (wanted !== undefined) return applyIpip(state, wanted, config.wishes.routes);
    if (unused) removeIpip(state);
    return '';
  } catch (error) {
    state.ipip = undefined;
    return `eBPF backend of IPIP: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function applyIpip(state: DeviceState, wanted: IpipWanted, routes: DeviceConfig['wishes']['routes']): string {
  const { deps, ipip: before } = state;
  const { peers: _peers, ...rest } = wanted;
  const text = JSON.stringify(rest);
  const now = deps.now();
  if (before !== undefined && before.routes === routes && before.text === text && now < before.at + APPLY_SPACING_MS) return before.fault;
  state.backend ??= deps.openIpip?.();
  if (state.backend === undefined) return '';
  const { faults } = state.backend.apply(wanted);
  const fault = faults.length === 0 ? '' : `eBPF backend of IPIP: ${faults.join('; ')}`;
  state.ipip = { routes, text, at: now, fault, status: state.backend.status() };
  return fault;
}

/** A stand-in that goes may be that of an earlier run, whose programs are on the other interfaces still. */
function removeIpip(state: DeviceState): void {
  if (state.backend === undefined && !state.standInGone) return;
  (state.backend ?? state.deps.openIpip?.())?.remove();
  state.backend = undefined;
  state.ipip = undefined;
  state.standInGone = false;
}
