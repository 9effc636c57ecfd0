/** Debian's FRR as a peer: zebra and bgpd in one namespace, vty sockets in a directory of their own, read as JSON. */
import { chmodSync, chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf } from './daemon.ts';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import { entries, list, member, number, text } from './json.ts';
import { Hopeless, START_SECONDS, until } from './wait.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

function familyBlock(config: DaemonConfig, family: 'ipv4' | 'ipv6'): string[] {
  const neighbors = config.neighbors.filter((one) => familyOf(one.address) === family);
  return [
    ` address-family ${family} unicast`,
    ...config.announce
      .filter((prefix) => familyOf(prefix) === family)
      .map((prefix) => `  network ${prefix}${config.tags === undefined ? '' : ' route-map tags'}`),
    ...neighbors.flatMap(({ address, allPaths, addPath, reflectorClient }) => [
      `  neighbor ${address} activate`,
      // FRR reads several paths of its own accord; the other daemons do not.
      ...(allPaths === true || addPath === true
        ? [`  neighbor ${address} addpath-tx-all-paths`]
        : [`  neighbor ${address} disable-addpath-rx`]),
      ...(allPaths === true ? [] : [`  neighbor ${address} next-hop-self`]),
      ...(reflectorClient === true ? [`  neighbor ${address} route-reflector-client`] : []),
      `  neighbor ${address} soft-reconfiguration inbound`,
    ]),
    ' exit-address-family',
  ];
}

/** Password and TTL security, as lines under `router bgp`; `no` where there is none. */
function security({ address, password, ttlSecurity }: NeighborConfig): string[] {
  return [
    password === undefined ? ` no neighbor ${address} password` : ` neighbor ${address} password ${password}`,
    ttlSecurity === true ? ` neighbor ${address} ttl-security hops 1` : ` no neighbor ${address} ttl-security hops 1`,
  ];
}

/** The route map that marks what is announced. */
function tagging({ tags }: DaemonConfig): string[] {
  if (tags === undefined) return [];
  const set = [` set community ${tags.communities.join(' ')}`, ` set large-community ${tags.largeCommunities.join(' ')}`];
  return ['route-map tags permit 10', ...set, 'exit'];
}

function configuration(config: DaemonConfig): string {
  const restarting = config.neighbors.some((one) => one.gracefulRestart === true);
  const sessions = config.neighbors.flatMap(({ address, as, holdTime }) => [
    ` neighbor ${address} remote-as ${as}`,
    ...(holdTime === undefined ? [] : [` neighbor ${address} timers ${Math.floor(holdTime / 3)} ${holdTime}`]),
    ` neighbor ${address} timers connect 1`,
    ` neighbor ${address} advertisement-interval 0`,
  ]);
  const secured = config.neighbors.flatMap(security);
  return [
    'frr defaults traditional',
    'debug bgp neighbor-events',
    ...tagging(config),
    `router bgp ${config.as}`,
    ` bgp router-id ${config.routerId}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' no bgp network import-check',
    ...(restarting ? [' bgp graceful-restart', ' bgp graceful-restart restart-time 60', ' bgp graceful-restart preserve-fw-state'] : []),
    ...sessions,
    ...secured.filter((line) => !line.startsWith(' no ')),
    ...FAMILIES.flatMap((family) => familyBlock(config, family)),
    '',
  ].join('\n');
}

function words(value: string): string[] {
  return value.split(' ').filter((word) => word !== '');
}

/** One path of `show bgp FAMILY unicast PREFIX json`. Pure. */
export function parseFrrPath(prefix: string, path: unknown): SeenRoute {
  const hops = list(path, 'nexthops');
  const global = hops.find((hop) => text(hop, 'scope') !== 'link-local') ?? hops[0];
  const localPref = number(path, 'locPrf');
  const originatorId = text(path, 'originatorId');
  return {
    prefix,
    from: text(path, 'peer', 'peerId'),
    nextHop: text(global, 'ip'),
    asPath: words(text(path, 'aspath', 'string'))
      .filter((word) => /^\d+$/.test(word))
      .map(Number),
    communities: words(text(path, 'community', 'string')).sort(),
    largeCommunities: words(text(path, 'largeCommunity', 'string')).sort(),
    clusterList: list(path, 'clusterList', 'list').filter((id) => typeof id === 'string'),
    ...(localPref === undefined ? {} : { localPref }),
    ...(originatorId === '' ? {} : { originatorId }),
  };
}

/** FRR's daemons drop to their own user, which must be able to make sockets in the directory and to get there. */
function giveToFrr(directory: string): void {
  const [, , uid, gid] = (/^frr:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
  if (uid === undefined || gid === undefined) throw new Error('no user frr: is the package installed?');
  chmodSync(dirname(directory), 0o755);
  chownSync(directory, Number(uid), Number(gid));
}

/** Makes an FRR with the given sessions. */
export const makeFrr: MakeDaemon = (host, directory, config): Daemon => {
  const emptyFile = join(directory, 'empty.conf');
  const bgpFile = join(directory, 'bgpd.conf');
  const zserv = join(directory, 'zserv.api');
  giveToFrr(directory);
  writeFileSync(emptyFile, 'frr defaults traditional\n');
  writeFileSync(bgpFile, configuration(config));
  let running: Running[] = [];
  const launch = (name: string, file: string, args: readonly string[]): Running => {
    const files = ['-f', file, '-i', join(directory, `${name}.pid`), '-z', zserv, '--vty_socket', directory];
    // -P 0: no vty on TCP, the sockets in the directory are enough.
    const common = [...files, '-P', '0', '--log', 'stdout', '--log-level', 'debugging'];
    return start('ip', ['netns', 'exec', host.namespace, `/usr/lib/frr/${name}`, ...common, ...args], join(directory, `${name}.log`));
  };
  const ask = async (question: string): Promise<unknown> =>
    JSON.parse(await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-c', question]));
  const alive = (): void => {
    const dead = running.map((one) => one.dead()).find((reason) => reason !== undefined);
    if (dead !== undefined) throw new Hopeless(dead);
  };
  const paths = async (family: string): Promise<SeenRoute[]> => {
    const all: SeenRoute[] = [];
    for (const [prefix] of entries(await ask(`show bgp ${family} unicast json`), 'routes')) {
      const detail = await ask(`show bgp ${family} unicast ${prefix} json`);
      all.push(...list(detail, 'paths').map((path) => parseFrrPath(prefix, path)));
    }
    // Its own networks come from the unspecified peer.
    return all.filter((one) => config.neighbors.some((neighbor) => neighbor.address === one.from));
  };
  return {
    kind: 'frr',
    host,
    start: async () => {
      rmSync(zserv, { force: true });
      running = [launch('zebra', emptyFile, [])];
      await until('zebra listens', START_SECONDS, () => {
        alive();
        if (!existsSync(zserv)) throw new Error(`no ${zserv}`);
      });
      running.push(launch('bgpd', emptyFile, ['-p', '179']));
      // A session that comes up before bgpd has its interfaces from zebra loses IPv6 routes for good, so sessions come last.
      await until('bgpd knows its interfaces', START_SECONDS, async () => {
        alive();
        const clients = await run('vtysh', ['--vty_socket', directory, '-d', 'zebra', '-c', 'show zebra client summary']);
        if (!/^bgp\s/m.test(clients)) throw new Error(clients);
      });
      await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-f', bgpFile]);
    },
    stop: async (signal) => {
      for (const daemon of running.reverse()) await daemon.stop(signal);
    },
    secure: async (neighbors) => {
      writeFileSync(bgpFile, configuration({ ...config, neighbors }));
      const file = join(directory, 'security.conf');
      writeFileSync(file, [`router bgp ${config.as}`, ...neighbors.flatMap(security), ''].join('\n'));
      await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-f', file]);
    },
    established: async () => {
      const summary = await ask('show bgp summary json');
      const peers = ['ipv4Unicast', 'ipv6Unicast'].flatMap((family) => entries(summary, family, 'peers'));
      return new Set(peers.filter(([, peer]) => text(peer, 'state') === 'Established').map(([address]) => address));
    },
    routes: async () => [...(await paths('ipv4')), ...(await paths('ipv6'))].sort(bySource),
    incarnation: async (neighbor) => {
      const answer = member(await ask(`show bgp neighbors ${neighbor} json`), neighbor);
      if (text(answer, 'bgpState') !== 'Established') throw new Error(`frr: no session with ${neighbor}`);
      return `${number(answer, 'connectionsEstablished')} ${number(answer, 'connectionsDropped')}`;
    },
    echoed: async (neighbor, prefix) => {
      const answer = await ask(`show bgp ${familyOf(neighbor)} unicast neighbors ${neighbor} received-routes json`);
      return entries(answer, 'receivedRoutes').some(([one]) => one === prefix);
    },
    // Soft reconfiguration keeps the input, so `soft in` would not ask the neighbour.
    refresh: async (neighbor) => {
      const family = familyOf(neighbor);
      const lines = [
        `router bgp ${config.as}`,
        ` address-family ${family} unicast`,
        `  no neighbor ${neighbor} soft-reconfiguration inbound`,
      ];
      await run('vtysh', [
        '--vty_socket',
        directory,
        '-d',
        'bgpd',
        '-c',
        'configure terminal',
        ...lines.flatMap((line) => ['-c', line.trim()]),
      ]);
      await run('vtysh', ['--vty_socket', directory, '-d', 'bgpd', '-c', `clear bgp ${family} ${neighbor} soft in`]);
    },
    received: async (neighbor) =>
      number(await ask('show bgp summary json'), `${familyOf(neighbor)}Unicast`, 'peers', neighbor, 'pfxRcd') ?? 0,
  };
};
