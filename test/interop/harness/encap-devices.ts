/** The upkeep of devices inside this process, in the namespace of a node: what the agent has, with everything it says kept. */
import { release } from 'node:os';
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import { GROUP, inNamespace, openMonitor } from 'netlink';
import { openIpip } from '../../../node-agent/ebpf/ipip.ts';
import type { IpipBackend } from '../../../node-agent/ebpf/types.ts';
import type { DeviceWish, EncapRoute, EncapWishes, IpFamily } from '../../../node-agent/encap/types.ts';
import { createDeviceSync } from '../../../node-agent/kernel/devices.ts';
import { openLinks } from '../../../node-agent/kernel/devices-netlink.ts';
import type { DeviceConfig, DeviceDeps, DeviceReport, DeviceStatus, DeviceSync } from '../../../node-agent/kernel/devices-types.ts';
import { readMtuFile, writeMtuFile } from '../../../node-agent/kernel/mtu-file.ts';
import type { LinkKernel } from '../../../node-agent/kernel/types.ts';
import type { EncapLab, EncapNode } from './encap-lab.ts';
import { namespaceFile } from './encap-lab.ts';
import type { Host } from './lan.ts';

/** An address that is one. */
export function ip(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** MAC of the VXLAN device of a node, by the last octet of its address. */
export const vtepMac = (family: IpFamily, number: number): string => `66:00:00:00:0${family === 'ipv4' ? 4 : 6}:0${number}`;

/** The VXLAN device that a node wants: tunnel address 10.244.N.63 or fd44:N::3f. */
export function vxlanWish(node: Host, family: IpFamily, more: Partial<DeviceWish & { kind: 'vxlan' }> = {}): DeviceWish {
  const number = Number(node.name.slice(1));
  return {
    kind: 'vxlan',
    family,
    name: family === 'ipv4' ? 'vxlan.calico' : 'vxlan-v6.calico',
    vni: family === 'ipv4' ? 4096 : 4097,
    port: 4789,
    mac: vtepMac(family, number),
    tunnel: ip(family === 'ipv4' ? `10.244.${number}.63` : `fd44:${number}::3f`),
    local: ip(node[family]),
    reasons: [],
    ...more,
  };
}

/** The IPIP device that a node wants. */
export function ipipWish(node: Host): DeviceWish {
  return { kind: 'ipip', name: 'tunl0', tunnel: ip(`10.244.${node.name.slice(1)}.62`), local: ip(node.ipv4), reasons: [] };
}

/** The route to the pods of another node through the IPIP tunnel. */
export function ipipRoute(other: Host): EncapRoute {
  const number = other.name.slice(1);
  const prefix = parsePrefix(`10.244.${number}.0/26`);
  if (prefix === undefined) throw new Error(`no block of ${other.name}`);
  return { prefix, class: 'ipip-tunnel', target: { kind: 'via', device: 'ipip', gateway: ip(other.ipv4) }, node: other.name, reasons: [] };
}

/** The eBPF backend in the namespace of a node, as clsact filters: those need no bpffs and go with the namespace. */
export function backendOf(node: Host): IpipBackend {
  const inside = <T>(action: () => T extends PromiseLike<unknown> ? never : T): T => inNamespace(namespaceFile(node.namespace), action);
  const backend = openIpip({ instance: `t${process.pid}-${node.name}`, mode: 'clsact', bpffs: '/nonexistent' });
  return {
    apply: (wanted) => inside(() => backend.apply(wanted)),
    status: () => inside(() => backend.status()),
    close: () => inside(() => backend.close()),
    remove: () => inside(() => backend.remove()),
  };
}

/** Everything a node wants, with these devices. */
export function wishesOf(node: Host, devices: readonly DeviceWish[], more: Partial<EncapWishes> = {}): DeviceConfig['wishes'] {
  return { node: node.name, addresses: { ipv4: ip(node.ipv4), ipv6: ip(node.ipv6) }, devices, routes: [], issues: [], ...more };
}

/** Upkeep that runs. */
export interface UpkeepUnderTest {
  readonly sync: DeviceSync;
  /** Lines of its log: message and fields. */
  readonly log: string[];
  /** Errors it called fatal. */
  readonly fatal: Error[];
  status(): DeviceStatus;
  device(name: string): DeviceReport;
  stop(): Promise<void>;
}

/** Options of the upkeep; `kernel` may wrap the real one. */
export interface UpkeepOptions extends Partial<Pick<DeviceDeps, 'kernelRelease' | 'takeOver' | 'ipipBackend' | 'openIpip' | 'felix'>> {
  readonly mtuPath?: string;
  readonly requireMtuFile?: boolean;
  readonly kernel?: (real: LinkKernel) => LinkKernel;
}

/** Starts the upkeep for a node. */
export function startUpkeep(node: Host, config: DeviceConfig, options: UpkeepOptions = {}): UpkeepUnderTest {
  const namespace = namespaceFile(node.namespace);
  const links = openLinks(namespace);
  const log: string[] = [];
  const fatal: Error[] = [];
  const write = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const { mtuPath } = options;
  const sync = createDeviceSync({
    kernel: options.kernel?.(links) ?? links,
    log: { debug: write, info: write, warn: write, error: write },
    now: () => performance.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    kernelRelease: options.kernelRelease ?? release(),
    takeOver: options.takeOver ?? false,
    ipipBackend: options.ipipBackend ?? 'auto',
    ...(options.openIpip === undefined ? {} : { openIpip: options.openIpip }),
    felix: options.felix ?? (() => undefined),
    ...(mtuPath === undefined
      ? {}
      : {
          mtuFile: {
            read: () => readMtuFile(mtuPath),
            write: (mtu) => writeMtuFile(mtuPath, mtu),
            required: options.requireMtuFile ?? false,
          },
        }),
    changed: () => undefined,
    fatal: (error) => fatal.push(error),
  });
  const monitor = openMonitor({
    namespace,
    groups: [GROUP.link, GROUP.ipv4Address, GROUP.ipv6Address],
    ignorePorts: [links.portId],
    onEvents: (events) => sync.listener.events(events),
    onLost: () => sync.listener.lost('overrun'),
    onError: (error) => fatal.push(error),
  });
  sync.configure(config);
  const status = (): DeviceStatus => {
    const now = sync.status();
    if (now === undefined) throw new Error('no turn yet');
    return now;
  };
  return {
    sync,
    log,
    fatal,
    status,
    device: (name) => {
      const found = status().devices.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no ${name} in ${JSON.stringify(status())}`);
      return found;
    },
    stop: () => {
      sync.stop();
      monitor.close();
      links.close();
      return Promise.resolve();
    },
  };
}

/** Joins the pods of two nodes over their VXLAN devices by hand: neighbour, forwarding entry and route each way. */
export async function joinByHand(lab: EncapLab, one: EncapNode, two: EncapNode, family: IpFamily): Promise<void> {
  for (const [here, there] of [
    [one, two],
    [two, one],
  ] as const) {
    const { namespace } = lab.nodes[here];
    const number = Number(there.slice(1));
    const device = family === 'ipv4' ? 'vxlan.calico' : 'vxlan-v6.calico';
    const tunnel = family === 'ipv4' ? `10.244.${number}.63` : `fd44:${number}::3f`;
    const mac = vtepMac(family, number);
    await lab.ip(namespace, 'neigh', 'replace', tunnel, 'lladdr', mac, 'dev', device, 'nud', 'permanent');
    await lab.in(namespace, ['bridge', 'fdb', 'replace', mac, 'dev', device, 'dst', lab.nodes[there][family], 'self', 'permanent']);
    await lab.ip(namespace, 'route', 'replace', lab.blocks[there][family], 'via', tunnel, 'dev', device, 'onlink');
  }
}
