/** Offload features of an interface over SIOCETHTOOL (linux/ethtool.h, linux/sockios.h): what is read and set as `ethtool -k`, `-K` do. */
import { addon } from './addon.ts';
import { inNamespace } from './rtnetlink/namespace.ts';
import { NetlinkError } from './rtnetlink/socket.ts';

/**
 * Features by their get and set commands. `txChecksum` stands for every transmit checksum the device knows (tx-checksum-ip-generic on
 * tunnels); without it the kernel drops segmentation offload as well.
 */
const COMMANDS = { rxChecksum: [0x14, 0x15], txChecksum: [0x16, 0x17] } as const;

/** A feature that can be read and set. */
export type Offload = keyof typeof COMMANDS;

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const IFNAMSIZ = 16;
const IFREQ = 40;
const ETHTOOL_VALUE = 8;

/** Runs one command of struct ethtool_value on a device; the value after it. */
function ethtoolValue(device: string, what: string, command: number, value: number, namespace: string | undefined): number {
  const name = Buffer.from(device);
  if (name.length === 0 || name.length >= IFNAMSIZ) throw new NetlinkError(`${what} of ${device}`, { errno: 19, text: 'no such name' });
  const request = Buffer.alloc(IFREQ);
  request.set(name);
  const data = Buffer.alloc(ETHTOOL_VALUE);
  data.writeUInt32LE(command, 0);
  data.writeUInt32LE(value, 4);
  const open = (): number => addon().socket(AF_INET, SOCK_DGRAM, 0);
  const fd = namespace === undefined ? open() : inNamespace(namespace, open);
  try {
    const result = addon().ioctl(fd, SIOCETHTOOL, request, [IFNAMSIZ], [data]);
    if (result < 0) throw new NetlinkError(`${what} of ${device}`, { errno: -result, text: '' });
  } finally {
    addon().close(fd);
  }
  return data.readUInt32LE(4);
}

/** True where the device does `offload`. Throws NetlinkError (ENODEV, EOPNOTSUPP). `namespace` is a file such as /var/run/netns/NAME. */
export function readOffload(device: string, offload: Offload, namespace?: string): boolean {
  return ethtoolValue(device, offload, COMMANDS[offload][0], 0, namespace) !== 0;
}

/** Turns `offload` of a device on or off; free where it is so already. Throws NetlinkError (ENODEV, EPERM, EOPNOTSUPP). */
export function setOffload(device: string, offload: Offload, on: boolean, namespace?: string): void {
  ethtoolValue(device, offload, COMMANDS[offload][1], on ? 1 : 0, namespace);
}
