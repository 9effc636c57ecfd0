/** What a tunnel device is made with: IFLA_INFO_DATA of kinds `vxlan` and `ipip` (IFLA_VXLAN_* of linux/if_link.h, IFLA_IPTUN_* of linux/if_tunnel.h). */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import type { AttributeRow, Draft } from './attributes.ts';
import {
  attributeTable,
  BOOLEAN,
  FLAG,
  field,
  IP,
  PORT,
  readAttributes,
  readIp,
  UINT8,
  UINT32,
  UINT32_OR_NONE,
  writeAttributes,
} from './attributes.ts';

/** A VXLAN device (RFC 7348). In requests what is absent is left to the kernel; the kernel tells everything but flags that are off. */
export interface VxlanData {
  /** Network identifier, 0-16777215. Not changeable. */
  readonly vni?: number;
  /** Outer source address; absent: whatever routing chooses. */
  readonly local?: SocketIp;
  /** Where packets without an FDB entry go, an address or multicast group; absent: nowhere. */
  readonly remote?: SocketIp;
  /** Index of the interface that packets leave by, 0 = any. */
  readonly link?: number;
  /** UDP port, 1-65535; the kernel's default is 8472, the registered one (RFC 7348 section 5) is 4789. */
  readonly port?: number;
  /** Source addresses of packets become FDB entries. The kernel's default is true. */
  readonly learning?: boolean;
  /** Outer TTL, 0 = of the system. */
  readonly ttl?: number;
  /** Outer TOS, 1 = that of the inner packet. */
  readonly tos?: number;
  /** Asks user space where an FDB entry is missing. */
  readonly l2miss?: boolean;
  /** Asks user space where a neighbour is missing. */
  readonly l3miss?: boolean;
  /** Answers ARP itself. */
  readonly proxy?: boolean;
  /** Routes without a router (`rsc`). */
  readonly shortCircuit?: boolean;
  /** UDP checksum over IPv4. */
  readonly checksum?: boolean;
  /** No UDP checksum sent, or demanded, over IPv6 (RFC 6935). */
  readonly zeroChecksum6Tx?: boolean;
  readonly zeroChecksum6Rx?: boolean;
  /** Destinations come with each packet (`external`, collect metadata). */
  readonly external?: boolean;
  /** Group policy extension; absent or false: off. */
  readonly gbp?: boolean;
  /** Generic protocol extension; absent or false: off. */
  readonly gpe?: boolean;
}

/** An IP-in-IP device (RFC 2003). The kernel tells all of it. */
export interface IpTunnelData {
  readonly link?: number;
  readonly local?: SocketIp;
  readonly remote?: SocketIp;
  readonly ttl?: number;
  readonly tos?: number;
  /** Sets the outer "don't fragment" from the path; false goes only with ttl 0. */
  readonly pmtuDiscovery?: boolean;
}

/** Two attributes for one address, by family. */
function byFamily(type: number, of: SocketIp['family'], key: 'local' | 'remote'): AttributeRow<VxlanData> {
  return {
    type,
    write: (out, value) => {
      const ip = value[key];
      if (ip?.family === of) out.address(type, ip);
    },
    read: (into, octets, at, length) => {
      const ip = readIp(octets, at, length);
      if (ip?.family !== of) return false;
      into[key] = ip;
      return true;
    },
  };
}

const VXLAN_ATTRIBUTES = attributeTable<VxlanData>([
  field(1, 'vni', UINT32),
  byFamily(2, 'ipv4', 'remote'),
  field(3, 'link', UINT32_OR_NONE),
  byFamily(4, 'ipv4', 'local'),
  field(5, 'ttl', UINT8),
  field(6, 'tos', UINT8),
  field(7, 'learning', BOOLEAN),
  field(11, 'proxy', BOOLEAN),
  field(12, 'shortCircuit', BOOLEAN),
  field(13, 'l2miss', BOOLEAN),
  field(14, 'l3miss', BOOLEAN),
  field(15, 'port', PORT),
  byFamily(16, 'ipv6', 'remote'),
  byFamily(17, 'ipv6', 'local'),
  field(18, 'checksum', BOOLEAN),
  field(19, 'zeroChecksum6Tx', BOOLEAN),
  field(20, 'zeroChecksum6Rx', BOOLEAN),
  field(23, 'gbp', FLAG),
  field(25, 'external', BOOLEAN),
  field(27, 'gpe', FLAG),
]);

const IPTUNNEL_ATTRIBUTES = attributeTable<IpTunnelData>([
  field(1, 'link', UINT32_OR_NONE),
  field(2, 'local', IP),
  field(3, 'remote', IP),
  field(4, 'ttl', UINT8),
  field(5, 'tos', UINT8),
  field(10, 'pmtuDiscovery', BOOLEAN),
]);

/** Writes the attributes of a VXLAN device. */
export function writeVxlan(out: Arena, data: VxlanData): void {
  writeAttributes(out, VXLAN_ATTRIBUTES, data);
}

/** Writes the attributes of an IP-in-IP device. */
export function writeIpTunnel(out: Arena, data: IpTunnelData): void {
  writeAttributes(out, IPTUNNEL_ATTRIBUTES, data);
}

/** The VXLAN device in `[at, end)`; undefined where it is malformed. */
export function readVxlan(octets: Buffer, at: number, end: number): VxlanData | undefined {
  const data: Draft<VxlanData> = {};
  return readAttributes(VXLAN_ATTRIBUTES, data, octets, at, end) ? data : undefined;
}

/** The IP-in-IP device in `[at, end)`; undefined where it is malformed. */
export function readIpTunnel(octets: Buffer, at: number, end: number): IpTunnelData | undefined {
  const data: Draft<IpTunnelData> = {};
  return readAttributes(IPTUNNEL_ATTRIBUTES, data, octets, at, end) ? data : undefined;
}
