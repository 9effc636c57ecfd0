/** Debian's bird2 as a peer: configuration file, control socket, and its tables read by birdc. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, DaemonConfig, MakeDaemon, NeighborConfig, SeenRoute } from './daemon.ts';
import { bySource, familyOf, sameFamily } from './daemon.ts';
import type { Running } from './exec.ts';
import { run, start } from './exec.ts';
import type { Host } from './lan.ts';
import { Hopeless, until } from './wait.ts';

function protocol(host: Host, config: DaemonConfig, neighbor: NeighborConfig): string {
  const family = familyOf(neighbor.address);
  return `protocol bgp ${neighbor.name} {
  local ${sameFamily(host, neighbor.address)} as ${config.as};
  neighbor ${neighbor.address} as ${neighbor.as};
  ${neighbor.password === undefined ? '' : `password "${neighbor.password}";`} ttl security ${neighbor.ttlSecurity === true ? 'on' : 'off'};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${family} { import all; ${neighbor.allPaths === true ? 'add paths on; export all; next hop keep;' : 'export where source = RTS_STATIC; next hop self;'} };
}`;
}

function configuration(host: Host, config: DaemonConfig): string {
  const statics = (family: 'ipv4' | 'ipv6'): string => {
    const routes = config.announce.filter((prefix) => familyOf(prefix) === family).map((prefix) => `  route ${prefix} blackhole;`);
    return `protocol static own_${family} { ${family};\n${routes.join('\n')}\n}`;
  };
  const head = [
    `router id ${config.routerId};`,
    'log stderr all;',
    'debug protocols { states, events };',
    'protocol device {}',
    'protocol direct { ipv4; ipv6; }',
  ];
  return [...head, statics('ipv4'), statics('ipv6'), ...config.neighbors.map((one) => protocol(host, config, one)), ''].join('\n');
}

/** One `BGP.name: value` line. */
const ATTRIBUTE = /^\s+BGP\.(\w+): (.*)$/;
const PATH = /^(\S*)\s+unicast \[(\S+) /;

function pairs(value: string): string[] {
  return [...value.matchAll(/\(([^)]*)\)/g)].map((match) => (match[1] ?? '').replaceAll(/,\s*/g, ':')).sort();
}

function routeOf(prefix: string, from: string, attributes: ReadonlyMap<string, string>): SeenRoute {
  const value = (name: string): string => attributes.get(name) ?? '';
  const words = (name: string): string[] =>
    value(name)
      .split(' ')
      .filter((word) => word !== '');
  const localPref = attributes.get('local_pref');
  const originatorId = attributes.get('originator_id');
  return {
    prefix,
    from,
    // For IPv6 a link-local address may follow the global one.
    nextHop: words('next_hop')[0] ?? '',
    asPath: words('as_path').map(Number),
    communities: pairs(value('community')),
    largeCommunities: pairs(value('large_community')),
    clusterList: words('cluster_list'),
    ...(localPref === undefined ? {} : { localPref: Number(localPref) }),
    ...(originatorId === undefined ? {} : { originatorId }),
  };
}

/** `show route all` as paths; a path without a prefix belongs to the one above it. Pure. */
export function parseBirdRoutes(output: string, addressOf: ReadonlyMap<string, string>): SeenRoute[] {
  const found: { prefix: string; from: string; attributes: Map<string, string> }[] = [];
  let prefix = '';
  for (const line of output.split('\n')) {
    const path = PATH.exec(line);
    const attribute = ATTRIBUTE.exec(line);
    if (path !== null) {
      prefix = path[1] === '' ? prefix : (path[1] ?? '');
      found.push({ prefix, from: addressOf.get(path[2] ?? '') ?? '', attributes: new Map() });
    } else if (attribute !== null) found.at(-1)?.attributes.set(attribute[1] ?? '', attribute[2] ?? '');
  }
  return found.filter((one) => one.from !== '').map((one) => routeOf(one.prefix, one.from, one.attributes));
}

/** Times of BIRD that differ by less are one time; a lost session takes longer to come back. */
const SAME_TIME_MS = 20;

/** `16:28:09.010` as milliseconds. */
function millisecondsOfDay(text: string): number {
  const [hours = Number.NaN, minutes = Number.NaN, seconds = Number.NaN] = text.split(':').map(Number);
  const time = Math.round(((hours * 60 + minutes) * 60 + seconds) * 1000);
  if (Number.isNaN(time)) throw new Error(`bird2: ${text} is no time of day`);
  return time;
}

/** Makes a bird2 with the given sessions. */
export const makeBird2: MakeDaemon = (host, directory, config): Daemon => {
  const socket = join(directory, 'bird.ctl');
  const file = join(directory, 'bird.conf');
  const addressOf = new Map(config.neighbors.map((one) => [one.name, one.address]));
  writeFileSync(file, configuration(host, config));
  let running: Running | undefined;
  const incarnations = new Map<string, number>();
  const ask = (question: string): Promise<string> => run('birdc', ['-s', socket, ...question.split(' ')]);
  return {
    kind: 'bird2',
    host,
    start: async () => {
      const daemon = start(
        'ip',
        ['netns', 'exec', host.namespace, 'bird', '-f', '-c', file, '-s', socket, '-P', join(directory, 'bird.pid')],
        join(directory, 'bird.log'),
      );
      running = daemon;
      await until('bird answers', 10, async () => {
        const dead = daemon.dead();
        if (dead !== undefined) throw new Hopeless(dead);
        await ask('show status');
      });
    },
    stop: async (signal) => running?.stop(signal),
    secure: async (neighbors) => {
      writeFileSync(file, configuration(host, { ...config, neighbors }));
      await ask('configure');
    },
    established: async () => {
      const rows = (await ask('show protocols')).split('\n').map((line) => line.trim().split(/\s+/));
      return new Set(
        rows.filter((row) => row[1] === 'BGP' && row.at(-1) === 'Established').map((row) => addressOf.get(row[0] ?? '') ?? ''),
      );
    },
    routes: async () => parseBirdRoutes(await ask('show route all'), addressOf).sort(bySource),
    incarnation: async (neighbor) => {
      const rows = (await ask('show protocols')).split('\n').map((line) => line.trim().split(/\s+/));
      const row = rows.find((one) => one[1] === 'BGP' && addressOf.get(one[0] ?? '') === neighbor);
      if (row?.at(-1) !== 'Established') throw new Error(`bird2: no session with ${neighbor}`);
      // BIRD works the time out anew from its monotonic clock at each answer: the last millisecond wavers.
      const since = millisecondsOfDay(row[4] ?? '');
      const known = incarnations.get(neighbor);
      if (known !== undefined && Math.abs(known - since) <= SAME_TIME_MS) return String(known);
      incarnations.set(neighbor, since);
      return String(since);
    },
    echoed: async (neighbor) => {
      const name = config.neighbors.find((one) => one.address === neighbor)?.name ?? '';
      // BIRD turns a looped path into a withdrawal while it decodes; nobody here withdraws what BIRD itself announces.
      const line = /Import withdraws:\s+(\d+)/.exec(await ask(`show protocols all ${name}`));
      if (line === null) throw new Error(`bird2 shows no counters of ${name}`);
      return Number(line[1]) > 0;
    },
  };
};
