/** Which address of this machine is the node's, by Calico's methods (control-plane 8.4). Awaits nothing but the network it is given. */
import type { Address, IpFamily, Prefix } from 'bgp-ts/net';
import {
  addressesEqual,
  formatAddress,
  formatPrefix,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  prefixContainsAddress,
} from 'bgp-ts/net';
import type { DetectionMethod } from '../config/types.ts';

/** An address of an interface with its network. */
export interface HostAddress {
  readonly address: Address;
  readonly network: Prefix;
}

/** An interface that is up. */
export interface HostInterface {
  readonly index: number;
  readonly name: string;
  /** In the kernel's order; those that cannot be used for good (tentative, deprecated, temporary) are left out. */
  readonly addresses: readonly HostAddress[];
}

/** The machine's network as detection asks for it. */
export interface HostNetwork {
  /** Throws where the kernel does not tell. */
  interfaces(): readonly HostInterface[];
  /** The address packets to this host leave with; undefined where there is no way to it. Sends nothing. */
  reach(host: string, family: IpFamily): Promise<Address | undefined>;
}

/** What was found, or why nothing was, as the end of a sentence. */
export type Detected =
  | { readonly ok: true; readonly found: HostAddress; readonly where: string }
  | { readonly ok: false; readonly because: string };

/** Interfaces that are never the node's way out, unless a method names them (control-plane 8.4). */
const DEFAULT_EXCLUSIONS: readonly string[] = [
  '^docker',
  '^cbr',
  '^dummy',
  '^podman',
  '^virbr',
  '^lxcbr',
  '^veth',
  '^lo',
  '^br-',
  '^cali',
  '^tunl',
  '^flannel',
  '^kube-ipvs',
  '^cni',
  '^vxlan\\.calico',
  '^vxlan-v6\\.calico',
  '^wireguard\\.cali',
  '^wg-v6\\.cali',
  '^nodelocaldns',
];

/** What a method looks at. `internal` are the addresses of the Kubernetes Node, InternalIP first. */
export interface DetectionInput {
  readonly network: HostNetwork;
  readonly internal: readonly Address[];
}

const FAMILY_NAME = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/** Finds the address of one family. Rejects where the network does. */
export async function detect(method: DetectionMethod, family: IpFamily, { network, internal }: DetectionInput): Promise<Detected> {
  const interfaces = network.interfaces();
  switch (method.kind) {
    case 'first-found':
      return firstOf(leaveOut(interfaces, DEFAULT_EXCLUSIONS), family, () => true, 'outside of the excluded interfaces');
    case 'skip-interface':
      return firstOf(
        leaveOut(interfaces, [...DEFAULT_EXCLUSIONS, ...method.patterns]),
        family,
        () => true,
        'on an interface that is not skipped',
      );
    case 'interface':
      return byPattern(method.patterns, interfaces, family);
    case 'cidr':
      return firstOf(
        interfaces,
        family,
        ({ address }) => method.cidrs.some((cidr) => prefixContainsAddress(cidr, address)),
        `inside ${method.cidrs.map(formatPrefix).join(', ')}`,
      );
    case 'can-reach':
      return withNetwork(interfaces, await network.reach(method.host, family), `no ${FAMILY_NAME[family]} way to ${method.host}`);
    case 'kubernetes-internal-ip':
      return withNetwork(
        interfaces,
        internal.find((address) => address.family === family),
        `the Kubernetes Node has no ${FAMILY_NAME[family]} address`,
      );
    default: {
      const never: never = method;
      return never;
    }
  }
}

/** Patterns in the order written: the first that gives an address decides. */
function byPattern(patterns: readonly string[], interfaces: readonly HostInterface[], family: IpFamily): Detected {
  for (const pattern of patterns) {
    const expression = new RegExp(pattern);
    const found = firstOf(
      interfaces.filter(({ name }) => expression.test(name)),
      family,
      () => true,
      '',
    );
    if (found.ok) return found;
  }
  return { ok: false, because: `no ${FAMILY_NAME[family]} address on an interface like ${patterns.join(', ')}` };
}

function leaveOut(interfaces: readonly HostInterface[], patterns: readonly string[]): readonly HostInterface[] {
  const expressions = patterns.map((pattern) => new RegExp(pattern));
  return interfaces.filter(({ name }) => !expressions.some((expression) => expression.test(name)));
}

/** The highest index first, as Calico enumerates; of each interface the first address that the world can use. */
function firstOf(interfaces: readonly HostInterface[], family: IpFamily, wanted: (entry: HostAddress) => boolean, where: string): Detected {
  for (const { name, addresses } of [...interfaces].sort((a, b) => b.index - a.index)) {
    const found = addresses.find((entry) => entry.address.family === family && isGlobal(entry.address) && wanted(entry));
    if (found !== undefined) return { ok: true, found, where: name };
  }
  return { ok: false, because: `no ${FAMILY_NAME[family]} address ${where}` };
}

function isGlobal(address: Address): boolean {
  const everyone = address.family === 'ipv4' && address.words[0] >>> 0 === 0xffff_ffff;
  return !(isUnspecified(address) || isLoopback(address) || isMulticast(address) || isLinkLocal(address) || everyone);
}

/** The interface that has it gives the network; an address of no interface is not this machine's. */
function withNetwork(interfaces: readonly HostInterface[], address: Address | undefined, absent: string): Detected {
  if (address === undefined || !isGlobal(address)) return { ok: false, because: absent };
  for (const { name, addresses } of interfaces) {
    const found = addresses.find((entry) => addressesEqual(entry.address, address));
    if (found !== undefined) return { ok: true, found, where: name };
  }
  return { ok: false, because: `${formatAddress(address)} is on no interface of this machine` };
}
