/** The eBPF backend behind tunl0: what it is told, and when it goes. */
import type { IpipPeer, IpipWanted } from '../ebpf/types.ts';
import { parentOf } from '../encap/devices.ts';
import type { SeenLink } from '../encap/devices-types.ts';
import type { DeviceState, View } from './devices-state.ts';
import { isUnknown } from './devices-state.ts';
import type { DeviceConfig } from './devices-types.ts';

/** Blocks and their nodes from the routes that lead into the tunnel. */
export function ipipPeers(routes: DeviceConfig['wishes']['routes']): IpipPeer[] {
  const peers: IpipPeer[] = [];
  for (const { prefix, target } of routes) {
    if (target.kind === 'via' && target.device === 'ipip') peers.push({ block: prefix, host: target.gateway });
  }
  return peers;
}

/** What the backend is to do; undefined where there is no stand-in it could stand behind, or no interface to the other nodes. */
export function ipipWanted(config: DeviceConfig, links: readonly SeenLink[]): IpipWanted | undefined {
  const wish = config.wishes.devices.find((one) => one.kind === 'ipip');
  const device = links.find((link) => link.name === wish?.name && link.kind !== 'ipip');
  if (wish === undefined || device === undefined) return undefined;
  const parent = parentOf(links, wish.local);
  if (parent === undefined) return undefined;
  const { index, mac } = device;
  return { peers: ipipPeers(config.wishes.routes), local: wish.local, device: index, mac, parents: [parent.index] };
}

/** Brings the backend in line with a plan that needs nothing more; returns what is wrong, '' where all is well. */
export function tendIpip(state: DeviceState, config: DeviceConfig, view: View): string {
  const standIn = typeof view.ipip === 'string' && view.ipip !== 'ipip';
  const wanted = standIn && view.plan.roles.ipip !== undefined ? ipipWanted(config, view.links) : undefined;
  const unused = view.ipip === 'ipip' || (!config.wishes.devices.some((one) => one.kind === 'ipip') && !isUnknown(config));
  try {
    if (wanted !== undefined) {
      state.backend ??= state.deps.openIpip?.();
      state.backend?.apply(wanted);
    } else if (unused && (state.backend !== undefined || state.standInGone)) {
      // A stand-in that goes may be that of an earlier run, whose programs are on the other interfaces still.
      (state.backend ?? state.deps.openIpip?.())?.remove();
      state.backend = undefined;
      state.standInGone = false;
    }
    return '';
  } catch (error) {
    return `eBPF backend of IPIP: ${error instanceof Error ? error.message : String(error)}`;
  }
}
