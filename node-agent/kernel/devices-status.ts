/** What is told of the devices. */
import { formatAddress } from 'bgp-ts/net';
import type { SeenLink } from '../encap/devices-types.ts';
import type { DeviceWish } from '../encap/types.ts';
import type { DeviceState, View } from './devices-state.ts';
import type { DeviceConfig, DeviceReport, DeviceStatus } from './devices-types.ts';

/** The devices as seen last, and everything wrong with them: of the eBPF backend and of others that write the same, '' for none. */
export function statusOf(
  state: DeviceState,
  config: DeviceConfig,
  view: View,
  [backendFault, contested]: readonly [string, string],
): DeviceStatus {
  const devices = config.wishes.devices.map((wish) => report(state, wish, view, backendFault));
  const details = devices.filter((one) => one.detail !== '').map((one) => one.detail);
  const faults = [...details, state.mtuFileFault, contested].filter((text) => text !== '');
  return {
    ready: devices.every((one) => one.state === 'ready') && state.mtuFileFault === '',
    devices,
    roles: view.plan.roles,
    mtu: view.mtu,
    features: view.features,
    faults,
    steps: state.steps,
    repairs: state.repairs,
    ...(state.ipip === undefined ? {} : { ipip: state.ipip.status }),
  };
}

function report(state: DeviceState, wish: DeviceWish, view: View, backendFault: string): DeviceReport {
  const link = view.links.find((one) => one.name === wish.name);
  const backend = wish.kind === 'ipip' && (link === undefined ? view.ipip !== 'ipip' : link.kind !== 'ipip') ? 'ebpf' : 'kernel';
  return {
    name: wish.name,
    kind: wish.kind,
    backend,
    ...standing(state, wish, view, backend === 'ebpf' ? backendFault : ''),
    ...seen(link, view.links),
  };
}

function standing(state: DeviceState, wish: DeviceWish, view: View, backendFault: string): Pick<DeviceReport, 'state' | 'detail'> {
  const fault = view.plan.faults.find((one) => one.device === wish.name);
  if (fault !== undefined) return { state: fault.kind === 'no-parent' ? 'waiting' : 'refused', detail: fault.text };
  const failed = state.failed.get(wish.name);
  if (failed !== undefined) return { state: 'failed', detail: failed };
  const step = view.plan.steps.find((one) => one.device === wish.name);
  if (step !== undefined) return { state: 'failed', detail: `${wish.name}: ${step.because}` };
  return backendFault === '' ? { state: 'ready', detail: '' } : { state: 'failed', detail: backendFault };
}

function seen(
  link: SeenLink | undefined,
  links: readonly SeenLink[],
): Pick<DeviceReport, 'addresses' | 'index' | 'mtu' | 'mac' | 'parent' | 'checksumOffload'> {
  if (link === undefined) return { addresses: [] };
  const parent = links.find((one) => one.index === link.vxlan?.parent);
  return {
    addresses: link.addresses.map(({ address, length }) => `${formatAddress(address)}/${length}`),
    index: link.index,
    mtu: link.mtu,
    mac: link.mac,
    ...(parent === undefined ? {} : { parent: parent.name }),
    ...(link.checksumOffload === undefined ? {} : { checksumOffload: link.checksumOffload }),
  };
}
