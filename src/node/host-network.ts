/** This machine's interfaces by rtnetlink, and which of its addresses leads somewhere by the kernel's own choice. */
import { createSocket } from 'node:dgram';
import type { Address, IpFamily } from 'bgp-ts/net';
import { parseAddress, prefixFromAddress } from 'bgp-ts/net';
import type { AddressMessage, NetlinkOptions } from 'netlink';
import { ADDRESS_FLAG, decodeAddress, decodeLink, encodeAddressDump, encodeLinkDump, LINK_FLAG, NetlinkSocket, RTM } from 'netlink';
import type { HostAddress, HostInterface, HostNetwork } from './detect.ts';

/** Any port does: nothing is sent. Calico asks with this one. */
const REACH_PORT = 80;

/** Longest wait for the name of a host, ms. */
const REACH_MS = 5_000;

/** Duplicate address detection failed (IFA_F_DADFAILED). */
const DAD_FAILED = 0x08;

/** The network of the machine, or of a namespace's file. `reach` asks in this process's own. */
export function hostNetwork(options: NetlinkOptions = {}): HostNetwork {
  return { interfaces: () => readInterfaces(options), reach };
}

function readInterfaces(options: NetlinkOptions): readonly HostInterface[] {
  const socket = new NetlinkSocket(options);
  try {
    const links = socket.dump('interfaces', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink);
    const addresses = socket.dump('addresses', (out, seq) => encodeAddressDump(out, RTM.getAddress, seq), decodeAddress);
    return links
      .filter(({ flags }) => (flags & LINK_FLAG.up) !== 0)
      .map(({ index, name }) => ({
        index,
        name,
        addresses: addresses.filter((message) => message.interface === index && isLasting(message)).flatMap(hostAddress),
      }));
  } finally {
    socket.close();
  }
}

/** IPv6 uses the bit of "secondary" for temporary addresses (RFC 8981), which are replaced daily; IPv4's secondaries stay. */
function isLasting({ family, flags }: AddressMessage): boolean {
  const passing = family === 'ipv6' ? ADDRESS_FLAG.tentative | ADDRESS_FLAG.deprecated | ADDRESS_FLAG.secondary | DAD_FAILED : 0;
  return (flags & passing) === 0;
}

function hostAddress(message: AddressMessage): readonly HostAddress[] {
  const address: Address | undefined = message.local ?? message.address;
  const around: Address | undefined = message.address ?? message.local;
  const network = around === undefined ? undefined : prefixFromAddress(around, message.length);
  return address === undefined || network === undefined ? [] : [{ address, network }];
}

/** Connecting a datagram socket makes the kernel choose route and source; no packet leaves. */
function reach(host: string, family: IpFamily): Promise<Address | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    const done = (address: Address | undefined): void => {
      clearTimeout(late);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.close();
      resolve(address);
    };
    const late = setTimeout(() => done(undefined), REACH_MS);
    socket.once('error', () => done(undefined));
    socket.connect(REACH_PORT, host, (error?: Error) => done(error === undefined ? parseAddress(socket.address().address) : undefined));
  });
}
