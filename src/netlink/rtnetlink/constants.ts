/** Numbers of the kernel's netlink interface (linux/netlink.h, linux/rtnetlink.h, linux/nexthop.h), as far as they are used. */

/** Message types of every netlink family. */
export const NLMSG = { error: 2, done: 3, overrun: 4 } as const;

/** Message types of rtnetlink. */
export const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
  delNeighbour: 29,
  getNeighbour: 30,
  newRule: 32,
  delRule: 33,
  getRule: 34,
  newNexthop: 104,
  delNexthop: 105,
  getNexthop: 106,
} as const;

/** Flags of a message header. `dump` is ROOT | MATCH. */
export const NLM_F = {
  request: 1,
  ack: 4,
  dumpInterrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

/** Multicast groups (RTNLGRP_*). */
export const GROUP = {
  link: 1,
  neighbour: 3,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
  nexthop: 32,
} as const;

/** Who wrote a route (rtm_protocol, /etc/iproute2/rt_protos). Felix writes 80. */
export const ROUTE_PROTOCOL = { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, zebra: 11, bird: 12, dhcp: 16, felix: 80 } as const;

/** What happens to packets (rtm_type). */
export const ROUTE_TYPE = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

/** rtm_scope. */
export const ROUTE_SCOPE = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** The table that ordinary routing uses. */
export const MAIN_TABLE = 254;

/** Flags of a hop (RTNH_F_*). */
export const HOP_FLAG = { dead: 1, onlink: 4, linkDown: 16 } as const;

/** Interface flags (IFF_*). */
export const LINK_FLAG = { up: 1, loopback: 8, lowerUp: 0x10000 } as const;

/** States of an interface (linux/if.h IF_OPER_*, RFC 2863 section 3.1.13). */
export const OPER_STATE = { unknown: 0, notPresent: 1, down: 2, lowerLayerDown: 3, testing: 4, dormant: 5, up: 6 } as const;

/** Address flags (IFA_F_*). */
export const ADDRESS_FLAG = { secondary: 1, deprecated: 0x20, tentative: 0x40, permanent: 0x80 } as const;

/** AF_INET and AF_INET6. */
export const AF = { unspecified: 0, ipv4: 2, ipv6: 10 } as const;

/** Octets of struct nlmsghdr. */
export const HEADER = 16;

/** Type of an attribute without its NESTED and NET_BYTEORDER bits. */
export const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Marks an attribute that holds attributes. */
export const NESTED = 0x8000;
