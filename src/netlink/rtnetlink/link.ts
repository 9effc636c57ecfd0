/** Interfaces: struct ifinfomsg and its attributes. */
import type { Arena } from './arena.ts';
import type { Draft } from './attributes.ts';
import { attributeTable, readAttributes, readText, textRow, uint32Row, writeAttributes } from './attributes.ts';
import { ATTRIBUTE_TYPE_MASK, NLM_F } from './constants.ts';

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
  /** Kind of a virtual interface, such as `veth`; '' where it has none. */
  readonly kind: string;
}

const IFINFOMSG = 16;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;

const LINK_ATTRIBUTES = attributeTable<LinkMessage>([
  textRow(
    3,
    (link) => link.name,
    (into, value) => {
      into.name = value;
    },
  ),
  uint32Row(
    4,
    (link) => link.mtu || undefined,
    (into, value) => {
      into.mtu = value;
    },
  ),
  uint32Row(
    10,
    (link) => link.master || undefined,
    (into, value) => {
      into.master = value;
    },
  ),
  {
    type: IFLA_LINKINFO,
    write: (out, { kind }) => {
      if (kind === '') return;
      const info = out.open(IFLA_LINKINFO);
      out.text(IFLA_INFO_KIND, kind);
      out.close(info);
    },
    read: (into, octets, at, length) => {
      for (const end = at + length; at + 4 <= end; ) {
        const size = octets.readUInt16LE(at);
        if (size < 4 || at + size > end) return false;
        if ((octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK) === IFLA_INFO_KIND) into.kind = readText(octets, at + 4, size - 4);
        at += (size + 3) & ~3;
      }
      return true;
    },
  },
]);

/** Writes one link message; NLM_F.request is added to the flags. */
export function encodeLink(out: Arena, type: number, flags: number, seq: number, link: LinkMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, IFINFOMSG);
  out.octets.writeUInt16LE(link.type, at + 2);
  out.octets.writeInt32LE(link.index, at + 4);
  out.octets.writeUInt32LE(link.flags >>> 0, at + 8);
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
    kind: '',
  };
  return readAttributes(LINK_ATTRIBUTES, link, octets, at + IFINFOMSG, end) ? link : undefined;
}

/** Writes the request for a dump of interfaces. */
export function encodeLinkDump(out: Arena, type: number, seq: number): void {
  out.begin(type, NLM_F.request | NLM_F.dump, seq, IFINFOMSG);
  out.end();
}
