/** Debian's gobgpd as a peer: a TOML file, its API on the namespace's own loopback, read through `gobgp -j`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf, sameFamily } from './daemon.ts';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import { entries, list, member, number, text } from './json.ts';
import type { Host } from './lan.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Path attribute codes as gobgp prints them. */
const CODE = { asPath: 2, nextHop: 3, localPref: 5, communities: 8, originatorId: 9, clusterList: 10, mpReach: 14, largeCommunities: 32 };

/** The FSM state as gobgp numbers it. */
const ESTABLISHED = 6;

/** Blocks of the last address family and of the neighbour that only some scenarios want. */
function extras({ addPath, gracefulRestart, reflectorClient }: NeighborConfig): string {
  return [
    ...(addPath === true ? ['    [neighbors.afi-safis.add-paths.config]', '      receive = true', '      send-max = 8'] : []),
    ...(gracefulRestart === true
      ? [
          '    [neighbors.afi-safis.mp-graceful-restart.config]',
          '      enabled = true',
          '  [neighbors.graceful-restart.config]',
          '    enabled = true',
          '    restart-time = 60',
        ]
      : []),
    ...(reflectorClient === true ? ['  [neighbors.route-reflector.config]', '    route-reflector-client = true'] : []),
    '',
  ].join('\n');
}

function neighborBlock(host: Host, neighbor: NeighborConfig): string {
  if (neighbor.allPaths === true) throw new Error('gobgp: allPaths is not written');
  return `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${neighbor.address}"
    peer-as = ${neighbor.as}${neighbor.password === undefined ? '' : `\n    auth-password = "${neighbor.password}"`}
  [neighbors.transport.config]
    local-address = "${sameFamily(host, neighbor.address)}"
  [neighbors.ttl-security.config]
    enabled = ${neighbor.ttlSecurity === true}
    ttl-min = 255
  [neighbors.timers.config]${neighbor.holdTime === undefined ? '' : `\n    hold-time = ${neighbor.holdTime}`}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${familyOf(neighbor.address)}-unicast"
${extras(neighbor)}`;
}

function configuration(host: Host, config: DaemonConfig): string {
  const head = `[global.config]\n  as = ${config.as}\n  router-id = "${config.routerId}"\n  port = 179\n`;
  return `${head}${config.neighbors.map((one) => neighborBlock(host, one)).join('')}`;
}

function attribute(path: unknown, code: number): unknown {
  return list(path, 'attrs').find((one) => number(one, 'type') === code);
}

function standardCommunity(value: unknown): string {
  return typeof value === 'number' ? `${value >>> 16}:${value & 0xffff}` : String(value);
}

function largeCommunity(value: unknown): string {
  return [number(value, 'ASN'), number(value, 'LocalData1'), number(value, 'LocalData2')].join(':');
}

/** One path of `gobgp -j global rib` or `adj-in`. Pure. */
export function parseGobgpPath(prefix: string, path: unknown): SeenRoute {
  const localPref = number(attribute(path, CODE.localPref), 'value');
  const originatorId = text(attribute(path, CODE.originatorId), 'value');
  return {
    prefix,
    from: text(path, 'neighbor-ip'),
    nextHop: text(attribute(path, CODE.nextHop), 'nexthop') || text(attribute(path, CODE.mpReach), 'nexthop'),
    asPath: list(attribute(path, CODE.asPath), 'as_paths').flatMap((segment) =>
      list(segment, 'asns').filter((as) => typeof as === 'number'),
    ),
    communities: list(attribute(path, CODE.communities), 'communities').map(standardCommunity).sort(),
    largeCommunities: list(attribute(path, CODE.largeCommunities), 'value').map(largeCommunity).sort(),
    clusterList: list(attribute(path, CODE.clusterList), 'value').filter((id) => typeof id === 'string'),
    ...(localPref === undefined ? {} : { localPref }),
    ...(originatorId === '' ? {} : { originatorId }),
  };
}

/** Makes a gobgpd with the given sessions. */
export const makeGobgp: MakeDaemon = (host, directory, config): Daemon => {
  const file = join(directory, 'gobgpd.toml');
  writeFileSync(file, configuration(host, config));
  const inside = ['netns', 'exec', host.namespace];
  let running: Running | undefined;
  // With graceful restart it says that it was restarted, but only when told so.
  let killed = false;
  const ask = async (...words: readonly string[]): Promise<unknown> =>
    JSON.parse(await run('ip', [...inside, 'gobgp', '-j', ...words], 60_000));
  const originate = async (prefix: string): Promise<void> => {
    const tags =
      config.tags === undefined
        ? []
        : ['community', config.tags.communities.join(','), 'large-community', config.tags.largeCommunities.join(',')];
    await run('ip', [
      ...inside,
      'gobgp',
      'global',
      'rib',
      '-a',
      familyOf(prefix),
      'add',
      prefix,
      'nexthop',
      sameFamily(host, prefix),
      ...tags,
    ]);
  };
  async function launch(): Promise<void> {
    const daemon = start(
      'ip',
      [...inside, 'gobgpd', '-f', file, ...(killed ? ['-r'] : []), '-l', 'info', '--api-hosts', '127.0.0.1:50051', '--pprof-disable'],
      join(directory, 'gobgpd.log'),
    );
    running = daemon;
    await until('gobgpd answers', START_SECONDS, async () => {
      const dead = daemon.dead();
      if (dead !== undefined) throw new Hopeless(dead);
      if (list(await ask('neighbor')).length !== config.neighbors.length) throw new Error('neighbours not configured yet');
    });
    for (const prefix of config.announce) await originate(prefix);
  }
  return {
    kind: 'gobgp',
    host,
    start: launch,
    stop: async (signal) => {
      killed = signal === 'SIGKILL' && config.neighbors.some((one) => one.gracefulRestart === true);
      await running?.stop(signal);
    },
    secure: async (neighbors) => {
      writeFileSync(file, configuration(host, { ...config, neighbors }));
      // Reading the file again leaves the old key of an IPv6 neighbour in place: only a new gobgpd has the new one.
      await running?.stop();
      await launch();
    },
    established: async () => {
      const up = list(await ask('neighbor')).filter((one) => number(one, 'state', 'session_state') === ESTABLISHED);
      return new Set(up.map((one) => text(one, 'state', 'neighbor_address') || text(one, 'conf', 'neighbor_address')));
    },
    routes: async () => {
      const all: SeenRoute[] = [];
      for (const family of FAMILIES) {
        for (const [prefix, paths] of entries(await ask('global', 'rib', '-a', family)))
          all.push(...list(paths).map((path) => parseGobgpPath(prefix, path)));
      }
      return all.filter((one) => config.neighbors.some((neighbor) => neighbor.address === one.from)).sort(bySource);
    },
    incarnation: async (neighbor) => {
      const answer = await ask('neighbor', neighbor);
      if (number(answer, 'state', 'session_state') !== ESTABLISHED) throw new Error(`gobgp: no session with ${neighbor}`);
      return JSON.stringify(member(answer, 'timers', 'state', 'uptime'));
    },
    echoed: async (neighbor, prefix) => {
      const answer = await ask('neighbor', neighbor, 'adj-in', '-a', familyOf(neighbor));
      return entries(answer).some(([one]) => one === prefix);
    },
    refresh: async (neighbor) => {
      await run('ip', [...inside, 'gobgp', 'neighbor', neighbor, 'softresetin', '-a', familyOf(neighbor)]);
    },
    received: async (neighbor) => {
      const families = list(await ask('neighbor', neighbor), 'afi_safis');
      return families.reduce<number>((sum, one) => sum + Number(member(one, 'state', 'received') ?? 0), 0);
    },
  };
};
