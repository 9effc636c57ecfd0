export type { AddressMessage } from './address.ts';
export { decodeAddress, encodeAddress, encodeAddressDump } from './address.ts';
export { Arena } from './arena.ts';
export {
  ADDRESS_FLAG,
  GROUP,
  HOP_FLAG,
  LINK_FLAG,
  MAIN_TABLE,
  NLM_F,
  OPER_STATE,
  ROUTE_PROTOCOL,
  ROUTE_SCOPE,
  ROUTE_TYPE,
  RTM,
} from './constants.ts';
export type { LinkMessage, LinkRequest } from './link.ts';
export { decodeLink, encodeLink, encodeLinkDump } from './link.ts';
export type { IpTunnelData, VxlanData } from './link-data.ts';
export type { EachMessage, KernelAnswer } from './messages.ts';
export { decodeAnswer, decodeDone, eachMessage } from './messages.ts';
export type { Monitor, MonitorOptions, NetlinkEvent } from './monitor.ts';
export { decodeEvents, openMonitor } from './monitor.ts';
export { inNamespace } from './namespace.ts';
export type { NeighbourMessage } from './neighbour.ts';
export { decodeNeighbour, encodeNeighbour, encodeNeighbourDump, NEIGHBOUR_FLAG, NEIGHBOUR_STATE } from './neighbour.ts';
export type { NexthopMember, NexthopMessage } from './nexthop.ts';
export { decodeNexthop, encodeNexthop, encodeNexthopDump, encodeNexthopRemoval } from './nexthop.ts';
export type { IpPrefix, RouteFilter, RouteHop, RouteMessage } from './route.ts';
export { decodeRoute, encodeRoute, encodeRouteDump, isAlive } from './route.ts';
export type { RuleMessage } from './rule.ts';
export { decodeRule, encodeRule, encodeRuleDump, RULE_ACTION } from './rule.ts';
export type { BatchFailure, BatchResult, EncodeItem, NetlinkOptions } from './socket.ts';
export { BATCH_MESSAGES, errorName, NetlinkError, NetlinkSocket } from './socket.ts';
