export type { Addon, WatchHandle } from './addon.ts';
export { AddonUnavailable, addon } from './addon.ts';
export * from './rtnetlink/index.ts';
export type { Md5Key, SocketIp, TcpOptions } from './tcp.ts';
export { applyTcpOptions, MD5_KEY_MAX, openTcpSocket, readIntOption, removeMd5Key, setMd5Key } from './tcp.ts';
export type { TcpCounters } from './tcp-counters.ts';
export { parseTcpCounters, readOptmemMax, readTcpCounters, TCP_COUNTER_NAMES } from './tcp-counters.ts';
