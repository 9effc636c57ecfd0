/** Interfaces: struct ifinfomsg and its attributes (linux/if_link.h). */
import type { Arena } from './arena.ts';
import type { Draft } from './attributes.ts';
import {
  attributeTable,
  BOOLEAN,
  field,
  HARDWARE,
  readAttributes,
  readText,
  TEXT,
  UINT8,
  UINT32_OR_NONE,
  writeAttributes,
} from './attributes.ts';
import { ATTRIBUTE_TYPE_MASK, NLM_F } from './constants.ts';
import type { IpTunnelData, VxlanData } from './link-data.ts';
import { readIpTunnel, readVxlan, writeIpTunnel, writeVxlan } from './link-data.ts';

/** A network interface. */
export interface LinkMessage {
  readonly index: number;
  readonly name: string;
  /** LINK_FLAG bits. */
  readonly flags: number;
  /** ARPHRD number. */
  readonly type: number;
  readonly mtu: number;
  /** Index of the bridge or VRF it belongs to, 0 = none. */
  readonly master: number;
  /** Index of the interface it stands on (of a veth: the other end, maybe in another namespace), 0 = none. */
  readonly parent: number;
  /** Kind of a virtual interface, such as `veth`; '' where it has none. */
  readonly kind: string;
  /** Hardware address, lower case with colons; '' where it has none. */
  readonly mac: string;
  /** Free text that someone put on it, '' = none. */
  readonly alias: string;
  /** OPER_STATE (RFC 2863); devices that cannot tell say `unknown`. */
  readonly operState: number;
  /** The wire works; of an interface that is not up it means nothing. */
  readonly carrier: boolean;
  /** Of kind `vxlan`. */
  readonly vxlan?: VxlanData;
  /** Of kind `ipip`. */
  readonly ipip?: IpTunnelData;
}

/** What is asked about an interface: what is absent is left as it is, or to the kernel's choice. An index of 0 or none: by name. */
export interface LinkRequest extends Partial<LinkMessage> {
  /** LINK_FLAG bits that `flags` speaks of; absent or 0: of all where `flags` has any. */
  readonly change?: number;
}

const IFINFOMSG = 16;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;

/** Reads the kind and what it brings; the data may come before the kind. */
function readInfo(into: Draft<LinkMessage>, octets: Buffer, at: number, length: number): boolean {
  let data = 0;
  let dataEnd = 0;
  for (const end = at + length; at + 4 <= end; ) {
    const size = octets.readUInt16LE(at);
    if (size < 4 || at + size > end) return false;
    const type = octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK;
    if (type === IFLA_INFO_KIND) into.kind = readText(octets, at + 4, size - 4);
    else if (type === IFLA_INFO_DATA) {
      data = at + 4;
      dataEnd = at + size;
    }
    at += (size + 3) & ~3;
  }
  if (into.kind === 'vxlan') {
    const vxlan = readVxlan(octets, data, dataEnd);
    if (vxlan !== undefined) into.vxlan = vxlan;
    return vxlan !== undefined;
  }
  if (into.kind !== 'ipip') return true;
  const ipip = readIpTunnel(octets, data, dataEnd);
  if (ipip !== undefined) into.ipip = ipip;
  return ipip !== undefined;
}

function writeInfo(out: Arena, { kind, vxlan, ipip }: LinkRequest): void {
  if (kind === undefined || kind === '') return;
  const info = out.open(IFLA_LINKINFO);
  out.text(IFLA_INFO_KIND, kind);
  if (vxlan !== undefined || ipip !== undefined) {
    const data = out.open(IFLA_INFO_DATA);
    if (vxlan !== undefined) writeVxlan(out, vxlan);
    if (ipip !== undefined) writeIpTunnel(out, ipip);
    out.close(data);
  }
  out.close(info);
}

const LINK_ATTRIBUTES = attributeTable<LinkRequest, Draft<LinkMessage>>([
  field(1, 'mac', HARDWARE),
  field(3, 'name', TEXT),
  field(4, 'mtu', UINT32_OR_NONE),
  field(5, 'parent', UINT32_OR_NONE),
  field(10, 'master', UINT32_OR_NONE),
  field(16, 'operState', UINT8),
  { type: IFLA_LINKINFO, write: writeInfo, read: readInfo },
  field(20, 'alias', TEXT),
  field(33, 'carrier', BOOLEAN),
]);

/** Writes one link message; NLM_F.request is added to the flags. Throws RangeError for a hardware address that is none. */
export function encodeLink(out: Arena, type: number, flags: number, seq: number, link: LinkRequest): void {
  const at = out.begin(type, flags | NLM_F.request, seq, IFINFOMSG);
  out.octets.writeUInt16LE(link.type ?? 0, at + 2);
  out.octets.writeInt32LE(link.index ?? 0, at + 4);
  out.octets.writeUInt32LE((link.flags ?? 0) >>> 0, at + 8);
  out.octets.writeUInt32LE((link.change ?? 0) >>> 0, at + 12);
  writeAttributes(out, LINK_ATTRIBUTES, link);
  out.end();
}

/** The interface of a message whose body is `[at, end)`; undefined where it is malformed or of another family (bridge ports). */
export function decodeLink(octets: Buffer, at: number, end: number): LinkMessage | undefined {
  if (end - at < IFINFOMSG || octets[at] !== 0) return undefined;
  const link: Draft<LinkMessage> = {
    index: octets.readInt32LE(at + 4),
    name: '',
    flags: octets.readUInt32LE(at + 8),
    type: octets.readUInt16LE(at + 2),
    mtu: 0,
    master: 0,
    parent: 0,
    kind: '',
    mac: '',
    alias: '',
    operState: 0,
    carrier: false,
  };
  return readAttributes(LINK_ATTRIBUTES, link, octets, at + IFINFOMSG, end) ? link : undefined;
}

/** Writes the request for a dump of interfaces. */
export function encodeLinkDump(out: Arena, type: number, seq: number): void {
  out.begin(type, NLM_F.request | NLM_F.dump, seq, IFINFOMSG);
  out.end();
}
