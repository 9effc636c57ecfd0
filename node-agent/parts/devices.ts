/** The devices and the MTU of pods as a part of the dataplane. */
import { release } from 'node:os';
import { formatAddress } from 'bgp-ts/net';
import type { FelixFields } from '../../src/confd/resources/types.ts';
import type { AgentConfig } from '../config/types.ts';
import type { PlannedStep } from '../dataplane-types.ts';
import { openIpip } from '../ebpf/ipip.ts';
import type { DeviceStep } from '../encap/devices-types.ts';
import type { MtuUse } from '../encap/mtu.ts';
import { createDeviceSync } from '../kernel/devices.ts';
import { openLinks } from '../kernel/devices-netlink.ts';
import { liveFelix } from '../kernel/devices-owner.ts';
import type { DeviceStatus } from '../kernel/devices-types.ts';
import { readMtuFile, writeMtuFile } from '../kernel/mtu-file.ts';
import type { Part, PartDeps, Roles } from './part.ts';

/** The part, and what the others stand on. */
export interface DevicesPart extends Part {
  roles(): Roles;
  device(): DeviceStatus | undefined;
}

/** What Azure's network carries less than the MTU of its interfaces says, octets: WireGuard's packets may not be cut there. */
const AZURE_OVERHEAD = 100;

/** Rooms that WireGuard takes of pods' packets (dataplane 3.1). */
function wireguardUses(felix: FelixFields, clusterType: string): readonly MtuUse[] {
  const azure = felix.wireguardHostEncryptionEnabled === true && clusterType.toLowerCase().split(',').includes('aks');
  const use = (kind: MtuUse['kind'], mtu: number | undefined): MtuUse => ({
    kind,
    ...(mtu === undefined ? {} : { configured: mtu }),
    ...(azure ? { more: AZURE_OVERHEAD } : {}),
  });
  return [
    ...(felix.wireguardEnabled === true ? [use('wireguard-v4', felix.wireguardMTU)] : []),
    ...(felix.wireguardEnabledV6 === true ? [use('wireguard-v6', felix.wireguardMTUV6)] : []),
  ];
}

/** Makes the part. Throws where there is no netlink. */
export function createDevicesPart(config: AgentConfig, deps: PartDeps): DevicesPart {
  const links = openLinks();
  const { log, now, after, changed, fail } = deps;
  const { mtuFile, requireMtuFile, takeOver, ipipBackend, instance } = config;
  const sync = createDeviceSync({
    kernel: links,
    ...{ log, now, after, takeOver, ipipBackend, changed, fatal: fail },
    kernelRelease: release(),
    openIpip: () => openIpip({ instance }),
    felix: liveFelix,
    ...(mtuFile === 'none'
      ? {}
      : { mtuFile: { read: () => readMtuFile(mtuFile), write: (mtu) => writeMtuFile(mtuFile, mtu), required: requireMtuFile } }),
  });
  let lastMs = 0;
  return {
    listener: sync.listener,
    ports: [links.portId],
    configure({ wishes, felix }) {
      const began = now();
      sync.configure({
        wishes,
        ...(felix.mtuIfacePattern === undefined ? {} : { mtuPattern: felix.mtuIfacePattern }),
        ...(felix.featureDetectOverride === undefined ? {} : { featureDetectOverride: felix.featureDetectOverride }),
        ...(felix.externalNodesList === undefined ? {} : { externalNodes: felix.externalNodesList }),
        otherUses: wireguardUses(felix, config.clusterType),
      });
      if (!deps.dry) sync.flush();
      lastMs = now() - began;
    },
    roles: () => (deps.dry ? sync.plan()?.roles : sync.status()?.roles) ?? {},
    device: () => sync.status(),
    status() {
      const status = sync.status();
      const failing = status?.devices.filter(({ state }) => state !== 'ready').length ?? 0;
      return {
        part: 'devices',
        ready: status?.ready ?? false,
        detail: status === undefined ? 'the machine cannot be read' : status.faults.join('; '),
        figures: { operations: status?.steps ?? 0, repairs: status?.repairs ?? 0, failing, lastMs },
        more:
          status === undefined ? null : { devices: status.devices, mtu: status.mtu, features: status.features, ipip: status.ipip ?? null },
      };
    },
    issues: () => [],
    plan: () => {
      const { steps = [], mtuFile: mtu } = sync.plan() ?? {};
      const file = mtu === undefined ? [] : [{ part: 'devices', step: `write ${mtuFile}`, because: `pods get MTU ${mtu}` } as const];
      return [...steps.map(planned), ...file];
    },
    stop() {
      sync.stop();
      links.close();
    },
  };
}

function planned(step: DeviceStep): PlannedStep {
  return { part: 'devices', step: `${step.step} ${step.device}${detail(step)}`, because: step.because };
}

function detail(step: DeviceStep): string {
  switch (step.step) {
    case 'set-mtu':
      return ` ${step.mtu}`;
    case 'set-mac':
      return ` ${step.mac}`;
    case 'add-address':
    case 'remove-address':
      return ` ${formatAddress(step.address.address)}/${step.address.length}`;
    case 'set-checksum':
      return step.on ? ' on' : ' off';
    default:
      return '';
  }
}
