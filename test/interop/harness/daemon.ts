/** What the scenarios know of a BGP daemon, whoever wrote it: how it is configured, and what it says it has. */
import type { Host } from './lan.ts';

/** One session of a daemon under test. */
export interface NeighborConfig {
  /** Short name, letters and digits only. */
  readonly name: string;
  readonly address: string;
  readonly as: number;
  /** TCP MD5 key (RFC 2385). */
  readonly password?: string;
  /** TTL security of one hop (RFC 5082). Default: off. */
  readonly ttlSecurity?: boolean;
  /** Passes everything on to this neighbour, all paths of a prefix both ways (RFC 7911), next hops as they came. Not for gobgp. */
  readonly allPaths?: boolean;
  /** Passes on what other neighbours told as well, with the next hop that the daemon gives by itself. Default: own prefixes only where the daemon can tell them apart. */
  readonly transit?: boolean;
  /** This neighbour is a client of the daemon's route reflection (RFC 4456). */
  readonly reflectorClient?: boolean;
  /** Graceful restart (RFC 4724), both roles where the daemon has both, restart time 60 s. Default: as the daemon does by itself. */
  readonly gracefulRestart?: boolean;
  /** All paths of a prefix both ways (RFC 7911), next hops as in `transit`. */
  readonly addPath?: boolean;
  /** No extended messages (RFC 8654). Only bird2 and bird16. */
  readonly shortMessages?: boolean;
  /** No 4-octet AS capability (RFC 6793), as an old speaker. Only openbgpd. */
  readonly twoOctetAs?: boolean;
  /** Seconds proposed as hold time; the daemon's own default without it. */
  readonly holdTime?: number;
}

/** A daemon's whole configuration: sessions carry the family of their address, as those of Calico's nodes do. */
export interface DaemonConfig {
  readonly as: number;
  /** Dotted quad. */
  readonly routerId: string;
  readonly neighbors: readonly NeighborConfig[];
  /** Prefixes it originates to everyone, next hop its own address of the family. */
  readonly announce: readonly string[];
  /** What every announced prefix carries: `64512:100` and `64512:1:2`. */
  readonly tags?: { readonly communities: readonly string[]; readonly largeCommunities: readonly string[] };
  /** More attributes of every announced prefix, in ExaBGP's own words. Only exabgp. */
  readonly attributes?: string;
}

/** One path as the daemon shows it. Fields it does not show are absent. */
export interface SeenRoute {
  readonly prefix: string;
  /** Address of the neighbour it came from. */
  readonly from: string;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  /** `64512:100`, sorted. */
  readonly communities: readonly string[];
  /** `64512:1:2`, sorted. */
  readonly largeCommunities: readonly string[];
  readonly localPref?: number;
  readonly originatorId?: string;
  readonly clusterList: readonly string[];
}

/** A real daemon in a namespace of the LAN. Every method but `start` needs it running. */
export interface Daemon {
  readonly kind: DaemonKind;
  readonly host: Host;
  /** Starts it, also again after `stop`; resolves when it answers its control client. */
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Gives running sessions other passwords and TTL security; the neighbours are the same as before. */
  secure(neighbors: readonly NeighborConfig[]): Promise<void>;
  /** Neighbour addresses whose session is Established. */
  established(): Promise<ReadonlySet<string>>;
  /** Every path learned from neighbours, both families, sorted by prefix and neighbour. */
  routes(): Promise<readonly SeenRoute[]>;
  /** Something that stays the same while the session with this neighbour stays up, and differs after it was lost and made again. */
  incarnation(neighbor: string): Promise<string>;
  /**
   * Whether a neighbour has sent this daemon's own announcement `prefix` back. Each daemon drops such a path, so it is read
   * before that: the unfiltered input where there is one, else the count of updates that turned into withdrawals.
   */
  echoed(neighbor: string, prefix: string): Promise<boolean>;
  /** Asks the neighbour for its table again (RFC 2918). */
  refresh(neighbor: string): Promise<void>;
  /** How many paths the neighbour's session holds now. */
  received(neighbor: string): Promise<number>;
}

/** The daemons the scenarios run against, as Debian packages them. */
export type DaemonKind = 'bird2' | 'bird16' | 'frr' | 'gobgp' | 'exabgp' | 'openbgpd';

/** Makes a daemon with a directory of its own for configuration, sockets and logs. */
export type MakeDaemon = (host: Host, directory: string, config: DaemonConfig) => Daemon;

/** IP version of an address or prefix in text. */
export function familyOf(text: string): 'ipv4' | 'ipv6' {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** The host's address of the same family as `text`. */
export function sameFamily(host: Host, text: string): string {
  return host[familyOf(text)];
}

/** Orders paths so that two views compare. */
export function bySource(a: SeenRoute, b: SeenRoute): number {
  return a.prefix.localeCompare(b.prefix) || a.from.localeCompare(b.from);
}
