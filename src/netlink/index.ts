export { addon, AddonUnavailable } from './addon.ts';
export type { Addon, WatchHandle } from './addon.ts';
export { applyTcpOptions, MD5_KEY_MAX, openTcpSocket, readIntOption, removeMd5Key, setMd5Key } from './tcp.ts';
export type { Md5Key, SocketIp, TcpOptions } from './tcp.ts';
